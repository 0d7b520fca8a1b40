"""A step's work as one commit, taken from its worktree."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ostinato.adapters.git.command import nul_separated, private_git, readable
from ostinato.adapters.git.index import keep_objects, stage_in, staging, with_own_objects
from ostinato.adapters.git.objects import Author, commit_tree, ref_of, with_trailers
from ostinato.adapters.git.scanning import secrets_in
from ostinato.adapters.git.worktrees import adopt
from ostinato.domain.gates import Finding
from ostinato.domain.redaction import Redactor


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    commit: str
    files_changed: int
    paths: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    secrets: tuple[Finding, ...] = ()
    """When there are any, nothing was committed."""


async def snapshot(
    worktree: Path,
    *,
    mirror: Path,
    parent: str,
    message: str,
    author: Author,
    trailers: Mapping[str, str],
    redactor: Redactor | None = None,
) -> Snapshot | None:
    """The worktree against `parent` as one commit, whatever was committed in between; None when nothing differs.

    With a redactor it is scanned on the way: secrets become no objects, and are named instead of a commit. The worktree
    then stands on the commit. Another call makes another commit: record_step() decides which one counts.
    """
    async with staging(mirror, worktree, parent) as scratch:
        git = scratch if redactor is None else with_own_objects(scratch, mirror)
        staged = await stage_in(git, worktree, parent)
        if not staged.tree:
            return None
        if redactor is not None:
            if secrets := await secrets_in(git, parent, redactor):
                return Snapshot(commit="", files_changed=0, paths=(), secrets=secrets)
            await asyncio.to_thread(keep_objects, git, mirror)
            message = redactor.text(message)
        commit = await commit_tree(mirror, staged.tree, [parent], with_trailers(message, trailers), author=author)
        if not staged.embedded:
            await adopt(mirror, worktree, commit, Path(git.env["GIT_INDEX_FILE"]), ref=ref_of(trailers))
    paths = tuple(readable(path) for path in staged.paths)
    warnings = tuple(
        f"{readable(path)} is a git repository of its own: it stays out of the commit" for path in staged.embedded
    )
    return Snapshot(commit=commit, files_changed=len(paths), paths=paths, warnings=warnings)


async def changed_paths(mirror: Path, older: str, newer: str) -> list[str]:
    listed = await private_git(mirror)("diff-tree", "-r", "--name-only", "--no-renames", "-z", older, newer)
    return [readable(path) for path in nul_separated(listed)]


async def diff_stat(mirror: Path, older: str, newer: str) -> str:
    return readable(await private_git(mirror)("diff", "--stat=100", "--no-ext-diff", "--no-color", older, newer))


async def diff_text(mirror: Path, older: str, newer: str) -> str:
    args = ("diff", "--no-ext-diff", "--no-textconv", "--no-color", "--find-renames", older, newer)
    return readable(await private_git(mirror)(*args))
