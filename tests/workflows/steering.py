"""What tests say to a run, and what they wait for."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.empty_pb2 import Empty
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from ostinato.contracts import activities as contracts
from ostinato.contracts.workflows import SNAPSHOT, Acknowledged, Control
from ostinato.domain.decisions import Answer, Decision
from ostinato.domain.execution import Failure, FailureKind, StepOutcome, StepResult, StepState
from ostinato.domain.ids import StepId
from ostinato.domain.plan import Plan, Step
from ostinato.domain.report import Snapshot
from ostinato.domain.surgery import PlanChange
from ostinato.domain.workspace import Integration
from tests.fakes.world import World, succeeded

Handle = WorkflowHandle[Any, Snapshot]
QUERY_PATIENCE = timedelta(seconds=4)
QUERY_TRIES = 4


def a_plan(*steps: Step, **fields: Any) -> Plan:
    return Plan(id="test", steps=steps, **fields)


def overriding(**behaviours: Any) -> Callable[[World], None]:
    """`step_execute=…` stands for step.execute."""
    named = {name.replace("_", ".", 1): behaviour for name, behaviour in behaviours.items()}
    return lambda world: world.overrides.update(named)


def state_of(snapshot: Snapshot, step_id: str) -> StepState:
    return next(todo.state for todo in snapshot.todos if todo.id == step_id)


def states_of(snapshot: Snapshot) -> dict[str, str]:
    return {todo.id: todo.state.value for todo in snapshot.todos}


async def until(condition: Callable[[], object], within_s: float = 20) -> None:
    for _ in range(int(within_s / 0.02)):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it never came true")


async def until_decision(handle: Handle, decision_id: str = "") -> Decision:
    """The named decision, or the first, when it waits for an answer."""
    async with asyncio.timeout(60):
        while True:
            pending: list[Decision] = await ask(handle, "pending_decisions", list[Decision])
            for decision in pending:
                if decision_id in ("", decision.id):
                    return decision
            await asyncio.sleep(0.02)


async def until_seen(handle: Handle, condition: Callable[[Snapshot], object]) -> Snapshot:
    """The whole run, as soon as this holds of it."""
    for _ in range(400):
        if condition(snapshot := await snapshot_of(handle)):
            return snapshot
        await asyncio.sleep(0.05)
    raise AssertionError("it was never seen")


async def snapshot_of(handle: Handle) -> Snapshot:
    snapshot: Snapshot = await ask(handle, SNAPSHOT, Snapshot)
    return snapshot


async def now_at(client: Client) -> datetime:
    """Of a server that skips time: tests before this one may have left it far in the future."""
    answered = await client.test_service.get_current_time(Empty())
    return answered.time.ToDatetime(tzinfo=UTC)


async def ask(handle: Handle, query: str, kind: Any) -> Any:
    """Once more where the server lost the question, as it can when a worker that caches nothing answers."""
    for _ in range(QUERY_TRIES - 1):
        try:
            return await handle.query(query, result_type=kind, rpc_timeout=QUERY_PATIENCE)
        except RPCError as error:
            if error.status not in (RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED):
                raise
    return await handle.query(query, result_type=kind)


async def answer(handle: Handle, decision: Decision, option: str) -> None:
    given = Answer(decision=decision.id, option=option, by="ada")
    await handle.execute_update("decide", given, result_type=Acknowledged)


async def pause(handle: Handle) -> None:
    await handle.execute_update("pause", Control(by="ada"), result_type=Acknowledged)


async def resume(handle: Handle) -> None:
    await handle.execute_update("resume", Control(by="ada"), result_type=Acknowledged)


async def change(handle: Handle, kind: str, **fields: Any) -> str:
    made = PlanChange.model_validate({"kind": kind, "by": "ada", **fields})
    done: Acknowledged = await handle.execute_update("change_plan", made, result_type=Acknowledged)
    return done.message


def failed(command: contracts.ExecuteStep, kind: FailureKind = FailureKind.EXIT_STATUS) -> StepResult:
    failure = Failure(kind=kind, message="exit status 1")
    return StepResult(step_id=command.step.id, execution=command.execution, outcome=StepOutcome.FAILED, failure=failure)


def failing(*step_ids: str) -> Callable[[World], None]:
    async def execute(command: contracts.ExecuteStep) -> StepResult:
        return failed(command) if command.step.id in step_ids else succeeded(command)

    return overriding(step_execute=execute)


def conflicting(step_id: str, executions: int) -> Callable[[contracts.IntegrateSteps], Any]:
    """The first so many executions of this step conflict in a.py."""

    async def integrate(command: contracts.IntegrateSteps) -> contracts.Integrated:
        head, done = command.head, list[Integration]()
        for step in command.steps:
            if step.step_id == StepId(step_id) and step.execution <= executions:
                done.append(Integration(head=head, conflicts=("a.py",)))
            else:
                head = step.commit
                done.append(Integration(head=head, commit=step.commit))
        return contracts.Integrated(integrations=tuple(done), head=head)

    return integrate
