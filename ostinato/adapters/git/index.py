"""Staging a whole worktree in an index of our own, whatever the step did to the real one."""

import asyncio
import contextlib
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ostinato.adapters.git.command import Git, failure, nul_separated, private_git

KEPT_INDEX = "ostinato-index"
"""Beside a worktree's index: a copy from the moment of its checkout, for its file times."""
KEPT_NOTE = "ostinato-index-of"
"""The commit that the kept index describes, and the ref that was meant to hold it."""
GITLINK = "160000"
_GITLINK_BYTES = int(GITLINK, 8).to_bytes(4, "big")
_WITHOUT_COMMIT = re.compile(r"^error: '(.+)/' does not have a commit checked out$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    tree: str = ""
    """Empty when nothing differs from the parent."""
    paths: tuple[str, ...] = ()
    """Those that differ; not readable() yet."""
    embedded: tuple[str, ...] = ()
    """Repositories inside the worktree: not part of the tree."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What a worktree was last known to stand on."""

    commit: str
    ref: str = ""


async def stage(mirror: Path, worktree: Path, parent: str, *, include_embedded: bool = False) -> Staged:
    """The worktree's files, ignored ones excepted, as a tree. Does not depend on the worktree's own .git file."""
    async with staging(mirror, worktree, parent) as git:
        return await stage_in(git, worktree, parent, include_embedded=include_embedded)


@contextlib.asynccontextmanager
async def staging(mirror: Path, worktree: Path, parent: str) -> AsyncIterator[Git]:
    """git with a scratch index that holds `parent`, and with the file times of the last checkout where they are known."""
    with tempfile.TemporaryDirectory(prefix="ostinato-index-", dir=mirror.parent) as scratch:
        index = Path(scratch) / "index"
        kept = await asyncio.to_thread(_take_kept, mirror, worktree, index)
        git = private_git(mirror).with_env(GIT_WORK_TREE=worktree, GIT_INDEX_FILE=index)
        if kept is None or kept.commit != parent:
            await git("read-tree", "--reset", parent)
        yield git


def with_own_objects(git: Git, mirror: Path) -> Git:
    """For a git of staging(): what it makes vanishes with its index, so that nothing unscanned becomes an object."""
    objects = Path(git.env["GIT_INDEX_FILE"]).with_name("objects")
    objects.mkdir()
    return git.with_env(GIT_OBJECT_DIRECTORY=objects, GIT_ALTERNATE_OBJECT_DIRECTORIES=mirror / "objects")


def keep_objects(git: Git, mirror: Path) -> None:
    """Moves what a git with_own_objects() made into the mirror; packs before their indexes, as git looks for those."""
    made = Path(git.env["GIT_OBJECT_DIRECTORY"])
    files = [file for file in made.rglob("*") if file.is_file()]
    for file in sorted(files, key=lambda file: (file.suffix == ".idx", file.name)):
        target = mirror / "objects" / file.relative_to(made)
        if not target.exists():
            target.parent.mkdir(exist_ok=True)
            file.replace(target)


async def stage_in(git: Git, worktree: Path, parent: str, *, include_embedded: bool = False) -> Staged:
    """Everything in the working tree, in an index that holds `parent`."""
    changed, embedded = await add_all(git, parent)
    if include_embedded and embedded:
        await _add_files_of(git, worktree, embedded)
        changed = await _changed(git, parent)
    if not changed:
        return Staged(embedded=embedded)
    return Staged(tree=(await git("write-tree")).strip(), paths=tuple(changed), embedded=embedded)


def admin_folder(mirror: Path, worktree: Path) -> Path | None:
    """Where git keeps HEAD and index of a linked worktree; None when it knows no worktree at that path."""
    wanted = worktree.resolve() / ".git"
    for pointer in sorted((mirror / "worktrees").glob("*/gitdir")):
        try:
            found = Path(pointer.read_text().strip()).resolve()
        except FileNotFoundError:  # pruned a moment ago
            continue
        if found == wanted:
            return pointer.parent
    return None


def keep_index(admin: Path, index: Path, kept: Kept) -> None:
    """A crash in between leaves an index without a note, which serves for its file times alone."""
    (admin / KEPT_NOTE).unlink(missing_ok=True)
    shutil.copy2(index, admin / KEPT_INDEX)
    (admin / KEPT_NOTE).write_text(f"{kept.commit}\n{kept.ref}\n")


def kept_of(admin: Path) -> Kept | None:
    try:
        commit, ref = (admin / KEPT_NOTE).read_text().split("\n")[:2]
    except (OSError, ValueError):
        return None
    return Kept(commit=commit, ref=ref)


def head_text(admin: Path) -> str:
    """A commit where HEAD is detached; git need not be asked."""
    try:
        return (admin / "HEAD").read_text(errors="replace").strip()
    except OSError:
        return ""


def may_hold_gitlinks(index: Path) -> bool:
    """Never wrong when it says no: every entry carries its mode in these four bytes."""
    try:
        return _GITLINK_BYTES in index.read_bytes()
    except FileNotFoundError:
        return False


async def stage_all(git: Git, parent: str) -> tuple[str, ...]:
    """Everything in the working tree against `parent`; returns the embedded repositories, which are left out."""
    await git("read-tree", "--reset", parent)
    return (await add_all(git, parent))[1]


async def add_all(git: Git, parent: str) -> tuple[dict[str, tuple[str, str]], tuple[str, ...]]:
    """What differs from `parent`, which the index holds (path: its modes before and after), and the embedded repositories."""
    await _freeze_gitlinks(git)
    empty = await _add_all(git)
    changed = await _changed(git, parent)
    foreign = tuple(path for path, modes in changed.items() if modes[1] == GITLINK != modes[0])
    if foreign:
        await git("update-index", "-z", "--force-remove", "--stdin", stdin="\0".join(foreign) + "\0")
        changed = await _changed(git, parent)
    return changed, (*empty, *foreign)


async def _changed(git: Git, parent: str) -> dict[str, tuple[str, str]]:
    listed = (await git("diff-index", "--cached", "--raw", "--no-renames", "-z", parent)).split("\0")
    return {path: (modes[1:7], modes[8:14]) for modes, path in zip(listed[::2], listed[1::2], strict=False)}


def _take_kept(mirror: Path, worktree: Path, index: Path) -> Kept | None:
    admin = admin_folder(mirror, worktree)
    if admin is None or not (admin / KEPT_INDEX).is_file():
        return None
    kept = kept_of(admin)
    shutil.copy2(admin / KEPT_INDEX, index)
    return kept


async def _add_all(git: Git) -> tuple[str, ...]:
    """git refuses to add around a repository without commits: those are named and passed by."""
    passed_by: list[str] = []
    while True:
        args = ("add", "-A", "--", ":/", *(f":(top,exclude,literal){path}" for path in passed_by))
        done = await git.attempt(*args, timeout_s=1800)
        if done.exit_code == 0:
            return tuple(passed_by)
        found = _WITHOUT_COMMIT.findall(done.stderr)
        if not found:
            raise failure(args, git.cwd, done)
        passed_by += found


async def _freeze_gitlinks(git: Git) -> None:
    """Recorded submodules stay as they are, and git does not go into them."""
    if not await asyncio.to_thread(may_hold_gitlinks, Path(git.env["GIT_INDEX_FILE"])):
        return
    links = [path for path, mode in await _entries(git) if mode == GITLINK]
    if links:
        await git("update-index", "-z", "--skip-worktree", "--stdin", stdin="\0".join(links) + "\0")


async def _entries(git: Git) -> list[tuple[str, str]]:
    listed = nul_separated(await git("ls-files", "-s", "-z"))
    return [(line.partition("\t")[2], line[:6]) for line in listed]


async def _add_files_of(git: Git, worktree: Path, embedded: Sequence[str]) -> None:
    files = await asyncio.to_thread(_files_of, worktree, embedded)
    if files:
        await git("update-index", "--add", "-z", "--stdin", stdin="\0".join(files) + "\0")


def _files_of(worktree: Path, embedded: Sequence[str]) -> list[str]:
    return [
        str(file.relative_to(worktree))
        for folder in embedded
        for file in (worktree / folder).rglob("*")
        if ".git" not in file.relative_to(worktree).parts and (file.is_symlink() or file.is_file())
    ]
