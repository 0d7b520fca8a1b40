"""What pytest and unittest print, also through tox and nox: closing lines and the names of what failed."""

import re

from ostinato.domain.test_reports.model import (
    Outcome,
    ReportError,
    TestCase,
    TestReport,
    combined,
    first_line,
    said,
    seconds,
)

_CLOSING = re.compile(
    r"^=* ?((?:\d+ [a-z]+(?:, )?)+) in ([\d.]+)s(?: \([\d:, a-z]+\))? ?=*$|^=+ no tests ran in ([\d.]+)s"
)
_COUNT = re.compile(r"(\d+) ([a-z]+)")
_SHORT = re.compile(r"^(FAILED|ERROR) (\S+(?: \S+\])?(?:\[.*?\])?)(?: - (.*))?$")
_RAN = re.compile(r"^Ran (\d+) tests? in ([\d.]+)s")
_END = re.compile(r"^(OK|FAILED|NO TESTS RAN)(?: \((.*)\))?$")
_HEAD = re.compile(r"^(ERROR|FAIL|UNEXPECTED SUCCESS): (\S+) \(([^)]*)\)( .*)?$")
_ENDED = re.compile(r"^(\w*(?:Error|Exception|Failure|Exit)\b.*)$")


def parse_pytest_text(text: str) -> TestReport:
    """Every run in it, as of several tox environments."""
    reports: list[TestReport] = []
    names: list[TestCase] = []
    for line in text.splitlines():
        line = said(line, 2000)
        if match := _SHORT.match(line):
            outcome = Outcome.FAILED if match[1] == "FAILED" else Outcome.ERROR
            path = match[2].partition("::")[0]
            names.append(TestCase(name=said(match[2]), outcome=outcome, path=path, reason=first_line(match[3])))
        elif match := _CLOSING.match(line):
            reports.append(_pytest_run(match, names))
            names = []
    if not reports:
        raise ReportError("has no closing line of pytest")
    return combined("pytest", reports)


def _pytest_run(match: re.Match[str], names: list[TestCase]) -> TestReport:
    counts = {
        word.rstrip("s") if word == "errors" else word: int(number[:9])
        for number, word in _COUNT.findall(match[1] or "")
    }
    failed, errors = counts.get("failed", 0), counts.get("error", 0)
    if failed + errors and not names:
        names = [TestCase(name="tests that are not named", outcome=Outcome.FAILED, reason=said(match[1]))]
    passed = counts.get("passed", 0) + counts.get("xpassed", 0)
    skipped = counts.get("skipped", 0) + counts.get("xfailed", 0)
    return TestReport(
        tool="pytest",
        cases=tuple(names),
        collected=passed + failed + errors + skipped,
        passed=passed,
        failed=failed,
        errors=errors,
        skipped=skipped,
        duration_s=seconds(match[2] or match[3]),
    )


def parse_unittest(text: str) -> TestReport:
    reports: list[TestReport] = []
    names: list[TestCase] = []
    ran: tuple[int, float] | None = None
    lines = text.splitlines()
    for at, line in enumerate(lines):
        if match := _HEAD.match(line):
            outcome = Outcome.ERROR if match[1] == "ERROR" else Outcome.FAILED
            name = match[3] if match[3].endswith(match[2]) else f"{match[3]}.{match[2]}"
            names.append(TestCase(name=said(name), outcome=outcome, reason=_reason(lines, at), selector=said(name)))
        elif match := _RAN.match(line):
            ran = (int(match[1][:9]), seconds(match[2]))
        elif ran and (match := _END.match(line)):
            reports.append(_unittest_run(ran, match, names))
            ran, names = None, []
    if ran or not reports:
        raise ReportError("ends before the result" if ran else "has no closing lines of unittest")
    return combined("unittest", reports)


def _reason(lines: list[str], start: int) -> str:
    """The last line of the traceback."""
    for line in lines[start + 1 : start + 200]:
        if line.startswith("====="):
            break
        if match := _ENDED.match(line):
            return first_line(match[1])
    return ""


def _unittest_run(ran: tuple[int, float], end: re.Match[str], names: list[TestCase]) -> TestReport:
    counts = {key.strip(): int(number[:9]) for key, number in re.findall(r"([a-z ]+)=(\d+)", end[2] or "")}
    errors, skipped = counts.get("errors", 0), counts.get("skipped", 0) + counts.get("expected failures", 0)
    failed = counts.get("failures", 0) + counts.get("unexpected successes", 0)
    if end[1] == "FAILED" and not failed + errors:
        raise ReportError("says FAILED and counts nothing")
    if failed + errors and not names:
        names = [TestCase(name="tests that are not named", outcome=Outcome.FAILED, reason=said(end[2]))]
    distinct = list(dict.fromkeys(names))
    return TestReport(
        tool="unittest",
        cases=tuple(distinct),
        collected=max(ran[0], failed + errors + skipped),
        passed=max(ran[0] - failed - errors - skipped, 0),
        failed=failed,
        errors=errors,
        skipped=skipped,
        duration_s=ran[1],
    )
