"""Linked worktrees of the mirror: prepared from a known commit, and never emptied before what is in them is saved."""

import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path

from ostinato.adapters.git.command import Completed, Git, nul_separated, private_git, readable, user_git
from ostinato.adapters.git.index import Kept, admin_folder, head_text, keep_index, kept_of, may_hold_gitlinks, stage
from ostinato.adapters.git.locking import locked
from ostinato.adapters.git.objects import MUST_NOT_EXIST, commit_tree, mirror_author, recorded, with_trailers
from ostinato.adapters.git.repository import resolve_commit
from ostinato.domain.errors import ExternalError
from ostinato.domain.ids import RunId, run_ref

INCLUDE_FILE = ".worktreeinclude"
ADD_TRIES = 3


async def prepare_worktree(
    mirror: Path, path: Path, commit: str, run_id: RunId, *, is_clean: bool = False
) -> str | None:
    """The worktree at `commit`, detached and spotless; returns the ref where leftovers in it were saved, if any.

    `is_clean`: the caller knows that nothing was left in it since its last commit.
    """
    saved = None if is_clean else await save_leftovers(mirror, path, run_id, known=commit)
    if not await _reuse(mirror, path, commit):
        await asyncio.to_thread(_erase, path)
        await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
        await _add(mirror, path, commit)
        if not await _check_out(mirror, path, commit):
            raise ExternalError(f"{commit[:12]} could not be checked out in {path}", code="git_failed")
    await asyncio.to_thread(_keep_index, mirror, path, commit)
    return saved


async def remove_worktree(mirror: Path, path: Path, run_id: RunId) -> str | None:
    """Removes it; returns the ref where unfinished work was kept first, if there was any. Twice does no harm."""
    saved = await save_leftovers(mirror, path, run_id)
    await asyncio.to_thread(_erase, path)
    async with locked(_turn(mirror)):
        await private_git(mirror)("worktree", "prune")
    return saved


async def _add(mirror: Path, path: Path, commit: str) -> None:
    """Tried again: git reads the entries of all worktrees, and one that is being written at that moment stops it."""
    add = ("worktree", "add", "-q", "-f", "-f", "--no-checkout", "--detach", str(path), commit)
    git = private_git(mirror)
    async with locked(_turn(mirror)):
        for _ in range(ADD_TRIES - 1):
            if (await git.attempt(*add)).exit_code == 0:
                return
            await asyncio.to_thread(_erase, path)
            await asyncio.sleep(0.1)
        await git(*add)


def _turn(mirror: Path) -> Path:
    """git names worktrees by their folder and does not order those who add or prune at once."""
    return mirror.parent / "worktrees.lock"


async def save_leftovers(mirror: Path, path: Path, run_id: RunId, *, known: str = "") -> str | None:
    """Uncommitted files and commits that no ref holds go to refs/ostinato/<run>/saved/<name>-<n>.

    `known` is a commit that needs no saving.
    """
    if not await asyncio.to_thread(_has_content, path):
        return None
    head = await _head(mirror, path)
    parent = head or await _any_commit(mirror, run_id)
    staged = await stage(mirror, path, parent, include_embedded=True)
    if staged.tree:
        message = with_trailers(f"Keep unfinished work of {path.name}", {"Ostinato-Run": run_id})
        parent = await commit_tree(mirror, staged.tree, [parent], message, author=await mirror_author(mirror))
    elif parent == known or await _is_held(mirror, path, parent):
        return None
    return await _first_free_ref(mirror, parent, run_ref(run_id, "saved", path.name))


async def copy_worktreeinclude(user_root: Path, worktree: Path) -> tuple[str, ...]:
    """Copies what the user's .worktreeinclude names and git ignores (local settings, say); returns the paths."""
    if not (user_root / INCLUDE_FILE).is_file():
        return ()
    git = user_git(user_root)
    named = await git("ls-files", "-z", "--others", "--ignored", f"--exclude-from={user_root / INCLUDE_FILE}")
    if not named:
        return ()
    ignored = await git.attempt("check-ignore", "-z", "--stdin", stdin=named)
    paths = nul_separated(ignored.stdout)
    copied = await asyncio.to_thread(_copy_all, user_root, worktree, paths)
    return tuple(readable(path) for path in copied)


async def adopt(mirror: Path, worktree: Path, commit: str, index: Path, *, ref: str = "") -> None:
    """Moves a worktree whose files already are those of `commit` onto it, leaving the files alone.

    `index` describes the files and is used up; `ref` is what will hold the commit.
    """
    admin = admin_folder(mirror, worktree)
    if admin is None:
        return
    _break_locks(admin)
    git = _worktree_git(admin, worktree)
    await git("update-ref", "--no-deref", "HEAD", commit)
    if may_hold_gitlinks(index):  # it marks them in a way that a checkout would respect
        await git("read-tree", "--reset", commit)
    else:
        await asyncio.to_thread(index.replace, admin / "index")
    await asyncio.to_thread(keep_index, admin, admin / "index", Kept(commit=commit, ref=ref))


async def _reuse(mirror: Path, path: Path, commit: str) -> bool:
    """False when the worktree is not there or too broken to check out in."""
    if not await _check_out(mirror, path, commit):
        return False
    admin = admin_folder(mirror, path)
    return admin is not None and (await _clean(_worktree_git(admin, path))).exit_code == 0


async def _clean(git: Git) -> Completed:
    return await git.attempt("clean", "-q", "-ffdx", timeout_s=600)


async def _check_out(mirror: Path, path: Path, commit: str) -> bool:
    admin = admin_folder(mirror, path)
    if admin is None or not _points_at(path / ".git", admin):
        return False
    _break_locks(admin)
    args = ("checkout", "-q", "--detach", "--force", commit)
    return (await _worktree_git(admin, path).attempt(*args, timeout_s=1800)).exit_code == 0


def _points_at(pointer: Path, admin: Path) -> bool:
    if pointer.is_symlink() or not pointer.is_file():
        return False
    kind, _, target = pointer.read_text(errors="replace").strip().partition(": ")
    return kind == "gitdir" and Path(target).resolve() == admin.resolve()


def _worktree_git(admin: Path, path: Path) -> Git:
    return private_git(path).with_env(GIT_DIR=admin, GIT_WORK_TREE=path)


async def _head(mirror: Path, path: Path) -> str | None:
    admin = admin_folder(mirror, path)
    if admin is None:
        return None
    kept = kept_of(admin)
    if kept is not None and head_text(admin) == kept.commit:
        return kept.commit
    return await resolve_commit(_worktree_git(admin, path), "HEAD")


async def _any_commit(mirror: Path, run_id: RunId) -> str:
    return (await private_git(mirror)("rev-parse", "--verify", run_ref(run_id, "base"))).strip()


async def _is_held(mirror: Path, path: Path, commit: str) -> bool:
    """By the ref that was meant to, which is quickly asked, or by any other."""
    admin = admin_folder(mirror, path)
    kept = kept_of(admin) if admin is not None else None
    if kept is not None and kept.ref and kept.commit == commit and await recorded(mirror, kept.ref) == commit:
        return True
    return bool(await private_git(mirror)("for-each-ref", "--count=1", f"--contains={commit}"))


async def _first_free_ref(mirror: Path, commit: str, prefix: str) -> str:
    number = 1
    while (await private_git(mirror).attempt("update-ref", f"{prefix}-{number}", commit, MUST_NOT_EXIST)).exit_code:
        number += 1
    return f"{prefix}-{number}"


def _break_locks(admin: Path) -> None:
    """Of a git that was killed: the caller alone uses this worktree."""
    for name in ("index.lock", "HEAD.lock"):
        (admin / name).unlink(missing_ok=True)


def _keep_index(mirror: Path, path: Path, commit: str) -> None:
    admin = admin_folder(mirror, path)
    if admin is not None:
        keep_index(admin, admin / "index", Kept(commit=commit))


def _has_content(path: Path) -> bool:
    return path.is_dir() and any(entry.name != ".git" for entry in path.iterdir())


def _erase(path: Path) -> None:
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.exists():
        for folder in [path, *(entry for entry in path.rglob("*") if entry.is_dir() and not entry.is_symlink())]:
            folder.chmod(0o700)
        shutil.rmtree(path)


def _copy_all(user_root: Path, worktree: Path, paths: Sequence[str]) -> tuple[str, ...]:
    return tuple(path for path in paths if _copy_in(user_root, worktree, path))


def _copy_in(user_root: Path, worktree: Path, path: str) -> bool:
    """Never over a file that is there, never through a link that leads out."""
    target = worktree / path
    if target.exists() or target.is_symlink():
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.parent.resolve().is_relative_to(worktree.resolve()):
        return False
    shutil.copy2(user_root / path, target, follow_symlinks=False)
    return True


async def quarantine_worktree(mirror: Path, path: Path, place: Path) -> None:
    """Takes the worktree out of git's sight, files and all, and out of that of other people; what is in it becomes no
    object. `place` must not exist."""

    def move() -> None:
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        place.parent.chmod(0o700)
        path.chmod(0o700)
        path.rename(place)

    await asyncio.to_thread(move)
    async with locked(_turn(mirror)):
        await private_git(mirror)("worktree", "prune")
