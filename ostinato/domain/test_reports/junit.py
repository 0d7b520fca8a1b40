"""JUnit XML, as pytest, Maven Surefire, Gradle, Vitest, node and many others write it."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from ostinato.domain.test_reports.documents import xml_document
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

_ROOTS = ("testsuites", "testsuite")
_MARKS = (
    ("error", Outcome.ERROR),
    ("failure", Outcome.FAILED),
    ("rerunFailure", Outcome.FAILED),
    ("rerunError", Outcome.ERROR),
    ("skipped", Outcome.SKIPPED),
)
"""The gravest first; flakyFailure of Surefire is a test that passed in the end."""


def parse_junit(text: str) -> TestReport:
    root = xml_document(text)
    if root.tag not in _ROOTS:
        raise ReportError(f"begins with <{said(root.tag, 40)}> and not with <testsuites>")
    cases = [_case(suites, element) for suites, element in _cases(root, ())]
    failing = sum(case.outcome in (Outcome.FAILED, Outcome.ERROR) for case in cases)
    declared = max((_declared(suite) for suite in root.iter() if suite.tag in _ROOTS), default=0)
    if declared and not failing:
        raise ReportError(f"says that {declared} failed and names none")
    return TestReport.of("junit", cases)


def _declared(suite: Element) -> int:
    return whole(suite.get("failures")) + whole(suite.get("errors"))


def _cases(element: Element, suites: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Element]]:
    for child in element:
        if child.tag == "testcase":
            yield suites, child
        elif child.tag == "testsuite":
            yield from _cases(child, (*suites, said(child.get("name"))))


def _case(suites: tuple[str, ...], element: Element) -> TestCase:
    found = next(((mark, outcome) for tag, outcome in _MARKS if (mark := element.find(tag)) is not None), None)
    mark, outcome = found or (None, Outcome.PASSED)
    place, name = said(element.get("classname")), said(element.get("name"))
    if place in ("", "test") and suites:
        place = suites[-1]
    line = element.get("line", "")
    return TestCase(
        name=f"{place}::{name}" if place and place != name else name or place,
        outcome=outcome,
        path=said(element.get("file")),
        line=int(line) if line.isdecimal() and len(line) < 9 else 0,
        reason=first_line(mark.get("message") or mark.text) if mark is not None else "",
        duration_s=seconds(element.get("time", 0)),
    )
