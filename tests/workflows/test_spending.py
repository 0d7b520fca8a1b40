"""What a run may spend: leases before paid calls, what is left out, who is asked, and when it ends."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import ApplicationError

from ostinato.contracts import ledger, planning
from ostinato.contracts.activities import RunPreflight
from ostinato.contracts.workflows import Acknowledged
from ostinato.domain.budget.amounts import USD, Amount, Usage
from ostinato.domain.budget.ledger import Balance, Refusal
from ostinato.domain.budget.metering import Spent
from ostinato.domain.budget.prices import Price, Spend, Terms
from ostinato.domain.budget.reporting import part_costs
from ostinato.domain.classification import TaskType
from ostinato.domain.classifying.escalation import Escalation, Next
from ostinato.domain.continuation import Continuation, with_continuation
from ostinato.domain.decisions import Answer
from ostinato.domain.gates import Status
from ostinato.domain.ids import StepId
from ostinato.domain.language_model import TypeAnswer
from ostinato.domain.pipeline import Outcome
from ostinato.domain.plan import AgentAction, Step
from ostinato.domain.report import Snapshot
from ostinato.domain.request import RunOptions
from ostinato.domain.resources import Activated, Activation
from tests.fakes.world import World, tool_step
from tests.workflows.conftest import running
from tests.workflows.steering import a_plan, answer, until, until_decision

pytestmark = [pytest.mark.server, pytest.mark.asyncio(loop_scope="session")]

PLAN = a_plan(tool_step("one"))
TERMS = Terms(model="openai:x", price=Price(input=USD, output=USD, cached_read=USD, cache_write=USD))
"""A dollar for a million tokens: a micro-dollar each."""
COSTS = 20_000
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def amount(tokens: int) -> Amount:
    return Amount(tokens=tokens, micro_usd=tokens, requests=1)


def modelled(*, spends: Spent | None = None, guess: bool = False, **overrides: Any) -> Callable[[World], None]:
    """A worker whose model drafts for 20,000 tokens, and is asked for the type where that is a guess."""

    async def drafts(command: planning.DraftByModel) -> planning.ModelDraft:
        return planning.ModelDraft(
            draft=command.draft, note="drafted by x", spent=spends or Spent(amount=amount(COSTS))
        )

    async def says(command: planning.AskType) -> TypeAnswer:
        said = Spent(amount=amount(100))
        return TypeAnswer(task_type=TaskType.TESTING, reason="x says testing", model="x", spent=said)

    def prepare(world: World) -> None:
        world.has_model, world.terms = True, TERMS
        if guess:
            world.classification = world.classification.model_copy(update={"confidence": 0.2, "stated": False})
            world.escalation = Escalation(next=Next.ASK_MODEL, gate_types=(TaskType.BUG_FIX,), reason="20 % sure")
        world.overrides.update({"plan.draft_by_model": drafts, "plan.ask_type": says})
        world.overrides.update({name.replace("__", "."): value for name, value in overrides.items()})

    return prepare


def balance_of(snapshot: Snapshot) -> Balance:
    assert snapshot.spending is not None
    return snapshot.spending.balance()


async def test_what_a_model_really_cost_is_told_for_each_part(server: Client) -> None:
    async with running(server, PLAN, prepare=modelled(guess=True)) as (handle, world, _):
        snapshot = await handle.result()

    assert snapshot.spending is not None
    parts = part_costs(snapshot.spending.leases.values())
    assert [(part.what, part.tokens, part.usd) for part in parts] == [("type", 100, 0.0001), ("plan", COSTS, 0.02)]
    assert balance_of(snapshot).is_balanced
    assert world.stored[-1].spending == snapshot.spending


async def test_what_the_rest_does_not_allow_is_left_out_and_said(server: Client) -> None:
    options = RunOptions(max_tokens=10_000)

    async with running(server, PLAN, options=options, prepare=modelled(guess=True)) as (handle, world, _):
        snapshot = await handle.result()

    assert snapshot.outcome is Outcome.COMPLETED
    assert "plan.draft_by_model" not in world.names()
    assert balance_of(snapshot).spent.tokens == 100
    assert any(note.startswith("plan: left out by the budget: 10,000 tokens are the limit") for note in snapshot.notes)


async def test_a_call_that_nobody_can_say_the_cost_of_counts_as_its_estimate(server: Client) -> None:
    async with running(server, PLAN, prepare=modelled(spends=Spent())) as (handle, _, _):
        snapshot = await handle.result()

    balance = balance_of(snapshot)
    assert (balance.spent, balance.unknown_count) == (balance.granted, 1)
    assert balance.spent.tokens > COSTS


async def test_a_call_that_fails_counts_as_its_estimate(server: Client) -> None:
    async def fails(command: planning.DraftByModel) -> planning.ModelDraft:
        raise ApplicationError("it broke", type="broken", non_retryable=True)

    async with running(server, PLAN, prepare=modelled(plan__draft_by_model=fails)) as (handle, _, _):
        snapshot = await handle.result()

    assert snapshot.outcome is Outcome.COMPLETED
    assert balance_of(snapshot).spent == balance_of(snapshot).granted


async def test_what_a_lost_worker_may_have_spent_counts_besides(server: Client) -> None:
    lost = Spend(lease_id="lease#1", run_id="r", what="plan", estimate=amount(5_000), at=NOW)

    async with running(server, PLAN, prepare=modelled(spends=Spent(amount=amount(COSTS), earlier=(lost,)))) as (
        handle,
        _,
        _,
    ):
        snapshot = await handle.result()

    assert balance_of(snapshot).spent.tokens == COSTS + 5_000


async def test_what_was_spent_before_a_reset_is_read_from_the_history_and_leaves_less(server: Client) -> None:
    forgotten = Spend(
        lease_id="before", run_id="r", what="plan", estimate=amount(90_000), usage=Usage(tokens_in=90_000),
        known_micro_usd=90_000, at=NOW,
    )  # fmt: skip

    async def knows(command: ledger.TakeLease) -> ledger.LeaseTaken:
        return ledger.LeaseTaken(spends=(forgotten,))

    prepare = modelled(ledger__take_lease=knows)
    async with running(server, PLAN, options=RunOptions(max_tokens=100_000), prepare=prepare) as (handle, world, _):
        snapshot = await handle.result()

    assert "plan.draft_by_model" not in world.names()
    assert balance_of(snapshot).spent.tokens == 90_000
    assert balance_of(snapshot).is_balanced


async def test_red_ends_the_run_at_once_where_the_settings_say_so(server: Client) -> None:
    options = RunOptions(max_tokens=100_000, on_red="stop")

    async with running(server, PLAN, options=options, prepare=modelled(spends=Spent(amount=amount(90_000)))) as (
        handle,
        world,
        _,
    ):
        snapshot = await handle.result()

    assert snapshot.stop is not None
    assert (snapshot.outcome, snapshot.stop.code) == (Outcome.FAILED, "budget")
    assert world.executed() == []
    usage = next(gate for gate in snapshot.gates if gate.gate == "token_usage")
    assert (usage.status, usage.code) == (Status.FAIL, "usage_red")


async def test_red_is_a_warning_where_nothing_more_is_paid_for(server: Client) -> None:
    options = RunOptions(max_tokens=100_000)

    async with running(server, PLAN, options=options, prepare=modelled(spends=Spent(amount=amount(90_000)))) as (
        handle,
        world,
        _,
    ):
        snapshot = await handle.result()

    preflight = next(argument for name, argument in world.calls if name == "gates.preflight")
    usage = next(gate for gate in snapshot.gates if gate.gate == "token_usage")
    assert isinstance(preflight, RunPreflight)
    assert preflight.spent == balance_of(snapshot)
    assert (snapshot.outcome, usage.status) == (Outcome.COMPLETED, Status.WARN)


def a_type_for(tokens: int) -> Callable[[planning.AskType], Any]:
    async def says(command: planning.AskType) -> TypeAnswer:
        said = Spent(amount=amount(tokens))
        return TypeAnswer(task_type=TaskType.TESTING, reason="x says testing", model="x", spent=said)

    return says


@pytest.mark.parametrize(
    ("option", "note", "stop", "limit"),
    [
        ("raise", "100k", "", 188_000),
        ("raise", "", "", 176_000),
        ("stop", "", "budget", 88_000),
        ("abort", "", "aborted", 88_000),
        ("without-model", "", "", 88_000),
    ],
)
async def test_where_the_rest_is_too_little_a_person_says_what_happens(
    server: Client, option: str, note: str, stop: str, limit: int
) -> None:
    """The type came to 80,000 tokens, and the draft may take 78,000."""
    options, prepare = (
        RunOptions(max_tokens=88_000, on_red="ask"),
        modelled(guess=True, plan__ask_type=a_type_for(80_000)),
    )

    async with running(server, PLAN, options=options, prepare=prepare) as (handle, world, _):
        asked = await until_decision(handle, "budget-1")
        given = Answer(decision=asked.id, option=option, by="ada", note=note)
        await handle.execute_update("decide", given, result_type=Acknowledged)
        snapshot = await handle.result()

    assert ("plan.draft_by_model" in world.names()) is (option == "raise")
    assert balance_of(snapshot).limit.tokens == limit
    assert (snapshot.stop.code if snapshot.stop else "") == stop


async def test_in_red_a_person_may_let_the_run_use_the_rest(server: Client) -> None:
    options, prepare = (
        RunOptions(max_tokens=1_000_000, on_red="ask"),
        modelled(guess=True, plan__ask_type=a_type_for(860_000)),
    )

    async with running(server, PLAN, options=options, prepare=prepare) as (handle, world, _):
        await answer(handle, await until_decision(handle, "budget-1"), "go-on")
        snapshot = await handle.result()

    assert "plan.draft_by_model" in world.names()
    assert (balance_of(snapshot).spent.tokens, balance_of(snapshot).limit.tokens) == (860_000 + COSTS, 1_000_000)


async def test_the_days_refusal_leaves_the_call_out_and_gives_the_runs_lease_back(server: Client) -> None:
    async def refuses(command: ledger.TakeLease) -> ledger.LeaseTaken:
        return ledger.LeaseTaken(refusal=Refusal(code="budget_exhausted", message="the day is used up"))

    options = RunOptions(daily_micro_usd=1_000)
    async with running(server, PLAN, options=options, prepare=modelled(ledger__take_lease=refuses)) as (
        handle,
        world,
        _,
    ):
        snapshot = await handle.result()

    take = next(argument for name, argument in world.calls if name == "ledger.take_lease")
    assert take.asked.limit.micro_usd == 1_000
    assert (take.repository_id, take.asked.holder) == ("r1", handle.id)
    assert "plan.draft_by_model" not in world.names()
    assert balance_of(snapshot).released == balance_of(snapshot).granted
    assert any("the day is used up" in note for note in snapshot.notes)


async def test_a_days_ledger_that_is_silent_grants_nothing(server: Client) -> None:
    async def silent(command: ledger.TakeLease) -> ledger.LeaseTaken:
        raise ApplicationError("no answer, so nothing may be spent", type="ledger_silent", non_retryable=True)

    options = RunOptions(daily_micro_usd=USD)
    async with running(server, PLAN, options=options, prepare=modelled(ledger__take_lease=silent)) as (
        handle,
        world,
        _,
    ):
        snapshot = await handle.result()

    assert snapshot.outcome is Outcome.COMPLETED
    assert "plan.draft_by_model" not in world.names()
    assert any("nothing may be spent" in note for note in snapshot.notes)


async def test_a_history_that_is_silent_stops_nothing_where_the_day_is_not_limited(server: Client) -> None:
    async def silent(command: ledger.TakeLease) -> ledger.LeaseTaken:
        raise ApplicationError("it broke", type="broken", non_retryable=True)

    async with running(server, PLAN, prepare=modelled(ledger__take_lease=silent)) as (handle, _, _):
        snapshot = await handle.result()

    assert balance_of(snapshot).spent.tokens == COSTS


async def test_a_run_that_is_cancelled_in_the_middle_of_a_call_counts_its_estimate(server: Client) -> None:
    async def hangs(command: planning.DraftByModel) -> planning.ModelDraft:
        await asyncio.sleep(30)
        raise AssertionError("never")

    async with running(server, PLAN, prepare=modelled(plan__draft_by_model=hangs)) as (handle, world, _):
        await until(lambda: "plan.draft_by_model" in world.names())
        await handle.cancel()
        with pytest.raises(WorkflowFailureError):
            await handle.result()

    balance = balance_of(world.stored[-1])
    assert (balance.open_count, balance.spent) == (0, balance.granted)
    assert balance.is_balanced


async def test_a_step_whose_session_is_full_is_given_less_and_the_report_tells_how_much(server: Client) -> None:
    skill = Activated(name="big", tokens=25_000, fit=0.6, because="it fits", described_tokens=100, named_tokens=5)
    full = Activation(mode="implementation", mode_tokens=100, skills=(skill,), tokens=25_100)

    async def activates(command: planning.ActivateResources) -> Activation:
        return full

    mind = Step(id=StepId("mind"), name="Think", action=AgentAction(prompt="Think"))
    async with running(
        server, a_plan(mind), prepare=lambda world: world.overrides.update({"resources.activate": activates})
    ) as (handle, _, _):
        await answer(handle, await until_decision(handle), "done")
        snapshot = await handle.result()

    (eased,) = snapshot.eased
    assert (eased.step, eased.steps[0].what) == ("mind", "unload skill")
    assert eased.before - eased.after == 24_900
    gate = next(gate for gate in snapshot.gates if gate.gate == "token_usage")
    assert "unload skill big" in gate.details


async def test_a_retried_run_goes_on_with_its_ledger_under_the_new_limit(server: Client) -> None:
    """What was in flight when it ended counts as its estimate."""
    async with running(server, PLAN, options=RunOptions(max_tokens=100_000), prepare=modelled()) as (handle, world, _):
        ended = await handle.result()
        request = ended.request.model_copy(update={"options": RunOptions(max_tokens=150_000)})
        again = await server.start_workflow(
            "OstinatoRun",
            with_continuation(request, Continuation(reason="retry", snapshot=ended, by="ada")),
            id=request.run_id,
            task_queue=world.queue,
            result_type=Snapshot,
        )
        snapshot = await again.result()

    assert balance_of(snapshot).spent.tokens == COSTS
    assert balance_of(snapshot).limit.tokens == 150_000
