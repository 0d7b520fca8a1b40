"""Carrying a clean-up out: each removal looks again, and one that fails does not stop the others."""

import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path

from ostinato.adapters.cleaning.folders import mirror_of, worktrees
from ostinato.adapters.cleaning.model import Collected, Removal, RemovalKind
from ostinato.adapters.git.command import private_git, user_git
from ostinato.adapters.git.scanning import leftover_secrets
from ostinato.adapters.git.worktrees import remove_worktree
from ostinato.adapters.home import Home
from ostinato.domain.errors import ExternalError, OstinatoError
from ostinato.domain.ids import RunId, run_ref
from ostinato.domain.redaction import Redactor

_PRUNE_AFTER = "2.weeks.ago"


async def collect(home: Home, removals: Sequence[Removal]) -> tuple[Collected, ...]:
    """What a plan names. What changed since then stays; a second call finds nothing left to do."""
    done = []
    for removal in removals:
        try:
            done.append(Collected(removal=removal, done=True, message=await _remove(home, removal)))
        except (OstinatoError, OSError) as error:
            done.append(Collected(removal=removal, done=False, message=str(error)))
    return tuple(done)


async def _remove(home: Home, removal: Removal) -> str:
    place = Path(removal.place)
    match removal.kind:
        case RemovalKind.REFS | RemovalKind.BRANCH:
            return await _remove_refs(home, place, removal)
        case RemovalKind.RUN_FOLDER:
            return await _remove_run_folder(home, place, RunId(place.name))
        case RemovalKind.MIRROR:
            await private_git(place)("gc", "-q", f"--prune={_PRUNE_AFTER}", timeout_s=3600)
            return ""
        case _:
            _check_below(place, home.payloads if removal.kind is RemovalKind.PAYLOADS else home.root)
            await asyncio.to_thread(_erase, place)
            return ""


async def _remove_refs(home: Home, place: Path, removal: Removal) -> str:
    git = private_git(place) if place.is_relative_to(home.root / "repos") else user_git(place)
    listed = await git("for-each-ref", "--format=%(refname) %(objectname)", "refs/ostinato", "refs/heads/ostinato")
    now = {tuple(line.split(" ")) for line in listed.splitlines()}
    gone = [entry for entry in removal.refs if entry in now]
    commands = "".join(f"delete {ref} {oid}\n" for ref, oid in gone)
    done = await git.attempt("update-ref", "--stdin", stdin=commands)
    if done.exit_code != 0:
        raise ExternalError(f"refs in {place} were not removed: {done.stderr.strip()[:300]}", code="git_failed")
    if removal.run_id is not None and removal.kind is RemovalKind.REFS:
        await asyncio.to_thread(_forget_pushes, place, removal.run_id)
    return f"{len(gone)} removed"


async def _remove_run_folder(home: Home, folder: Path, run_id: RunId) -> str:
    """A worktree that holds a secret stays: it may not become an object."""
    _check_below(folder, home.root / "runs")
    saved = []
    for tree in worktrees(folder):
        mirror = mirror_of(tree)
        if mirror is None:
            continue
        base = (await private_git(mirror)("rev-parse", run_ref(run_id, "base"))).strip()
        if await leftover_secrets(mirror, tree, base, Redactor()):
            raise ExternalError(
                f"{tree} holds a secret and stays: look at it and remove it yourself", code="secret_found"
            )
        if ref := await remove_worktree(mirror, tree, run_id):
            saved.append(f"{ref} in {mirror}")
    await asyncio.to_thread(_erase, folder)
    return f"unfinished work is kept in {', '.join(saved)}" if saved else ""


def _forget_pushes(mirror: Path, run_id: RunId) -> None:
    for note in (mirror / "ostinato").glob(f"{run_id}-*"):
        if len(note.stem) == len(run_id) + len("-") + 12:
            note.unlink(missing_ok=True)


def _check_below(place: Path, root: Path) -> None:
    if place == root or not place.is_relative_to(root) or ".." in place.parts:
        raise ExternalError(f"{place} is not below {root} and stays", code="not_ours")


def _erase(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        for folder in [path, *(entry for entry in path.rglob("*") if entry.is_dir() and not entry.is_symlink())]:
            folder.chmod(0o700)
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
