"""JSON and XML from code that is not trusted: bounded, no entities, no surprises but ReportError."""

import json
from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from ostinato.domain.test_reports.model import ReportError

_DEEPEST, _MOST_ELEMENTS = 100, 2_000_000


def json_document(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise ReportError(f"is not valid JSON: {problem}") from problem


def json_table(text: str) -> dict[str, Any]:
    value = json_document(text)
    if not isinstance(value, dict):
        raise ReportError("holds no table")
    return value


def json_lines(text: str) -> Iterator[dict[str, Any]]:
    """The lines that are tables; others are what the tests have printed."""
    for line in text.splitlines():
        if line.startswith("{"):
            try:
                value = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(value, dict):
                yield value


def entries(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def xml_document(text: str) -> Element:
    """Without namespaces. A document type may be named; what defines one, or an entity, is refused."""
    builder, parser, depth, count = TreeBuilder(), expat.ParserCreate(namespace_separator="}"), 0, 0

    def refuse_subset(_name: str, _system: str | None, _public: str | None, has_subset: int) -> None:
        if has_subset:
            raise ReportError("defines a document type of its own")

    def refuse(*_: object) -> None:
        raise ReportError("declares an entity")

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth, count
        depth, count = depth + 1, count + 1
        if depth > _DEEPEST or count > _MOST_ELEMENTS:
            raise ReportError("is nested too deeply" if depth > _DEEPEST else "has too many elements")
        builder.start(tag.rpartition("}")[2], attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(tag.rpartition("}")[2])

    parser.StartDoctypeDeclHandler = refuse_subset
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(text.encode("utf-8", "replace"), True)
        return builder.close()
    except expat.ExpatError as problem:
        raise ReportError(f"is not valid XML: {problem}") from problem
