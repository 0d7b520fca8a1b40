"""A failing test is run once more, alone: if it passes then, it is flaky, which is a warning and no failure."""

from collections.abc import Collection

from ostinato.domain.test_reports.model import Outcome, Parsed, TestCase, TestReport

TESTS_FLAKY = "tests_flaky"
MOST_RERUNS = 10
"""When more fail, the change is the cause and not chance."""


def choose_reruns(report: TestReport, most: int = MOST_RERUNS) -> tuple[TestCase, ...]:
    return report.bad if 0 < len(report.bad) <= most else ()


def has_passed_alone(case: TestCase, again: Parsed) -> bool:
    """It ran, it passed, and nothing else failed beside it."""
    if not isinstance(again, TestReport) or again.bad or again.failed + again.errors:
        return False
    return any(one.name == case.name and one.outcome is Outcome.PASSED for one in again.cases)


def settle_flaky(report: TestReport, passed_alone: Collection[str]) -> TestReport:
    """The report, with tests that passed alone counted as passed."""
    forgiven = [case for case in report.bad if case.name in passed_alone]
    cases = tuple(
        case.model_copy(update={"outcome": Outcome.PASSED}) if case in forgiven else case for case in report.cases
    )
    failed = sum(case.outcome is Outcome.FAILED for case in forgiven)
    errors = len(forgiven) - failed
    return report.model_copy(
        update={
            "cases": cases,
            "passed": report.passed + len(forgiven),
            "failed": report.failed - failed,
            "errors": report.errors - errors,
        }
    )
