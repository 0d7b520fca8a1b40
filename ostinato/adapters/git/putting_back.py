"""What somebody else wrote into a staged worktree, undone."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ostinato.adapters.git.command import Git, readable
from ostinato.adapters.git.index import add_all

_ABSENT = "000000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    changed: tuple[str, ...] = ()
    """Files that had been changed or deleted: as they were again."""
    made: tuple[str, ...] = ()
    """Files that had not been there: removed."""


async def put_back(git: Git, worktree: Path, tree: str) -> Undone:
    """The worktree as `tree` again, which the index of this git of staging() holds; ignored files stay as they are."""
    found, _ = await add_all(git, tree)
    made = [path for path, modes in found.items() if modes[0] == _ABSENT]
    changed = [path for path, modes in found.items() if modes[0] != _ABSENT]
    if made:
        await asyncio.to_thread(_remove, worktree, made)
        await git("update-index", "-z", "--force-remove", "--stdin", stdin="\0".join(made) + "\0")
    if changed:
        args = ("checkout", "-q", tree, "--pathspec-from-file=-", "--pathspec-file-nul")
        await git.with_env(GIT_LITERAL_PATHSPECS="1")(*args, stdin="\0".join(changed))
    return Undone(changed=tuple(map(readable, changed)), made=tuple(map(readable, made)))


def _remove(worktree: Path, paths: Sequence[str]) -> None:
    for path in paths:
        file = worktree / path
        file.unlink(missing_ok=True)
        for folder in file.parents:
            if folder == worktree or any(folder.iterdir()):
                break
            folder.rmdir()
