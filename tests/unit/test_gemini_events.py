"""What Gemini CLI said and kept in real sessions, and what is made of it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ostinato.adapters.agents.gemini_events import GeminiParser
from ostinato.adapters.processes import ProcessEnd
from ostinato.domain.agents import AgentEnd, AgentEvent, EndKind, EventKind, LimitKind, TokenUse

DATA = Path(__file__).parents[1] / "data" / "agents" / "gemini"
NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


def lines_of(name: str) -> list[str]:
    return (DATA / f"{name}.jsonl").read_text("utf-8").splitlines()


def an_exit(**changes: Any) -> ProcessEnd:
    known: dict[str, Any] = {"exit_code": 0, "signal": None, "timed_out": False, "missing": False, "duration_s": 1.0}
    return ProcessEnd(**{**known, "tail": "", "output_ref": "", "output_bytes": 0, **changes})


def a_parser() -> GeminiParser:
    return GeminiParser(tree=Path("/step/tree"), now=lambda: NOW)


def replayed(name: str, **exit: Any) -> tuple[list[AgentEvent], AgentEnd]:
    parser = a_parser()
    events = [event for line in lines_of(f"{name}.recorded") for event in parser.recorded(line)]
    events = [event for line in lines_of(name) for event in parser.feed(line)] + events
    return events, parser.end(an_exit(**exit), None)


def test_an_edit_becomes_events_in_order() -> None:
    events, end = replayed("happy")

    told = [event for event in events if event.kind not in (EventKind.OTHER, EventKind.USAGE)]
    assert [event.kind for event in told] == [
        EventKind.STARTED, EventKind.TEXT, EventKind.TOOL_BEGAN, EventKind.TOOL_ENDED, EventKind.TEXT,
        EventKind.TOOL_BEGAN, EventKind.TOOL_ENDED, EventKind.TEXT,
    ]  # fmt: skip
    assert (told[3].tool, told[3].paths, told[3].ok) == ("write_file", ("greeting.py",), True)
    assert (told[6].tool, told[6].text, told[6].ok) == ("run_shell_command", "hello", True)
    assert (end.kind, end.answer, end.turns) == (EndKind.DONE, "greeting.py prints hello.", 3)
    assert end.use == TokenUse(input=3500, output=100, cache_read=400, reasoning=5, requests=3)


def test_one_that_was_killed_in_the_middle_keeps_its_session_and_its_use() -> None:
    _, end = replayed("waiting", exit_code=None, signal=9)

    assert end.kind is EndKind.CRASH
    assert end.session_id
    assert end.use.requests == 2


@pytest.mark.parametrize(
    ("name", "exit_code", "kind", "status"),
    [
        ("limited", 173, EndKind.RATE_LIMIT, 429),
        ("limited", 1, EndKind.RATE_LIMIT, None),
        ("unauthorized", 145, EndKind.AUTH, 401),
        ("unauthorized", 1, EndKind.AUTH, 401),
        ("overflow", 144, EndKind.CONTEXT_OVERFLOW, 400),
    ],
)
def test_an_error_of_its_provider_is_known_for_what_it_is(
    name: str, exit_code: int, kind: EndKind, status: int | None
) -> None:
    _, end = replayed(name, exit_code=exit_code)

    assert end.kind is kind
    assert end.status in (status, 429 if name == "limited" else status)
    assert end.message


def test_what_was_denied_is_told() -> None:
    _, end = replayed("denied")

    assert end.denied == ("run_shell_command: git status --short && touch gone",)


@pytest.mark.parametrize(
    ("message", "kind", "limit"),
    [
        ("Loop detected, stopping execution", EndKind.LOOP, None),
        ("Maximum session turns exceeded", EndKind.LIMIT, LimitKind.TURNS),
    ],
)
def test_where_it_stops_by_itself_its_word_of_success_is_not_taken(
    message: str, kind: EndKind, limit: LimitKind | None
) -> None:
    parser = a_parser()
    list(parser.feed(f'{{"type":"error","severity":"warning","message":"{message}"}}'))
    list(parser.feed('{"type":"result","status":"success"}'))

    end = parser.end(an_exit(), None)

    assert (end.kind, end.limit) == (kind, limit)


@pytest.mark.parametrize(
    "line",
    ["", "YOLO mode is enabled.", "{", "[]", '{"type": 3}', '{"type": "tool_use"}', '{"type":"tool_result"}',
     '{"type": "error"}', '{"type": "gemini", "tokens": 3}'],
)  # fmt: skip
def test_whatever_else_stands_on_a_line_does_no_harm(line: str) -> None:
    parser = a_parser()

    list(parser.feed(line))
    list(parser.recorded(line))

    assert parser.end(an_exit(exit_code=1, tail="boom"), None).kind is EndKind.CRASH
