"""Gates of the budget, what red means, and what is reported."""

from datetime import UTC, datetime

import pytest

from ostinato.domain.budget.amounts import NOTHING, Amount, Limit
from ostinato.domain.budget.context import ContextBalance
from ostinato.domain.budget.judging import (
    Ask,
    LeaveOut,
    OnRed,
    Proceed,
    StopForBudget,
    budget_gate,
    doubled,
    on_optional,
    on_red,
    raised_by,
    token_usage_gate,
)
from ostinato.domain.budget.ledger import Balance, Ledger, Refusal
from ostinato.domain.budget.reporting import budget_report
from ostinato.domain.budget.zones import Zone
from ostinato.domain.gates import Stage, Status
from ostinato.domain.request import RunOptions

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def a_ledger(tokens: int, *, limit: int | None = 1_000, known: bool = True) -> Ledger:
    ledger, _ = Ledger(limit=Limit(tokens=limit)).grant("a", Amount(tokens=tokens), NOW)
    amount = Amount(tokens=tokens, micro_usd=2_500_000, requests=3)
    return ledger.settle("a", amount if known else None, NOW)


def spent(tokens: int, *, limit: int | None = 1_000) -> Balance:
    return a_ledger(tokens, limit=limit).balance()


@pytest.mark.parametrize(
    ("tokens", "status", "code"),
    [(100, Status.PASS, "budget_fits"), (800, Status.WARN, "budget_tight"), (1_001, Status.FAIL, "budget_short")],
)
def test_a_plan_is_held_against_the_limit_before_it_runs(tokens: int, status: Status, code: str) -> None:
    gate = budget_gate(Limit(tokens=1_000), Amount(tokens=tokens))

    assert (gate.stage, gate.status, gate.code) == (Stage.PRE, status, code)


def test_a_limit_that_is_nearly_used_up_stops_nothing_that_is_free() -> None:
    gate = budget_gate(Limit(tokens=1_000), NOTHING, spent=spent(1_200))

    assert (gate.status, gate.code) == (Status.WARN, "budget_tight")


def test_what_is_optional_is_left_out_unless_the_settings_say_what_red_means() -> None:
    red, refusal = spent(900), Refusal(code="budget_exhausted", message="all is spent")

    assert isinstance(on_optional(RunOptions(), spent(100)), Proceed)
    assert on_optional(RunOptions(), spent(100), refusal) == LeaveOut(note="all is spent")
    assert isinstance(on_optional(RunOptions(), red), LeaveOut)
    assert isinstance(on_optional(RunOptions(on_red="stop"), red), StopForBudget)
    assert isinstance(on_optional(RunOptions(on_red="ask"), red), Ask)


def test_what_the_day_refuses_no_run_can_raise() -> None:
    asked = on_red(OnRed.ASK, spent(0), Refusal(code="budget_exhausted", message="x"), of_day=True)

    assert isinstance(asked, Ask)
    assert [option.name for option in asked.options] == ["without-model", "stop", "abort"]


@pytest.mark.parametrize(
    ("note", "raised"),
    [
        ("", Limit(tokens=2_000, micro_usd=2_000_000)),
        ("2.50", Limit(tokens=1_000, micro_usd=3_500_000)),
        ("100k", Limit(tokens=101_000, micro_usd=1_000_000)),
        ("as you like", Limit(tokens=2_000, micro_usd=2_000_000)),
    ],
)
def test_a_person_raises_the_limit_by_an_amount_or_doubles_it(note: str, raised: Limit) -> None:
    assert raised_by(Limit(tokens=1_000, micro_usd=1_000_000), note) == raised


def test_without_a_limit_the_gate_passes_and_says_what_is_expected() -> None:
    assert budget_gate(Limit(), Amount(tokens=5_000)).code == "budget_unlimited"
    assert budget_gate(Limit(), NOTHING).message == "nothing is expected to be spent"


def test_a_run_within_its_own_limit_may_be_over_the_days() -> None:
    gate = budget_gate(Limit(), Amount(tokens=300), day=spent(800))

    assert gate.code == "budget_short"
    assert "daily_usd" in gate.recommendation


@pytest.mark.parametrize(
    ("tokens", "code"), [(700, "usage_green"), (750, "usage_yellow"), (850, "usage_yellow"), (851, "usage_red")]
)
def test_usage_is_judged_by_zone_while_the_run_goes_on(tokens: int, code: str) -> None:
    gate = token_usage_gate(spent(tokens))

    assert (gate.stage, gate.code) == (Stage.MID, code)


def test_a_full_session_is_red_however_little_was_spent() -> None:
    gate = token_usage_gate(spent(1), ContextBalance(working=140_000))

    assert gate.code == "usage_red"
    assert "working part is 93% full" in gate.message


def test_red_asks_or_stops_as_the_policy_says() -> None:
    red = spent(900)

    asked = on_red(OnRed.ASK, red)
    assert isinstance(asked, Ask)
    assert [option.name for option in asked.options] == ["go-on", "raise", "stop", "abort"]
    assert isinstance(on_red(OnRed.STOP, red), StopForBudget)


def test_below_red_and_after_a_persons_word_the_run_goes_on() -> None:
    assert on_red(OnRed.STOP, spent(850)) == Proceed()
    assert on_red(OnRed.ASK, spent(900), allowed=True) == Proceed()


def test_a_refused_lease_is_never_gone_on_with_although_a_person_allowed_the_rest() -> None:
    refusal = Refusal(code="budget_exhausted", lacking="tokens", message="1,000 tokens are the limit")

    asked = on_red(OnRed.ASK, spent(100), refusal, allowed=True)
    stopped = on_red(OnRed.STOP, spent(100), refusal, allowed=True)

    assert isinstance(asked, Ask)
    assert [option.name for option in asked.options] == ["without-model", "raise", "stop", "abort"]
    assert isinstance(stopped, StopForBudget)


def test_raising_doubles_what_is_limited() -> None:
    assert doubled(Limit(tokens=5_000, micro_usd=0)) == Limit(tokens=10_000, micro_usd=1_000_000)


def test_the_report_tells_limits_use_zone_and_whether_it_is_estimated() -> None:
    report = budget_report(a_ledger(800))
    unsure = budget_report(a_ledger(800, known=False))

    assert (report.tokens_limit, report.tokens_used, report.usd_limit, report.usd_used) == (1_000, 800, None, 2.5)
    assert (report.zone, report.requests_used, report.usd_is_estimated) == (Zone.YELLOW, 3, False)
    assert unsure.usd_is_estimated
