"""Steps whose account is used up: they wait without a worktree, move to others, and go on, whatever happens meanwhile."""

import asyncio
import contextlib
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.client import Client, WorkflowFailureError
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from ostinato.contracts import activities as contracts
from ostinato.contracts.account import (
    ACCOUNT_WORKFLOW,
    REPORT,
    OpenAccount,
    account_workflow_id,
)
from ostinato.contracts.workflows import Acknowledged
from ostinato.domain.agents.accounts import Account, AccountReport
from ostinato.domain.agents.ends import EndKind
from ostinato.domain.agents.limits import LimitKind
from ostinato.domain.budget.amounts import Amount
from ostinato.domain.budget.metering import Spent
from ostinato.domain.continuation import Rollback
from ostinato.domain.execution import StepResult, StepState
from ostinato.domain.pipeline import Outcome
from ostinato.domain.prompting import TurnName
from ostinato.domain.request import Interaction, RunOptions
from tests.fakes.world import World, tool_step
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
    let_go,
    orders_of,
    really_asked,
    rejected,
    seen_of,
    staffed,
    steer,
    until_state,
)
from tests.workflows.conftest import running
from tests.workflows.steering import (
    resume,
    snapshot_of,
    state_of,
    until,
    until_seen,
)

pytestmark = [pytest.mark.server, pytest.mark.asyncio(loop_scope="session")]


async def test_a_step_whose_account_is_used_up_waits_without_a_worktree_and_goes_on_when_told(
    server: Client, cache: int
) -> None:
    plan = by_agents(agent_step("one"), tool_step("two"), max_parallel=1)
    account = FakeAccount(in_hours())
    prepare = staffed("claude", step_execute=done, account_ask=account.ask)

    async with running(server, plan, prepare=prepare, max_cached_workflows=cache) as (handle, world, _):
        parked = await until_state(handle, "two", StepState.SUCCEEDED)
        before = list(world.executed())
        await account.open_to(handle, "one")
        snapshot = await handle.result()

    assert (state_of(parked, "one"), parked.quotas[0].because) == (StepState.WAITING, "weekly limit")
    assert before == ["two"]
    assert snapshot.outcome is Outcome.COMPLETED
    assert snapshot.quotas == ()


@pytest.mark.parametrize("cached", [0, 100])
async def test_a_parked_step_survives_a_new_execution_of_the_workflow(
    server: Client, monkeypatch: pytest.MonkeyPatch, cached: int
) -> None:
    monkeypatch.setattr("ostinato.durable.continuing.SHARDED_FROM_STEPS", 1)
    monkeypatch.setattr("ostinato.durable.continuing.LONGEST_HISTORY", 60)
    plan = by_agents(agent_step("one"), *(tool_step(f"t{n}") for n in range(12)), max_parallel=2)
    account = FakeAccount(in_hours())
    prepare = staffed("claude", step_execute=done, account_ask=account.ask)

    async with running(server, plan, prepare=prepare, max_cached_workflows=cached) as (handle, world, _):
        await until(lambda: len(world.executed()) >= 12)
        await until(lambda: world.names().count("account.ask") >= 2)
        await until_state(handle, "one", StepState.WAITING)
        begun = (await handle.describe()).run_id
        await account.open_to(handle, "one")
        snapshot = await asyncio.wait_for(handle.result(), 60)

    assert begun != handle.first_execution_run_id
    assert snapshot.outcome is Outcome.COMPLETED
    assert world.executed().count("one") == 1


async def test_a_limit_that_an_agent_meets_parks_its_step_and_the_same_session_goes_on(server: Client) -> None:
    meets = asyncio.Event()

    async def limited(command: contracts.ExecuteStep) -> StepResult:
        await meets.wait()
        if command.execution == 1:
            return ended(command, EndKind.RATE_LIMIT, message="429", until=in_hours(), session_id="s")
        return done_by(command)

    account = FakeAccount(in_hours(), is_open=True)
    prepare = staffed("claude", step_execute=limited, account_ask=account.ask)
    async with running(server, by_agents(agent_step("one")), prepare=prepare) as (handle, world, _):
        await until(lambda: world.executed() == ["one"])
        account.is_open = False
        meets.set()
        await until_state(handle, "one", StepState.WAITING)
        await account.open_to(handle, "one", execution=2)
        snapshot = await handle.result()

    first, second = (command.order for command in orders_of(world, "one"))
    assert first is not None
    assert second is not None
    assert (first.agent, second.agent, second.session, second.anew) == ("claude", "claude", "one", False)
    assert second.turn is TurnName.RESUMED
    assert snapshot.outcome is Outcome.COMPLETED


async def test_a_step_that_has_not_begun_moves_to_an_agent_of_another_account(server: Client) -> None:
    plan = by_agents(agent_step("one"), agents=("claude", "codex"))
    other = a_colleague("codex", account="openai-1")

    async def ask(command: Any) -> Any:
        closed = command.account == "anthropic-1"
        return await (FakeAccount(in_hours()).ask if closed else world.usual("account.ask"))(command)

    async with running(server, plan, prepare=staffed("claude", other, step_execute=done)) as (handle, world, _):
        world.overrides["account.ask"] = ask
        snapshot = await handle.result()

    assert agents_of(world, "one") == ["codex"]
    assert any("codex does it" in note for note in snapshot.notes)


async def test_who_only_waits_for_its_turn_stays_with_its_agent(server: Client) -> None:
    plan = by_agents(agent_step("one"), agents=("claude", "codex"))
    other = a_colleague("codex", account="openai-1")
    first: list[str] = []

    async def ask(command: Any) -> Any:
        answered = await world.usual("account.ask")(command)
        first.append(command.account)
        return answered.model_copy(update={"may_start": False}) if len(first) == 1 else answered

    async with running(server, plan, prepare=staffed("claude", other, step_execute=done)) as (handle, world, _):
        world.overrides["account.ask"] = ask
        await until(lambda: len(first) == 1)
        await let_go(handle, "one")
        await handle.result()

    assert first == ["anthropic-1"]


async def test_a_step_whose_only_account_opens_after_the_deadline_fails_at_once(server: Client) -> None:
    plan = by_agents(agent_step("one"))
    options = RunOptions(deadline=datetime.now(UTC) + timedelta(hours=1), interaction=Interaction.MINIMAL)
    prepare = staffed("claude", step_execute=done, account_ask=FakeAccount(in_hours()).ask)

    async with running(server, plan, options=options, prepare=prepare) as (handle, world, _):
        snapshot = await asyncio.wait_for(handle.result(), 20)

    assert snapshot.outcome is Outcome.FAILED
    assert "after the run's deadline" in (snapshot.stop.message if snapshot.stop else "")
    assert "step.execute" not in world.names()


async def test_an_account_that_cannot_be_asked_stops_nobody(server: Client) -> None:
    async def silent(command: Any) -> Any:
        raise ApplicationError("no answer", type="account_silent", non_retryable=True)

    prepare = staffed("claude", step_execute=done, account_ask=silent)
    async with running(server, by_agents(agent_step("one")), prepare=prepare) as (handle, _, _):
        snapshot = await handle.result()

    assert snapshot.outcome is Outcome.COMPLETED
    assert any("could not be asked" in note for note in snapshot.notes)


async def test_a_used_up_lease_is_followed_by_another_in_the_same_session(server: Client) -> None:
    async def hungry(command: contracts.ExecuteStep) -> StepResult:
        spent = Spent(amount=Amount(tokens=100, micro_usd=100, requests=1))
        if command.execution < 3:
            used_up = ended(command, EndKind.LIMIT, limit=LimitKind.TOKENS, message="used up", session_id="s")
            return used_up.model_copy(update={"spent": spent})
        return done_by(command, spent=spent)

    options = RunOptions(max_tokens=10_000_000)
    async with running(
        server, by_agents(agent_step("one")), options=options, prepare=staffed("claude", step_execute=hungry)
    ) as (handle, world, _):
        snapshot = await handle.result()

    leases = [
        command.order.metered.lease_id for command in orders_of(world, "one") if command.order and command.order.metered
    ]
    assert len(set(leases)) == 3
    assert snapshot.recoveries == ()
    assert snapshot.spending is not None
    assert snapshot.spending.balance().spent.tokens == 300
    assert world.names().count("account.ask") == 1


async def test_a_note_to_a_step_that_is_parked_is_given_when_it_starts(server: Client) -> None:
    account = FakeAccount(in_hours())
    prepare = staffed("claude", step_execute=done, account_ask=account.ask)

    async with running(server, by_agents(agent_step("one")), prepare=prepare) as (handle, world, _):
        await until_state(handle, "one", StepState.WAITING)
        said = await steer(handle, "one")
        await account.open_to(handle, "one")
        await handle.result()

    order = orders_of(world, "one")[0].order
    assert said == "one is given it when it starts"
    assert order is not None
    assert [note.note for note in order.notes] == ["use the other module"]


async def test_a_run_that_is_cancelled_while_its_agent_is_parked_ends_at_once(server: Client) -> None:
    account = FakeAccount(in_hours())
    prepare = staffed("claude", step_execute=done, account_ask=account.ask)

    async with running(server, by_agents(agent_step("one")), prepare=prepare) as (handle, world, _):
        await until_state(handle, "one", StepState.WAITING)
        await handle.cancel()
        with pytest.raises(WorkflowFailureError):
            await asyncio.wait_for(handle.result(), 20)
        snapshot = await snapshot_of(handle)

    assert snapshot.outcome is Outcome.CANCELLED
    assert "step.execute" not in world.names()


async def test_a_rollback_while_an_agent_is_parked_leaves_nothing_behind(server: Client) -> None:
    plan = by_agents(tool_step("zero"), agent_step("one", "zero"), max_parallel=1)
    account = FakeAccount(in_hours())
    prepare = staffed("claude", step_execute=done, account_ask=account.ask)

    async with running(server, plan, prepare=prepare) as (handle, world, _):
        await until_state(handle, "one", StepState.WAITING)
        await handle.execute_update("roll_back", Rollback(checkpoint="0-start", by="ada"), result_type=Acknowledged)
        await until_seen(handle, lambda it: it.paused)
        account.is_open = True
        await resume(handle)
        snapshot = await asyncio.wait_for(handle.result(), 30)

    assert snapshot.outcome is Outcome.COMPLETED
    assert world.executed() == ["zero", "zero", "one"]


async def test_parked_steps_that_write_the_same_still_go_one_after_the_other(server: Client) -> None:
    both = (agent_step("one", writes=("same.py",)), agent_step("two", writes=("same.py",)))
    at_once = list[int]()
    working = Counter[str]()

    async def execute(command: contracts.ExecuteStep) -> StepResult:
        working["now"] += 1
        at_once.append(working["now"])
        await asyncio.sleep(0.3)
        working["now"] -= 1
        return done_by(command)

    account = FakeAccount(in_hours())
    prepare = staffed("claude", step_execute=execute, account_ask=account.ask)
    async with running(server, by_agents(*both, max_parallel=2), prepare=prepare) as (handle, _, _):
        await until_state(handle, "one", StepState.WAITING)
        await account.open_to(handle, "one")
        snapshot = await handle.result()

    assert snapshot.outcome is Outcome.COMPLETED
    assert max(at_once) == 1


async def queue_of(client: Client, name: str, length: int) -> list[str]:
    """Who waits for the account, when there are so many."""
    for _ in range(200):
        waiting = (await seen_of(client, name)).account.waiting
        if len(waiting) == length:
            break
        await asyncio.sleep(0.05)
    return [each.id for each in waiting]


@pytest.mark.parametrize("cached", [0, 100])
async def test_a_limit_that_one_step_meets_parks_what_would_start_and_all_go_on_by_themselves(
    server: Client, cached: int
) -> None:
    name, began, lifted = f"acme-{uuid.uuid4().hex[:8]}", dict[str, datetime](), list[datetime]()

    async def limited(command: contracts.ExecuteStep) -> StepResult:
        if command.step.id == "one" and command.execution == 1:
            lifted.append(datetime.now(UTC) + timedelta(seconds=4))
            return ended(command, EndKind.RATE_LIMIT, message="429", until=lifted[0], session_id="s")
        began[command.step.id] = datetime.now(UTC)
        return done_by(command)

    def prepare(world: World) -> None:
        really_asked(server, name)(world)
        world.overrides["step.execute"] = limited

    plan = by_agents(agent_step("one"), agent_step("two"), agent_step("three"), max_parallel=1)
    async with running(server, plan, prepare=prepare, max_cached_workflows=cached) as (handle, _, _):
        snapshot = await asyncio.wait_for(handle.result(), 60)
        seen = await seen_of(server, name)
        await server.get_workflow_handle(account_workflow_id(name)).terminate()

    assert snapshot.outcome is Outcome.COMPLETED
    assert began.keys() == {"one", "two", "three"}
    assert min(began.values()) >= lifted[0]
    assert seen.account.waiting == seen.account.running == ()
    assert [entry.strategy for entry in snapshot.recoveries] == ["wait_for_reset"]


@pytest.mark.parametrize("how", ["cancel", "rollback", "failure"])
async def test_a_step_that_is_stopped_while_it_waits_leaves_its_accounts_queue(server: Client, how: str) -> None:
    name, release = f"acme-{uuid.uuid4().hex[:8]}", asyncio.Event()
    account = server.get_workflow_handle(account_workflow_id(name))

    async def execute(command: contracts.ExecuteStep) -> StepResult:
        await release.wait()
        return rejected(command, "unauthorized") if how == "failure" else done_by(command)

    def prepare(world: World) -> None:
        really_asked(server, name)(world)
        world.overrides["step.execute"] = execute

    plan = by_agents(agent_step("one"), tool_step("other"), max_parallel=2)
    async with running(server, plan, prepare=prepare) as (handle, world, _):
        await server.start_workflow(
            ACCOUNT_WORKFLOW, OpenAccount(account=Account(name=name)), id=account.id, task_queue=world.queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            start_signal=REPORT, start_signal_args=[AccountReport(id="r", at=datetime.now(UTC), until=in_hours())],
        )  # fmt: skip
        waits = await queue_of(server, name, 1)
        if how == "cancel":
            await handle.cancel()
        elif how == "rollback":
            await handle.execute_update("roll_back", Rollback(checkpoint="0-start", by="ada"), result_type=Acknowledged)
        release.set()
        left = await queue_of(server, name, 0)
        await account.terminate()
        with contextlib.suppress(RPCError):  # it may have ended
            await handle.terminate()

    assert [each.rsplit("/", 2)[1:] for each in waits] == [["one", "1"]]
    assert left == []
