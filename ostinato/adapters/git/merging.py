"""Three-way merges in memory: no worktree is touched."""

from dataclasses import dataclass
from pathlib import Path

from ostinato.adapters.git.command import Git, failure, nul_separated, private_git, readable
from ostinato.adapters.git.objects import Author, commit_tree

_STAND_IN = Author(name="Ostinato", email="ostinato@localhost")


@dataclass(frozen=True, slots=True, kw_only=True)
class MergedTree:
    tree: str
    """With conflict markers in the files where there are conflicts."""
    conflicts: tuple[str, ...] = ()


async def merge_trees(mirror: Path, *, base: str, ours: str, theirs: str) -> MergedTree:
    """Three-way merge against a given base; `theirs` is a descendant of it."""
    stand_in = await commit_tree(mirror, f"{ours}^{{tree}}", [base], "Stand-in for a merge\n", author=_STAND_IN)
    return await merge_commits(mirror, stand_in, theirs)


async def merge_commits(mirror: Path, ours: str, theirs: str) -> MergedTree:
    """Three-way merge of two histories in memory."""
    return await merge_with(private_git(mirror), ours, theirs)


async def merge_with(git: Git, ours: str, theirs: str) -> MergedTree:
    """merge_commits among the objects that this git sees."""
    args = ("merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", ours, theirs)
    done = await git.attempt(*args)
    if done.exit_code not in (0, 1) or not done.stdout:
        raise failure(args, git.cwd, done)
    tree, *paths = nul_separated(done.stdout)
    conflicts = tuple(dict.fromkeys(readable(path) for path in paths))
    return MergedTree(tree=tree, conflicts=conflicts if done.exit_code else ())
