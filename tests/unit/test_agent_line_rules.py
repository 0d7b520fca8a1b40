from datetime import UTC, datetime
from typing import Any

import pytest

from ostinato.domain.agents import EventKind, TokenUse
from ostinato.domain.agents.line_rules import LineRule, event_of, found_at, moment_of

RULES = (
    LineRule(kind="text", when={"type": "item", "item.kind": "say"}, text="item.content.0.text"),
    LineRule(kind="tool_ended", when={"type": "tool"}, tool="name", call="id", paths="files", ok="!error"),
    LineRule(kind="usage", when={"type": "done"}, input="usage.in", output="usage.out", usd="usage.usd"),
    LineRule(kind="failed", when={"fatal": True}, text="why", code="status", until="reset"),
)


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        (
            {"type": "item", "item": {"kind": "say", "content": [{"text": "hello"}]}},
            {"kind": EventKind.TEXT, "text": "hello"},
        ),
        (
            {"type": "tool", "name": "Edit", "id": 7, "files": ["a", "b"], "error": None},
            {"kind": EventKind.TOOL_ENDED, "tool": "Edit", "call_id": "7", "paths": ("a", "b"), "ok": True},
        ),
        ({"type": "tool", "files": "a", "error": "no"}, {"paths": ("a",), "ok": False}),
        (
            {"type": "done", "usage": {"in": 12, "out": 3, "usd": 0.5}},
            {"kind": EventKind.USAGE, "use": TokenUse(input=12, output=3, micro_usd=500_000)},
        ),
        (
            {"fatal": True, "why": "limit", "status": 429, "reset": 1_900_000_000},
            {"kind": EventKind.FAILED, "code": "429", "until": datetime(2030, 3, 17, 17, 46, 40, tzinfo=UTC)},
        ),
        ({"type": "weather"}, {"kind": EventKind.OTHER}),
        ({"type": "item", "item": "of another shape"}, {"kind": EventKind.OTHER}),
        ({"fatal": 1}, {"kind": EventKind.OTHER}),
    ],
)
def test_a_line_is_the_event_of_the_first_rule_that_fits(line: dict[str, Any], fields: dict[str, Any]) -> None:
    event = event_of(line, RULES)

    assert {name: getattr(event, name) for name in fields} == fields


def test_a_place_is_found_in_tables_and_lists() -> None:
    value = {"a": [{"b": 1}]}

    assert (found_at(value, "a.0.b"), found_at(value, "a.1.b"), found_at(value, "a.b"), found_at(3, "a")) == (
        1, None, None, None
    )  # fmt: skip


@pytest.mark.parametrize("stated", ["2030-03-17T17:46:40Z", "2030-03-17T17:46:40", 1_900_000_000, 1_900_000_000_000])
def test_moments_are_read_in_the_ways_that_agents_state_them(stated: object) -> None:
    assert moment_of(stated) == datetime(2030, 3, 17, 17, 46, 40, tzinfo=UTC)


@pytest.mark.parametrize("stated", ["soon", None, [], 1e300])
def test_what_is_no_moment_is_none(stated: object) -> None:
    assert moment_of(stated) is None
