"""Moving the user's base branch to a finished run: planned in the mirror, landed by compare-and-swap."""

from dataclasses import dataclass
from pathlib import Path

from ostinato.adapters.git.command import private_git, readable, user_git
from ostinato.adapters.git.merging import merge_commits
from ostinato.adapters.git.mirror import fetch
from ostinato.adapters.git.objects import Author, commit_tree
from ostinato.adapters.git.repository import RepositoryState, dirty_paths, resolve_commit
from ostinato.adapters.git.settings import read_settings
from ostinato.adapters.git.transfer import push
from ostinato.domain.errors import UserError
from ostinato.domain.ids import RunId, run_branch, run_ref


@dataclass(frozen=True, slots=True, kw_only=True)
class LandingPlan:
    base_now: str
    target: str
    """Where the base branch is to move; base_now when there is nothing to do or conflicts stand in the way."""
    fast_forward: bool = False
    already_merged: bool = False
    conflicts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Landing:
    moved: bool
    message: str


async def require_proof(state: RepositoryState, *, run_id: RunId, head: str) -> None:
    """UserError not_proven unless gate refs are on this very commit, and the branch holds nothing more that none has seen."""
    git = state.git()
    refs = (await git("for-each-ref", "--format=%(objectname)", run_ref(run_id, "gates"))).split()
    if head not in refs:
        message = f"no gate of {run_id} passed on {head[:10]}"
        raise UserError.of("not_proven", "RUN", message, f"See: ostinato why {run_id}; --force merges all the same")
    branch = run_branch(run_id)
    tip = (await git.attempt("rev-parse", "--verify", "-q", f"refs/heads/{branch}")).stdout.strip()
    if tip and tip != head and (await git.attempt("merge-base", "--is-ancestor", head, tip)).exit_code == 0:
        message = f"{branch} has moved on to {tip[:10]}, which no gate has judged"
        cure = f"Merge it by hand, or move it back: git branch -f {branch} {head[:10]}; --force merges what was judged"
        raise UserError.of("not_proven", "RUN", message, cure)


async def plan_merge(
    state: RepositoryState, mirror: Path, *, run_id: RunId, head: str, base_branch: str
) -> LandingPlan:
    """What landing `head` takes. Changes nothing but the mirror; UserError base_unknown, base_dirty, base_busy."""
    base_now = await _base_commit(state, base_branch)
    await _check_checkout(state, base_branch)
    await fetch(state, mirror, f"+{base_now}:{run_ref(run_id, 'merge', 'base')}")
    if await is_ancestor(mirror, head, base_now):
        return LandingPlan(base_now=base_now, target=base_now, already_merged=True)
    if await is_ancestor(mirror, base_now, head):
        return LandingPlan(base_now=base_now, target=head, fast_forward=True)
    merged = await merge_commits(mirror, base_now, head)
    if merged.conflicts:
        return LandingPlan(base_now=base_now, target=base_now, conflicts=merged.conflicts)
    message = f"Merge {run_branch(run_id)} into {base_branch}\n\nOstinato-Run: {run_id}\n"
    author = Author(name=state.user_name, email=state.user_email)
    target = await commit_tree(mirror, merged.tree, [base_now, head], message, author=author)
    await private_git(mirror)("update-ref", run_ref(run_id, "merge", "target"), target)
    return LandingPlan(base_now=base_now, target=target)


async def land(
    state: RepositoryState, mirror: Path, *, run_id: RunId, base_branch: str, expected: str, target: str
) -> Landing:
    """Moves the branch from `expected` to `target`, and its files where it is checked out. Twice does no harm."""
    current = await _base_commit(state, base_branch)
    if current == target:
        return Landing(moved=True, message=f"{base_branch} is at {target[:12]}")
    if current != expected:
        return _not_moved(f"{base_branch} moved to {current[:12]} meanwhile. Run the merge again")
    checkout = await _check_checkout(state, base_branch)
    refspec = f"+{target}:{run_ref(run_id, 'landing')}"
    received = await push(mirror, state.common_dir, [refspec], run_id=run_id, leases={})
    if received.exit_code != 0:
        return _not_moved(f"{state.root} did not accept the commits: {readable(received.stderr.strip())}")
    if checkout is None:
        return await _move_branch(state, base_branch, expected, target)
    return await _move_checkout(checkout, base_branch, expected, target)


async def _move_branch(state: RepositoryState, branch: str, expected: str, target: str) -> Landing:
    args = ("update-ref", "-m", "ostinato: merge", f"refs/heads/{branch}", target, expected)
    done = await state.git().attempt(*args)
    if done.exit_code != 0:
        return _not_moved(f"{branch} could not be moved: {readable(done.stderr.strip())}")
    return Landing(moved=True, message=f"{branch} moved to {target[:12]}")


async def _move_checkout(checkout: Path, branch: str, expected: str, target: str) -> Landing:
    settings = await read_settings(checkout)
    git = user_git(checkout, filters=settings.filters)
    await _check_filters(checkout, settings.filters, await _changed(checkout, expected, target))
    done = await git.attempt("merge", "-q", "--ff-only", "--no-stat", target, timeout_s=1800)
    if done.exit_code != 0:
        return _not_moved(f"git could not update the files of {checkout}: {readable(done.stderr.strip())}")
    return Landing(moved=True, message=f"{branch} moved to {target[:12]}, with its files in {checkout}")


async def _base_commit(state: RepositoryState, branch: str) -> str:
    commit = await resolve_commit(state.git(), f"refs/heads/{branch}")
    if commit is None:
        message = f"{state.root} has no branch {branch!r}"
        raise UserError.of("base_unknown", "--base", message, "Name the branch to merge into with --base")
    return commit


async def _check_checkout(state: RepositoryState, branch: str) -> Path | None:
    """The working tree that has the branch checked out, if one has; it must be clean and idle."""
    checkout = await _checkout_of(state, branch)
    if checkout is None:
        return None
    settings = await read_settings(checkout)
    dirty = await dirty_paths(user_git(checkout, filters=settings.filters), untracked=False)
    if dirty:
        shown = ", ".join(readable(path) for path in dirty[:5])
        message = f"{branch} is checked out in {checkout} with uncommitted changes: {shown}"
        raise UserError.of("base_dirty", "--repo", message, "Commit or stash them, then merge again")
    return checkout


async def _checkout_of(state: RepositoryState, branch: str) -> Path | None:
    listed = await state.git()("worktree", "list", "--porcelain", "-z")
    for entry in listed.split("\0\0"):
        fields = dict(line.partition(" ")[::2] for line in entry.split("\0") if line)
        if fields.get("branch") == f"refs/heads/{branch}" and Path(fields["worktree"]).is_dir():
            await _check_idle(Path(fields["worktree"]), branch)
            return Path(fields["worktree"])
    await _check_no_rebase(state, branch)
    return None


async def _check_idle(checkout: Path, branch: str) -> None:
    git_dir = Path((await user_git(checkout)("rev-parse", "--absolute-git-dir")).rstrip("\n"))
    for name in ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD"):
        if (git_dir / name).exists():
            raise _busy(branch, checkout)


async def _check_no_rebase(state: RepositoryState, branch: str) -> None:
    """During a rebase HEAD is detached, but git still means to move the branch."""
    for folder in (state.common_dir, *(state.common_dir / "worktrees").glob("*")):
        for name in ("rebase-merge", "rebase-apply"):
            told = folder / name / "head-name"
            if told.is_file() and told.read_text().strip() == f"refs/heads/{branch}":
                raise _busy(branch, folder)


def _busy(branch: str, place: Path) -> UserError:
    message = f"a merge, rebase or pick of {branch} is unfinished in {place}"
    return UserError.of("base_busy", "--repo", message, "Finish or abort it, then merge again")


async def _changed(checkout: Path, expected: str, target: str) -> str:
    return await user_git(checkout)("diff-tree", "-r", "--name-only", "--no-renames", "-z", expected, target)


async def _check_filters(checkout: Path, filters: tuple[str, ...], changed: str) -> None:
    answered = (await user_git(checkout)("check-attr", "-z", "--stdin", "filter", stdin=changed)).split("\0")
    touched = [answered[n] for n in range(0, len(answered) - 2, 3) if answered[n + 2] in filters]
    if touched:
        message = f"the merge changes files that go through a content filter: {readable(', '.join(touched[:5]))}"
        cure = "Merge the run's branch with git itself, which runs the filter"
        raise UserError.of("base_filtered", "--repo", message, cure)


async def is_ancestor(mirror: Path, older: str, newer: str) -> bool:
    return (await private_git(mirror).attempt("merge-base", "--is-ancestor", older, newer)).exit_code == 0


def _not_moved(message: str) -> Landing:
    return Landing(moved=False, message=message)
