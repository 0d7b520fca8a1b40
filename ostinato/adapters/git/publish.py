"""The one door to the user's repository: an atomic push of the run's branch and refs, past every hook."""

from dataclasses import dataclass
from pathlib import Path

from ostinato.adapters.git.branches import may_move, note_received
from ostinato.adapters.git.command import private_git
from ostinato.adapters.git.outgoing import outgoing_secrets, secret_leaving
from ostinato.adapters.git.remote import Fence, Pushed, fence, travelling_refs
from ostinato.adapters.git.repository import RepositoryState, resolve_commit
from ostinato.adapters.git.transfer import push, reason_of, refspecs_of
from ostinato.domain.ids import RunId, run_branch, run_ref
from ostinato.domain.redaction import Redactor
from ostinato.domain.workspace import Publication


@dataclass(frozen=True, slots=True, kw_only=True)
class Ownership:
    """Who publishes: a push of one that has been superseded changes nothing."""

    epoch: int
    owner: str


async def publish(
    state: RepositoryState,
    mirror: Path,
    *,
    run_id: RunId,
    head: str,
    ownership: Ownership | None = None,
    redactor: Redactor | None = None,
) -> Publication:
    """Gives the user the branch ostinato/<run> at `head` and the run's refs; not pushed is an answer, not an error.

    A branch of that name with commits of others is refused, never forced; back to an earlier head of the run it goes.
    A second call with the same head changes nothing. With a redactor, ExternalError secret_found before a secret leaves.
    """
    branch = f"refs/heads/{run_branch(run_id)}"
    there = await resolve_commit(state.git(), branch)
    is_free = await may_move(mirror, run_id, there=there, to=head)
    await private_git(mirror)("update-ref", run_ref(run_id, "published"), head)
    if not is_free:
        return _refused(state, mirror, run_id, head, f"{run_branch(run_id)} already exists there with other commits")
    barrier = await _barrier(state, mirror, run_id, ownership)
    if isinstance(barrier, Pushed):
        return _refused(state, mirror, run_id, head, barrier.message)
    leaving = {branch: head, **await travelling_refs(mirror, run_id)}
    if redactor and (found := await outgoing_secrets(mirror, leaving, since=[state.base_commit], redactor=redactor)):
        raise secret_leaving(found, f"{run_branch(run_id)} was not written to {state.root}; it stays in {mirror}")
    refspecs = [*barrier.refspecs, *refspecs_of(run_id, leaving)]
    leases = {branch: there or "", **barrier.leases}
    done = await push(mirror, state.common_dir, refspecs, run_id=run_id, leases=leases)
    if done.exit_code != 0:
        return _refused(state, mirror, run_id, head, reason_of(done))
    await note_received(mirror, run_id, head)
    message = f"{run_branch(run_id)} is at {head[:12]}"
    return Publication(branch=run_branch(run_id), commit=head, pushed=True, message=message)


async def _barrier(state: RepositoryState, mirror: Path, run_id: RunId, ownership: Ownership | None) -> Fence | Pushed:
    if ownership is None:
        return Fence(refspecs=(), leases={})
    return await fence(mirror, state.common_dir, run_id=run_id, epoch=ownership.epoch, owner=ownership.owner)


def _refused(state: RepositoryState, mirror: Path, run_id: RunId, head: str, reason: str) -> Publication:
    branch, kept = run_branch(run_id), run_ref(run_id, "published")
    message = (
        f"The branch was not written to {state.root}: {reason}. The commits are kept in {mirror} ({kept}); "
        f"fetch them with: git -C '{state.root}' fetch '{mirror}' {kept}:refs/heads/{branch}"
    )
    return Publication(branch=branch, commit=head, pushed=False, message=message)
