"""Coverage reports: coverage.py, Cobertura, lcov, Istanbul, Go, JaCoCo."""

import re
from collections.abc import Iterable

from ostinato.domain.test_reports.documents import json_table, xml_document
from ostinato.domain.test_reports.model import Coverage, ReportError, whole

_GO_BLOCK = re.compile(r"^(.+:\d+\.\d+,\d+\.\d+) (\d+) (\d+)$")


def parse_coverage_json(text: str) -> Coverage:
    """Of coverage.py."""
    totals = json_table(text).get("totals")
    if not isinstance(totals, dict) or "num_statements" not in totals:
        raise ReportError("has no totals of coverage.py")
    return _of(whole(totals.get("covered_lines")), whole(totals["num_statements"]))


def parse_cobertura(text: str) -> Coverage:
    """The counts where they are stated, else the lines themselves."""
    root = xml_document(text)
    if root.tag != "coverage":
        raise ReportError("does not begin with <coverage>")
    if root.get("lines-valid") is not None:
        return _of(whole(root.get("lines-covered")), whole(root.get("lines-valid")))
    lines = [line for each in root.iter("class") for line in each.iterfind("./lines/line")]
    if not lines:
        raise ReportError("has no lines")
    return _of(sum(line.get("hits", "0") != "0" for line in lines), len(lines))


def parse_lcov(text: str) -> Coverage:
    found = hit = opened = 0
    seen: dict[int, bool] = {}
    for line in text.splitlines():
        if line.startswith("SF:"):
            opened, seen = opened + 1, {}
        elif line.startswith("DA:"):
            number, _, hits = line[3:].partition(",")
            seen[whole(number)] = not hits.startswith("0") or seen.get(whole(number), False)
        elif line.startswith("end_of_record"):
            opened, found, hit = opened - 1, found + len(seen), hit + sum(seen.values())
    if opened or not found:
        raise ReportError("ends within a file" if opened else "has no lines")
    return _of(hit, found)


def parse_istanbul(text: str) -> Coverage:
    """json-summary."""
    total = json_table(text).get("total")
    lines = total.get("lines") if isinstance(total, dict) else None
    if not isinstance(lines, dict):
        raise ReportError("has no totals of lines")
    return _of(whole(lines.get("covered")), whole(lines.get("total")))


def parse_coverprofile(text: str) -> Coverage:
    """Statements; a block that several packages have measured counts once."""
    lines = text.splitlines()
    if not lines or not lines[0].startswith("mode:"):
        raise ReportError("does not begin with a mode")
    blocks: dict[str, tuple[int, bool]] = {}
    for line in lines[1:]:
        if not line.strip() or line.startswith("mode:"):
            continue
        if not (match := _GO_BLOCK.match(line)):
            raise ReportError("has a line that is no block")
        size, hit = blocks.get(match[1], (whole(match[2]), False))
        blocks[match[1]] = (size, hit or match[3] != "0")
    return _sum((size if hit else 0, size) for size, hit in blocks.values())


def parse_jacoco(text: str) -> Coverage:
    root = xml_document(text)
    counter = next((c for c in root.iterfind("counter") if c.get("type") == "LINE"), None)
    if root.tag != "report" or counter is None:
        raise ReportError("has no counter of lines")
    covered, missed = whole(counter.get("covered")), whole(counter.get("missed"))
    return _of(covered, covered + missed)


def _sum(pairs: Iterable[tuple[int, int]]) -> Coverage:
    listed = list(pairs)
    return _of(sum(pair[0] for pair in listed), sum(pair[1] for pair in listed))


def _of(covered: int, total: int) -> Coverage:
    if covered > total:
        raise ReportError(f"says that {covered} of {total} lines were covered")
    return Coverage.of(covered, total)
