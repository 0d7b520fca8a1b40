"""What recovery takes from a step's agent: a server, a skill, or part of its prompt; its next execution is without it."""

from collections.abc import Callable

import pytest
from temporalio.client import Client

from ostinato.contracts import account, planning
from ostinato.contracts import activities as contracts
from ostinato.domain.agents.ends import AgentEnd, EndKind
from ostinato.domain.agents.outcomes import failed_by, failure_of
from ostinato.domain.execution import Failure, StepOutcome, StepResult
from ostinato.domain.pipeline import Outcome
from ostinato.domain.plan import AgentAction, Step
from ostinato.domain.recovering.diagnosing import FailureFacts, classify_failure
from ostinato.domain.report import Snapshot
from ostinato.domain.resources import Activated, Activation, Kind, NotActivated
from ostinato.domain.staff import Colleague
from tests.builders import NOON, a_step
from tests.fakes.world import Behaviour, World, succeeded
from tests.workflows.conftest import running
from tests.workflows.steering import a_plan

pytestmark = [pytest.mark.server, pytest.mark.asyncio(loop_scope="session")]
Fails = Callable[[contracts.ExecuteStep], Failure | None]


def given(name: str) -> Activated:
    return Activated(name=name, tokens=10, fit=0.5, because="it fits")


def failing(code: str, **fields: str) -> Failure:
    found = classify_failure(FailureFacts(code=code, message=f"{code}: it did not work"), now=NOON)
    return failed_by(found).model_copy(update=fields)


def prepared(fails: Fails) -> Callable[[World], None]:
    """One agent, two servers, a third that had no room, and one skill."""

    async def preflight(command: contracts.RunPreflight) -> contracts.Preflight:
        return contracts.Preflight(gates=(), staff=(Colleague(name="claude", account="anthropic-1"),))

    async def activate(command: planning.ActivateResources) -> Activation:
        mirror = NotActivated(kind=Kind.SERVER, name="docs-mirror", tokens=10, fit=0.1, reason="no room")
        return Activation(
            mode="any",
            mode_tokens=0,
            tokens=0,
            servers=(given("docs"), given("maps")),
            skills=(given("testing"),),
            left_out=(mirror,),
        )

    async def ask(command: account.AskAccount) -> account.StartAnswer:
        return account.StartAnswer(may_start=True)

    async def execute(command: contracts.ExecuteStep) -> StepResult:
        failure = fails(command)
        if failure is None:
            return succeeded(command)
        return StepResult(
            step_id=command.step.id, execution=command.execution, outcome=StepOutcome.FAILED, failure=failure
        )

    answers: dict[str, Behaviour] = {
        "gates.preflight": preflight,
        "resources.activate": activate,
        "account.ask": ask,
        "step.execute": execute,
    }
    return lambda world: world.overrides.update(answers)


def by_agent() -> Step:
    return a_step("build", action=AgentAction(prompt="Build it"), writes=("a.py",))


async def after(server: Client, fails: Fails) -> tuple[Snapshot, list[contracts.ExecuteStep]]:
    """How the run ended, and how each execution of its step was ordered."""
    plan = a_plan(by_agent(), agents=("claude",))
    async with running(server, plan, prepare=prepared(fails)) as (handle, world, _):
        snapshot = await handle.result()
    return snapshot, [argument for name, argument in world.calls if name == "step.execute"]


def activation_of(command: contracts.ExecuteStep) -> Activation:
    assert command.order is not None
    assert command.order.activation is not None
    return command.order.activation


def servers_of(command: contracts.ExecuteStep) -> list[str]:
    return [each.name for each in activation_of(command).servers]


async def test_after_a_server_failed_the_step_is_done_with_the_one_that_stands_in(server: Client) -> None:
    def fails(command: contracts.ExecuteStep) -> Failure | None:
        return failing("mcp_failed", server="docs") if "docs" in servers_of(command) else None

    snapshot, orders = await after(server, fails)

    assert snapshot.outcome is Outcome.COMPLETED, snapshot.stop
    assert [servers_of(order) for order in orders] == [["docs", "maps"], ["maps", "docs-mirror"]]
    assert orders[1].order is not None
    assert "Use docs-mirror in its place" in orders[1].order.findings[0].text
    assert [each.result for each in snapshot.recoveries] == ["without docs, with docs-mirror"]


async def test_after_a_skill_failed_the_step_is_done_without_it(server: Client) -> None:
    def fails(command: contracts.ExecuteStep) -> Failure | None:
        return failing("skill_failed", skill="testing") if activation_of(command).skills else None

    snapshot, orders = await after(server, fails)

    assert snapshot.outcome is Outcome.COMPLETED, snapshot.stop
    assert [len(activation_of(order).skills) for order in orders] == [1, 0]
    assert [each.strategy for each in snapshot.recoveries] == ["skill_bypass"]


async def test_after_its_context_was_too_full_the_step_is_done_with_less(server: Client) -> None:
    full = failure_of(AgentEnd(kind=EndKind.CONTEXT_OVERFLOW, message="prompt is too long"), now=NOON)

    def fails(command: contracts.ExecuteStep) -> Failure | None:
        assert command.order is not None
        return full if command.order.level < 2 else None

    snapshot, orders = await after(server, fails)

    assert snapshot.outcome is Outcome.COMPLETED, snapshot.stop
    assert [(order.order.level, order.order.anew) for order in orders if order.order] == [
        (0, False),
        (1, True),
        (2, True),
    ]


async def test_what_was_taken_away_is_known_to_the_next_execution_of_the_workflow(server: Client) -> None:
    def fails(command: contracts.ExecuteStep) -> Failure | None:
        return failing("mcp_failed", server="docs") if "docs" in servers_of(command) else None

    snapshot, _ = await after(server, fails)

    todo = next(each for each in snapshot.todos if each.id == "build")
    assert (todo.without, todo.instead) == (("server docs",), ("docs-mirror",))
