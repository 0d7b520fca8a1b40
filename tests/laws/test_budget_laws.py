"""What always holds for a ledger, in whatever order leases, settlements, crashes, terminations and forks come."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ostinato.domain.budget.amounts import NOTHING, Amount, Limit, Usage
from ostinato.domain.budget.fates import Fate, FateKind, reclaimed
from ostinato.domain.budget.ledger import Lease, Ledger, Refusal
from ostinato.domain.budget.prices import Spend

START = datetime(2026, 1, 1, tzinfo=UTC)
counts = st.integers(0, 60)
amounts = st.builds(Amount, tokens=counts, micro_usd=counts, requests=st.integers(0, 3))
maybe = st.none() | st.integers(0, 200)
limits = st.builds(Limit, tokens=maybe, micro_usd=maybe, requests=maybe)
SIDES = ("tokens", "micro_usd", "requests")


@dataclass
class Call:
    """What really happens behind a lease."""

    lease: Lease
    costs: Amount
    is_over: bool = False
    said: list[Amount] = field(default_factory=list)


class Spending(RuleBasedStateMachine):
    """A ledger that hears of calls, and the truth about them."""

    @initialize(limit=limits)
    def begin(self, limit: Limit) -> None:
        self.now, self.limit, self.ledger = START, limit, Ledger(limit=limit)
        self.calls: dict[str, Call] = {}
        self.saved = self.ledger
        self.in_flight_at_last_grant: set[str] = set()
        self.number = 0

    @rule(estimate=amounts, costs=amounts, holder=st.sampled_from(("r1", "r2")))
    def ask(self, estimate: Amount, costs: Amount, holder: str) -> None:
        self.number += 1
        name = f"{holder}/{self.number}"
        before = self.ledger.balance().committed
        self.ledger, answer = self.ledger.grant(name, estimate, self.now, holder=holder)
        if isinstance(answer, Refusal):
            assert self.limit.lacking(before + estimate) or self.limit.share(before) >= 1
            return
        assert not self.limit.lacking(before + estimate)
        self.calls[name] = Call(lease=answer, costs=costs)
        self.in_flight_at_last_grant = {key for key, call in self.calls.items() if not call.said}

    @precondition(lambda self: self.calls)
    @rule(data=st.data())
    def ask_again(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.calls)))
        ledger, _ = self.ledger.grant(name, Amount(tokens=1), self.now)
        assert ledger == self.ledger

    @precondition(lambda self: self.calls)
    @rule(data=st.data(), is_lost=st.booleans())
    def end_a_call(self, data: st.DataObject, is_lost: bool) -> None:
        call = self.calls[data.draw(st.sampled_from(sorted(self.calls)))]
        call.is_over = True
        if not is_lost:
            self.tell(call)

    @precondition(lambda self: any(call.is_over for call in self.calls.values()))
    @rule(data=st.data())
    def a_late_or_second_word_arrives(self, data: st.DataObject) -> None:
        self.tell(self.calls[data.draw(st.sampled_from([key for key in self.calls if self.calls[key].is_over]))])

    @rule(minutes=st.integers(1, 30))
    def time_goes_on(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)
        self.ledger = self.ledger.expire(self.now)

    @rule(holder=st.sampled_from(("r1", "r2")))
    def a_run_is_terminated(self, holder: str) -> None:
        self.ledger = self.ledger.abandoned((holder,), self.now)
        assert all(lease.holder != holder for lease in self.ledger.open_leases)

    @precondition(lambda self: any(not call.is_over for call in self.calls.values()))
    @rule(data=st.data())
    def a_call_never_began(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from([key for key, call in self.calls.items() if not call.is_over]))
        self.ledger = self.ledger.release(name, self.now)
        self.calls[name].costs, self.calls[name].is_over = NOTHING, True
        self.calls[name].said.append(NOTHING)

    @rule()
    def it_travels(self) -> None:
        assert Ledger.model_validate_json(self.ledger.model_dump_json()) == self.ledger

    @rule()
    def a_fork_begins_at_nothing(self) -> None:
        child = self.ledger.forked(self.limit)
        assert child.balance().committed == NOTHING
        assert child.balance().inherited == self.ledger.balance().spent

    @rule(keep=st.integers(0, 3))
    def it_can_be_folded(self, keep: int) -> None:
        assert self.ledger.compacted(keep).balance() == self.ledger.balance()

    @invariant()
    def the_books_balance(self) -> None:
        balance = self.ledger.balance()
        assert balance.is_balanced
        assert balance.granted == sum((call.lease.estimate for call in self.calls.values()), NOTHING)

    @invariant()
    def spent_is_within_the_limit_and_the_calls_in_flight(self) -> None:
        """What is over the limit is what calls came to beyond their estimates, of those in flight at the last grant."""
        spent = self.ledger.balance().spent
        for side in SIDES:
            most = getattr(self.limit, side)
            flying = (self.calls[name] for name in self.in_flight_at_last_grant)
            excess = sum(max(0, getattr(call.costs, side) - getattr(call.lease.estimate, side)) for call in flying)
            assert most is None or getattr(spent, side) <= most + excess

    @invariant()
    def what_was_said_counts_and_what_nobody_said_counts_as_estimated(self) -> None:
        for name, call in self.calls.items():
            lease = self.ledger.leases[name]
            assert lease.claims == (call.said[0] if call.said else lease.estimate)

    def tell(self, call: Call) -> None:
        self.ledger = self.ledger.settle(call.lease.id, call.costs, self.now)
        call.said.append(call.costs)


TestSpending = Spending.TestCase
TestSpending.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


@given(st.lists(st.tuples(st.integers(0, 80), st.integers(0, 120)), max_size=12), st.integers(0, 12), limits)
def test_a_ledger_that_was_reset_and_asks_the_history_knows_all_that_was_spent(
    calls: list[tuple[int, int]], known: int, limit: Limit
) -> None:
    whole, forgetful, spends = Ledger(limit=limit), Ledger(limit=limit), []
    for number, (estimate, tokens) in enumerate(calls):
        whole, lease = whole.grant(f"c{number}", Amount(tokens=estimate, requests=1), START)
        if isinstance(lease, Refusal):
            continue
        usage = Usage(tokens_in=tokens)
        spend = Spend(lease_id=lease.id, run_id="r", estimate=lease.estimate, usage=usage, known_micro_usd=0, at=START)
        spends.append(spend)
        whole = whole.settle(lease.id, spend.amount, START)
        if number < known:
            forgetful, _ = forgetful.grant(lease.id, lease.estimate, START)
            forgetful = forgetful.settle(lease.id, spend.amount, START)

    reconciled = forgetful.reconciled(spends, START)

    assert reconciled.balance().spent == whole.balance().spent
    assert reconciled.reconciled(spends, START) == reconciled


class Day(RuleBasedStateMachine):
    """Runs that share a day: each takes a lease from its own ledger, then one of the same name from the day's."""

    @initialize(limit=limits, own=limits)
    def begin(self, limit: Limit, own: Limit) -> None:
        self.now, self.limit, self.day = START, limit, Ledger(limit=limit)
        self.runs = {name: Ledger(limit=own) for name in ("r1", "r2", "r3")}
        self.flying: dict[str, tuple[str, Amount, Amount]] = {}
        self.overshot = NOTHING
        self.number = 0

    @rule(data=st.data(), estimate=amounts, costs=amounts)
    def ask(self, data: st.DataObject, estimate: Amount, costs: Amount) -> None:
        run = data.draw(st.sampled_from(sorted(self.runs)))
        self.number += 1
        name = f"{run}/{self.number}"
        self.runs[run], own = self.runs[run].grant(name, estimate, self.now, holder=run)
        if isinstance(own, Refusal):
            return
        self.day, shared = self.day.grant(name, estimate, self.now, holder=run)
        if isinstance(shared, Refusal):
            self.runs[run] = self.runs[run].release(name, self.now)
            return
        self.flying[name] = (run, estimate, costs)

    @precondition(lambda self: self.flying)
    @rule(data=st.data(), lost=st.integers(0, 2))
    def a_call_ends_after_so_many_workers_were_lost(self, data: st.DataObject, lost: int) -> None:
        """Each of them may have spent what was estimated, under a name of its own."""
        name = data.draw(st.sampled_from(sorted(self.flying)))
        run, estimate, costs = self.flying.pop(name)
        spends = [
            Spend(lease_id=f"{name}#{number}", run_id=run, estimate=estimate, at=self.now) for number in range(lost)
        ]
        self.runs[run] = self.runs[run].settle(name, costs, self.now).reconciled(spends, self.now)
        self.day = self.day.settle(name, costs, self.now)
        for spend in spends:
            self.day = self.day.settle(spend.lease_id, spend.estimate, self.now)
        self._overshoots(estimate, costs, lost)

    @precondition(lambda self: self.flying)
    @rule(data=st.data())
    def a_run_is_terminated_in_the_middle_of_its_calls(self, data: st.DataObject) -> None:
        """Nobody can say what they came to; a retry takes its ledger up."""
        run = self.flying[data.draw(st.sampled_from(sorted(self.flying)))][0]
        gone = [name for name, call in self.flying.items() if call[0] == run]
        for name in gone:
            del self.flying[name]
        self.runs[run] = self.runs[run].abandoned((run,), self.now)
        self.day = reclaimed(self.day, [Fate(lease_id=name, kind=FateKind.UNKNOWN) for name in gone], self.now)

    @precondition(lambda self: len(self.runs) < 6)
    @rule(run=st.sampled_from(("r1", "r2", "r3")), limit=limits)
    def a_run_is_forked(self, run: str, limit: Limit) -> None:
        """It has a limit of its own, and the day's is the same for it."""
        name = f"f{len(self.runs)}"
        self.runs[name] = self.runs[run].forked(limit)
        assert self.runs[name].balance().committed == NOTHING

    @rule(keep=st.integers(0, 3))
    def the_day_forgets_names(self, keep: int) -> None:
        if not self.flying:
            self.day = self.day.compacted(keep)

    @invariant()
    def all_books_balance(self) -> None:
        assert all(ledger.balance().is_balanced for ledger in (self.day, *self.runs.values()))

    @invariant()
    def the_day_knows_what_its_runs_spent_together(self) -> None:
        spent = sum((ledger.balance().spent for ledger in self.runs.values()), NOTHING)
        assert self.day.balance().spent == spent

    @invariant()
    def the_day_is_exceeded_by_calls_that_were_in_flight_alone(self) -> None:
        spent = self.day.balance().spent
        for side in SIDES:
            most = getattr(self.limit, side)
            assert most is None or getattr(spent, side) <= most + getattr(self.overshot, side)

    def _overshoots(self, estimate: Amount, costs: Amount, lost: int) -> None:
        over = {side: max(0, getattr(costs, side) - getattr(estimate, side)) for side in SIDES}
        self.overshot = sum([estimate] * lost, self.overshot + Amount(**over))


TestDay = Day.TestCase
TestDay.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
