"""Refs and branches of runs that are over, and the mirrors they leave."""

from collections.abc import Mapping
from pathlib import Path

from ostinato.adapters.cleaning.model import GcPlan, Kept, Policy, Removal, RemovalKind
from ostinato.adapters.git.command import Git, private_git, user_git
from ostinato.adapters.git.integration import integrated_keys
from ostinato.adapters.home import Home
from ostinato.domain.errors import ExternalError
from ostinato.domain.ids import RunId, run_branch, run_ref
from ostinato.domain.report import Stored
from ostinato.domain.workspace import Workspace

_LOOSE_WORTH_PACKING = 500


async def refs_of_runs(policy: Policy, closed: Mapping[RunId, Stored]) -> GcPlan:
    """In the mirror when the user has the head; in the user's repository, branch included, when the base has it."""
    removals, kept = list[Removal](), list[Kept]()
    for run_id, stored in sorted(closed.items()):
        workspace = stored.snapshot.workspace
        if workspace is None or not policy.is_old(stored.snapshot.ended_at):
            continue
        try:
            part = await _of_run(run_id, workspace, stored.snapshot.head or workspace.head)
        except (ExternalError, OSError) as error:
            part = GcPlan(kept=(Kept(place=workspace.mirror, reason=f"run {run_id} could not be examined: {error}"),))
        removals.extend(part.removals)
        kept.extend(part.kept)
    return GcPlan(removals=tuple(removals), kept=tuple(kept))


async def mirrors(home: Home, policy: Policy) -> GcPlan:
    """Those with many loose objects, when no run of their repository is open."""
    removals = []
    for mirror in sorted((home.root / "repos").glob("*/mirror.git")):
        git = private_git(mirror)
        told = await git.attempt("count-objects", "-v")
        figures = dict(line.split(": ") for line in told.stdout.splitlines() if ": " in line)
        loose, size = int(figures.get("count", "0")), int(figures.get("size", "0")) * 1024
        if loose < _LOOSE_WORTH_PACKING or await _open_runs(git, policy):
            continue
        reason = f"{loose:,} loose objects are packed, and those that no ref needs removed"
        removals.append(Removal(kind=RemovalKind.MIRROR, place=str(mirror), reason=reason, bytes=size))
    return GcPlan(removals=tuple(removals))


async def _open_runs(git: Git, policy: Policy) -> bool:
    prefixes = [run_ref(run_id) for run_id in policy.open_runs]
    return bool(prefixes) and bool(await git("for-each-ref", "--count=1", *prefixes))


async def _of_run(run_id: RunId, workspace: Workspace, head: str) -> GcPlan:
    mirror, repository = Path(workspace.mirror), Path(workspace.repository)
    if not repository.is_dir():
        reason = f"{repository} is gone: nobody can tell whether the work of run {run_id} was merged"
        return GcPlan(kept=(Kept(place=str(mirror), reason=reason),) if mirror.is_dir() else ())
    user = user_git(repository)
    is_merged = await _is_in(user, head, f"refs/heads/{workspace.base_branch}") if workspace.base_branch else False
    has_branch = await _is_in(user, head, f"refs/heads/{run_branch(run_id)}")
    parts = [await _branch(user, run_id, workspace)]
    if is_merged:
        parts.append(await _refs(user, repository, run_id, workspace, head))
    if mirror.is_dir() and (is_merged or has_branch):
        parts.append(await _refs(private_git(mirror), mirror, run_id, workspace, head))
    elif mirror.is_dir() and await private_git(mirror)("for-each-ref", "--count=1", run_ref(run_id)):
        reason = f"the head of run {run_id} is in no branch of {repository}"
        parts.append(GcPlan(kept=(Kept(place=str(mirror), reason=reason),)))
    return GcPlan(
        removals=tuple(removal for part in parts for removal in part.removals),
        kept=tuple(kept for part in parts for kept in part.kept),
    )


async def _branch(user: Git, run_id: RunId, workspace: Workspace) -> GcPlan:
    """What the user added to it is looked at as well: the branch as it is now has to be merged."""
    ref = f"refs/heads/{run_branch(run_id)}"
    tip = (await user.attempt("rev-parse", "-q", "--verify", ref)).stdout.strip()
    if not tip:
        return GcPlan()
    place = f"{user.cwd} {run_branch(run_id)}"
    if not workspace.base_branch or not await _is_in(user, tip, f"refs/heads/{workspace.base_branch}"):
        return GcPlan(kept=(Kept(place=place, reason=f"it is not merged into {workspace.base_branch or 'a branch'}"),))
    if f"branch {ref}\0" in await user("worktree", "list", "--porcelain", "-z"):
        return GcPlan(kept=(Kept(place=place, reason="it is checked out"),))
    reason = f"it is merged into {workspace.base_branch}"
    return GcPlan(
        removals=(
            Removal(kind=RemovalKind.BRANCH, place=str(user.cwd), reason=reason, run_id=run_id, refs=((ref, tip),)),
        )
    )


async def _refs(git: Git, place: Path, run_id: RunId, workspace: Workspace, head: str) -> GcPlan:
    own = [run_ref(run_id), *([f"refs/heads/{run_branch(run_id)}"] if place == Path(workspace.mirror) else [])]
    found = await _listed(git, "--format=%(refname) %(objectname) %(objecttype)", *own)
    reached = {name for name, *_ in await _listed(git, "--format=%(refname)", f"--merged={head}", *own)}
    integrated = await integrated_keys(git, workspace.base_commit, head)
    known = {ref for key in integrated for ref in (key.ref, key.result_ref)}
    alone = [ref for ref, _, kind in found if kind == "commit" and ref not in reached and ref not in known]
    gone = tuple((ref, oid) for ref, oid, _ in found if ref not in alone)
    removal = Removal(
        kind=RemovalKind.REFS, place=str(place), reason="the user has the run's head", run_id=run_id, refs=gone
    )
    shown = ", ".join(ref.removeprefix(run_ref(run_id, "")) for ref in alone[:5])
    reason = f"{len(alone)} refs of run {run_id} hold work that is in no branch: {shown}"
    return GcPlan(removals=(removal,) if gone else (), kept=(Kept(place=str(place), reason=reason),) if alone else ())


async def _listed(git: Git, *args: str) -> list[list[str]]:
    return [line.split(" ") for line in (await git("for-each-ref", *args)).splitlines()]


async def _is_in(git: Git, commit: str, ref: str) -> bool:
    return (await git.attempt("merge-base", "--is-ancestor", commit, ref)).exit_code == 0
