"""Markdown with front matter: its fields as plain texts, where they stand, and the body. Nothing of it is believed."""

import json
import re
import unicodedata
from dataclasses import dataclass, field

import yaml

MAX_FRONT = 16 * 1024
MAX_VALUES = 2_000
_CLOSED = re.compile(r"^---[ \t]*$", re.MULTILINE)
_LOOSE = re.compile(r"^([A-Za-z][\w-]*):[ \t]+([^'\"|>\[{&*!%@`\s].*)$", re.MULTILINE)
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_HIDDEN = re.compile("[\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\U000e0000-\U000e007f]")
"""Characters that nobody sees: they reorder text, or carry words that only a machine reads."""

Value = str | list[str] | dict[str, str]


class DocumentError(Exception):
    """Why a file is no resource."""

    def __init__(self, message: str, cure: str, line: int | None = None, *, code: str = "resource_invalid") -> None:
        super().__init__(message)
        self.message, self.cure, self.line, self.code = message, cure, line, code


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    body: str
    fields: dict[str, Value] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    has_front: bool = False
    was_loose: int | None = None
    """The line that is no YAML and was read all the same."""
    hidden: int = 0
    """Invisible characters that were taken out."""

    def text(self, name: str) -> str:
        """One line; a list with commas between."""
        value = self.fields.get(name, "")
        if isinstance(value, dict):
            return ""
        return one_line(", ".join(value) if isinstance(value, list) else value)

    def line(self, name: str) -> int | None:
        return self.lines.get(name)


def read_document(text: str) -> Document:
    """Raises DocumentError where the front matter cannot be read."""
    hidden = len(_HIDDEN.findall(text))
    if not text.startswith("---") or not _CLOSED.match(text):
        return Document(body=clean_text(text), hidden=hidden)
    start = text.index("\n") + 1 if "\n" in text else len(text)
    end = _CLOSED.search(text, start)
    if end is None:
        raise DocumentError("its front matter is not closed", "End it with a line of three hyphens (---)", 1)
    front = text[start : end.start()]
    if len(front) > MAX_FRONT:
        raise DocumentError(f"its front matter is longer than {MAX_FRONT:,} characters", "Move text below it", 1)
    node, loose = _compose(front)
    reading = _Reading()
    fields = reading.mapping(node)
    return Document(
        body=clean_text(text[end.end() :]).strip() + "\n" if text[end.end() :].strip() else "",
        fields=fields,
        lines=reading.lines,
        has_front=True,
        was_loose=loose,
        hidden=hidden,
    )


def one_line(text: str, cap: int = 2_000) -> str:
    return " ".join(clean_text(text).split())[:cap]


def clean_text(text: str) -> str:
    """Without escape sequences, control characters and what nobody can see."""
    if text.isascii() and text.isprintable():
        return text
    plain = _HIDDEN.sub("", _ESCAPES.sub("", text))
    return "".join(char for char in plain if char in "\n\t" or unicodedata.category(char) not in ("Cc", "Cs"))


def _compose(front: str) -> tuple[yaml.Node | None, int | None]:
    """The YAML; an unquoted colon in a value, which other tools accept, is forgiven."""
    try:
        return _yaml(front), None
    except yaml.MarkedYAMLError as refused:
        mark = refused.problem_mark or refused.context_mark
        line = mark.line + 2 if mark else None
        quoted = _LOOSE.sub(_quoted, front)
        if quoted != front:
            try:
                return _yaml(quoted), line or 2
            except yaml.YAMLError:
                pass
        message = f"its front matter is no YAML: {refused.problem or 'it cannot be read'}"
        raise DocumentError(message, "Correct this line; put texts with a colon into quotes", line) from None
    except (yaml.YAMLError, RecursionError, ValueError) as refused:
        message = f"its front matter is no YAML: {str(refused).splitlines()[0]}"
        raise DocumentError(message, "Write plain fields: name: value", 2) from None


def _yaml(front: str) -> yaml.Node | None:
    node: yaml.Node | None = yaml.compose(front, Loader=yaml.SafeLoader)
    return node


def _quoted(found: re.Match[str]) -> str:
    return f"{found[1]}: {json.dumps(found[2].rstrip(), ensure_ascii=False)}" if ": " in found[2] else found[0]


class _Reading:
    """Nodes as texts: a skill named 2024 is no number. Counts, so that aliases cannot unfold into much."""

    def __init__(self) -> None:
        self.lines: dict[str, int] = {}
        self._count = 0

    def mapping(self, node: yaml.Node | None) -> dict[str, Value]:
        if node is None:
            return {}
        if not isinstance(node, yaml.MappingNode):
            raise DocumentError("its front matter is no list of fields", "Write it as name: value", 2)
        fields: dict[str, Value] = {}
        for key, value in node.value:
            name = self._scalar(key)
            self.lines[name] = key.start_mark.line + 2
            fields[name] = self._value(value)
        return fields

    def _value(self, node: yaml.Node) -> Value:
        if isinstance(node, yaml.SequenceNode):
            return [self._scalar(item) for item in node.value]
        if isinstance(node, yaml.MappingNode):
            return {self._scalar(key): self._scalar(value) for key, value in node.value}
        return self._scalar(node)

    def _scalar(self, node: yaml.Node) -> str:
        self._count += 1
        if self._count > MAX_VALUES:
            raise DocumentError("its front matter unfolds into too many values", "Write plain fields", 2)
        if isinstance(node, yaml.ScalarNode):
            return "" if node.tag.endswith(":null") else str(node.value)
        if isinstance(node, yaml.SequenceNode):
            return ", ".join(self._scalar(item) for item in node.value)
        return ""
