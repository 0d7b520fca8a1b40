"""The run workflow against a real server and fake activities."""

import asyncio
from datetime import timedelta

import pytest
from temporalio.client import Client, WorkflowFailureError, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError, CancelledError

from ostinato.contracts import activities as contracts
from ostinato.contracts.workflows import Acknowledged, Control, Verdict
from ostinato.domain.decisions import Answer
from ostinato.domain.execution import StepOutcome, StepResult, StepState
from ostinato.domain.ids import DecisionId, StepId
from ostinato.domain.pipeline import Outcome, Phase
from ostinato.domain.plan import AgentAction, AskAction, Step
from ostinato.domain.report import Snapshot
from ostinato.domain.request import Interaction, RunOptions
from tests.fakes.world import World, a_classification, succeeded, tool_step
from tests.workflows.conftest import running
from tests.workflows.steering import a_plan, ask, failed, failing, now_at, state_of, until_decision

pytestmark = [pytest.mark.server, pytest.mark.asyncio(loop_scope="session")]


async def test_a_run_goes_through_every_phase_to_completed(server: Client, cache: int) -> None:
    plan = a_plan(tool_step("one"), tool_step("two", "one"))

    async with running(server, plan, max_cached_workflows=cache) as (handle, world, _):
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
    ) as (handle, _, _):
        await handle.result()

    assert max(most) == 2


async def test_a_critical_failure_stops_the_rest_and_fails_the_run(server: Client, cache: int) -> None:
    plan = a_plan(tool_step("bad"), tool_step("after", "bad"))

    async with running(server, plan, prepare=failing("bad"), max_cached_workflows=cache) as (handle, world, _):
        snapshot = await handle.result()

    assert snapshot.outcome is Outcome.FAILED
    assert snapshot.stop is not None
    assert snapshot.stop.code == "step_failed"
    assert state_of(snapshot, "after") is StepState.BLOCKED
    assert "workspace.publish" in world.names()


async def test_a_failure_that_is_not_critical_degrades_the_run(server: Client) -> None:
    plan = a_plan(tool_step("bad", critical=False), tool_step("good"))

    async with running(server, plan, prepare=failing("bad")) as (handle, _, _):
        snapshot = await handle.result()

    assert snapshot.outcome is Outcome.DEGRADED
    assert state_of(snapshot, "good") is StepState.SUCCEEDED


async def test_a_failed_attempt_is_retried_as_the_next_execution(skipping: Client) -> None:
    plan = a_plan(tool_step("flaky", max_attempts=3))

    async def second_time_lucky(command: contracts.ExecuteStep) -> StepResult:
        return succeeded(command) if command.execution == 2 else failed(command)

    async with running(
        skipping, plan, prepare=lambda world: world.overrides.update({"step.execute": second_time_lucky})
    ) as (handle, _, _):
        snapshot = await handle.result()

    assert snapshot.outcome is Outcome.COMPLETED
    assert snapshot.results[0].execution == 2
    assert [move.target for move in snapshot.transitions][4:6] == [Phase.RECOVERING, Phase.EXECUTING]


async def test_high_risk_waits_for_approval_and_goes_on(server: Client, cache: int) -> None:
    plan = a_plan(tool_step("one"))

    async with running(server, plan, prepare=_risky, max_cached_workflows=cache) as (handle, world, _):
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

    async with running(server, plan, prepare=_risky) as (handle, world, _):
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

    async with running(server, plan, options=options, prepare=_risky) as (handle, _, _):
        high = await handle.result()
    async with running(server, plan, options=options, prepare=_critical) as (handle, _, _):
        critical = await until_decision(handle)
        await handle.signal("approve", {})
        await handle.result()

    assert high.decisions[0].autonomous
    assert critical.is_open


async def test_a_second_answer_is_refused_with_a_reason(server: Client) -> None:
    plan = a_plan(tool_step("one"), Step(id=StepId("ask"), name="Ask", action=AskAction(question="Which way?")))

    async with running(server, plan, prepare=_risky) as (handle, _, _):
        await until_decision(handle)
        await handle.execute_update("approve", Verdict(by="ada"), result_type=Acknowledged)
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await handle.execute_update("reject", Verdict(by="bob"), result_type=Acknowledged)
        question = await until_decision(handle, "question-ask")
        await handle.signal("decide", {"decision": question.id, "option": "continue"})
        await handle.result()

    assert isinstance(refused.value.cause, ApplicationError)
    assert refused.value.cause.type == "decision_answered"


async def test_a_refused_signal_shows_in_the_notes(server: Client) -> None:
    plan = a_plan(tool_step("one"))

    async with running(server, plan, prepare=_risky) as (handle, _, _):
        await until_decision(handle)
        await handle.signal("decide", {"decision": "nonsense", "option": "approve"})
        await handle.signal("approve", "not an object")
        await handle.signal("approve", {"by": "ada"})
        snapshot = await handle.result()

    assert "signal decide refused" in snapshot.notes[0]
    assert "signal approve refused" in snapshot.notes[1]


async def test_a_hand_off_takes_what_the_person_changed(server: Client, cache: int) -> None:
    plan = a_plan(Step(id=StepId("mind"), name="Fix the crash", action=AgentAction(prompt="Fix it")))

    async with running(server, plan, max_cached_workflows=cache) as (handle, world, _):
        decision = await until_decision(handle)
        waiting = await ask(handle, "progress", Snapshot)
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
        _,
    ):
        await handle.signal("decide", {"decision": (await until_decision(handle)).id, "option": "done"})
        again = await until_decision(handle, "handoff-mind-2")
        await handle.signal("decide", {"decision": again.id, "option": "done"})
        snapshot = await handle.result()

    assert "nothing was changed" in again.question
    assert snapshot.outcome is Outcome.COMPLETED


async def test_an_aborted_hand_off_cancels_the_run(server: Client) -> None:
    plan = a_plan(Step(id=StepId("mind"), name="Fix the crash", action=AgentAction(prompt="Fix it")))

    async with running(server, plan) as (handle, _, _):
        await handle.signal("decide", {"decision": (await until_decision(handle)).id, "option": "abort", "by": "ada"})
        snapshot = await handle.result()

    assert snapshot.outcome is Outcome.CANCELLED
    assert snapshot.stop is not None
    assert snapshot.stop.code == "aborted"


async def test_a_deadline_ends_the_wait_for_a_person(skipping: Client) -> None:
    plan = a_plan(Step(id=StepId("mind"), name="Fix the crash", action=AgentAction(prompt="Fix it")))
    options = RunOptions(deadline=await now_at(skipping) + timedelta(days=14))

    async with running(skipping, plan, options=options) as (handle, _, _):
        snapshot = await handle.result()

    assert snapshot.outcome is Outcome.FAILED
    assert snapshot.stop is not None
    assert snapshot.stop.code == "deadline"


async def test_a_paused_run_starts_nothing_until_it_is_resumed(server: Client, cache: int) -> None:
    plan = a_plan(tool_step("one"))

    async with running(
        server, plan, options=RunOptions(interaction=Interaction.CHECKPOINT), max_cached_workflows=cache
    ) as (handle, world, _):
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

    async with running(server, plan, prepare=prepare, max_cached_workflows=cache) as (handle, world, _):
        await asyncio.wait_for(started.wait(), 10)
        await handle.cancel()
        with pytest.raises(WorkflowFailureError) as failed:
            await handle.result()

    assert isinstance(failed.value.cause, CancelledError)
    assert events == ["started", "stopped", "closed"]
    assert world.stored[-1].outcome is Outcome.CANCELLED
    assert state_of(world.stored[-1], "after") is not StepState.SUCCEEDED


async def test_input_that_does_not_fit_fails_the_run_at_once(server: Client) -> None:
    async with running(server, a_plan(tool_step("one"))) as (handle, world, _):
        await handle.result()
        bad = await server.start_workflow("OstinatoRun", {"text": 3}, id=f"bad-{handle.id}", task_queue=world.queue)
        with pytest.raises(WorkflowFailureError) as failed:
            await asyncio.wait_for(bad.result(), 10)

    assert isinstance(failed.value.cause, ApplicationError)
    assert failed.value.cause.type == "PayloadValidationError"


def _risky(world: World) -> None:
    world.classification = a_classification(risk="high", risk_reasons=("touches auth",))


def _critical(world: World) -> None:
    world.classification = a_classification(risk="critical", risk_reasons=("touches payments",))
