"""ui.check: what a page needs to be understood by everybody and every program, from its HTML alone."""

import re
from html.parser import HTMLParser

from ostinato.adapters.tools.context import ToolContext, ToolReport, counted, keep, tracked_files
from ostinato.domain.gates import Finding, Level

_PAGES = (".html", ".htm")
_TEMPLATE = re.compile(r"\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
_UNLABELLED_INPUTS = ("hidden", "submit", "button", "reset", "image")
_NO_OUTLINE = re.compile(r"outline\s*:\s*(?:0|none)\b")


async def check_interface(context: ToolContext) -> ToolReport:
    files = await tracked_files(context)
    pages = [name for name in files if name.lower().endswith(_PAGES)]
    styles = [name for name in files if name.lower().endswith((".css", ".scss"))]
    findings: list[Finding] = []
    for name in pages:
        findings += _check_page(name, (context.tree / name).read_text(encoding="utf-8", errors="replace"))
    for name in styles:
        findings += _check_style(name, (context.tree / name).read_text(encoding="utf-8", errors="replace"))
    return ToolReport(
        tool="ui.check",
        ok=True,
        summary=f"{counted(len(findings), 'finding')} in {counted(len(pages), 'page')} and {counted(len(styles), 'style sheet')}",
        findings=tuple(findings),
        changed=False,
        metrics={"pages": len(pages), "style_sheets": len(styles), "findings": len(findings)},
        evidence=keep(context, [finding.model_dump() for finding in findings]),
    )


def _check_page(path: str, text: str) -> list[Finding]:
    page = _Page(path)
    page.feed(_TEMPLATE.sub(_blank, text))
    page.close()
    return page.result()


def _blank(match: re.Match[str]) -> str:
    """A value stands where the template puts one; lines keep their numbers."""
    return (
        "x" + "\n" * match.group().count("\n") if match.group().startswith("{{") else "\n" * match.group().count("\n")
    )


def _check_style(path: str, text: str) -> list[Finding]:
    return [
        _finding(path, "focus-visible", number, "the outline of what has the focus is removed")
        for number, line in enumerate(text.splitlines(), start=1)
        if _NO_OUTLINE.search(line)
    ]


def _finding(path: str, rule: str, line: int, message: str) -> Finding:
    return Finding(tool="ui", rule=rule, path=path, line=line, message=message, level=Level.WARNING)


class _Page(HTMLParser):
    """Collects findings while it reads; what needs the whole page is said by result()."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path
        self._findings: list[Finding] = []
        self._labelled: set[str] = set()
        self._fields: list[tuple[int, str, str]] = []
        self._ids: set[str] = set()
        self._seen: set[str] = set()
        self._inside_label = 0
        self._heading = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self._seen.add(tag if tag != "meta" else f"meta-{values.get('name', '').lower()}")
        self._check_id(values.get("id", ""))
        if tag == "label":
            self._inside_label += 1
            self._labelled.add(values.get("for", ""))
        if tag == "html" and not values.get("lang"):
            self._say("html-lang", "the page does not say its language")
        if tag == "img" and "alt" not in values:
            self._say("img-alt", f"image {values.get('src', '')[:80]} has no alternative text")
        if tag in ("input", "select", "textarea"):
            self._check_field(tag, values)
        if tag == "a" and values.get("target") == "_blank" and "noopener" not in values.get("rel", ""):
            self._say("link-opener", "a link opens a new page that can reach back: rel=noopener is missing")
        if re.fullmatch(r"h[1-6]", tag):
            self._check_heading(int(tag[1]))

    def handle_endtag(self, tag: str) -> None:
        if tag == "label":
            self._inside_label = max(self._inside_label - 1, 0)

    def result(self) -> list[Finding]:
        for line, tag, name in self._fields:
            if not name or name not in self._labelled:
                self._findings.append(
                    _finding(self._path, "field-label", line, f"{tag} {name or 'without id'} has no label")
                )
        if "html" in self._seen:
            if "title" not in self._seen:
                self._findings.append(_finding(self._path, "page-title", 1, "the page has no title"))
            if "meta-viewport" not in self._seen:
                self._findings.append(
                    _finding(self._path, "viewport", 1, "the page does not fit small screens: no viewport")
                )
        return self._findings

    def _say(self, rule: str, message: str) -> None:
        self._findings.append(_finding(self._path, rule, self.getpos()[0], message))

    def _check_id(self, name: str) -> None:
        if name and name != "x" and name in self._ids:
            self._say("duplicate-id", f"id {name} is used twice")
        self._ids.add(name)

    def _check_field(self, tag: str, values: dict[str, str]) -> None:
        named = values.get("aria-label") or values.get("aria-labelledby") or values.get("title")
        if not named and not self._inside_label and values.get("type", "") not in _UNLABELLED_INPUTS:
            self._fields.append((self.getpos()[0], tag, values.get("id", "")))

    def _check_heading(self, level: int) -> None:
        if self._heading and level > self._heading + 1:
            self._say("heading-order", f"h{level} follows h{self._heading}: a level is left out")
        self._heading = level
