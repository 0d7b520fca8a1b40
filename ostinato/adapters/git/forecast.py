"""Conflicts seen early, between steps that still run, and shown clearly once they are there."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ostinato.adapters.git.command import Git, private_git, readable
from ostinato.adapters.git.index import admin_folder, stage_in, staging, with_own_objects
from ostinato.adapters.git.integration import conflict_sides
from ostinato.adapters.git.merging import merge_trees, merge_with
from ostinato.adapters.git.objects import StepKey, read_objects
from ostinato.domain.errors import ExternalError
from ostinato.domain.ids import StepId

_MESSAGE = ("-m", "For a forecast")
_WITHOUT_PROGRAMS = ("--no-ext-diff", "--no-textconv", "--no-color", "--no-renames")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sibling:
    """A step that runs: its worktree began at `parent`."""

    step_id: StepId
    worktree: Path
    parent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What would not merge if the sibling ended as it is now."""

    step_id: StepId
    paths: tuple[str, ...]
    against: StepId | None = None
    """The sibling in whose way it is; None: the branch."""


async def forecast(mirror: Path, *, commit: str, siblings: Sequence[Sibling]) -> tuple[Forecast, ...]:
    """Those of the siblings whose work so far conflicts with `commit`, or with a sibling's before them.

    Their worktrees are only read. One that is gone, or is being made or rewritten at this moment, is left out.
    """
    found = []
    async with contextlib.AsyncExitStack() as scratches:
        taken: list[_Taken] = []
        for sibling in siblings:
            try:
                mine = await _take(mirror, sibling, scratches)
                if mine is None:
                    continue
                found.extend([seen async for seen in _conflicts(mine, commit, taken)])
                taken.append(mine)
            except (ExternalError, OSError):  # its files changed while they were read: there is nothing to foresee yet
                continue
    return tuple(found)


async def conflict_diff(mirror: Path, *, key: StepKey, limit_chars: int = 20_000) -> str:
    """The files that both sides changed, with conflict markers, against the branch's side; empty without a conflict.

    Cut at `limit_chars`, with a line for each file that was left out.
    """
    branch, step = await read_objects(mirror, list(conflict_sides(key)))
    if not branch.id or not step.id:
        return ""
    merged = await merge_trees(mirror, base=f"{step.id}^", ours=branch.id, theirs=step.id)
    pieces = [await _piece(mirror, branch.id, merged.tree, path) for path in merged.conflicts]
    return _cut(list(zip(merged.conflicts, pieces, strict=True)), limit_chars)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taken:
    """A sibling's work so far, as a commit that vanishes with its scratch folder."""

    sibling: Sibling
    git: Git
    so_far: str

    def seeing(self, others: Iterable["_Taken"]) -> Git:
        """Its git, with the objects of the others in sight."""
        folders = (
            self.git.env["GIT_ALTERNATE_OBJECT_DIRECTORIES"],
            *(it.git.env["GIT_OBJECT_DIRECTORY"] for it in others),
        )
        return self.git.with_env(GIT_ALTERNATE_OBJECT_DIRECTORIES=os.pathsep.join(folders))


async def _take(mirror: Path, sibling: Sibling, scratches: contextlib.AsyncExitStack) -> _Taken | None:
    """None where nothing was written yet."""
    if await asyncio.to_thread(_is_unready, mirror, sibling.worktree):
        return None
    scratch = await scratches.enter_async_context(staging(mirror, sibling.worktree, sibling.parent))
    git = with_own_objects(scratch, mirror)
    staged = await stage_in(git, sibling.worktree, sibling.parent)
    if not staged.tree:
        return None
    so_far = (await git("commit-tree", "-p", sibling.parent, *_MESSAGE, staged.tree)).strip()
    return _Taken(sibling=sibling, git=git, so_far=so_far)


async def _conflicts(mine: _Taken, commit: str, others: Sequence[_Taken]) -> AsyncIterator[Forecast]:
    name, parent = mine.sibling.step_id, mine.sibling.parent
    stand_in = (await mine.git("commit-tree", "-p", parent, *_MESSAGE, f"{commit}^{{tree}}")).strip()
    if paths := (await merge_with(mine.git, stand_in, mine.so_far)).conflicts:
        yield Forecast(step_id=name, paths=paths)
    for other in others:
        if paths := (await merge_with(mine.seeing([other]), other.so_far, mine.so_far)).conflicts:
            yield Forecast(step_id=name, paths=paths, against=other.sibling.step_id)


def _is_unready(mirror: Path, worktree: Path) -> bool:
    """Not there, or git is writing it."""
    admin = admin_folder(mirror, worktree)
    return admin is None or not (worktree / ".git").exists() or (admin / "index.lock").exists()


async def _piece(mirror: Path, ours: str, merged: str, path: str) -> str:
    args = ("diff", *_WITHOUT_PROGRAMS, ours, merged, "--", f":(top,literal){path}")
    return readable(await private_git(mirror)(*args))


def _cut(pieces: Sequence[tuple[str, str]], limit: int) -> str:
    """Whole files as long as they fit; the first that does not is shown in part."""
    shown, left_out = list[str](), list[str]()
    room = limit
    for path, text in pieces:
        if len(text) <= room:
            shown.append(text)
            room -= len(text)
        elif room > 0 and not left_out:
            shown.append(text[:room])
            left_out.append(f"[left out: {len(text) - room} of {len(text)} characters of {path}]")
            room = 0
        else:
            left_out.append(f"[left out: {len(text)} characters of {path}]")
    return "\n".join(part.rstrip("\n") for part in (*shown, *left_out)) + "\n" if pieces else ""
