"""Reports of Jest and Vitest (the same JSON) and of Mocha."""

from typing import Any

from ostinato.domain.test_reports.documents import entries, json_table
from ostinato.domain.test_reports.model import (
    Outcome,
    ReportError,
    TestCase,
    TestReport,
    first_line,
    said,
    seconds,
    whole,
)

_STATUS = {
    "passed": Outcome.PASSED,
    "failed": Outcome.FAILED,
    **dict.fromkeys(("pending", "todo", "skipped", "disabled"), Outcome.SKIPPED),
}


def parse_jest(text: str) -> TestReport:
    """A file that could not be loaded has no tests: it is an error under its own name."""
    table = json_table(text)
    if not isinstance(table.get("testResults"), list):
        raise ReportError("has no testResults")
    cases = [case for file in entries(table["testResults"]) for case in _file(file)]
    failing = sum(case.outcome in (Outcome.FAILED, Outcome.ERROR) for case in cases)
    listed = sum(case.outcome is not Outcome.ERROR for case in cases)
    if (total := whole(table.get("numTotalTests"))) != listed:
        raise ReportError(f"says that there were {total} tests and lists {listed}")
    if whole(table.get("numFailedTests")) > failing:
        raise ReportError(f"says that {table['numFailedTests']} failed and names {failing}")
    if table.get("success") is False and not failing and (cases or table["testResults"]):
        cases.append(TestCase(name="the whole run", outcome=Outcome.ERROR, reason="ended without success"))
    return TestReport.of("jest", cases)


def _file(file: dict[str, Any]) -> list[TestCase]:
    path = said(file.get("name"))
    cases = [_assertion(path, item) for item in entries(file.get("assertionResults"))]
    if file.get("status") == "failed" and all(case.outcome is not Outcome.FAILED for case in cases):
        reason = first_line(file.get("message") or file.get("failureMessage"))
        cases.append(TestCase(name="the file could not be run", outcome=Outcome.ERROR, path=path, reason=reason))
    return cases


def _assertion(path: str, item: dict[str, Any]) -> TestCase:
    above = [said(title) for title in item.get("ancestorTitles") or () if isinstance(title, str) and title]
    title = said(item.get("title"))
    status = item.get("status")
    if status not in _STATUS:
        raise ReportError(f"has a test of the unknown status {said(status, 40)!r}")
    messages = item.get("failureMessages") or [""]
    where = item.get("location")
    line = where.get("line") if isinstance(where, dict) else 0
    return TestCase(
        name=" > ".join((*above, title)),
        outcome=_STATUS[status],
        path=path,
        line=line if isinstance(line, int) and 0 < line < 10**8 else 0,
        reason=first_line(messages[0] if isinstance(messages, list) else messages),
        duration_s=seconds(item.get("duration") or 0, 0.001),
        selector=said(item.get("fullName")) or " ".join((*above, title)),
    )


def parse_mocha(text: str) -> TestReport:
    """A hook that failed is among the failures only."""
    table = json_table(text)
    stats = table.get("stats")
    if not isinstance(stats, dict):
        raise ReportError("has no stats")
    listed = [*_mocha(table, "passes", Outcome.PASSED), *_mocha(table, "pending", Outcome.SKIPPED)]
    failed = _mocha(table, "failures", Outcome.FAILED)
    for key, cases in (("failures", failed), ("tests", entries(table.get("tests")))):
        if whole(stats.get(key)) > len(cases):
            raise ReportError(f"says {stats[key]} {key} and lists {len(cases)}")
    return TestReport.of("mocha", [*listed, *failed])


def _mocha(table: dict[str, Any], key: str, outcome: Outcome) -> list[TestCase]:
    return [
        TestCase(
            name=said(item.get("fullTitle")),
            outcome=Outcome.ERROR if outcome is Outcome.FAILED and _is_hook(item) else outcome,
            path=said(item.get("file")),
            reason=first_line(item["err"].get("message")) if isinstance(item.get("err"), dict) else "",
            duration_s=seconds(item.get("duration") or 0, 0.001),
        )
        for item in entries(table.get(key))
    ]


def _is_hook(item: dict[str, Any]) -> bool:
    return said(item.get("title")).startswith(('"before ', '"after '))
