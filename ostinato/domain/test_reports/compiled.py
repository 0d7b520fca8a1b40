"""Reports of `go test -json` and of cargo: libtest's words and its JSON."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from ostinato.domain.test_reports.documents import json_lines
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

_GO = {"pass": Outcome.PASSED, "fail": Outcome.FAILED, "skip": Outcome.SKIPPED}
_GO_BUILD = re.compile(r"^FAIL\s+(\S+) \[(build|setup) failed\]", re.MULTILINE)
_GO_FRAME = re.compile(r"^(===|---|\s+---|FAIL|PASS|ok|exit status|coverage:)")
_RUNNING = re.compile(r"^running (\d+) tests?$")
_TEST = re.compile(r"^test (.+?)(?: - should panic)? \.\.\. (ok|FAILED|ignored)(?:, .*)?$")
_RESULT = re.compile(r"^test result: \S+\. (\d+) passed; (\d+) failed; (\d+) ignored;.*?(?:finished in ([\d.]+)s)?$")
_TARGET = re.compile(r"^\s+Running .*?\(?\S*?/deps/([\w-]+?)-[0-9a-f]{16}\)?|^\s+Doc-tests (\S+)")
_PANIC = re.compile(r"^---- (.+?) stdout ----$")
_RUST = {"ok": Outcome.PASSED, "FAILED": Outcome.FAILED, "failed": Outcome.FAILED, "ignored": Outcome.SKIPPED}
_RUST["timeout"] = Outcome.ERROR


def parse_go(text: str) -> TestReport:
    """A package that failed without a failing test is an error under its own name, as when it does not compile."""
    events = list(json_lines(text))
    if not any("Action" in event for event in events) and not _GO_BUILD.search(text):
        raise ReportError("holds no test events")
    ends, words = _go_ends(events)
    cases = [_go_case(key, end, words) for key, end in ends.items() if key[1]]
    failing = {case.path for case in cases if case.outcome in (Outcome.FAILED, Outcome.ERROR)}
    packages = {key[0]: end for key, end in ends.items() if not key[1]}
    if unfinished := {key[0] for key in ends} - {name for name, end in packages.items() if end}:
        raise ReportError(f"ends before {said(min(unfinished), 100)} is done")
    broken = dict.fromkeys(
        name for name, end in packages.items() if end and end["Action"] == "fail" and name not in failing
    )
    broken |= dict.fromkeys(match[1] for match in _GO_BUILD.finditer(text))
    cases += [TestCase(name=name, outcome=Outcome.ERROR, reason="the package failed without a test") for name in broken]
    length = sum(seconds(end.get("Elapsed", 0)) for end in packages.values() if end)
    cleaned = [case.model_copy(update={"path": ""}) for case in cases]
    return TestReport.of("go", cleaned, length)


_Key = tuple[str, str]


def _go_ends(events: Sequence[dict[str, Any]]) -> tuple[dict[_Key, dict[str, Any]], dict[_Key, str]]:
    """The last word on each test and package; empty where there was none. And what each said first."""
    ends: dict[_Key, dict[str, Any]] = {}
    words: dict[_Key, str] = {}
    for event in events:
        key = (said(event.get("Package")), said(event.get("Test")))
        if not key[0]:
            continue
        ends.setdefault(key, {})
        if event.get("Action") in _GO:
            ends[key] = event
        elif event.get("Action") == "output" and not _GO_FRAME.match(str(event.get("Output"))):
            words.setdefault(key, first_line(event.get("Output")))
    return ends, words


def _go_case(key: _Key, end: dict[str, Any], words: dict[_Key, str]) -> TestCase:
    outcome = _GO[end["Action"]] if end else Outcome.ERROR
    return TestCase(
        name=f"{key[0]}.{key[1]}",
        outcome=outcome,
        path=key[0],
        reason=words.get(key, "" if end else "it did not finish") if outcome is not Outcome.PASSED else "",
        duration_s=seconds(end.get("Elapsed", 0)),
        selector=f"{key[0]} {key[1]}",
    )


def parse_cargo(text: str) -> TestReport:
    """In words. What a failed test has printed stands between "failures:" and the result, and is not looked at."""
    cases: list[TestCase] = []
    target, block, reasons, panicking, length, open_block = "", [], {}, "", 0.0, False
    wanted, in_failures, blocks = 0, False, 0
    block = list[TestCase]()
    for line in text.splitlines():
        if not open_block and (match := _TARGET.match(line)):
            target = said(match[1] or f"{match[2]} (doc)")
        elif not open_block and (match := _RUNNING.match(line)):
            open_block, in_failures, wanted, block, reasons = True, False, int(match[1][:9]), [], dict[str, str]()
        elif open_block and (match := _RESULT.match(line)) and _agrees(match, block, wanted):
            cases += _with_reasons(block, reasons, target)
            open_block, blocks, length = False, blocks + 1, length + seconds(match[4] or 0)
        elif open_block and line == "failures:":
            in_failures = True
        elif in_failures and (match := _PANIC.match(line)):
            panicking = said(match[1])
        elif in_failures and panicking and line.strip() and "panicked at" not in line:
            reasons.setdefault(panicking, first_line(line))
        elif open_block and not in_failures and (match := _TEST.match(line)):
            block.append(TestCase(name=said(match[1]), outcome=_RUST[match[2]]))
    if open_block:
        raise ReportError("ends within the tests of " + (target or "a target"))
    if not blocks:
        raise ReportError("holds no results of tests")
    return TestReport.of("cargo", cases, length)


def _agrees(result: re.Match[str], block: Sequence[TestCase], wanted: int) -> bool:
    counts = Counter(case.outcome for case in block)
    told = tuple(whole(result[n]) for n in (1, 2, 3))
    listed = (counts[Outcome.PASSED], counts[Outcome.FAILED], counts[Outcome.SKIPPED])
    if told != listed or wanted != sum(listed):
        raise ReportError(f"says passed, failed, ignored {told} of {wanted} and lists {listed}")
    return True


def _with_reasons(block: Sequence[TestCase], reasons: dict[str, str], target: str) -> Iterator[TestCase]:
    for case in block:
        name = f"{target}::{case.name}" if target else case.name
        yield case.model_copy(update={"name": name, "selector": case.name, "reason": reasons.get(case.name, "")})


def parse_libtest(text: str) -> TestReport:
    """JSON lines of libtest (nightly). Each target counts its tests when it begins and when it ends."""
    cases: list[TestCase] = []
    wanted: list[int] = []
    for event in json_lines(text):
        kind, said_ = event.get("type"), event.get("event")
        if kind == "suite" and said_ == "started":
            wanted.append(whole(event.get("test_count")) + (wanted[-1] if wanted else 0))
        elif kind == "suite" and wanted and len(cases) != wanted[-1]:
            raise ReportError(f"ends a target after {len(cases)} tests of {wanted[-1]}")
        elif kind == "test" and said_ in _RUST:
            reason = first_line(event.get("message") or event.get("stdout"))
            cases.append(
                TestCase(
                    name=said(event.get("name")),
                    outcome=_RUST[str(said_)],
                    reason=reason,
                    duration_s=seconds(event.get("exec_time", 0)),
                )
            )
    if not wanted or len(cases) != wanted[-1]:
        raise ReportError("ends within the tests of a target" if wanted else "holds no test events")
    return TestReport.of("cargo", cases)
