"""What a change did to its own judges: it fails, passes by name, or a person says that it may stay."""

from collections.abc import Callable

import pytest
from temporalio.client import Client

from ostinato.contracts import gates
from ostinato.domain.gates import GateResult, Severity, Stage, Status
from ostinato.domain.permissions import Policy, change_gate
from ostinato.domain.pipeline import Outcome
from ostinato.domain.report import is_proven
from tests.fakes.world import World, tool_step
from tests.workflows.conftest import running
from tests.workflows.steering import a_plan, answer, overriding, until_decision

PLAN = a_plan(tool_step("one"))


def judging(status: Status, *, needs_person: bool = False) -> Callable[[World], None]:
    """The gate says so of whatever the run changed."""

    async def judged(command: gates.JudgeIntegrity) -> gates.JudgedChange:
        integrity = GateResult(
            gate="integrity",
            stage=Stage.POST,
            status=status,
            severity=Severity.CRITICAL,
            commit=command.head,
            message="tests/test_a.py: a finding is silenced",
            details="tests/test_a.py:3: noqa",
            needs_person=needs_person,
        )
        return gates.JudgedChange(integrity=integrity, permissions=change_gate(Policy(), ()))

    return overriding(gates_integrity=judged)


async def test_a_change_that_weakens_its_judges_fails_the_run(server: Client) -> None:
    async with running(server, PLAN, prepare=judging(Status.FAIL)) as (handle, _, _):
        snapshot = await handle.result()

    assert snapshot.outcome is Outcome.FAILED
    assert "integrity" in is_proven(snapshot.model_copy(update={"outcome": Outcome.COMPLETED}))


@pytest.mark.parametrize(("option", "outcome"), [("keep", Outcome.COMPLETED), ("refuse", Outcome.FAILED)])
async def test_a_person_says_whether_a_doubtful_place_stays(server: Client, option: str, outcome: Outcome) -> None:
    async with running(server, PLAN, prepare=judging(Status.WARN, needs_person=True)) as (handle, _, _):
        asked = await until_decision(handle)
        await answer(handle, asked, option)
        snapshot = await handle.result()

    verdict = next(gate for gate in snapshot.gates if gate.gate == "integrity")
    assert asked.context == "tests/test_a.py:3: noqa"
    assert snapshot.outcome is outcome
    assert verdict.message.startswith("ada ")
    assert not verdict.needs_person
