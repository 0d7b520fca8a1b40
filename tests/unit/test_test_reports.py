"""Reports as the tools themselves have written them: counts, names, and what is not believed."""

from pathlib import Path

import pytest

from ostinato.domain.test_reports import (
    Coverage,
    CoverageKind,
    ReportKind,
    TestReport,
    Unreadable,
    read_coverage,
    read_report,
)
from ostinato.domain.test_reports.model import BAD, REPORT_UNREADABLE

REPORTS = Path(__file__).parents[1] / "data" / "reports"
STORED = [
    (ReportKind.JUNIT, "pytest/junit.xml", (7, 2, 2, 2, 1)),
    (ReportKind.JUNIT, "vitest/junit.xml", (4, 1, 2, 0, 1)),
    (ReportKind.JUNIT, "node/junit.xml", (6, 2, 2, 0, 2)),
    (ReportKind.JUNIT, "maven/TEST-shop.SumTest.xml", (4, 1, 1, 1, 1)),
    (ReportKind.JUNIT, "gradle/TEST-shop.SumTest.xml", (3, 1, 1, 0, 1)),
    (ReportKind.JEST, "jest/report.json", (5, 1, 1, 1, 2)),
    (ReportKind.JEST, "vitest/report.json", (4, 1, 1, 1, 1)),
    (ReportKind.MOCHA, "mocha/report.json", (5, 2, 1, 1, 1)),
    (ReportKind.TAP, "node/report.tap", (6, 2, 2, 0, 2)),
    (ReportKind.GO, "go/test.jsonl", (6, 2, 2, 1, 1)),
    (ReportKind.CARGO, "cargo/test.txt", (5, 3, 1, 0, 1)),
    (ReportKind.LIBTEST, "cargo/libtest.jsonl", (5, 3, 1, 0, 1)),
    (ReportKind.PYTEST_TEXT, "pytest/output.txt", (7, 2, 2, 2, 1)),
    (ReportKind.PYTEST_TEXT, "tox/output.txt", (6, 2, 2, 1, 1)),
    (ReportKind.PYTEST_TEXT, "nox/output.txt", (6, 2, 2, 1, 1)),
    (ReportKind.UNITTEST_TEXT, "unittest/output.txt", (7, 1, 3, 2, 1)),
    (ReportKind.UNITTEST_TEXT, "unittest/verbose.txt", (7, 1, 3, 2, 1)),
]
"""Kind, file, (collected, passed, failed, errors, skipped)."""
NAMED = [
    (ReportKind.JUNIT, "pytest/junit.xml", "test_sum::test_many[2]", "assert 2 == 1"),
    (ReportKind.JUNIT, "maven/TEST-shop.SumTest.xml", "shop.SumTest::wrong", "expected:<4> but was:<3>"),
    (ReportKind.JEST, "jest/report.json", 'sum > adds "wrongly"', "Error: expect(received).toBe(expected)"),
    (ReportKind.JEST, "vitest/report.json", 'sum > adds "wrongly"', "AssertionError: expected 3 to be 4"),
    (ReportKind.MOCHA, "mocha/report.json", 'sum adds "wrongly"', "Expected values to be strictly equal:"),
    (ReportKind.TAP, "node/report.tap", 'sum > adds "wrongly"', "Expected values to be strictly equal:"),
    (ReportKind.GO, "go/test.jsonl", "example.com/shop.TestWrong/case_one", "sum_test.go:12: got 3, want 4"),
    (ReportKind.GO, "go/test.jsonl", "example.com/shop/broken", "the package failed without a test"),
    (ReportKind.CARGO, "cargo/test.txt", "shop::tests::wrong", "assertion `left == right` failed"),
    (ReportKind.PYTEST_TEXT, "tox/output.txt", "test_sum.py::test_many[2]", "assert 2 == 1"),
    (ReportKind.UNITTEST_TEXT, "unittest/output.txt", "test_case.SumCase.test_sub", "AssertionError: 2 != 1"),
]
COVERED = [
    (CoverageKind.COVERAGE_PY, "coveragepy/coverage.json", (16, 22)),
    (CoverageKind.COBERTURA, "coveragepy/coverage.xml", (16, 22)),
    (CoverageKind.COBERTURA, "cobertura/coverage.xml", (2, 3)),
    (CoverageKind.LCOV, "lcov/lcov.info", (2, 3)),
    (CoverageKind.ISTANBUL, "istanbul/coverage-summary.json", (2, 3)),
    (CoverageKind.GO, "go/cover.out", (1, 4)),
    (CoverageKind.JACOCO, "jacoco/report.xml", (2, 3)),
]
BOMB = '<!DOCTYPE t [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><testsuite><testcase name="&b;"/></testsuite>'
HOSTILE = [
    (ReportKind.JUNIT, BOMB),
    (ReportKind.JUNIT, '<!DOCTYPE t [<!ENTITY x SYSTEM "file:///etc/passwd">]><testsuite><testcase name="&x;"/></testsuite>'),
    (ReportKind.JUNIT, "<testsuite>" * 500 + "</testsuite>" * 500),
    (ReportKind.JUNIT, "<html/>"),
    (ReportKind.JUNIT, '<testsuite tests="3" failures="2"/>'),
    (ReportKind.JUNIT, '<testsuite tests="3" failures="many"/>'),
    (ReportKind.JEST, "[" * 100_000),
    (ReportKind.JEST, "[]"),
    (ReportKind.JEST, '{"testResults": 3}'),
    (ReportKind.JEST, '{"testResults": [], "numTotalTests": 7}'),
    (ReportKind.JEST, '{"testResults": [{"assertionResults": [{"status": "great"}]}], "numTotalTests": 1}'),
    (ReportKind.MOCHA, '{"stats": {"tests": 3, "failures": 1}, "failures": []}'),
    (ReportKind.TAP, "TAP version 13\nok 1 - one\n"),
    (ReportKind.TAP, "TAP version 13\nok 1 - one\n1..2\n"),
    (ReportKind.GO, '{"Action":"run","Package":"p","Test":"T"}\n'),
    (ReportKind.CARGO, "running 2 tests\ntest a ... ok\n"),
    (ReportKind.CARGO, "running 1 test\ntest a ... FAILED\ntest result: ok. 1 passed; 0 failed; 0 ignored; 0 measured\n"),
    (ReportKind.LIBTEST, '{"type":"suite","event":"started","test_count":1}\n'),
    (ReportKind.UNITTEST_TEXT, "Ran 3 tests in 0.1s\n"),
    (ReportKind.PYTEST_TEXT, "Segmentation fault\n"),
]  # fmt: skip


def stored(kind: ReportKind, file: str) -> TestReport:
    report = read_report(kind, (REPORTS / file).read_text(encoding="utf-8"), file)
    assert isinstance(report, TestReport)
    return report


@pytest.mark.parametrize(("kind", "file", "counts"), STORED, ids=lambda value: str(value))
def test_a_stored_report_is_counted(kind: ReportKind, file: str, counts: tuple[int, ...]) -> None:
    report = stored(kind, file)

    assert (report.collected, report.passed, report.failed, report.errors, report.skipped) == counts
    assert len(report.bad) == report.failed + report.errors


@pytest.mark.parametrize(("kind", "file", "name", "reason"), NAMED)
def test_a_failing_test_is_named_with_its_reason(kind: ReportKind, file: str, name: str, reason: str) -> None:
    found = {case.name: case.reason for case in stored(kind, file).bad}

    assert found[name].startswith(reason)


@pytest.mark.parametrize(("kind", "file", "counts"), COVERED, ids=lambda value: str(value))
def test_stored_coverage_is_read(kind: CoverageKind, file: str, counts: tuple[int, int]) -> None:
    coverage = read_coverage(kind, (REPORTS / file).read_text(encoding="utf-8"))

    assert isinstance(coverage, Coverage)
    assert (coverage.covered, coverage.total) == counts


@pytest.mark.parametrize(("kind", "text"), HOSTILE)
def test_a_broken_or_hostile_report_is_not_believed(kind: ReportKind, text: str) -> None:
    report = read_report(kind, text, "report.xml")

    assert isinstance(report, Unreadable)
    assert report.finding.rule == REPORT_UNREADABLE


@pytest.mark.parametrize(("kind", "file", "counts"), STORED, ids=lambda value: str(value))
def test_a_truncated_report_never_counts_as_green(kind: ReportKind, file: str, counts: tuple[int, ...]) -> None:
    text = (REPORTS / file).read_text(encoding="utf-8")

    for end in range(0, len(text) - 1, max(len(text) // 200, 1)):
        report = read_report(kind, text[:end])
        assert isinstance(report, Unreadable) or report.bad or report.failed


@pytest.mark.parametrize("kind", ReportKind)
@pytest.mark.parametrize(
    "text", ["", "{", "null", '{"a": ', "<a", "\x00\x01", "1..1", "{}", "[[]]", '{"testResults":[null]}']
)
def test_nonsense_is_a_value_and_no_exception(kind: ReportKind, text: str) -> None:
    assert isinstance(read_report(kind, text), Unreadable | TestReport)


@pytest.mark.parametrize("kind", CoverageKind)
@pytest.mark.parametrize(
    "text", ["", "{", "SF:a\nDA:1,1\n", "<coverage/>", "mode: set\nx\n", '{"total": {"lines": 1}}', "[]"]
)
def test_broken_coverage_is_not_believed(kind: CoverageKind, text: str) -> None:
    assert isinstance(read_coverage(kind, text), Unreadable)


def test_words_of_a_web_page_in_a_failure_are_no_document_type() -> None:
    words = "<![CDATA[expected <!DOCTYPE html> and <!ENTITY x>]]>"
    text = f'<testsuite failures="1"><testcase name="page"><failure>{words}</failure></testcase></testsuite>'

    report = read_report(ReportKind.JUNIT, text)

    assert isinstance(report, TestReport)
    assert report.bad[0].reason == "expected <!DOCTYPE html> and <!ENTITY x>"


def test_what_a_failed_test_prints_is_no_result_of_cargo() -> None:
    printed = "\nfailures:\n\n---- a stdout ----\ntest fake ... ok\ntest b ... ok\n"
    closing = "test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n"

    report = read_report(ReportKind.CARGO, f"running 1 test\ntest a ... FAILED\n{printed}{closing}")

    assert isinstance(report, TestReport)
    assert (report.passed, report.failed) == (0, 1)


def test_colours_and_half_characters_stay_out_of_names() -> None:
    text = '{"testResults":[{"assertionResults":[{"status":"failed","title":"\\u001b[31mred\\u001b[0m \\ud800"}]}],"numTotalTests":1}'

    report = read_report(ReportKind.JEST, text)

    assert isinstance(report, TestReport)
    assert [case.name for case in report.cases if case.outcome in BAD] == ["red"]
