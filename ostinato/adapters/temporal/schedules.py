"""Triggers as Temporal Schedules: applied as often as you like, listed, fired at once, removed."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, NoReturn

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionExecutionStartWorkflow,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleDescription,
    ScheduleListDescription,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleState,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.common import TypedSearchAttributes
from temporalio.service import RPCError, RPCStatusCode

from ostinato.domain.base import Fact
from ostinato.domain.errors import ExternalError, UserError

PREFIX = "ostinato-trigger-"
LISTED_WITHIN_S = 10.0
"""What was just written is found in the server's index a moment later."""
_OVERLAP = {policy.name.lower(): policy for policy in ScheduleOverlapPolicy}
_SEPARATOR = " · "
Applied = Literal["created", "updated", "unchanged"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """A schedule as it shall be, and the workflow that it starts."""

    id: str
    schedule: str
    """Cron, or a nickname like @daily."""
    timezone: str
    overlap: str
    jitter_s: float
    catchup_s: float
    paused: bool
    source: str
    digest: str
    """Of everything above and of the input: an equal one needs no update."""
    workflow: str
    workflow_id: str
    """What the time of each start is appended to."""
    task_queue: str
    argument: object
    summary: str
    details: str
    attributes: TypedSearchAttributes

    @property
    def note(self) -> str:
        return _SEPARATOR.join((f"{self.schedule} {self.timezone}", self.source, self.digest))


class Scheduled(Fact):
    """A schedule as the server has it."""

    id: str
    schedule: str
    source: str
    paused: bool
    next_at: tuple[datetime, ...] = ()
    workflow_ids: tuple[str, ...] = ()
    """Of its last starts, the newest first."""
    attributes: dict[str, str] = {}


async def apply_schedule(client: Client, trigger: Trigger) -> Applied:
    """Idempotent; UserError schedule_refused where the server cannot keep it."""
    handle = client.get_schedule_handle(PREFIX + trigger.id)
    try:
        described = await handle.describe()
        if described.schedule.state.note == trigger.note:
            return "unchanged"
        await handle.update(lambda seen: ScheduleUpdate(schedule=_renewed(trigger, seen)))
        return "updated"
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            _raise(error, trigger.id)
    return await _create(client, trigger)


async def _create(client: Client, trigger: Trigger) -> Applied:
    try:
        await client.create_schedule(
            PREFIX + trigger.id, _schedule(trigger, trigger.paused), search_attributes=trigger.attributes
        )
    except ScheduleAlreadyRunningError:  # somebody was faster
        return await apply_schedule(client, trigger)
    except RPCError as error:
        _raise(error, trigger.id)
    return "created"


def _renewed(trigger: Trigger, seen: ScheduleUpdateInput) -> Schedule:
    """A schedule that a person has paused stays so."""
    return _schedule(trigger, trigger.paused or seen.description.schedule.state.paused)


def _schedule(trigger: Trigger, paused: bool) -> Schedule:
    return Schedule(
        action=ScheduleActionStartWorkflow(
            trigger.workflow,
            trigger.argument,
            id=trigger.workflow_id,
            task_queue=trigger.task_queue,
            static_summary=trigger.summary,
            static_details=trigger.details,
            typed_search_attributes=trigger.attributes,
        ),
        spec=ScheduleSpec(
            cron_expressions=[trigger.schedule.strip()],
            time_zone_name=trigger.timezone,
            jitter=timedelta(seconds=trigger.jitter_s) if trigger.jitter_s else None,
        ),
        policy=SchedulePolicy(
            overlap=_OVERLAP[trigger.overlap], catchup_window=timedelta(seconds=max(trigger.catchup_s, 10.0))
        ),
        state=ScheduleState(note=trigger.note, paused=paused),
    )


async def list_schedules(client: Client, begin: str = "", *, known: Sequence[str] = ()) -> tuple[Scheduled, ...]:
    """Those whose id begins so, by id. `known`: waits shortly until these are among them."""
    limit = asyncio.get_running_loop().time() + LISTED_WITHIN_S
    while True:
        try:
            found = [_scheduled(item) async for item in await client.list_schedules() if item.id.startswith(PREFIX)]
        except RPCError as error:
            _raise(error, "the schedules")
        ids = {one.id for one in found}
        if ids.issuperset(known) or asyncio.get_running_loop().time() > limit:
            return tuple(sorted((one for one in found if one.id.startswith(begin)), key=lambda one: one.id))
        await asyncio.sleep(0.2)


async def describe_schedule(client: Client, trigger_id: str) -> Scheduled:
    try:
        return _scheduled(await client.get_schedule_handle(PREFIX + trigger_id).describe())
    except RPCError as error:
        _raise(error, trigger_id)


async def fire_schedule(client: Client, trigger_id: str) -> None:
    """A start now, whatever its overlap policy; the schedule itself goes on."""
    try:
        await client.get_schedule_handle(PREFIX + trigger_id).trigger(overlap=ScheduleOverlapPolicy.ALLOW_ALL)
    except RPCError as error:
        _raise(error, trigger_id)


async def remove_schedule(client: Client, trigger_id: str) -> None:
    """Runs that it has started go on."""
    try:
        await client.get_schedule_handle(PREFIX + trigger_id).delete()
    except RPCError as error:
        _raise(error, trigger_id)


def _scheduled(item: ScheduleListDescription | ScheduleDescription) -> Scheduled:
    state = item.schedule.state if item.schedule else None
    note = (state.note if state else "") or ""
    schedule, _, rest = note.partition(_SEPARATOR)
    actions = item.info.recent_actions if item.info else ()
    started = [
        done.action.workflow_id for done in actions if isinstance(done.action, ScheduleActionExecutionStartWorkflow)
    ]
    return Scheduled(
        id=item.id.removeprefix(PREFIX),
        schedule=schedule,
        source=rest.rpartition(_SEPARATOR)[0],
        paused=bool(state and state.paused),
        next_at=tuple(item.info.next_action_times[:3]) if item.info else (),
        workflow_ids=tuple(reversed(started)),
        attributes={pair.key.name: str(pair.value) for pair in item.typed_search_attributes},
    )


def _raise(error: RPCError, subject: str) -> NoReturn:
    if error.status is RPCStatusCode.NOT_FOUND:
        cure = "See them all: ostinato trigger list"
        raise UserError.of("trigger_unknown", "ID", f"there is no trigger {subject!r}", cure) from error
    if error.status is RPCStatusCode.INVALID_ARGUMENT:
        cure = "Correct its schedule, time zone, jitter or catchup"
        raise UserError.of(
            "schedule_refused", "triggers", f"Temporal refuses {subject}: {error.message}", cure
        ) from error
    if error.status is RPCStatusCode.UNAVAILABLE:
        raise ExternalError(
            "Temporal is not reachable. Start the embedded server: ostinato up", code="temporal_unreachable"
        ) from error
    raise ExternalError(f"Temporal refused {subject}: {error.message}", code="temporal_refused") from error
