"""A step's work as one commit, taken from its worktree."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ostinato.adapters.git.command import nul_separated, private_git, readable
from ostinato.adapters.git.index import stage_in, staging
from ostinato.adapters.git.integration import integrate as integrate
from ostinato.adapters.git.objects import Author, commit_tree, ref_of, with_trailers
from ostinato.adapters.git.worktrees import adopt


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    commit: str
    files_changed: int
    paths: tuple[str, ...]
    warnings: tuple[str, ...] = ()


async def snapshot(
    worktree: Path, *, mirror: Path, parent: str, message: str, author: Author, trailers: Mapping[str, str]
) -> Snapshot | None:
    """The worktree against `parent` as one commit, whatever was committed in between; None when nothing differs.

    The worktree then stands on that commit. Another call makes another commit: record() decides which one counts.
    """
    async with staging(mirror, worktree, parent) as git:
        staged = await stage_in(git, worktree, parent)
        if not staged.tree:
            return None
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
