"""The client side of a run: start it, ask how it is, answer it, stop it."""

import asyncio
import contextlib
import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn

from temporalio.client import (
    Client,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import ApplicationError, CancelledError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from ostinato.adapters.home import Home
from ostinato.adapters.results import ResultStore
from ostinato.cli.pulses import with_pulses
from ostinato.cli.redacting import fit_to_send
from ostinato.contracts.workflows import (
    MAX_ATTRIBUTE_CHARS,
    PHASE,
    PROGRESS,
    REPOSITORY,
    RUN_WORKFLOW,
    SHARD_WORKFLOW,
    SNAPSHOT,
    TASK_QUEUE,
    Acknowledged,
)
from ostinato.domain.base import Fact
from ostinato.domain.errors import ExternalError, Problem, UserError
from ostinato.domain.execution import StepState
from ostinato.domain.ids import ID_PATTERN, RunId, run_id_of, workflow_id
from ostinato.domain.pipeline import Outcome, Phase
from ostinato.domain.report import Snapshot, Stop, Stored
from ostinato.domain.request import RunRequest, headline

ANSWER_WITHIN_S = 20.0
QUERY_WITHIN = timedelta(seconds=15)
CLOSE_WITHIN_S = 90.0
NO_WORKER = "worker_missing"
MAX_LISTED = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    run_id: RunId
    workflow_id: str
    existing: bool
    """The id was already used: this is that run."""


async def start_run(client: Client, request: RunRequest) -> Started:
    """Idempotent by run id: the same id returns the first run, open or closed."""
    name = workflow_id(request.run_id)
    existing = await _exists(client, name)
    try:
        await client.start_workflow(
            RUN_WORKFLOW,
            request,
            id=name,
            task_queue=TASK_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            static_summary=headline(request.text),
            static_details=_details(request),
            search_attributes=TypedSearchAttributes(
                [
                    SearchAttributePair(REPOSITORY, request.repository[:MAX_ATTRIBUTE_CHARS]),
                    SearchAttributePair(PHASE, Phase.ANALYZING.value),
                ]
            ),
        )
    except WorkflowAlreadyStartedError:
        existing = True
    except RPCError as error:
        raise_rpc(error, name)
    return Started(run_id=request.run_id, workflow_id=name, existing=existing)


def _details(request: RunRequest) -> str:
    options = request.options
    return (
        f"{request.text[:4_000]}\n\n"
        f"- repository: `{request.repository}`\n- base: `{options.base or 'HEAD'}`\n"
        f"- interaction: {options.interaction}\n- requested by: {request.requested_by}"
    )


async def _exists(client: Client, name: str) -> bool:
    try:
        await client.get_workflow_handle(name).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise_rpc(error, name)
    return True


def stored_snapshot(home: Home, run_id: RunId) -> Snapshot | None:
    """A closed run as it was kept; None when there is none, or it is of no known shape."""
    stored = stored_run(home, run_id)
    return stored.snapshot if stored else None


def stored_run(home: Home, run_id: RunId) -> Stored | None:
    try:
        return ResultStore(home).load(run_id)
    except ExternalError:
        return None


def stored_ids(home: Home) -> tuple[RunId, ...]:
    return tuple(RunId(path.stem) for path in sorted(home.results.glob("*.json")) if re.match(ID_PATTERN, path.stem))


def pick_run(text: str, candidates: Iterable[RunId]) -> RunId:
    """The run that a unique prefix names; raises UserError run_unknown or run_ambiguous with the candidates."""
    names = sorted(set(candidates))
    if text in names:
        return RunId(text)
    matching = [name for name in names if name.startswith(text)]
    if len(matching) == 1:
        return matching[0]
    if not matching:
        raise UserError.of("run_unknown", "RUN", f"there is no run {text!r}", "See them all: ostinato list")
    shown = ", ".join(matching[:10]) + (" …" if len(matching) > 10 else "")
    raise UserError.of("run_ambiguous", "RUN", f"{text!r} names {len(matching)} runs", f"Choose one of: {shown}")


async def find_run(client: Client, home: Home, text: str) -> RunId:
    """By id or unique prefix, among stored and running ones."""
    check_run_name(text)
    if await _exists(client, workflow_id(RunId(text))):
        return RunId(text)
    begin = re.sub(r"-\d{5,8}(t\d{0,6}z?)?$", "", text)  # the time of a schedule's start reads otherwise there
    query = f"WorkflowType = '{RUN_WORKFLOW}' AND WorkflowId STARTS_WITH '{workflow_id(RunId(begin))}'"
    running = [run_id_of(item.id) async for item in client.list_workflows(query, limit=MAX_LISTED)]
    return pick_run(text, (*stored_ids(home), *running))


def check_run_name(text: str) -> None:
    if not re.match(ID_PATTERN, text):
        raise UserError.of("run_unknown", "RUN", f"{text!r} is not the id of a run", "See them all: ostinato list")


async def open_runs(client: Client, limit: int | None = MAX_LISTED) -> tuple[RunId, ...]:
    query = f"WorkflowType = '{RUN_WORKFLOW}' AND ExecutionStatus = 'Running'"
    try:
        return tuple([run_id_of(item.id) async for item in client.list_workflows(query, limit=limit)])
    except RPCError as error:
        raise_rpc(error, "the list of runs")


class RunLine(Fact):
    """One run in a list."""

    run_id: RunId
    state: str
    task_type: str = ""
    repository: str = ""
    request: str = ""
    needs_person: bool = False
    parked_until: datetime | None = None
    """An account that it waits for: when the first of its limits is lifted."""
    started_at: datetime | None = None
    ended_at: datetime | None = None


def line_of(snapshot: Snapshot) -> RunLine:
    return RunLine(
        run_id=snapshot.run_id,
        state=snapshot.outcome or snapshot.phase,
        task_type=snapshot.classification.task_type if snapshot.classification else "",
        repository=snapshot.request.repository,
        request=headline(snapshot.request.text),
        needs_person=bool(snapshot.pending_decisions) and snapshot.outcome is None,
        parked_until=_parked_until(snapshot),
        started_at=snapshot.started_at,
        ended_at=snapshot.ended_at,
    )


def _parked_until(snapshot: Snapshot) -> datetime | None:
    """None while anything of it works."""
    working = any(todo.state in (StepState.PREPARING, StepState.RUNNING) for todo in snapshot.todos)
    ends = [quota.until for quota in snapshot.quotas if snapshot.outcome is None and not working]
    return min(ends, default=None)


async def list_open(client: Client) -> list[RunLine]:
    """Every run that the server knows, from visibility and the runs' own progress where a worker answers."""
    lines = []
    for run_id in await open_runs(client):
        try:
            lines.append(line_of(await glance(client, run_id)))
        except (ExternalError, UserError):
            described = await client.get_workflow_handle(workflow_id(run_id)).describe()
            lines.append(RunLine(run_id=run_id, state="unanswered", started_at=described.start_time))
    return lines


async def glance(client: Client, run_id: RunId) -> Snapshot:
    """What people follow a run by: without plan and results, and of a large plan only the steps worth showing."""
    return await with_pulses(client, await query_snapshot(client, run_id, query=PROGRESS))


async def query_snapshot(client: Client, run_id: RunId, *, query: str = SNAPSHOT) -> Snapshot:
    """The run's own answer; ExternalError worker_missing where nobody answers for it."""
    handle = client.get_workflow_handle(workflow_id(run_id))
    try:
        seen: Snapshot = await handle.query(query, result_type=Snapshot, rpc_timeout=QUERY_WITHIN)
    except WorkflowQueryFailedError as error:
        raise ExternalError(f"run {run_id} does not answer: {error}", code="run_unanswered") from error
    except RPCError as error:
        raise_rpc(error, run_id)
    return seen


async def snapshot(client: Client, home: Home, run_id: RunId) -> Snapshot:
    """A closed run as it was stored, else the run's own answer, else the workflow's result."""
    if kept := stored_snapshot(home, run_id):
        return kept
    try:
        return await with_pulses(client, await query_snapshot(client, run_id))
    except (ExternalError, UserError):
        if ended := await _result_if_closed(client, run_id) or await _before_it_went_on(client, home, run_id):
            return ended
        raise


async def _before_it_went_on(client: Client, home: Home, run_id: RunId) -> Snapshot | None:
    """What was set aside for a continuation that never began: nothing is open, so it is the last word."""
    kept = ResultStore(home).previous(run_id)
    try:
        return kept.snapshot if kept and await has_closed(client, run_id) else None
    except UserError:  # the server has forgotten it
        return kept.snapshot if kept else None


async def _result_if_closed(client: Client, run_id: RunId) -> Snapshot | None:
    handle: WorkflowHandle[object, Snapshot] = client.get_workflow_handle(workflow_id(run_id), result_type=Snapshot)
    try:
        if (await handle.describe()).status is not WorkflowExecutionStatus.COMPLETED:
            return None
        return await handle.result(follow_runs=False)
    except (RPCError, WorkflowFailureError):
        return None


async def describe(client: Client, run_id: RunId) -> WorkflowExecutionDescription:
    try:
        return await client.get_workflow_handle(workflow_id(run_id)).describe()
    except RPCError as error:
        raise_rpc(error, run_id)


async def has_closed(client: Client, run_id: RunId) -> bool:
    return (await describe(client, run_id)).status is not WorkflowExecutionStatus.RUNNING


async def send(client: Client, run_id: RunId, update: str, message: Fact) -> Acknowledged:
    """An update without secrets, answered within seconds; its refusal is a UserError with the run's own reason."""
    message = fit_to_send(message)
    handle = client.get_workflow_handle(workflow_id(run_id))
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            answer: Acknowledged = await handle.execute_update(
                update, message, id=os.urandom(8).hex(), result_type=Acknowledged
            )
            return answer
    except WorkflowUpdateFailedError as error:
        raise _refusal(error) from error
    except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError) as error:
        raise no_worker(run_id) from error
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND and await _exists(client, workflow_id(run_id)):
            raise UserError.of(
                "run_ended", "RUN", f"run {run_id} has ended", f"See what it came to: ostinato report {run_id}"
            ) from error
        raise_rpc(error, run_id)


def _refusal(error: WorkflowUpdateFailedError) -> UserError:
    cause = error.cause
    if not isinstance(cause, ApplicationError):
        return UserError.of("refused", "RUN", str(cause), "See: ostinato why RUN")
    if cause.details and isinstance(cause.details[0], dict) and {"code", "message"} <= set(cause.details[0]):
        return UserError([Problem.model_validate(cause.details[0])])
    return UserError.of(cause.type or "refused", "RUN", cause.message, "")


async def cancel_run(client: Client, home: Home, run_id: RunId) -> Snapshot | None:
    """Ask the run to stop and wait until it has: its processes are gone by then. None: still stopping."""
    handle: WorkflowHandle[object, Snapshot] = client.get_workflow_handle(workflow_id(run_id), result_type=Snapshot)
    try:
        await handle.cancel()
        async with asyncio.timeout(CLOSE_WITHIN_S):
            return await handle.result()
    except TimeoutError:
        return None
    except WorkflowFailureError as error:
        if not isinstance(error.cause, CancelledError):
            raise ExternalError(f"run {run_id} ended without a report: {error.cause}", code="run_failed") from error
    return await snapshot(client, home, run_id)


async def terminate_run(client: Client, home: Home, run_id: RunId, reason: str, now: datetime) -> Snapshot | None:
    """End it at once; its last known state is stored as cancelled. None where nobody could tell that state."""
    try:
        last = await query_snapshot(client, run_id)
    except ExternalError:
        last = None
    try:
        await client.get_workflow_handle(workflow_id(run_id)).terminate(reason=reason)
        await _terminate_shards(client, run_id, reason)
    except RPCError as error:
        raise_rpc(error, run_id)
    if last is None:
        return None
    way = f"Go on: ostinato retry {run_id}" if last.todos else f"Start it again: {_again(last.request)}"
    stop = Stop(outcome=Outcome.CANCELLED, code="terminated", message=reason, cure=way)
    ended = last.model_copy(update={"phase": Phase.ENDED, "outcome": Outcome.CANCELLED, "stop": stop, "ended_at": now})
    ResultStore(home).save(Stored(snapshot=ended))
    return ended


async def _terminate_shards(client: Client, run_id: RunId, reason: str) -> None:
    """The child workflows that carry a large plan outlive their run by design."""
    query = (
        f"WorkflowType = '{SHARD_WORKFLOW}' AND ExecutionStatus = 'Running' "
        f"AND WorkflowId STARTS_WITH '{workflow_id(run_id)}/shard-'"
    )
    names = {item.id async for item in client.list_workflows(query, limit=MAX_LISTED)}
    for name in names:
        with contextlib.suppress(RPCError):  # it ended by itself
            await client.get_workflow_handle(name).terminate(reason=reason)


def _again(request: RunRequest) -> str:
    return f"ostinato run {json.dumps(headline(request.text), ensure_ascii=False)} --repo {request.repository}"


def no_worker(run_id: str) -> ExternalError:
    return ExternalError(
        f"no worker answered for {run_id} within {QUERY_WITHIN.total_seconds():.0f} s: the run loses nothing. "
        "Start a worker, if none runs: ostinato up",
        code=NO_WORKER,
    )


def raise_rpc(error: RPCError, subject: str) -> NoReturn:
    if error.status is RPCStatusCode.NOT_FOUND:
        raise UserError.of(
            "run_unknown", "RUN", f"Temporal knows no run {subject!r}", "See them all: ostinato list"
        ) from error
    if error.status in (RPCStatusCode.FAILED_PRECONDITION, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED):
        raise no_worker(subject) from error
    if error.status is RPCStatusCode.UNAVAILABLE:
        raise ExternalError(
            "Temporal is not reachable. Start the embedded server: ostinato up", code="temporal_unreachable"
        ) from error
    raise ExternalError(f"Temporal refused {subject}: {error.message}", code="temporal_refused") from error
