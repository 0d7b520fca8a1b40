"""TAP, as node's own runner writes it: indented subtests, then the point that they belong to."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ostinato.domain.test_reports.model import Outcome, ReportError, TestCase, TestReport, first_line, said, seconds

_POINT = re.compile(r"(not )?ok\b *(\d+)?(?: -)? ?(.*)")
_PLAN = re.compile(r"1\.\.(\d+)")
_DIRECTIVE = re.compile(r"(?<!\\) # ?(skip|todo)\b(.*)$", re.IGNORECASE)
_FIELD = re.compile(r"(duration_ms|location|type|failureType|error): *(.*)")
_SUBTEST = re.compile(r"# Subtest: (.*)")
_PLACE = re.compile(r"(.*?):(\d+):\d+$")


@dataclass(slots=True, kw_only=True)
class _Level:
    """What is under way at one depth of indentation."""

    names: list[str] = field(default_factory=list)
    points: int = 0
    plan: int | None = None


def parse_tap(text: str) -> TestReport:
    lines = text.splitlines()
    if not any(line.startswith("TAP version") for line in lines[:50]):
        raise ReportError("does not begin with a TAP version")
    levels: list[_Level] = [_Level()]
    cases: list[TestCase] = []
    bailed = False
    for number, depth, line in _meant(lines):
        if depth >= len(levels):
            levels += [_Level() for _ in range(depth + 1 - len(levels))]
        elif (point := _POINT.match(line)) or line.startswith("Bail out!"):
            for ended in levels[depth + 1 :]:
                _close(ended)
            del levels[depth + 1 :]
        if match := _SUBTEST.match(line):
            levels[depth].names.append(said(match[1]))
        elif match := _PLAN.match(line):
            levels[depth].plan = int(match[1][:9])
        elif line.startswith("Bail out!"):
            bailed = True
            cases.append(TestCase(name="the whole run", outcome=Outcome.ERROR, reason=first_line(line)))
        elif point := _POINT.match(line):
            levels[depth].points += 1
            above = [level.names[-1] for level in levels[:depth] if level.names]
            cases += _point(point, above, _diagnosis(lines, number + 1))
            levels[depth].names[-1:] = []
    if not bailed:
        for level in levels:
            _close(level)
    return TestReport.of("node", cases)


def _meant(lines: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    """(line number, depth, line) outside the blocks of diagnosis."""
    block = ""
    for number, line in enumerate(lines):
        bare = line.lstrip(" ")
        if block:
            block = "" if line.rstrip() == block else block
        elif bare.rstrip() == "---":
            block = line.rstrip().replace("---", "...")
        elif bare:
            yield number, min((len(line) - len(bare)) // 4, 60), bare


def _close(level: _Level) -> None:
    if level.plan is None:
        raise ReportError("ends before its plan")
    if level.plan != level.points:
        raise ReportError(f"plans {level.plan} tests and has {level.points}")


def _diagnosis(lines: Sequence[str], start: int) -> dict[str, str]:
    found: dict[str, str] = {}
    if start >= len(lines) or lines[start].strip() != "---":
        return found
    end = lines[start].rstrip().replace("---", "...")
    for at in range(start + 1, min(start + 400, len(lines))):
        if lines[at].rstrip() == end:
            break
        if match := _FIELD.match(lines[at].strip()):
            value = match[2].strip().strip("'\"")
            if value in ("|-", ">-", "|") and at + 1 < len(lines):
                value = lines[at + 1].strip()
            found.setdefault(match[1], value)
    return found


def _point(point: re.Match[str], above: Sequence[str], diagnosis: dict[str, str]) -> list[TestCase]:
    """Nothing for a suite: its tests have spoken, unless it failed for itself."""
    words, failed = point[3], bool(point[1])
    if diagnosis.get("type") == "suite" and (not failed or diagnosis.get("failureType") == "subtestsFailed"):
        return []
    directive = _DIRECTIVE.search(words)
    if directive:
        words = words[: directive.start()]
    title = said(words.replace("\\#", "#").replace("\\\\", "\\"))
    place = _PLACE.match(diagnosis.get("location", ""))
    outcome = Outcome.SKIPPED if directive else Outcome.FAILED if failed else Outcome.PASSED
    return [
        TestCase(
            name=" > ".join((*above, "the file" if place and place[1] == title else title)),
            outcome=outcome,
            path=place[1] if place else "",
            line=int(place[2][:8]) if place else 0,
            reason=first_line(diagnosis.get("error")) if failed else "",
            duration_s=seconds(diagnosis.get("duration_ms", 0), 0.001),
        )
    ]
