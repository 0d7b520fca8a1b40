"""Which parser reads which report. Nothing a report holds raises: what is not believed comes back as Unreadable."""

from collections.abc import Callable, Mapping
from enum import StrEnum

from ostinato.domain.test_reports.compiled import parse_cargo, parse_go, parse_libtest
from ostinato.domain.test_reports.coverage import (
    parse_cobertura,
    parse_coverage_json,
    parse_coverprofile,
    parse_istanbul,
    parse_jacoco,
    parse_lcov,
)
from ostinato.domain.test_reports.javascript import parse_jest, parse_mocha
from ostinato.domain.test_reports.junit import parse_junit
from ostinato.domain.test_reports.model import (
    LONGEST_REPORT,
    MOST_CASES,
    Coverage,
    Measured,
    Parsed,
    ReportError,
    TestReport,
    Unreadable,
)
from ostinato.domain.test_reports.python_text import parse_pytest_text, parse_unittest
from ostinato.domain.test_reports.tap import parse_tap


class ReportKind(StrEnum):
    JUNIT = "junit"
    JEST = "jest"
    """Vitest's is the same."""
    MOCHA = "mocha"
    TAP = "tap"
    GO = "go"
    CARGO = "cargo"
    LIBTEST = "libtest"
    PYTEST_TEXT = "pytest-text"
    UNITTEST_TEXT = "unittest-text"


class CoverageKind(StrEnum):
    COVERAGE_PY = "coverage-py"
    COBERTURA = "cobertura"
    LCOV = "lcov"
    ISTANBUL = "istanbul"
    GO = "go"
    JACOCO = "jacoco"


PARSERS: Mapping[ReportKind, Callable[[str], TestReport]] = {
    ReportKind.JUNIT: parse_junit,
    ReportKind.JEST: parse_jest,
    ReportKind.MOCHA: parse_mocha,
    ReportKind.TAP: parse_tap,
    ReportKind.GO: parse_go,
    ReportKind.CARGO: parse_cargo,
    ReportKind.LIBTEST: parse_libtest,
    ReportKind.PYTEST_TEXT: parse_pytest_text,
    ReportKind.UNITTEST_TEXT: parse_unittest,
}
MEASURES: Mapping[CoverageKind, Callable[[str], Coverage]] = {
    CoverageKind.COVERAGE_PY: parse_coverage_json,
    CoverageKind.COBERTURA: parse_cobertura,
    CoverageKind.LCOV: parse_lcov,
    CoverageKind.ISTANBUL: parse_istanbul,
    CoverageKind.GO: parse_coverprofile,
    CoverageKind.JACOCO: parse_jacoco,
}


def read_report(kind: ReportKind, text: str, name: str = "the report") -> Parsed:
    """`name` is what a person would call it."""
    try:
        report = PARSERS[kind](_bounded(text))
    except ReportError as problem:
        return Unreadable(report=name, reason=str(problem))
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError) as problem:
        return Unreadable(report=name, reason=f"is not what {kind} writes: {type(problem).__name__}")
    if len(report.cases) > MOST_CASES:
        return Unreadable(report=name, reason=f"lists more than {MOST_CASES} tests")
    return report


def read_coverage(kind: CoverageKind, text: str, name: str = "the coverage report") -> Measured:
    try:
        return MEASURES[kind](_bounded(text))
    except ReportError as problem:
        return Unreadable(report=name, reason=str(problem))
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError) as problem:
        return Unreadable(report=name, reason=f"is not what {kind} writes: {type(problem).__name__}")


def _bounded(text: str) -> str:
    if not text.strip():
        raise ReportError("is empty")
    if len(text) > LONGEST_REPORT:
        raise ReportError(f"is longer than {LONGEST_REPORT // 1024 // 1024} MiB")
    return text.removeprefix("\ufeff")
