"""Steps that coding agents do: who, when their account allows it, on what lease, and what becomes of how they end."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from ostinato.contracts import activities as contracts
from ostinato.domain.agents.ends import EndKind
from ostinato.domain.agents.limits import LimitKind
from ostinato.domain.agents.orders import Permitted
from ostinato.domain.budget.amounts import USD, Amount
from ostinato.domain.budget.metering import Spent
from ostinato.domain.budget.prices import Price, Terms
from ostinato.domain.execution import StepResult, StepState
from ostinato.domain.gates import GateResult, Stage, Status
from ostinato.domain.permissions import Network, Policy
from ostinato.domain.pipeline import Outcome
from ostinato.domain.plan import AgentAction, GateName
from ostinato.domain.prompting import TurnName
from ostinato.domain.request import Interaction, RunOptions
from ostinato.domain.staff import MAX_STEERING_CHARS, MOST_STEERING
from ostinato.domain.turns import Turn
from tests.fakes.world import tool_step
from tests.workflows.agents import (
    FakeAccount,
    a_colleague,
    agent_step,
    agents_of,
    by_agents,
    done,
    done_by,
    ended,
    in_hours,
    orders_of,
    rejected,
    staffed,
    steer,
    until_state,
)
from tests.workflows.conftest import running
from tests.workflows.steering import (
    answer,
    conflicting,
    until,
    until_decision,
)

pytestmark = [pytest.mark.server, pytest.mark.asyncio(loop_scope="session")]

PRICE = Price(input=USD, output=USD, cached_read=USD, cache_write=USD)
TERMS = Terms(model="anthropic:x", price=PRICE)


async def test_the_agent_with_the_best_score_does_it_and_the_report_says_why(server: Client) -> None:
    expert = a_colleague("codex", specialities=("Python",))
    plan = by_agents(agent_step("one"), agents=("claude", "codex"))

    async with running(server, plan, prepare=staffed("claude", expert, step_execute=done)) as (handle, world, _):
        snapshot = await handle.result()

    assert agents_of(world, "one") == ["codex"]
    assert snapshot.todos[0].assigned.startswith("codex: ")
    assert snapshot.results[0].agent == "codex"


async def test_of_agents_that_can_do_it_the_one_that_can_what_helps_comes_first(server: Client) -> None:
    staff = a_colleague("claude", capabilities=("code",)), a_colleague("codex", capabilities=("code", "browser"))
    step = agent_step("one")
    step = step.model_copy(update={"action": AgentAction(prompt="Do it", needs=("code",), helps=("browser",))})

    plan = by_agents(step, agents=("claude", "codex"))
    async with running(server, plan, prepare=staffed(*staff, step_execute=done)) as (handle, world, _):
        snapshot = await handle.result()

    assert agents_of(world, "one") == ["codex"]
    assert "capability 1.00" in snapshot.todos[0].assigned


async def test_an_agent_never_has_more_than_three_steps_though_all_are_ready_at_once(server: Client) -> None:
    plan = by_agents(*(agent_step(f"s{n}") for n in range(8)), agents=("claude", "codex"), max_parallel=8)
    at_work, most = Counter[str](), Counter[str]()

    async def slow(command: contracts.ExecuteStep) -> StepResult:
        assert command.order is not None
        at_work[command.order.agent] += 1
        most[command.order.agent] = max(most[command.order.agent], at_work[command.order.agent])
        await until(lambda: sum(most.values()) == 6)
        await asyncio.sleep(0.2)
        at_work[command.order.agent] -= 1
        return done_by(command)

    async with running(server, plan, prepare=staffed("claude", "codex", step_execute=slow)) as (handle, _, _):
        snapshot = await handle.result()

    assert snapshot.outcome is Outcome.COMPLETED
    assert dict(most) == {"claude": 3, "codex": 3}


async def test_nobody_is_asked_for_what_an_agent_will_have_room_for(server: Client) -> None:
    plan = by_agents(*(agent_step(f"s{n}") for n in range(5)), max_parallel=5)

    async with running(server, plan, prepare=staffed("claude", step_execute=done)) as (handle, _, _):
        snapshot = await handle.result()

    assert snapshot.decisions == ()
    assert {result.agent for result in snapshot.results} == {"claude"}


async def test_a_person_does_it_where_no_agent_is_there(server: Client) -> None:
    plan = by_agents(agent_step("one"))

    async with running(server, plan, prepare=staffed(step_execute=done)) as (handle, _, _):
        await answer(handle, await until_decision(handle, "handoff-one"), "done")
        snapshot = await handle.result()

    assert snapshot.results[0].agent == "person:ada"


async def test_the_lease_of_an_agent_that_a_shard_carries_is_settled_once_by_the_execution_that_follows(
    server: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ostinato.durable.continuing.SHARDED_FROM_STEPS", 1)
    monkeypatch.setattr("ostinato.durable.continuing.LONGEST_HISTORY", 60)
    release = asyncio.Event()

    async def execute(command: contracts.ExecuteStep) -> StepResult:
        if command.order is None:
            return done_by(command)
        await release.wait()
        return done_by(command, spent=Spent(amount=Amount(tokens=10, micro_usd=10, requests=1)))

    plan = by_agents(agent_step("one", priority=9), *(tool_step(f"t{n}") for n in range(15)), max_parallel=2)
    options = RunOptions(max_tokens=1_000_000)
    prepare = staffed(a_colleague("claude", terms=TERMS), step_execute=execute)
    async with running(server, plan, options=options, prepare=prepare) as (handle, world, _):
        await until(lambda: world.executed().count("one") == 1)
        await until_state(handle, "t14", StepState.SUCCEEDED)
        begun = (await handle.describe()).run_id
        release.set()
        snapshot = await asyncio.wait_for(handle.result(), 60)

    assert begun != handle.first_execution_run_id
    assert snapshot.spending is not None
    balance = snapshot.spending.balance()
    assert (balance.spent.tokens, balance.open_count, balance.unknown_count) == (10, 0, 0)
    assert world.names().count("ledger.take_lease") == 1
    assert world.executed().count("one") == 1


async def test_where_the_budget_has_nothing_left_the_agent_is_not_started_again(server: Client) -> None:
    async def greedy(command: contracts.ExecuteStep) -> StepResult:
        assert command.order is not None
        assert command.order.limits.tokens is not None
        amount = Amount(tokens=command.order.limits.tokens, micro_usd=0, requests=1)
        used_up = ended(command, EndKind.LIMIT, limit=LimitKind.TOKENS, message="used up", session_id="s")
        return used_up.model_copy(update={"spent": Spent(amount=amount)})

    options = RunOptions(max_tokens=30_000, on_red="stop", interaction=Interaction.MINIMAL)
    async with running(
        server, by_agents(agent_step("one")), options=options, prepare=staffed("claude", step_execute=greedy)
    ) as (handle, _world, _):
        snapshot = await asyncio.wait_for(handle.result(), 30)

    assert snapshot.spending is not None
    balance = snapshot.spending.balance()
    assert snapshot.outcome is Outcome.FAILED
    assert (snapshot.stop.code if snapshot.stop else "") == "budget"
    assert balance.spent.tokens <= 30_000
    assert balance.open_count == 0


async def test_an_agent_is_told_the_whole_policy_and_what_its_tokens_cost(server: Client) -> None:
    policy = Policy(commands=(("*",), ("pytest", "ruff")), deny_commands=("curl",), network=Network.DENY)
    terms = Terms(model="openai:m", price=Price(input=1, output=1, cached_read=0, cache_write=0))
    prepare, options = staffed(a_colleague("claude", terms=terms), step_execute=done), RunOptions(policy=policy)

    async with running(server, by_agents(agent_step("one")), prepare=prepare, options=options) as (handle, world, _):
        await handle.result()

    order = orders_of(world, "one")[0].order
    assert order is not None
    assert order.terms == terms
    assert order.allowed == Permitted(
        commands=("pytest", "ruff"), lists=policy.commands, denied=("curl",), network=False
    )


async def test_after_a_conflict_the_same_session_goes_on_in_a_fresh_worktree_with_both_sides(server: Client) -> None:
    prepare = staffed("claude", step_execute=done, step_integrate=conflicting("one", 1))

    async with running(server, by_agents(agent_step("one")), prepare=prepare) as (handle, world, _):
        snapshot = await handle.result()

    order = orders_of(world, "one")[1].order
    assert order is not None
    assert (order.anew, order.session, order.turn) == (True, "one", TurnName.OBJECTIONS)
    assert "both sides of one" in order.findings[0].text
    assert snapshot.outcome is Outcome.COMPLETED


async def test_what_gates_find_goes_back_to_the_session_that_wrote_it(server: Client) -> None:
    judged: list[str] = []

    async def execute(command: contracts.ExecuteStep) -> StepResult:
        agent = command.order.agent if command.order else ""
        return done_by(command, turns=(Turn(agent=agent, session_id="s", end="done"),))

    async def judge(command: Any) -> GateResult:
        judged.append(command.head.commit)
        is_bad = len(judged) == 1
        status = Status.FAIL if is_bad else Status.PASS
        said = {"code": "tests_failed", "message": "1 test fails"} if is_bad else {"message": "green"}
        return GateResult(
            gate=GateName.TESTS,
            stage=Stage.POST,
            status=status,
            commit=command.head.commit,
            severity="critical",
            **said,
        )

    plan = by_agents(agent_step("one"), post_gates=(GateName.TESTS,))
    prepare = staffed("claude", step_execute=execute, gates_judge=judge)
    async with running(server, plan, prepare=prepare) as (handle, world, _):
        snapshot = await asyncio.wait_for(handle.result(), 40)

    order = orders_of(world, "fix-1")[0].order
    assert order is not None
    assert (order.agent, order.session, order.turn) == ("claude", "one", TurnName.OBJECTIONS)
    assert snapshot.outcome is Outcome.COMPLETED


@pytest.mark.parametrize("how", ["refused", "false_done", "looped"])
async def test_what_one_agent_does_not_do_another_does_in_a_session_of_its_own(server: Client, how: str) -> None:
    async def execute(command: contracts.ExecuteStep) -> StepResult:
        assert command.order is not None
        if command.order.agent == "claude":
            return rejected(command, how)
        return done_by(command)

    plan = by_agents(agent_step("one", agent="claude", fallback={"agent": "codex"}), agents=("claude", "codex"))
    async with running(server, plan, prepare=staffed("claude", "codex", step_execute=execute)) as (handle, world, _):
        snapshot = await handle.result()

    last = orders_of(world, "one")[-1].order
    assert last is not None
    assert agents_of(world, "one")[-1] == "codex"
    assert last.anew
    assert snapshot.outcome is Outcome.COMPLETED


async def test_a_person_is_a_fallback_like_any_other(server: Client) -> None:
    async def refuses(command: contracts.ExecuteStep) -> StepResult:
        return ended(command, EndKind.REFUSED, message="I will not")

    plan = by_agents(agent_step("one", fallback={"agent": "person"}))
    async with running(server, plan, prepare=staffed("claude", step_execute=refuses)) as (handle, _, _):
        await answer(handle, await until_decision(handle), "done")
        snapshot = await handle.result()

    assert snapshot.results[0].agent == "person:ada"


async def test_a_note_reaches_an_agent_that_works_and_stays_with_its_step(server: Client) -> None:
    release = asyncio.Event()

    async def execute(command: contracts.ExecuteStep) -> StepResult:
        if command.execution == 1:
            await release.wait()
            return rejected(command, "crashed")
        return done_by(command)

    plan = by_agents(agent_step("one", max_attempts=3))
    async with running(server, plan, prepare=staffed("claude", step_execute=execute)) as (handle, world, _):
        await until(lambda: world.executed() == ["one"])
        said = await steer(handle, "one")
        release.set()
        snapshot = await handle.result()

    left = [argument.note for name, argument in world.calls if name == "step.steer"]
    again = orders_of(world, "one")[-1].order
    assert said == "one is given it now"
    assert [note.note for note in left] == ["use the other module"]
    assert again is not None
    assert again.notes == tuple(left)
    assert snapshot.todos[0].given == tuple(left)


@pytest.mark.parametrize(
    ("step", "code"), [("nothing", "step_unknown"), ("tool", "not_by_agent"), ("over", "step_over")]
)
async def test_a_note_that_nobody_could_be_given_is_refused(server: Client, step: str, code: str) -> None:
    release = asyncio.Event()

    async def execute(command: contracts.ExecuteStep) -> StepResult:
        if command.step.id == "tool":
            await release.wait()
        return done_by(command)

    plan = by_agents(agent_step("over"), tool_step("tool"))
    async with running(server, plan, prepare=staffed("claude", step_execute=execute)) as (handle, _, _):
        await until_state(handle, "over", StepState.SUCCEEDED)
        with pytest.raises(WorkflowUpdateFailedError) as caught:
            await steer(handle, step)
        release.set()
        await handle.result()

    assert isinstance(caught.value.cause, ApplicationError)
    assert caught.value.cause.type == code


async def test_what_an_agent_is_given_is_small_enough_for_every_history(server: Client) -> None:
    account = FakeAccount(in_hours())

    async def diff(command: contracts.DescribeConflict) -> contracts.ConflictDescription:
        return contracts.ConflictDescription(diff="-a line that both changed\n" * 750)

    prepare = staffed(
        "claude",
        step_execute=done,
        account_ask=account.ask,
        step_integrate=conflicting("one", 1),
        step_describe_conflict=diff,
    )
    async with running(server, by_agents(agent_step("one")), prepare=prepare) as (handle, world, _):
        await until_state(handle, "one", StepState.WAITING)
        for _ in range(MOST_STEERING):
            await steer(handle, "one", "n" * MAX_STEERING_CHARS)
        with pytest.raises(WorkflowUpdateFailedError):
            await steer(handle, "one", "one more")
        await account.open_to(handle, "one")
        snapshot = await handle.result()

    assert snapshot.outcome is Outcome.COMPLETED
    assert all(len(command.model_dump_json()) < 50_000 for command in orders_of(world, "one"))
