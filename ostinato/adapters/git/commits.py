"""One commit for each step: taken from its worktree, recorded under its key, integrated into the run's branch."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ostinato.adapters.git.command import failure, nul_separated, private_git, readable
from ostinato.adapters.git.index import stage
from ostinato.adapters.git.objects import (
    Author,
    StepKey,
    author_of,
    commit_tree,
    head_moved,
    message_of,
    move_ref,
    recorded,
    with_trailers,
)
from ostinato.adapters.git.worktrees import adopt
from ostinato.domain.ids import run_ref
from ostinato.domain.workspace import Integration

_STEP_AND_EXECUTION = (
    "%H%x00%(trailers:key=Ostinato-Run,valueonly,separator=%x2C)"
    "%x00%(trailers:key=Ostinato-Step,valueonly,separator=%x2C)"
    "%x00%(trailers:key=Ostinato-Execution,valueonly,separator=%x2C)"
)


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
    staged = await stage(mirror, worktree, parent)
    git = private_git(mirror)
    if staged.tree == (await git("rev-parse", f"{parent}^{{tree}}")).strip():
        return None
    commit = await commit_tree(mirror, staged.tree, [parent], with_trailers(message, trailers), author=author)
    if not staged.embedded:
        await adopt(mirror, worktree, commit)
    paths = await changed_paths(mirror, parent, commit)
    warnings = tuple(
        f"{readable(path)} is a git repository of its own: it stays out of the commit" for path in staged.embedded
    )
    return Snapshot(commit=commit, files_changed=len(paths), paths=tuple(paths), warnings=warnings)


async def integrate(
    mirror: Path, *, branch_ref: str, key: StepKey, step_commit: str, base: str, expected_head: str
) -> Integration:
    """Brings a step's commit onto the run's branch; a second call finds the first one's commit and returns it.

    `base` is where the run began. A branch that is elsewhere than `expected_head` is left alone: ExternalError head_moved.
    """
    current = await recorded(mirror, branch_ref)
    head = current or expected_head
    if (done := await _integrated(mirror, base, head, key)) is not None:
        return Integration(head=head, commit=done)
    if head != expected_head:
        raise head_moved(branch_ref, expected=expected_head, found=current)
    parent = (await private_git(mirror)("rev-parse", f"{step_commit}^")).strip()
    if parent == head:
        target = step_commit
    else:
        merged = await merge_trees(mirror, base=parent, ours=head, theirs=step_commit)
        if merged.conflicts:
            await _keep_both_sides(mirror, key, head, step_commit)
            return Integration(head=head, conflicts=merged.conflicts)
        message = await message_of(mirror, step_commit)
        target = await commit_tree(mirror, merged.tree, [head], message, author=await author_of(mirror, step_commit))
    await move_ref(mirror, branch_ref, new=target, old=current or "")
    return Integration(head=target, commit=target)


@dataclass(frozen=True, slots=True, kw_only=True)
class MergedTree:
    tree: str = ""
    conflicts: tuple[str, ...] = ()


async def merge_trees(mirror: Path, *, base: str, ours: str, theirs: str) -> MergedTree:
    """Three-way merge against a given base; `theirs` is a descendant of it."""
    stand_in = await _commit_on(mirror, base, ours)
    return await merge_commits(mirror, stand_in, theirs)


async def merge_commits(mirror: Path, ours: str, theirs: str) -> MergedTree:
    """Three-way merge of two histories in memory."""
    args = ("merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", ours, theirs)
    done = await private_git(mirror).attempt(*args)
    if done.exit_code not in (0, 1) or not done.stdout:
        raise failure(args, mirror, done)
    tree, *paths = nul_separated(done.stdout)
    conflicts = tuple(dict.fromkeys(readable(path) for path in paths))
    return MergedTree(tree=tree) if done.exit_code == 0 else MergedTree(conflicts=conflicts)


async def changed_paths(mirror: Path, older: str, newer: str) -> list[str]:
    listed = await private_git(mirror)("diff-tree", "-r", "--name-only", "--no-renames", "-z", older, newer)
    return [readable(path) for path in nul_separated(listed)]


async def diff_stat(mirror: Path, older: str, newer: str) -> str:
    return readable(await private_git(mirror)("diff", "--stat=100", "--no-ext-diff", "--no-color", older, newer))


async def diff_text(mirror: Path, older: str, newer: str) -> str:
    args = ("diff", "--no-ext-diff", "--no-textconv", "--no-color", "--find-renames", older, newer)
    return readable(await private_git(mirror)(*args))


async def _integrated(mirror: Path, base: str, head: str, key: StepKey) -> str | None:
    listed = await private_git(mirror)("log", f"--format={_STEP_AND_EXECUTION}", f"{base}..{head}")
    wanted = [str(value) for value in key.trailers.values()]
    for line in listed.splitlines():
        commit, *values = line.split("\0")
        if values == wanted:
            return commit
    return None


async def _commit_on(mirror: Path, parent: str, like: str) -> str:
    """A commit with the tree of `like` whose only parent is `parent`: it makes that one the merge base."""
    tree = (await private_git(mirror)("rev-parse", f"{like}^{{tree}}")).strip()
    author = Author(name="Ostinato", email="ostinato@localhost")
    return await commit_tree(mirror, tree, [parent], "Stand-in for a merge\n", author=author)


async def _keep_both_sides(mirror: Path, key: StepKey, head: str, step_commit: str) -> None:
    git = private_git(mirror)
    for side, commit in (("branch", head), ("step", step_commit)):
        await git("update-ref", run_ref(key.run_id, "conflicts", key.step_id, str(key.execution), side), commit)
