"""One step from its start to its commit on the run's branch. What it needs to be taken up again is in the record."""

import asyncio
import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from temporalio import workflow

from ostinato.contracts.activities import DESCRIBE_CONFLICT, DescribeConflict
from ostinato.contracts.workflows import CarryStep
from ostinato.domain.agents.orders import AgentOrder
from ostinato.domain.errors import InvariantError
from ostinato.domain.execution import Failure, FailureKind, StepOutcome, StepResult, StepState
from ostinato.domain.ids import StepId
from ostinato.domain.inputs import with_inputs
from ostinato.domain.permissions import refuse_forbidden
from ostinato.domain.plan import Step
from ostinato.domain.prompting import Item
from ostinato.domain.prompting.lifting import with_lifted_inputs
from ostinato.domain.relevance import StepContext, as_json, step_context
from ostinato.domain.report import Conflict
from ostinato.domain.variables import variables_of
from ostinato.durable.calls import stop_where_told
from ostinato.durable.carrying import Carrier, DirectCarrier, Room, Slots
from ostinato.durable.continuing import is_sharded
from ostinato.durable.integrating import Integrator
from ostinato.durable.places import PlaceLost, find_place, on_place, patience_of
from ostinato.durable.record import RunRecord
from ostinato.durable.sessions import fitted
from ostinato.durable.shards import ShardPool

MOST_PATIENCE = timedelta(minutes=10)
"""With a worker that answers but does not take the work up: it has too much of it."""


@dataclass(slots=True, kw_only=True)
class Engine:
    """What running steps share."""

    record: RunRecord
    slots: Slots
    integrator: Integrator
    direct: DirectCarrier
    shards: ShardPool
    room: Room
    tasks: "dict[StepId, asyncio.Task[StepResult]]" = field(default_factory=dict)

    @classmethod
    def of(cls, record: RunRecord) -> "Engine":
        taken = {progress.slot for progress in record.progress.values() if progress.slot}
        return cls(
            record=record,
            slots=Slots.of(record.steps.plan.max_parallel, taken),
            integrator=Integrator(record),
            direct=DirectCarrier(record),
            shards=ShardPool(record),
            room=Room(record),
        )

    @property
    def carrier(self) -> Carrier:
        return self.shards if is_sharded(self.record) else self.direct

    @property
    def cap(self) -> int:
        return self.record.steps.plan.max_parallel


def resolved(record: RunRecord, step: Step) -> Step:
    """The step as it will really run; UserError where a reference has no value, or the policy forbids it."""
    if "{{" in step.model_dump_json(include={"action", "checks"}):
        variables = variables_of(record.steps.plan, record.results, step)
        is_for_agents = step.action.kind == "agent" and not step.needs_person
        step = with_lifted_inputs(step, variables)[0] if is_for_agents else with_inputs(step, variables=variables)
    refuse_forbidden(record.request.options.policy, step)
    return step


def lifted(record: RunRecord, step: Step) -> tuple[Item, ...]:
    """What an agent's prompt refers to: it comes along as data, and not as its words."""
    if "{{" not in step.model_dump_json(include={"action"}):
        return ()
    return with_lifted_inputs(step, variables_of(record.steps.plan, record.results, step))[1]


async def attempt(engine: Engine, step: Step, order: AgentOrder | None = None) -> StepResult:
    """One execution, wherever the files are by then."""
    record, progress = engine.record, engine.record.of(step.id)
    if progress.execution > 1 or record.steps.states[step.id] is not StepState.RUNNING:
        record.set_state(step.id, StepState.RUNNING)
    context, patience = "" if order else await _context(engine, step), patience_of(record)
    while True:
        stop_where_told()
        place = record.place
        engine.integrator.started_from[step.id] = record.head
        carried = CarryStep(
            step=resolved(record, step),
            execution=progress.execution,
            slot=progress.tree_of(step.id) if order else progress.slot,
            head=record.head,
            workspace=place,
            context=context,
            order=order.model_copy(update={"notes": progress.given}) if order else None,
            patience_s=patience.total_seconds(),
        )
        try:
            return await bring_in(engine, step, await _carried(engine, carried), epoch=place.epoch)
        except PlaceLost:
            await find_place(record, place.epoch)
            is_busy = record.place.epoch == place.epoch
            order = order.model_copy(update={"moved": True}) if order and not is_busy else order
            patience = min(2 * patience, MOST_PATIENCE) if is_busy else patience_of(record)


async def _carried(engine: Engine, order: CarryStep) -> StepResult:
    step_id = order.step.id
    try:
        result = await engine.carrier.carry(order)
    finally:
        engine.integrator.started_from.pop(step_id, None)
    if result.outside_claim:
        engine.record.steps.claims.widen(step_id, result.outside_claim)
    return result


async def bring_in(engine: Engine, step: Step, result: StepResult, *, epoch: int) -> StepResult:
    """The step's commit on the run's branch; a conflict is a failure that names both sides.

    PlaceLost where another worker took over since the epoch it was made under and the commit stayed with the old one.
    """
    if not result.commit or result.outcome is not StepOutcome.SUCCEEDED:
        return result
    integration = await engine.integrator.integrate(step.id, result.execution, result.commit)
    if integration.missing:
        if engine.record.place.epoch != epoch:
            raise PlaceLost
        raise InvariantError(f"the commit {result.commit} of step {step.id} is gone")
    if not integration.conflicts:
        return result.model_copy(update={"commit": integration.commit})
    record = engine.record
    record.conflicts.append(
        Conflict(step=step.id, execution=result.execution, paths=integration.conflicts[:20], resolution="redone")
    )
    record.steps.claims.widen(step.id, integration.conflicts)
    failure = Failure(
        kind=FailureKind.CONFLICT,
        message=f"its change conflicts with another step's in {', '.join(integration.conflicts[:5])}",
        recommendation=f"Its own version is kept at commit {result.commit[:12]}",
    )
    return result.model_copy(update={"outcome": StepOutcome.FAILED, "failure": failure})


async def _context(engine: Engine, step: Step) -> str:
    """JSON of what it receives: what it declared, and after a conflict both sides of it."""
    record = engine.record
    parts: dict[str, Any] = {}
    if step.context is not None:
        parts["context"] = as_json(received_by(record, step))
    if met := last_conflict(record, step):
        parts["conflict"] = await conflict_diff(record, step, met.execution)
    return json.dumps(parts, ensure_ascii=False) if parts else ""


def last_conflict(record: RunRecord, step: Step) -> Conflict | None:
    """The last that was met, not only forecast."""
    return next((it for it in reversed(record.conflicts) if it.step == step.id and not it.forecast), None)


def received_by(record: RunRecord, step: Step) -> StepContext:
    """What it declared, or what relevance selects; as much of it as a session has room for."""
    found = step_context(
        record.steps.plan,
        tuple(record.results.values()),
        step,
        imported=record.request.options.context,
        decisions=record.decisions.values(),
    )
    return fitted(record, step, found)


async def conflict_diff(record: RunRecord, step: Step, execution: int) -> str:
    described = await on_place(
        record,
        DESCRIBE_CONFLICT,
        lambda place: DescribeConflict(workspace=place, step_id=step.id, execution=execution),
        summary=f"{step.name} · both sides of its conflict",
    )
    return described.diff


async def rest(record: RunRecord, step: Step) -> None:
    """Until its back-off is over; also after the workflow began anew in the middle of it."""
    progress = record.of(step.id)
    if progress.retry_at is None:
        return
    pause = progress.retry_at - workflow.now()
    record.backing_off[step.id] = True
    try:
        if pause > timedelta():
            await workflow.sleep(pause, summary=f"{step.name} · pause before the next try")
    finally:
        record.backing_off.pop(step.id, None)
        progress.retry_at = None


async def until_unobstructed(record: RunRecord, step: Step) -> None:
    """A step that conflicted claims what it conflicted in: it runs again when nobody else writes there."""
    schedule = record.steps
    if not record.of(step.id).conflicts and schedule.claims.is_held(step.id):
        return
    schedule.claims.release(step.id)  # two that wait for each other must not both hold
    schedule.yielding.add(step.id)
    try:
        while (found := schedule.obstacle(step.id)) is not None:
            record.of(step.id).note = f"waits for {found.by}: {found.because}"
            record.stale = True
            await workflow.wait_condition(lambda: schedule.obstacle(step.id) is None)
    finally:
        schedule.yielding.discard(step.id)
    schedule.claims.take(step)


def leave_slot(engine: Engine, step: Step) -> None:
    """Whoever waits for a person, for long or for other steps takes no worktree meanwhile."""
    progress = engine.record.of(step.id)
    if progress.slot:
        engine.slots.give_back(progress.slot)
        progress.slot = ""


async def come_back(engine: Engine, step: Step) -> None:
    """To a slot, after a person was asked. Whoever waits for the step's claims may be in the only one: they are free."""
    schedule = engine.record.steps
    schedule.claims.release(step.id)
    schedule.yielding.add(step.id)
    await engine.room.enter(engine.cap)
    engine.record.set_state(step.id, StepState.PREPARING)
    engine.record.of(step.id).slot = engine.slots.take()
