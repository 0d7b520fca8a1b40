"""What recovery decides is carried out: waits for limits, other forms of a step, steps of its own, questions."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from temporalio import activity
from temporalio.client import Client

from ostinato.contracts import activities as contracts
from ostinato.domain.diagnosis import Diagnosis, ErrorClass
from ostinato.domain.execution import Failure, FailureKind, StepOutcome, StepResult, StepState
from ostinato.domain.gates import Severity
from ostinato.domain.pipeline import Outcome, Phase
from ostinato.domain.plan import ToolAction
from ostinato.domain.precautions import Limits, Usage
from ostinato.domain.report import Snapshot
from ostinato.domain.request import Interaction, RunOptions
from tests.fakes.world import World, succeeded, tool_step
from tests.workflows.conftest import running
from tests.workflows.steering import a_plan, answer, now_at, state_of, states_of, until_decision, until_seen

pytestmark = [pytest.mark.server, pytest.mark.asyncio(loop_scope="session")]
Executing = Callable[[contracts.ExecuteStep], Any]


def diagnosed(command: contracts.ExecuteStep, code: str, error_class: ErrorClass, **fields: Any) -> StepResult:
    """A failure that whoever saw it has classified."""
    found = Diagnosis(error_class=error_class, severity=Severity.MINOR, code=code, because=f"it said {code}", **fields)
    failure = Failure(kind=FailureKind.EXIT_STATUS, message=f"exit status 1: {code}", diagnosis=found)
    return StepResult(step_id=command.step.id, execution=command.execution, outcome=StepOutcome.FAILED, failure=failure)


def executing(execute: Executing) -> Callable[[World], None]:
    return lambda world: world.overrides.update({"step.execute": execute})


async def test_a_limit_parks_the_account_until_it_is_lifted_and_the_rest_goes_on(skipping: Client) -> None:
    lifted = await now_at(skipping) + timedelta(hours=5)
    began: dict[str, datetime] = {}

    async def limited(command: contracts.ExecuteStep) -> StepResult:
        began[f"{command.step.id}{command.execution}"] = activity.info().started_time
        if command.step.id == "first" and command.execution == 1:
            return diagnosed(command, "rate_limited", ErrorClass.RATE_LIMIT, reset_at=lifted)
        return succeeded(command)

    plan = a_plan(
        tool_step("first", account="acme"),
        tool_step("second", account="acme"),
        tool_step("other", account="else"),
        tool_step("after", "other"),
        max_parallel=1,
    )
    async with running(skipping, plan, prepare=executing(limited)) as (handle, _, _):
        parked = await until_seen(handle, lambda it: states_of(it).get("after") == "succeeded")
        snapshot = await handle.result()

    assert [(quota.account, quota.step) for quota in parked.quotas] == [("acme", "first")]
    assert (state_of(parked, "first"), state_of(parked, "second")) == (StepState.WAITING, StepState.PENDING)
    assert (parked.phase, parked.pending_decisions) == (Phase.RECOVERING, ())
    assert began["after1"] < lifted <= min(began["first2"], began["second1"])
    assert snapshot.outcome is Outcome.COMPLETED
    assert snapshot.quotas == ()


def failing_in_its_own_way(*good: str) -> Executing:
    async def execute(command: contracts.ExecuteStep) -> StepResult:
        name = str(command.step.id)
        if name in good:
            return succeeded(command)
        return diagnosed(command, "exit_status", ErrorClass.FAILURE, signature=f"exit_status: {name}")

    return execute


MANY = a_plan(
    *(tool_step(f"bad{number}", critical=False, on_failure="give_up") for number in range(4)),
    tool_step("good"),
    tool_step("worse", "good", critical=False, on_failure="give_up"),
    tool_step("last", "good"),
    max_parallel=1,
)


async def test_a_run_in_which_too_much_fails_ends_where_nobody_is_to_be_asked(server: Client) -> None:
    async with running(server, MANY, prepare=executing(failing_in_its_own_way("good", "last"))) as (handle, world, _):
        snapshot = await handle.result()

    assert snapshot.stop is not None
    assert (snapshot.outcome, snapshot.stop.code) == (Outcome.FAILED, "error_rate_high")
    assert "last" not in world.executed()
    assert {("error_rate", "error_rate_high"), ("progress", "progress_passed")} == mid_codes(snapshot)


@pytest.mark.parametrize(("option", "outcome"), [("continue", Outcome.DEGRADED), ("abort", Outcome.CANCELLED)])
async def test_else_a_person_says_whether_it_goes_on(server: Client, option: str, outcome: Outcome) -> None:
    options = RunOptions(interaction=Interaction.CHECKPOINT, approve_in_advance=True)
    execute = executing(failing_in_its_own_way("good", "last"))
    async with running(server, MANY, prepare=execute, options=options) as (handle, world, _):
        asked = await until_decision(handle, "error-rate")
        held = await until_seen(handle, lambda it: it.phase is Phase.ESCALATING)
        await answer(handle, asked, option)
        snapshot = await handle.result()

    assert asked.question.startswith("4 of 5 steps failed")
    assert state_of(held, "last") is StepState.PENDING
    assert snapshot.outcome is outcome
    assert ("last" in world.executed()) is (option == "continue")


async def test_the_same_failure_three_times_is_a_loop_that_is_left(skipping: Client) -> None:
    async def looping(command: contracts.ExecuteStep) -> StepResult:
        return diagnosed(command, "exit_status", ErrorClass.FAILURE, signature="exit_status: boom")

    async with running(skipping, a_plan(tool_step("one", max_attempts=9)), prepare=executing(looping)) as (
        handle,
        world,
        _,
    ):
        snapshot = await handle.result()

    assert world.executed() == ["one", "one", "one"]
    assert snapshot.stop is not None
    assert "the same failure 3 times: no progress" in snapshot.stop.message
    assert ("progress", "no_progress") in mid_codes(snapshot)


async def test_what_steps_with_limits_use_is_judged(server: Client) -> None:
    limits = Limits(memory_bytes=100)

    async def using(command: contracts.ExecuteStep) -> StepResult:
        return succeeded(command, used=Usage(memory_bytes=90 if command.step.id == "big" else 10, processes=2))

    plan = a_plan(tool_step("big", limits=limits), tool_step("small", "big", limits=limits), tool_step("any"))
    async with running(server, plan, prepare=executing(using)) as (handle, _, _):
        snapshot = await handle.result()

    assert mid_codes(snapshot) == {("resources", "limit_near")}
    assert snapshot.outcome is Outcome.COMPLETED


async def test_a_step_that_is_too_much_is_done_in_parts(server: Client) -> None:
    async def too_much(command: contracts.ExecuteStep) -> StepResult:
        if command.step.id == "one":
            return diagnosed(command, "timed_out", ErrorClass.TIMEOUT)
        return succeeded(command)

    action = ToolAction(tool="lint.fix", args={"paths": ["a", "b"]})
    plan = a_plan(tool_step("one").model_copy(update={"action": action}), tool_step("after", "one"))
    async with running(server, plan, prepare=executing(too_much)) as (handle, world, _):
        snapshot = await handle.result()

    executed = [call.step for name, call in world.calls if name == "step.execute"]
    shares = [step.action.args["paths"] for step in executed if step.id.startswith("one-part")]
    assert sorted(world.executed()[:3]) == ["one", "one-part-1-0", "one-part-1-1"]
    assert (sorted(shares), world.executed()[3:]) == ([["a"], ["b"]], ["after"])
    assert [entry.strategy for entry in snapshot.recoveries] == ["simplify_and_retry"]
    assert snapshot.outcome is Outcome.COMPLETED


async def test_what_nobody_can_split_is_handed_to_a_person(server: Client) -> None:
    async def too_much(command: contracts.ExecuteStep) -> StepResult:
        return diagnosed(command, "timed_out", ErrorClass.TIMEOUT)

    options = RunOptions(interaction=Interaction.CHECKPOINT, approve_in_advance=True)
    async with running(server, a_plan(tool_step("one")), prepare=executing(too_much), options=options) as (
        handle,
        _,
        _,
    ):
        asked = await until_decision(handle)
        await answer(handle, asked, "done")
        snapshot = await handle.result()

    assert asked.id == "handoff-one-by-hand-1"
    assert snapshot.outcome is Outcome.COMPLETED


def mid_codes(snapshot: Snapshot) -> set[tuple[str, str]]:
    return {(gate.gate, gate.code) for gate in snapshot.gates if gate.stage == "mid"}
