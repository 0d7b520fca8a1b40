"""What settings and the command line say of budgets."""

from argparse import Namespace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from ostinato.cli.defining import Problems
from ostinato.cli.exits import Exit, of_run
from ostinato.cli.limiting import limits_of, spending_of
from ostinato.cli.rendering import run_view
from ostinato.cli.terminal import THEME
from ostinato.domain.budget.amounts import Amount, Limit
from ostinato.domain.budget.judging import OnRed, red_policy
from ostinato.domain.budget.ledger import Ledger
from ostinato.domain.errors import UserError
from ostinato.domain.pipeline import Outcome
from ostinato.domain.report import Snapshot, Stop
from ostinato.domain.request import Interaction, RunOptions
from ostinato.domain.wire import report_json
from ostinato.limits import UNLIMITED, BudgetSettings
from ostinato.settings import load_repository_settings, load_settings
from tests.builders import a_snapshot, at


def shown(snapshot: Snapshot) -> str:
    stream = StringIO()
    Console(file=stream, theme=THEME, width=160).print(run_view(snapshot, at(2)))
    return stream.getvalue()


def settings_of(folder: Path, text: str, **environ: str) -> BudgetSettings:
    (folder / "ostinato").mkdir()
    (folder / "ostinato" / "config.toml").write_text(text)
    return load_settings({"XDG_CONFIG_HOME": str(folder), "OSTINATO_HOME": str(folder), **environ}).budget


def test_nothing_is_limited_unless_somebody_says_so(tmp_path: Path) -> None:
    assert settings_of(tmp_path, "") == load_repository_settings(tmp_path).budget == UNLIMITED


def test_the_users_file_says_what_runs_and_days_may_cost(tmp_path: Path) -> None:
    found = settings_of(tmp_path, '[budget]\nmax_tokens = "200k"\nmax_usd = 2.5\ndaily_usd = 10\non_red = "stop"\n')

    assert found == BudgetSettings(
        max_tokens=200_000, max_micro_usd=2_500_000, daily_micro_usd=10_000_000, on_red="stop"
    )


def test_the_environment_comes_before_the_file(tmp_path: Path) -> None:
    found = settings_of(tmp_path, "[budget]\nmax_tokens = 5\n", OSTINATO_MAX_TOKENS="7", OSTINATO_MAX_USD="0.1")

    assert (found.max_tokens, found.max_micro_usd) == (7, 100_000)


def test_everything_wrong_with_a_budget_is_told_at_once(tmp_path: Path) -> None:
    text = "[budget]\nmax_tokens = 0\nmax_usd = -1\ndaily_usd = true\non_red = 'shrug'\nmonthly = 1\n"

    with pytest.raises(UserError) as caught:
        settings_of(tmp_path, text)

    assert {problem.code for problem in caught.value.problems} == {"setting_invalid"}
    assert len(caught.value.problems) == 5


def test_of_both_files_the_stricter_counts_and_the_command_line_before_them() -> None:
    user = BudgetSettings(max_tokens=100, daily_micro_usd=9, on_red="ask")
    repository = BudgetSettings(max_tokens=50, max_micro_usd=7, daily_micro_usd=8, on_red="stop")

    files = limits_of(UNLIMITED, user, repository)
    said = limits_of(BudgetSettings(max_tokens=500), user, repository)

    assert files == {"max_tokens": 50, "max_micro_usd": 7, "daily_micro_usd": 8, "on_red": "stop"}
    assert said == {**files, "max_tokens": 500}


def test_limits_of_the_command_line_are_read_or_refused_together() -> None:
    problems = Problems()

    good = spending_of(Namespace(max_tokens="2M", max_usd="$1.5"), problems)
    assert (good.max_tokens, good.max_micro_usd, list(problems)) == (2_000_000, 1_500_000, [])
    spending_of(Namespace(max_tokens="lots", max_usd="1e9"), problems)

    assert [problem.code for problem in problems] == ["tokens_invalid", "usd_invalid"]


def test_red_asks_unless_the_run_asks_as_little_as_it_can() -> None:
    assert red_policy(RunOptions()) is OnRed.STOP
    assert red_policy(RunOptions(interaction=Interaction.CHECKPOINT)) is OnRed.ASK
    assert red_policy(RunOptions(on_red="ask")) is OnRed.ASK


def test_a_run_that_its_budget_stopped_has_an_exit_code_of_its_own() -> None:
    stop = Stop(outcome=Outcome.FAILED, code="budget", message="used up")

    assert of_run("failed", stop) is Exit.BUDGET
    assert of_run("failed", None) is Exit.FAILED


def test_the_view_of_a_run_shows_what_was_spent_and_only_then() -> None:
    ledger, _ = Ledger(limit=Limit(tokens=1_000)).grant("a", Amount(tokens=900), at(0))
    ledger = ledger.settle("a", Amount(tokens=800, micro_usd=1_500_000, requests=2), at(1))

    assert "800 tokens, $1.50, 2 calls of 1,000 tokens (yellow)" in shown(a_snapshot(spending=ledger))
    assert "spent" not in shown(a_snapshot(spending=Ledger())) + shown(a_snapshot())


def test_the_report_tells_what_was_spent_of_what() -> None:
    ledger, _ = Ledger(limit=Limit(tokens=1_000)).grant("a", Amount(tokens=900), at(0))
    ledger = ledger.settle("a", Amount(tokens=800, micro_usd=1_500_000), at(1))

    budget = report_json(a_snapshot(spending=ledger))["budget"]

    assert (budget["tokens_limit"], budget["tokens_used"], budget["usd_limit"], budget["usd_used"]) == (
        1_000, 800, None, 1.5,
    )  # fmt: skip
    assert budget["zone"] == "yellow"
