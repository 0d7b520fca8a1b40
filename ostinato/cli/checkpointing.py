"""Whether a run's checkpoints are whole, and where: looked at before anything is started from one."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ostinato.adapters.git.command import private_git, user_git
from ostinato.adapters.git.rewind import check_checkpoint
from ostinato.domain.errors import Problem, UserError
from ostinato.domain.report import Snapshot
from ostinato.domain.workspace import Checkpoint, Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What was found of a checkpoint; `missing` holds what neither place has."""

    checkpoint: Checkpoint
    in_clone: bool
    in_repository: bool
    missing: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        return self.in_clone or self.in_repository

    @property
    def text(self) -> str:
        if self.is_whole:
            places = [name for name, has in (("clone", self.in_clone), ("repository", self.in_repository)) if has]
            return f"whole ({', '.join(places)})"
        return f"not whole: {', '.join(name[:12] for name in self.missing[:3])}"

    def data(self) -> dict[str, Any]:
        point = self.checkpoint
        return {
            "id": point.id,
            "step": point.step_id,
            "commit": point.commit,
            "at": point.at.isoformat(),
            "whole": self.is_whole,
            "in_clone": self.in_clone,
            "in_repository": self.in_repository,
            "missing": list(self.missing),
        }


async def look(workspace: Workspace, point: Checkpoint) -> Health:
    """In the private clone, and in the user's repository."""
    return (await _look_at(workspace, (point,)))[0]


async def look_at_all(snapshot: Snapshot) -> tuple[Health, ...]:
    """UserError where the run ended before it had a workspace."""
    workspace = require_workspace(snapshot)
    return await _look_at(workspace, snapshot.checkpoints)


async def _look_at(workspace: Workspace, points: Sequence[Checkpoint]) -> tuple[Health, ...]:
    in_clone = await _missing_of_each(Path(workspace.mirror), workspace, points)
    in_repository = await _missing_of_each(await _git_folder(Path(workspace.repository)), workspace, points)
    return tuple(
        Health(
            checkpoint=point,
            in_clone=not here,
            in_repository=not there,
            missing=min(here, there, key=len) if here and there else (),
        )
        for point, here, there in zip(points, in_clone, in_repository, strict=True)
    )


def require_workspace(snapshot: Snapshot) -> Workspace:
    if snapshot.workspace is None:
        cure = f"See what happened: ostinato why {snapshot.run_id}"
        raise UserError.of("checkpoint_unknown", "RUN", f"run {snapshot.run_id} has no checkpoint", cure)
    return snapshot.workspace


async def require_whole(snapshot: Snapshot, point: Checkpoint) -> None:
    """UserError checkpoint_incomplete with what is missing, before anything was started."""
    found = await look(require_workspace(snapshot), point)
    if not found.is_whole:
        raise UserError.of(
            "checkpoint_incomplete",
            "CHECKPOINT",
            f"checkpoint {point.id} is not whole: {', '.join(found.missing[:5])} cannot be found",
            f"Choose another one: ostinato checkpoints {snapshot.run_id}",
        )


async def require_files(snapshot: Snapshot, point: Checkpoint, files: tuple[str, ...]) -> None:
    """UserError with every path that neither the checkpoint nor the run's head has."""
    mirror = Path(require_workspace(snapshot).mirror)
    if not files or not mirror.exists():
        return
    git = private_git(mirror)
    problems = []
    for path in files:
        known = [
            await git.attempt("cat-file", "-e", f"{commit}:{path.rstrip('/')}")
            for commit in (point.commit, snapshot.head)
        ]
        if all(done.exit_code != 0 for done in known):
            message = f"neither the checkpoint nor the branch has {path!r}"
            problems.append(
                Problem(
                    code="path_unknown",
                    field="--files",
                    message=message,
                    cure="Name paths relative to the top of the repository",
                )
            )
    if problems:
        raise UserError(problems)


async def _missing_of_each(folder: Path, workspace: Workspace, points: Sequence[Checkpoint]) -> list[tuple[str, ...]]:
    """One by one only where something is missing: the newest holds the history of all before it."""
    ends = [await _missing(folder, workspace, point) for point in (points[0], points[-1])] if points else []
    if not any(ends):
        return [()] * len(points)
    return [await _missing(folder, workspace, point) for point in points]


async def _missing(folder: Path, workspace: Workspace, point: Checkpoint) -> tuple[str, ...]:
    """What the repository in this folder lacks of it; not empty where there is no repository at all."""
    if not await asyncio.to_thread(folder.exists):
        return (f"{folder} is not on this machine",)
    return await check_checkpoint(folder, point.commit, since=workspace.base_commit)


async def _git_folder(root: Path) -> Path:
    """Of a repository or one of its worktrees; the folder itself where it is none."""
    if not await asyncio.to_thread(root.is_dir):
        return root
    done = await user_git(root).attempt("rev-parse", "--path-format=absolute", "--git-common-dir")
    return Path(done.stdout.strip()) if done.exit_code == 0 else root
