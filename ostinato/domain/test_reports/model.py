"""What test and coverage reports say, whoever wrote them; a report that cannot be believed is a value of its own."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum

from ostinato.domain.base import Fact
from ostinato.domain.gates import Finding, Level

REPORT_UNREADABLE = "report_unreadable"
MOST_CASES = 200_000
LONGEST_REPORT = 64 * 1024 * 1024
"""Characters."""
_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_MOST_NAME, _MOST_REASON = 500, 300


class Outcome(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"


BAD = (Outcome.FAILED, Outcome.ERROR)


class TestCase(Fact):
    __test__ = False

    name: str
    """The same from run to run."""
    outcome: Outcome
    path: str = ""
    """As the report has it; the adapter makes it relative."""
    line: int = 0
    reason: str = ""
    duration_s: float = 0.0
    selector: str = ""
    """What the tool takes to run it alone; empty: its name."""

    @property
    def chosen_by(self) -> str:
        return self.selector or self.name


class Unreadable(Fact):
    report: str
    """Which one: a file's name, or the tool's output."""
    reason: str

    @property
    def finding(self) -> Finding:
        message = f"{self.report} could not be read as a report"
        return Finding(
            tool="tests", rule=REPORT_UNREADABLE, path="", message=message, detail=self.reason[:300], level=Level.ERROR
        )


class TestReport(Fact):
    __test__ = False

    tool: str
    cases: tuple[TestCase, ...] = ()
    """Of a report in words only those that failed."""
    collected: int = 0
    passed: int = 0
    failed: int = 0
    errors: int = 0
    skipped: int = 0
    duration_s: float = 0.0

    @classmethod
    def of(cls, tool: str, cases: Sequence[TestCase], duration_s: float = 0.0) -> "TestReport":
        """Counts what is there."""
        counts = Counter(case.outcome for case in cases)
        return cls(
            tool=tool,
            cases=tuple(cases),
            collected=len(cases),
            passed=counts[Outcome.PASSED],
            failed=counts[Outcome.FAILED],
            errors=counts[Outcome.ERROR],
            skipped=counts[Outcome.SKIPPED],
            duration_s=duration_s or sum(case.duration_s for case in cases),
        )

    @property
    def bad(self) -> tuple[TestCase, ...]:
        return tuple(case for case in self.cases if case.outcome in BAD)

    @property
    def metrics(self) -> dict[str, float]:
        """As the test gate keeps them: an error is a failure."""
        return {
            "collected": self.collected,
            "passed": self.passed,
            "failed": self.failed + self.errors,
            "skipped": self.skipped,
        }


class Coverage(Fact):
    percent: float
    """Of lines (of statements, where the tool knows no lines)."""
    covered: int = 0
    total: int = 0

    @classmethod
    def of(cls, covered: int, total: int) -> "Coverage":
        return cls(percent=round(100 * covered / total, 2) if total else 100.0, covered=covered, total=total)


Parsed = TestReport | Unreadable
Measured = Coverage | Unreadable


class ReportError(ValueError):
    """Inside the parsers only: why a report is not believed."""


def combined(tool: str, reports: Iterable[TestReport]) -> TestReport:
    """One of several, as of the modules of a build."""
    given = tuple(reports)
    return TestReport(
        tool=tool,
        cases=tuple(case for report in given for case in report.cases),
        collected=sum(report.collected for report in given),
        passed=sum(report.passed for report in given),
        failed=sum(report.failed for report in given),
        errors=sum(report.errors for report in given),
        skipped=sum(report.skipped for report in given),
        duration_s=sum(report.duration_s for report in given),
    )


def said(value: object, most: int = _MOST_NAME) -> str:
    """Words of a report, without colours and characters that would not travel."""
    return _CONTROL.sub("", _ANSI.sub("", value if isinstance(value, str) else "")).strip()[:most]


def first_line(value: object) -> str:
    return said(next((line for line in str(value or "").splitlines() if line.strip()), ""), _MOST_REASON)


def seconds(value: object, scale: float = 1.0) -> float:
    """A length of time; zero where it is none."""
    try:
        length = float(str(value).replace(",", "")) * scale
    except ValueError:
        return 0.0
    return round(length, 6) if math.isfinite(length) and length >= 0 else 0.0


def whole(value: object) -> int:
    """A count; what is none is a reason not to believe the report."""
    try:
        number = int(str(value if value is not None else 0))
    except ValueError as problem:
        raise ReportError(f"{first_line(value)[:40]!r} is no count") from problem
    if not 0 <= number < 10**12:
        raise ReportError(f"{number} is no count")
    return number
