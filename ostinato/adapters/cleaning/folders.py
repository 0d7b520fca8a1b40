"""Folders of runs that are over: their worktrees and environments."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from ostinato.adapters.cleaning.files import size_of
from ostinato.adapters.cleaning.model import GcPlan, Kept, Policy, Removal, RemovalKind
from ostinato.adapters.git.command import private_git
from ostinato.adapters.home import Home
from ostinato.domain.ids import RunId, run_ref
from ostinato.domain.report import Stored


async def run_folders(home: Home, policy: Policy, closed: Mapping[RunId, Stored]) -> GcPlan:
    """Of closed runs, and old ones of runs that nobody knows. Unfinished work goes to a ref first, see collect()."""
    removals, kept = list[Removal](), list[Kept]()
    for folder in sorted((home.root / "runs").glob("*")):
        run_id = RunId(folder.name)
        if run_id in policy.open_runs or not folder.is_dir():
            continue
        changed = datetime.fromtimestamp(folder.lstat().st_mtime, UTC)
        if run_id not in closed and not policy.is_old(changed):
            kept.append(
                Kept(place=str(folder), reason=f"no result of run {run_id} is known; it may be of another server")
            )
        elif unsaved := await _cannot_be_saved(folder, run_id):
            kept.append(Kept(place=str(folder), reason=unsaved))
        else:
            reason = "its run is closed; unfinished work in it goes to a ref first"
            size = await asyncio.to_thread(size_of, folder)
            removals.append(
                Removal(kind=RemovalKind.RUN_FOLDER, place=str(folder), reason=reason, bytes=size, run_id=run_id)
            )
    return GcPlan(removals=tuple(removals), kept=tuple(kept))


def worktrees(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*/tree") if path.is_dir())


def mirror_of(worktree: Path) -> Path | None:
    """The mirror that a worktree hangs from, as its .git file says."""
    pointer = worktree / ".git"
    if pointer.is_symlink() or not pointer.is_file():
        return None
    kind, _, target = pointer.read_text(errors="replace").strip().partition(": ")
    mirror = Path(target).parent.parent
    return mirror if kind == "gitdir" and (mirror / "objects").is_dir() else None


async def _cannot_be_saved(folder: Path, run_id: RunId) -> str:
    """Why what is in the run's worktrees could not be kept; empty when it can."""
    for tree in worktrees(folder):
        if not any(entry.name != ".git" for entry in tree.iterdir()):
            continue
        mirror = mirror_of(tree)
        if mirror is None:
            return f"{tree} holds files but belongs to no mirror: look at them and remove it yourself"
        if (await private_git(mirror).attempt("rev-parse", "-q", "--verify", run_ref(run_id, "base"))).exit_code:
            return f"{mirror} does not know run {run_id} any more, so that nothing could be saved from {tree}"
    return ""
