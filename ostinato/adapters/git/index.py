"""Staging a whole worktree in an index of our own, whatever the step did to the real one."""

import asyncio
import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ostinato.adapters.git.command import Git, failure, nul_separated, private_git

KEPT_INDEX = "ostinato-index"
"""Beside a worktree's index: a copy from the moment of its checkout, for its file times."""
_WITHOUT_COMMIT = re.compile(r"^error: '(.+)/' does not have a commit checked out$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    tree: str
    embedded: tuple[str, ...] = ()
    """Repositories inside the worktree: not part of the tree."""


async def stage(mirror: Path, worktree: Path, parent: str, *, include_embedded: bool = False) -> Staged:
    """The worktree's files, ignored ones excepted, as a tree. Does not depend on the worktree's own .git file."""
    with tempfile.TemporaryDirectory(prefix="ostinato-index-", dir=mirror.parent) as scratch:
        index = Path(scratch) / "index"
        admin = admin_folder(mirror, worktree)
        if admin is not None and (admin / KEPT_INDEX).is_file():
            await asyncio.to_thread(shutil.copy2, admin / KEPT_INDEX, index)
        git = private_git(mirror).with_env(GIT_WORK_TREE=worktree, GIT_INDEX_FILE=index)
        embedded = await stage_all(git, parent)
        if include_embedded and embedded:
            await _add_files_of(git, worktree, embedded)
        return Staged(tree=(await git("write-tree")).strip(), embedded=embedded)


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


async def stage_all(git: Git, parent: str) -> tuple[str, ...]:
    """Everything in the working tree against `parent`; returns the embedded repositories, which are left out."""
    await git("read-tree", "--reset", parent)
    await _freeze_gitlinks(git)
    empty = await _add_all(git)
    return (*empty, *await _drop_gitlinks(git, parent))


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
    links = [path for path, mode in await _entries(git) if mode == "160000"]
    if links:
        await git("update-index", "-z", "--skip-worktree", "--stdin", stdin="\0".join(links) + "\0")


async def _drop_gitlinks(git: Git, parent: str) -> tuple[str, ...]:
    """Takes embedded repositories that the parent does not know out of the index, and names them."""
    links = [path for path, mode in await _entries(git) if mode == "160000"]
    if not links:
        return ()
    known = {line.partition("\t")[2] for line in nul_separated(await git("ls-tree", "-r", "-z", parent))}
    foreign = tuple(path for path in links if path not in known)
    if foreign:
        await git("update-index", "-z", "--force-remove", "--stdin", stdin="\0".join(foreign) + "\0")
    return foreign


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
