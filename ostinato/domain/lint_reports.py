"""What linters and type checkers of other languages report, as findings that can be compared between two commits."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import Any

from ostinato.domain.gates import Finding, Level
from ostinato.domain.test_reports.documents import entries, json_document, json_lines, json_table
from ostinato.domain.test_reports.model import LONGEST_REPORT, ReportError, Unreadable, said, whole

_TSC = re.compile(r"^(?:(.+?)\((\d+),\d+\): )?(error|warning) (TS\d+): (.*)$")
_VET_PLACE = re.compile(r"^(.*?):(\d+)(?::\d+)?$")
_LONGEST = 500
_CLIPPY = {"error": Level.ERROR, "warning": Level.WARNING}
_BIOME = {"fatal": Level.ERROR, "error": Level.ERROR, "warning": Level.WARNING}


class LintKind(StrEnum):
    ESLINT = "eslint"
    BIOME = "biome"
    TSC = "tsc"
    GO_VET = "go-vet"
    GOLANGCI = "golangci-lint"
    CARGO = "cargo"
    """clippy's and rustc's messages."""


def read_lint(kind: LintKind, text: str, name: str = "the report") -> tuple[Finding, ...] | Unreadable:
    """Paths are as the tool wrote them. Nothing in the text raises."""
    if len(text) > LONGEST_REPORT:
        return Unreadable(report=name, reason="is too long")
    try:
        return tuple(_PARSERS[kind](text))
    except ReportError as problem:
        return Unreadable(report=name, reason=str(problem))
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as problem:
        return Unreadable(report=name, reason=f"is not what {kind} writes: {type(problem).__name__}")


def _finding(tool: str, rule: object, path: object, line: object, message: object, level: Level) -> Finding:
    return Finding(
        tool=tool,
        rule=said(rule, 200) or tool,
        path=said(path, 1000),
        line=whole(line),
        message=said(message, _LONGEST),
        level=level,
    )


def _eslint(text: str) -> Iterator[Finding]:
    """A file that cannot be parsed has a message without a rule."""
    files = json_document(text)
    if not isinstance(files, list):
        raise ReportError("holds no list of files")
    for file in entries(files):
        for item in entries(file["messages"]):
            level = Level.ERROR if item.get("severity") == 2 else Level.WARNING
            yield _finding(
                "eslint", item.get("ruleId") or "parse", file["filePath"], item.get("line"), item["message"], level
            )


def _biome(text: str) -> Iterator[Finding]:
    table = json_table(text[text.find("{") :])
    listed = table["diagnostics"]
    summary = table.get("summary")
    if isinstance(summary, dict) and whole(summary.get("errors")) > 0 and not listed:
        raise ReportError(f"says that there are {summary['errors']} errors and lists none")
    for item in entries(listed):
        place = item.get("location") or {}
        path = place.get("path")
        start = place.get("start")
        yield _finding(
            "biome",
            item.get("category"),
            path.get("file") if isinstance(path, dict) else path,
            start.get("line") if isinstance(start, dict) else 0,
            item.get("message") or item.get("description"),
            _BIOME.get(str(item.get("severity")), Level.INFO),
        )


def _tsc(text: str) -> Iterator[Finding]:
    """With --pretty false. Lines that are indented explain the one above."""
    for line in text.splitlines():
        if match := _TSC.match(line):
            level = Level.ERROR if match[3] == "error" else Level.WARNING
            yield _finding("tsc", match[4], match[1] or "", match[2], match[5], level)


def _go_vet(text: str) -> Iterator[Finding]:
    """JSON documents one after another, one a package, between lines that begin with #."""
    decoder, rest = (
        json.JSONDecoder(),
        "\n".join(line for line in text.splitlines() if not line.startswith("#")).strip(),
    )
    while rest:
        value, end = decoder.raw_decode(rest)
        rest = rest[end:].lstrip()
        for analyses in value.values():
            for analyser, items in analyses.items():
                if isinstance(items, dict):
                    raise ReportError(f"says that {said(analyser, 40)} failed: {said(items.get('error'), 200)}")
                for item in entries(items):
                    yield _vetted(str(analyser), item)


def _vetted(analyser: str, item: Mapping[str, Any]) -> Finding:
    place = _VET_PLACE.match(str(item.get("posn")))
    path, line = (place[1], place[2]) if place else ("", 0)
    return _finding("go-vet", analyser, path, line, item["message"], Level.ERROR)


def _golangci(text: str) -> Iterator[Finding]:
    document = next((line for line in text.splitlines() if line.startswith("{")), text)
    for item in entries(json_table(document).get("Issues") or []):
        place = item["Pos"]
        level = Level.WARNING if item.get("Severity") in ("warning", "info") else Level.ERROR
        yield _finding(
            "golangci-lint", item.get("FromLinter"), place["Filename"], place.get("Line"), item["Text"], level
        )


def _cargo(text: str) -> Iterator[Finding]:
    """Sums like "2 warnings emitted" have no place and are left out; the closing line must be there."""
    events = list(json_lines(text))
    if not any(event.get("reason") == "build-finished" for event in events):
        raise ReportError("ends before the build has finished")
    for event in events:
        message = event.get("message")
        if event.get("reason") != "compiler-message" or not isinstance(message, dict):
            continue
        span = next((one for one in entries(message.get("spans")) if one.get("is_primary")), None)
        if span is None or message.get("level") not in _CLIPPY:
            continue
        code = message.get("code")
        rule = code.get("code") if isinstance(code, dict) else "rustc"
        yield _finding(
            "cargo", rule, span.get("file_name"), span.get("line_start"), message["message"], _CLIPPY[message["level"]]
        )


_PARSERS: Mapping[LintKind, Callable[[str], Iterator[Finding]]] = {
    LintKind.ESLINT: _eslint,
    LintKind.BIOME: _biome,
    LintKind.TSC: _tsc,
    LintKind.GO_VET: _go_vet,
    LintKind.GOLANGCI: _golangci,
    LintKind.CARGO: _cargo,
}
