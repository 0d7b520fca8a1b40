"""The branch that the user sees: when a run may move it."""

from pathlib import Path

from ostinato.adapters.git.command import private_git
from ostinato.adapters.git.objects import list_refs
from ostinato.domain.ids import RunId, run_ref


async def may_move(mirror: Path, run_id: RunId, *, there: str | None, to: str) -> bool:
    """Forward over anything, and back from where this run itself had put it; never over commits of others."""
    if not there or there == to:
        return True
    if (await private_git(mirror).attempt("merge-base", "--is-ancestor", there, to)).exit_code == 0:
        return True
    ours = await list_refs(mirror, run_ref(run_id, "published"), run_ref(run_id, "received"))
    return there in ours.values()


async def note_received(mirror: Path, run_id: RunId, head: str) -> None:
    """The user's repository has the branch at `head` from us."""
    await private_git(mirror)("update-ref", run_ref(run_id, "received"), head)
