"""The run workflow against a real server and fake activities."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.client import Client, WorkflowFailureError, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError, CancelledError

from ostinato.contracts import activities as contracts
from ostinato.contracts.workflows import Acknowledged, Control, Verdict
from ostinato.domain.decisions import Answer, Decision
from ostinato.domain.execution import Failure, FailureKind, StepOutcome, StepResult, StepState
from ostinato.domain.ids import DecisionId, StepId
from ostinato.domain.pipeline import Outcome, Phase
from ostinato.domain.plan import AgentAction, AskAction, Plan, Step
from ostinato.domain.report import Snapshot
from ostinato.domain.request import Interaction, RunOptions
from ostinato.domain.workspace import Integration
from tests.fakes.world import World, a_classification, succeeded, tool_step
from tests.workflows.conftest import running

pytestmark = [pytest.mark.server, pytest.mark.asyncio(loop_scope="session")]


_OF_A_RUN = [contract for contract in contracts.ALL if not contract.name.startswith(("merge", "step.collect"))]


def a_plan(*steps: Step, **fields: Any) -> Plan:
    return Plan(id="test", steps=steps, **fields)


def state_of(snapshot: Snapshot, step_id: str) -> StepState:
    return next(todo.state for todo in snapshot.todos if todo.id == step_id)


async def until_decision(handle: Any) -> Decision:
    """The first decision that waits for an answer."""
    for _ in range(200):
        pending = await handle.query("pending_decisions", result_type=list[Decision])
        if pending:
            first: Decision = pending[0]
            return first
        await asyncio.sleep(0.02)
    raise AssertionError("no decision was asked")


async def test_a_run_goes_through_every_phase_to_completed(server: Client, cache: int) -> None:
    plan = a_plan(tool_step("one"), tool_step("two", "one"))

    async with running(server, plan, max_cached_workflows=cache) as (handle, world):
        snapshot = await handle.result()

    assert snapshot.outcome is Outcome.COMPLETED
    assert [move.target for move in snapshot.transitions] == [
        Phase.PLANNING, Phase.PREFLIGHT, Phase.ACTIVATING, Phase.EXECUTING, Phase.VALIDATING, Phase.COMPLETING, Phase.ENDED,
    ]  # fmt: skip
    assert world.executed() == ["one", "two"]
    assert world.stored[-1].outcome is Outcome.COMPLETED


async def test_independent_steps_run_side_by_side_under_the_cap(server: Client, cache: int) -> None:
    plan = a_plan(*(tool_step(f"s{n}") for n in range(6)), max_parallel=2)

    async def slow(command: contracts.ExecuteStep) -> StepResult:
        running_now.add(command.step.id)
        most.append(len(running_now))
        await asyncio.sleep(0.05)
        running_now.discard(command.step.id)
        return succeeded(command)

    running_now: set[str] = set()
    most: list[int] = []
    async with running(
        server, plan, prepare=lambda world: world.overrides.update({"step.execute": slow}), max_cached_workflows=cache
    ) as (handle, _):
        await handle.result()

    assert max(most) == 2


async def test_a_critical_failure_stops_the_rest_and_fails_the_run(server: Client, cache: int) -> None:
    plan = a_plan(tool_step("bad"), tool_step("after", "bad"))

    async with running(server, plan, prepare=_failing("bad"), max_cached_workflows=cache) as (handle, world):
        snapshot = await handle.result()

    assert snapshot.outcome is Outcome.FAILED
    assert snapshot.stop is not None
    assert snapshot.stop.code == "step_failed"
    assert state_of(snapshot, "after") is StepState.BLOCKED
    assert "workspace.publish" in world.names()


async def test_a_failure_that_is_not_critical_degrades_the_run(server: Client) -> None:
    plan = a_plan(tool_step("bad", critical=False), tool_step("good"))

    async with running(server, plan, prepare=_failing("bad")) as (handle, _):
        snapshot = await handle.result()

    assert snapshot.outcome is Outcome.DEGRADED
    assert state_of(snapshot, "good") is StepState.SUCCEEDED


async def test_a_failed_attempt_is_retried_as_the_next_execution(skipping: Client) -> None:
    plan = a_plan(tool_step("flaky", max_attempts=3))

    async def second_time_lucky(command: contracts.ExecuteStep) -> StepResult:
        return succeeded(command) if command.execution == 2 else _failure(command)

    async with running(
        skipping, plan, prepare=lambda world: world.overrides.update({"step.execute": second_time_lucky})
    ) as (handle, _):
        snapshot = await handle.result()

    assert snapshot.outcome is Outcome.COMPLETED
    assert snapshot.results[0].execution == 2
    assert [move.target for move in snapshot.transitions][4:6] == [Phase.RECOVERING, Phase.EXECUTING]


async def test_a_conflict_is_redone_on_the_new_head(server: Client, cache: int) -> None:
    plan = a_plan(tool_step("edit"))

    async def conflict_once(command: contracts.IntegrateSteps) -> contracts.Integrated:
        step = command.steps[0]
        if step.execution == 1:
            conflict = Integration(head=command.head, conflicts=("a.py",))
            return contracts.Integrated(integrations=(conflict,), head=command.head)
        return contracts.Integrated(integrations=(Integration(head=step.commit, commit=step.commit),), head=step.commit)

    async with running(
        server,
        plan,
        prepare=lambda world: world.overrides.update({"step.integrate": conflict_once}),
        max_cached_workflows=cache,
    ) as (handle, _):
        snapshot = await handle.result()

    assert snapshot.outcome is Outcome.COMPLETED
    assert snapshot.recoveries[0].strategy == "resequence"


async def test_high_risk_waits_for_approval_and_goes_on(server: Client, cache: int) -> None:
    plan = a_plan(tool_step("one"))

    async with running(server, plan, prepare=_risky, max_cached_workflows=cache) as (handle, world):
        decision = await until_decision(handle)
        before = world.executed()
        await handle.execute_update("approve", Verdict(by="ada"), result_type=Acknowledged)
        snapshot = await handle.result()

    assert decision.id == "approval"
    assert before == []
    assert snapshot.outcome is Outcome.COMPLETED
    assert snapshot.decisions[0].answer == Answer(decision=DecisionId("approval"), option="approve", by="ada")


async def test_a_rejected_plan_is_never_executed(server: Client) -> None:
    plan = a_plan(tool_step("one"))

    async with running(server, plan, prepare=_risky) as (handle, world):
        await until_decision(handle)
        await handle.signal("reject", {"by": "ada", "note": "not today"})
        snapshot = await handle.result()

    assert snapshot.outcome is Outcome.CANCELLED
    assert snapshot.stop is not None
    assert snapshot.stop.message == "ada rejected the plan: not today"
    assert world.executed() == []


async def test_yes_approves_high_risk_in_advance_but_never_critical(server: Client) -> None:
    plan = a_plan(tool_step("one"))
    options = RunOptions(approve_in_advance=True)

    async with running(server, plan, options=options, prepare=_risky) as (handle, _):
        high = await handle.result()
    async with running(server, plan, options=options, prepare=_critical) as (handle, _):
        critical = await until_decision(handle)
        await handle.signal("approve", {})
        await handle.result()

    assert high.decisions[0].autonomous
    assert critical.is_open


async def test_a_second_answer_is_refused_with_a_reason(server: Client) -> None:
    plan = a_plan(tool_step("one"), Step(id=StepId("ask"), name="Ask", action=AskAction(question="Which way?")))

    async with running(server, plan, prepare=_risky) as (handle, _):
        await until_decision(handle)
        await handle.execute_update("approve", Verdict(by="ada"), result_type=Acknowledged)
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await handle.execute_update("reject", Verdict(by="bob"), result_type=Acknowledged)
        question = await _decision(handle, "question-ask")
        await handle.signal("decide", {"decision": question.id, "option": "continue"})
        await handle.result()

    assert isinstance(refused.value.cause, ApplicationError)
    assert refused.value.cause.type == "decision_answered"


async def test_a_refused_signal_shows_in_the_notes(server: Client) -> None:
    plan = a_plan(tool_step("one"))

    async with running(server, plan, prepare=_risky) as (handle, _):
        await until_decision(handle)
        await handle.signal("decide", {"decision": "nonsense", "option": "approve"})
        await handle.signal("approve", "not an object")
        await handle.signal("approve", {"by": "ada"})
        snapshot = await handle.result()

    assert "signal decide refused" in snapshot.notes[0]
    assert "signal approve refused" in snapshot.notes[1]


async def test_a_hand_off_takes_what_the_person_changed(server: Client, cache: int) -> None:
    plan = a_plan(Step(id=StepId("mind"), name="Fix the crash", action=AgentAction(prompt="Fix it")))

    async with running(server, plan, max_cached_workflows=cache) as (handle, world):
        decision = await until_decision(handle)
        waiting = await handle.query("progress", result_type=Snapshot)
        await handle.execute_update(
            "decide", Answer(decision=decision.id, option="done", by="ada"), result_type=Acknowledged
        )
        snapshot = await handle.result()

    assert waiting.phase is Phase.ESCALATING
    assert decision.worktree == "/home/handoff-mind"
    assert snapshot.outcome is Outcome.COMPLETED
    assert snapshot.results[0].agent == "person:ada"
    assert "step.integrate" in world.names()


async def test_done_without_a_change_is_asked_about_once(server: Client) -> None:
    plan = a_plan(Step(id=StepId("mind"), name="Fix the crash", action=AgentAction(prompt="Fix it")))

    async def unchanged(command: contracts.CollectStep) -> StepResult:
        return StepResult(step_id=command.step.id, outcome=StepOutcome.SUCCEEDED, summary="no change")

    async with running(server, plan, prepare=lambda world: world.overrides.update({"step.collect": unchanged})) as (
        handle,
        _,
    ):
        await handle.signal("decide", {"decision": (await until_decision(handle)).id, "option": "done"})
        again = await _decision(handle, "handoff-mind-2")
        await handle.signal("decide", {"decision": again.id, "option": "done"})
        snapshot = await handle.result()

    assert "nothing was changed" in again.question
    assert snapshot.outcome is Outcome.COMPLETED


async def test_an_aborted_hand_off_cancels_the_run(server: Client) -> None:
    plan = a_plan(Step(id=StepId("mind"), name="Fix the crash", action=AgentAction(prompt="Fix it")))

    async with running(server, plan) as (handle, _):
        await handle.signal("decide", {"decision": (await until_decision(handle)).id, "option": "abort", "by": "ada"})
        snapshot = await handle.result()

    assert snapshot.outcome is Outcome.CANCELLED
    assert snapshot.stop is not None
    assert snapshot.stop.code == "aborted"


async def test_a_deadline_ends_the_wait_for_a_person(skipping: Client) -> None:
    plan = a_plan(Step(id=StepId("mind"), name="Fix the crash", action=AgentAction(prompt="Fix it")))
    options = RunOptions(deadline=datetime.now(UTC) + timedelta(days=14))

    async with running(skipping, plan, options=options) as (handle, _):
        snapshot = await handle.result()

    assert snapshot.outcome is Outcome.FAILED
    assert snapshot.stop is not None
    assert snapshot.stop.code == "deadline"


async def test_a_paused_run_starts_nothing_until_it_is_resumed(server: Client, cache: int) -> None:
    plan = a_plan(tool_step("one"))

    async with running(
        server, plan, options=RunOptions(interaction=Interaction.CHECKPOINT), max_cached_workflows=cache
    ) as (handle, world):
        await until_decision(handle)
        await handle.execute_update("pause", Control(by="ada"), result_type=Acknowledged)
        await handle.signal("approve", {"by": "ada"})
        await asyncio.sleep(0.3)
        while_paused = world.executed()
        await handle.execute_update("resume", Control(by="ada"), result_type=Acknowledged)
        snapshot = await handle.result()

    assert while_paused == []
    assert snapshot.outcome is Outcome.COMPLETED


async def test_cancelling_stops_the_step_first_and_still_stores_the_report(server: Client, cache: int) -> None:
    plan = a_plan(tool_step("long"), tool_step("after", "long"))
    events: list[str] = []
    started = asyncio.Event()

    async def until_cancelled(command: contracts.ExecuteStep) -> StepResult:
        events.append("started")
        started.set()
        try:
            await asyncio.sleep(30)
        finally:
            await asyncio.sleep(0.2)
            events.append("stopped")
        raise AssertionError("never cancelled")

    async def closed(command: contracts.CloseWorkspace) -> contracts.ClosedWorkspace:
        events.append("closed")
        return contracts.ClosedWorkspace()

    def prepare(world: World) -> None:
        world.overrides.update({"step.execute": until_cancelled, "workspace.close": closed})

    async with running(server, plan, prepare=prepare, max_cached_workflows=cache) as (handle, world):
        await asyncio.wait_for(started.wait(), 10)
        await handle.cancel()
        with pytest.raises(WorkflowFailureError) as failed:
            await handle.result()

    assert isinstance(failed.value.cause, CancelledError)
    assert events == ["started", "stopped", "closed"]
    assert world.stored[-1].outcome is Outcome.CANCELLED
    assert state_of(world.stored[-1], "after") is not StepState.SUCCEEDED


async def test_input_that_does_not_fit_fails_the_run_at_once(server: Client) -> None:
    async with running(server, a_plan(tool_step("one"))) as (handle, world):
        await handle.result()
        bad = await server.start_workflow("OstinatoRun", {"text": 3}, id=f"bad-{handle.id}", task_queue=world.queue)
        with pytest.raises(WorkflowFailureError) as failed:
            await asyncio.wait_for(bad.result(), 10)

    assert isinstance(failed.value.cause, ApplicationError)
    assert failed.value.cause.type == "PayloadValidationError"


@pytest.mark.parametrize("contract", _OF_A_RUN, ids=lambda contract: str(contract.name))
async def test_whichever_activity_raises_the_run_ends_in_a_declared_outcome(
    server: Client, contract: contracts.ActivityContract[Any, Any]
) -> None:
    async def broken(_: object) -> None:
        raise ApplicationError("it broke", type="broken", non_retryable=True)

    async with running(
        server, a_plan(tool_step("one")), prepare=lambda world: world.overrides.update({contract.name: broken})
    ) as (handle, world):
        snapshot = await asyncio.wait_for(handle.result(), 20)

    stored = contract.name != "report.store"
    assert snapshot.outcome is (Outcome.FAILED if stored else Outcome.COMPLETED)
    assert snapshot.phase is Phase.ENDED
    assert bool(world.stored) is stored


async def _decision(handle: Any, decision_id: str) -> Decision:
    for _ in range(200):
        found: list[Decision] = await handle.query("pending_decisions", result_type=list[Decision])
        for decision in found:
            if decision.id == decision_id:
                return decision
        await asyncio.sleep(0.02)
    raise AssertionError(f"{decision_id} was not asked")


def _failure(command: contracts.ExecuteStep) -> StepResult:
    failure = Failure(kind=FailureKind.EXIT_STATUS, message="exit status 1")
    return StepResult(step_id=command.step.id, execution=command.execution, outcome=StepOutcome.FAILED, failure=failure)


def _failing(step_id: str) -> Any:
    async def fail(command: contracts.ExecuteStep) -> StepResult:
        return _failure(command) if command.step.id == step_id else succeeded(command)

    return lambda world: world.overrides.update({"step.execute": fail})


def _risky(world: World) -> None:
    world.classification = a_classification(risk="high", risk_reasons=("touches auth",))


def _critical(world: World) -> None:
    world.classification = a_classification(risk="critical", risk_reasons=("touches payments",))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heartbeats are missed after a second instead of twenty."""
    monkeypatch.setattr("ostinato.durable.calls.heartbeat_of", lambda contract: timedelta(seconds=1))


@pytest.mark.slow
@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("contract", _OF_A_RUN, ids=lambda contract: str(contract.name))
async def test_whichever_activity_falls_silent_is_tried_again_and_its_late_answer_changes_nothing(
    server: Client, contract: contracts.ActivityContract[Any, Any]
) -> None:
    tries: list[int] = []
    late = asyncio.Event()

    def prepare(world: World) -> None:
        usual = world.usual(contract.name)

        async def silent_at_first(argument: Any) -> Any:
            tries.append(1)
            if len(tries) > 1:
                return await usual(argument)
            world.silence()
            await asyncio.sleep(2)
            late.set()
            return await usual(argument)

        world.overrides[contract.name] = silent_at_first

    async with running(server, a_plan(tool_step("one")), prepare=prepare) as (handle, world):
        snapshot = await asyncio.wait_for(handle.result(), 30)
        await asyncio.wait_for(late.wait(), 10)

    assert snapshot.outcome is Outcome.COMPLETED
    assert len(tries) >= 2
    assert len(snapshot.results) == 1
    assert world.stored[-1].outcome is Outcome.COMPLETED
