"""docs.check: public definitions without docstrings, and relative links in Markdown that lead nowhere."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from ostinato.adapters.projects.layout import is_test_code
from ostinato.adapters.tools.context import ToolContext, ToolReport, counted, keep, tracked_files
from ostinato.adapters.tools.source_code import SourceFile, public_definitions, read_sources
from ostinato.domain.gates import Finding, Level

_LINK = re.compile(r"!?\[[^\]\n]*\]\(\s*<?([^)\s>]+)>?(?:\s+[\"'][^)]*)?\)")
_FENCE = re.compile(r"^\s*(```|~~~)")
_ELSEWHERE = re.compile(r"^(?:[a-z][a-z0-9+.-]*:|//|#|/)", re.IGNORECASE)


async def check_documentation(context: ToolContext) -> ToolReport:
    sources = [s for s in await read_sources(context) if s.module.partition(".")[0] in context.project.packages]
    undocumented = [finding for source in sources if not is_test_code(source.path) for finding in _missing(source)]
    pages = [name for name in await tracked_files(context) if name.lower().endswith((".md", ".markdown"))]
    broken = [finding for page in pages for finding in _broken(context.tree, page)]
    findings = (*broken, *undocumented)
    return ToolReport(
        tool="docs.check",
        ok=True,
        summary=f"{counted(len(undocumented), 'missing docstring')}, {counted(len(broken), 'broken link')}",
        findings=findings,
        changed=False,
        metrics={"missing_docstrings": len(undocumented), "broken_links": len(broken), "pages": len(pages)},
        evidence=keep(context, [finding.model_dump() for finding in findings]),
    )


def _missing(source: SourceFile) -> Iterator[Finding]:
    if source.tree is None:
        return
    if source.lines > 1 and not ast.get_docstring(source.tree):
        yield _undocumented(source.path, "D100", 1, "module")
    for name, node in public_definitions(source.tree):
        if not ast.get_docstring(node):
            kind = "class" if isinstance(node, ast.ClassDef) else "method" if "." in name else "function"
            rule = {"class": "D101", "method": "D102", "function": "D103"}[kind]
            yield _undocumented(source.path, rule, node.lineno, f"{kind} {name}")


def _undocumented(path: str, rule: str, line: int, what: str) -> Finding:
    return Finding(tool="docs", rule=rule, path=path, line=line, message=f"{what} has no docstring", level=Level.INFO)


def _broken(tree: Path, page: str) -> Iterator[Finding]:
    fenced = False
    text = (tree / page).read_text(encoding="utf-8", errors="replace")
    for number, line in enumerate(text.splitlines(), start=1):
        fenced ^= bool(_FENCE.match(line))
        for target in () if fenced else _LINK.findall(re.sub(r"`[^`]*`", "", line)):
            place = unquote(target.partition("#")[0].partition("?")[0])
            if place and not _ELSEWHERE.match(target) and not (tree / page).parent.joinpath(place).exists():
                yield Finding(
                    tool="docs", rule="broken-link", path=page, line=number, message=f"{target} does not exist"
                )
