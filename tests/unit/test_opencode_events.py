"""What opencode said in real sessions, its log among it, and what is made of it."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ostinato.adapters.agents.opencode_events import OpencodeParser
from ostinato.adapters.processes import ProcessEnd
from ostinato.domain.agents import AgentEnd, AgentEvent, EndKind, EventKind, TokenUse

DATA = Path(__file__).parents[1] / "data" / "agents" / "opencode"
NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def an_exit(**changes: Any) -> ProcessEnd:
    known: dict[str, Any] = {"exit_code": 0, "signal": None, "timed_out": False, "missing": False, "duration_s": 1.0}
    return ProcessEnd(**{**known, "tail": "", "output_ref": "", "output_bytes": 0, **changes})


def a_parser() -> OpencodeParser:
    return OpencodeParser(tree=Path("/step/tree"), now=Clock())


def replayed(name: str, **exit: Any) -> tuple[list[AgentEvent], AgentEnd]:
    parser = a_parser()
    lines = (DATA / f"{name}.jsonl").read_text("utf-8").splitlines()
    events = [event for line in lines for event in parser.feed(line)]
    return events, parser.end(an_exit(**exit), None)


def test_an_edit_becomes_events_in_order() -> None:
    events, end = replayed("happy")

    told = [event for event in events if event.kind not in (EventKind.OTHER, EventKind.USAGE)]
    assert [event.kind for event in told] == [
        EventKind.STARTED, EventKind.TEXT, EventKind.TOOL_BEGAN, EventKind.TOOL_ENDED, EventKind.TEXT,
        EventKind.TOOL_BEGAN, EventKind.TOOL_ENDED, EventKind.TEXT,
    ]  # fmt: skip
    assert (told[3].tool, told[3].paths, told[3].ok) == ("write", ("greeting.py",), True)
    assert (told[6].tool, told[6].text, told[6].ok) == ("bash", "hello\n", True)
    assert (end.kind, end.answer, end.turns) == (EndKind.DONE, "greeting.py prints hello.", 3)
    assert end.use == TokenUse(input=3500, output=100, cache_read=400, reasoning=5, requests=3)


def test_a_resumed_session_counts_what_this_invocation_used() -> None:
    _, end = replayed("resumed")

    assert end.use == TokenUse(input=3300, output=60, reasoning=5, requests=2)


@pytest.mark.parametrize(
    ("name", "kind", "status"),
    [
        ("limited", EndKind.RATE_LIMIT, 429),
        ("unauthorized", EndKind.AUTH, 401),
        ("overflow", EndKind.CONTEXT_OVERFLOW, None),
        ("waiting", EndKind.CRASH, None),
    ],
)
def test_what_ended_it_is_known(name: str, kind: EndKind, status: int | None) -> None:
    _, end = replayed(name, exit_code=None, signal=9)

    assert (end.kind, end.status) == (kind, status)
    assert end.session_id


def test_a_context_that_stays_too_long_is_the_end_although_it_would_go_on() -> None:
    parser = a_parser()
    lines = (DATA / "overflow.jsonl").read_text("utf-8").splitlines()

    seen = [(parser.finished, event.kind) for line in lines for event in parser.feed(line)]

    before_the_end = [kind for finished, kind in seen if not finished]
    assert before_the_end.count(EventKind.FAILED) == 2
    assert before_the_end.count(EventKind.COMPACTING) >= 2
    assert parser.finished


def test_waiting_in_silence_for_its_provider_is_the_end() -> None:
    parser = a_parser()
    clock = parser.now
    assert isinstance(clock, Clock)
    for line in (DATA / "limited.jsonl").read_text("utf-8").splitlines():
        list(parser.feed(line))

    assert not parser.finished
    clock.now += timedelta(seconds=50)
    assert parser.finished


def test_an_error_that_it_got_over_is_forgotten() -> None:
    parser = a_parser()
    lines = (DATA / "happy.jsonl").read_text("utf-8").splitlines()
    failed = next(line for line in (DATA / "limited.jsonl").read_text("utf-8").splitlines() if "level=ERROR" in line)

    for line in (*lines[:-12], failed, *lines[-12:]):
        list(parser.feed(line))

    assert parser.end(an_exit(), None).kind is EndKind.DONE


def test_what_was_denied_is_told() -> None:
    events, end = replayed("denied")

    assert end.denied == ("bash: git status --short && touch gone",)
    assert EventKind.DENIED in [event.kind for event in events]


def test_the_headers_of_a_limit_tell_until_when() -> None:
    parser = a_parser()
    data = {"message": "slow down", "statusCode": 429, "responseHeaders": {"retry-after": "5400"}}
    list(parser.feed(json.dumps({"type": "error", "error": {"name": "APIError", "data": data}})))

    end = parser.end(an_exit(exit_code=1), None)

    assert (end.kind, end.until) == (EndKind.RATE_LIMIT, NOW + timedelta(hours=1.5))


@pytest.mark.parametrize(
    "line",
    ["", "{", "[]", '{"type": 3}', '{"type": "tool_use"}', '{"type":"error"}', '{"type":"error","error":{"data":3}}',
     '{"type": "step_finish", "part": {"tokens": "x", "cost": "y"}}', "level=ERROR"],
)  # fmt: skip
def test_whatever_else_stands_on_a_line_does_no_harm(line: str) -> None:
    parser = a_parser()

    try:
        list(parser.feed(line))
    except (AttributeError, TypeError):
        pass  # Whoever runs it takes these for an unknown event.

    assert parser.end(an_exit(exit_code=1, tail="boom"), None).kind in (EndKind.CRASH, EndKind.PROVIDER)
