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
from tests.fakes.world import World, succeeded, tool_step
from tests.workflows.conftest import running
from tests.workflows.steering import a_plan, now_at, state_of, states_of, until_seen

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
