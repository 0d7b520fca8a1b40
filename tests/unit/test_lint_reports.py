"""Reports of linters and type checkers of other languages."""

from pathlib import Path

import pytest

from ostinato.domain.gates import Level
from ostinato.domain.lint_reports import LintKind, read_lint
from ostinato.domain.test_reports import Unreadable

REPORTS = Path(__file__).parents[1] / "data" / "reports"
STORED = [
    (LintKind.ESLINT, "eslint/report.json", 3, ("no-unused-vars", "/home/dev/shop/a.js", 1, Level.ERROR)),
    (LintKind.BIOME, "biome/report.json", 6, ("lint/correctness/noUnusedVariables", "a.js", 1, Level.WARNING)),
    (LintKind.TSC, "tsc/output.txt", 3, ("TS2322", "a.ts", 1, Level.ERROR)),
    (LintKind.GO_VET, "go/vet.json", 1, ("printf", "/home/dev/shop/vetted/v.go", 5, Level.ERROR)),
    (LintKind.GOLANGCI, "golangci/report.json", 2, ("errcheck", "store.go", 9, Level.ERROR)),
    (LintKind.CARGO, "cargo/clippy.jsonl", 1, ("clippy::needless_return", "src/lib.rs", 8, Level.WARNING)),
]
BROKEN = [
    (LintKind.ESLINT, "Oops! Something went wrong"),
    (LintKind.ESLINT, '[{"filePath": "a.js"}]'),
    (LintKind.BIOME, "Internal error"),
    (LintKind.BIOME, '{"summary": {"errors": 3}, "diagnostics": []}'),
    (LintKind.GO_VET, '{"p": {"printf": {"error": "no build"}}}'),
    (LintKind.GO_VET, "vet: exit status 1"),
    (LintKind.GOLANGCI, "panic"),
    (LintKind.CARGO, '{"reason":"compiler-message","message":{"level":"error","message":"x","spans":[]}}'),
]


@pytest.mark.parametrize(("kind", "file", "count", "first"), STORED)
def test_a_stored_report_becomes_findings(
    kind: LintKind, file: str, count: int, first: tuple[str, str, int, Level]
) -> None:
    found = read_lint(kind, (REPORTS / file).read_text(encoding="utf-8"))

    assert not isinstance(found, Unreadable)
    assert len(found) == count
    assert (found[0].rule, found[0].path, found[0].line, found[0].level) == first


@pytest.mark.parametrize(("kind", "text"), BROKEN)
def test_a_broken_report_is_not_believed(kind: LintKind, text: str) -> None:
    assert isinstance(read_lint(kind, text), Unreadable)


def test_a_file_that_eslint_cannot_parse_is_a_finding() -> None:
    found = read_lint(LintKind.ESLINT, (REPORTS / "eslint/report.json").read_text(encoding="utf-8"))

    assert not isinstance(found, Unreadable)
    assert [(one.path, one.message) for one in found if one.rule == "parse"] == [
        ("/home/dev/shop/broken.js", "Parsing error: Unexpected token =")
    ]
