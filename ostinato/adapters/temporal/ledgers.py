"""Asking a day's ledger, and looking after the holders of its leases. Whoever gets no answer gets no lease."""

import asyncio
from collections.abc import Sequence
from typing import Final

from temporalio.client import Client, WorkflowExecutionStatus, WorkflowUpdateFailedError
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import TemporalError
from temporalio.service import RPCError, RPCStatusCode

from ostinato.adapters.history import History
from ostinato.adapters.temporal.asking import PATIENCE_S, Out, ask_with_start
from ostinato.domain.base import Fact
from ostinato.domain.budget.fates import Fate, fate_of
from ostinato.domain.budget.ledger import Lease
from ostinato.domain.errors import ExternalError
from ostinato.domain.ids import run_id_of

_ALIVE: Final = (WorkflowExecutionStatus.RUNNING, WorkflowExecutionStatus.CONTINUED_AS_NEW)


async def ask_ledger(
    client: Client,
    start: Fact,
    argument: Fact,
    *,
    workflow: str,
    workflow_id: str,
    task_queue: str,
    update: str,
    update_id: str,
    answer: type[Out],
    patience_s: float = PATIENCE_S,
) -> Out:
    """Starts the ledger where there is none yet, and waits for its answer. A second execution gets the same answer.

    Raises ExternalError ledger_silent where none comes in time, also where the ledger has ended: a new one would have
    forgotten what was spent.
    """
    try:
        return await ask_with_start(
            client,
            start,
            argument,
            workflow=workflow,
            workflow_id=workflow_id,
            task_queue=task_queue,
            update=update,
            update_id=update_id,
            answer=answer,
            reuse=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            summary="the budget that runs of a repository share on a day",
            patience_s=patience_s,
        )
    except (TemporalError, RPCError, TimeoutError, WorkflowUpdateFailedError) as error:
        raise ExternalError(
            f"The day's budget ledger {workflow_id} gave no answer, so nothing may be spent: "
            f"{str(error) or type(error).__name__}. See that the server and a worker run; a ledger that was "
            "terminated comes back tomorrow, or unset budget.daily_usd",
            code="ledger_silent",
        ) from error


async def tell_ledger(client: Client, workflow_id: str, signal: str, argument: Fact) -> bool:
    """False where the ledger has ended: nobody waits for the word then."""
    try:
        await client.get_workflow_handle(workflow_id).signal(signal, argument)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise ExternalError(
            f"The day's budget ledger {workflow_id} cannot be told: {error}", code="ledger_silent"
        ) from error
    return True


async def fates_of(client: Client, leases: Sequence[Lease], *, history: History | None, place: str) -> tuple[Fate, ...]:
    """What became of leases; `place`: what leases whose calls this history sees are marked with as `kept_in`."""
    running: dict[str, bool] = {}
    for holder in dict.fromkeys(lease.holder for lease in leases):
        running[holder] = await _is_running(client, holder)
    fates: list[Fate] = []
    for lease in leases:
        if history is None or running[lease.holder]:
            fates.append(fate_of(lease, (), is_running=running[lease.holder], is_witness=False))
            continue
        spends, problems = await asyncio.to_thread(history.spend_of, run_id_of(lease.holder))
        is_witness = not problems and lease.kept_in == place
        fates.append(fate_of(lease, spends, is_running=False, is_witness=is_witness))
    return tuple(fates)


async def _is_running(client: Client, workflow_id: str) -> bool:
    """Of the newest execution of that id; one that the server no longer knows does not run."""
    try:
        described = await client.get_workflow_handle(workflow_id).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise ExternalError(f"The holder {workflow_id} of a lease cannot be looked up: {error}") from error
    return described.status in _ALIVE
