"""What Codex said and recorded in real sessions, and what is made of it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ostinato.adapters.agents.codex_events import CodexParser, session_use
from ostinato.adapters.processes import ProcessEnd
from ostinato.domain.agents import AgentEnd, AgentEvent, EndKind, EventKind, TokenUse

DATA = Path(__file__).parents[1] / "data" / "agents" / "codex"
NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


def lines_of(name: str) -> list[str]:
    file = DATA / f"{name}.jsonl"
    return file.read_text("utf-8").splitlines() if file.exists() else []


def an_exit(**changes: Any) -> ProcessEnd:
    known: dict[str, Any] = {"exit_code": 0, "signal": None, "timed_out": False, "missing": False, "duration_s": 1.0}
    return ProcessEnd(**{**known, "tail": "", "output_ref": "", "output_bytes": 0, **changes})


def a_parser(before: TokenUse | None = None) -> CodexParser:
    return CodexParser(tree=Path("/step/tree"), before=before or TokenUse(), now=lambda: NOW)


def heard(parser: CodexParser, said: list[str], recorded: list[str]) -> Iterator[AgentEvent]:
    for line in said:
        yield from parser.feed(line)
    for line in recorded:
        yield from parser.recorded(line)


def replayed(name: str, **exit: Any) -> tuple[list[AgentEvent], AgentEnd]:
    parser = a_parser()
    events = list(heard(parser, lines_of(name), lines_of(f"{name}.recorded")))
    return events, parser.end(an_exit(**exit), None)


def test_an_edit_becomes_events_in_order() -> None:
    events, end = replayed("happy")

    told = [event for event in events if event.kind not in (EventKind.OTHER, EventKind.USAGE)]
    assert [event.kind for event in told] == [
        EventKind.STARTED, EventKind.TEXT, EventKind.TOOL_BEGAN, EventKind.TOOL_ENDED, EventKind.TEXT,
        EventKind.TOOL_BEGAN, EventKind.TOOL_ENDED, EventKind.TEXT,
    ]  # fmt: skip
    assert (told[3].tool, told[3].paths, told[3].ok) == ("edit", ("greeting.py",), True)
    assert (told[6].tool, told[6].text, told[6].ok) == ("shell", "hello\n", True)
    assert (end.kind, end.answer, end.session_id) == (EndKind.DONE, told[-1].text, told[0].session_id)


def test_what_it_used_is_counted_request_by_request() -> None:
    events, end = replayed("happy")

    counted = [event.use for event in events if event.use and event.use.requests]
    assert [(use.requests, use.tokens) for use in counted] == [(1, 1450), (2, 2680), (3, 4000)]
    assert end.use == TokenUse(input=3500, output=100, cache_read=400, reasoning=5, requests=3)


def test_without_a_recording_the_use_before_a_resumption_is_taken_off() -> None:
    before = TokenUse(input=3500, output=100, cache_read=400, reasoning=5, requests=3)
    parser = a_parser(before)

    for line in lines_of("resumed"):
        list(parser.feed(line))

    assert parser.end(an_exit(), None).use == TokenUse(input=3300, output=60, reasoning=5)


def test_a_recording_tells_what_a_session_used_in_all() -> None:
    assert session_use(lines_of("resumed.recorded")) == TokenUse(
        input=6800, output=160, cache_read=400, reasoning=10, requests=5
    )
    assert session_use([]) == TokenUse()


@pytest.mark.parametrize(
    ("name", "kind", "status", "words"),
    [
        ("limited", EndKind.RATE_LIMIT, 429, "429 Too Many Requests"),
        ("overloaded", EndKind.PROVIDER, 529, "Overloaded"),
        ("unauthorized", EndKind.AUTH, 401, "Incorrect API key"),
        ("overflow", EndKind.CONTEXT_OVERFLOW, None, "ran out of room"),
        ("too_long", EndKind.CONTEXT_OVERFLOW, None, "prompt is too long: 250000 tokens > 200000 maximum"),
        ("failing", EndKind.PROVIDER, None, "high demand"),
        ("refused", EndKind.REFUSED, None, "refusal"),
        ("cut", EndKind.PROVIDER, None, "stream disconnected"),
    ],
)
@pytest.mark.parametrize("is_recorded", [True, False])
def test_a_failed_turn_is_known_by_its_words_alone(
    name: str, kind: EndKind, status: int | None, words: str, is_recorded: bool
) -> None:
    parser = a_parser()
    list(heard(parser, lines_of(name), lines_of(f"{name}.recorded") if is_recorded else []))

    end = parser.end(an_exit(exit_code=1), None)

    assert (end.kind, end.status) == (kind, status)
    assert words in end.message
    assert end.session_id


def test_what_was_denied_is_told() -> None:
    events, end = replayed("denied")
    _, unwritten = replayed("readonly")

    assert end.denied == ("git status --short && touch gone",)
    assert [event.text for event in events if event.kind is EventKind.DENIED] == ["git status --short && touch gone"]
    assert unwritten.denied == (
        "patch rejected: writing is blocked by read-only sandbox; rejected by user approval settings",
    )


def test_one_that_was_killed_in_the_middle_keeps_its_session_and_its_use() -> None:
    _, end = replayed("waiting", exit_code=None, signal=9)

    assert end.kind is EndKind.CRASH
    assert end.session_id
    assert end.use.requests == 2


@pytest.mark.parametrize(
    ("message", "after"),
    [
        ("You've hit your usage limit. Upgrade to Pro or try again at 3:45 PM.", timedelta(hours=3, minutes=45)),
        ("You've hit your usage limit. Try again at Mar 12th, 2026 9:00 AM.", timedelta(days=1, hours=21)),
        ("Rate limit reached for gpt-5.5: Limit 30000, Used 29912. Please try again in 1h30m0s.", timedelta(hours=1.5)),
    ],
)
def test_a_limit_is_known_until_when(message: str, after: timedelta) -> None:
    parser = a_parser()
    list(parser.feed(json.dumps({"type": "turn.failed", "error": {"message": message}})))

    end = parser.end(an_exit(exit_code=1), None)

    assert (end.kind, end.until) == (EndKind.RATE_LIMIT, NOW + after)


def test_the_windows_of_an_account_tell_when_its_limit_is_lifted() -> None:
    parser = a_parser()
    reset = int((NOW + timedelta(hours=5)).timestamp())
    full = {"used_percent": 100.0, "resets_at": reset}
    limits = {"primary": full, "secondary": {"used_percent": 40.0, "resets_at": reset + 99}}
    payload = {"type": "token_count", "rate_limits": limits}

    list(parser.recorded(json.dumps({"type": "event_msg", "payload": payload})))
    list(parser.feed('{"type":"turn.failed","error":{"message":"exceeded retry limit, last status: 429"}}'))

    assert parser.end(an_exit(exit_code=1), None).until == NOW + timedelta(hours=5)


def test_two_edits_of_one_file_are_not_the_same_call() -> None:
    parser = a_parser()
    change = {"type": "file_change", "changes": [{"path": "/step/tree/a.py", "kind": "update"}], "status": "completed"}
    lines = [json.dumps({"type": "item.completed", "item": {**change, "id": name}}) for name in ("item_1", "item_2")]

    first, second = (event for line in lines for event in parser.feed(line))

    assert first.digest != second.digest


@pytest.mark.parametrize(
    "line",
    ["", "Reading prompt from stdin...", "{", "[]", '{"type": 3}', '{"type": "item.completed"}', '{"type":"error"}',
     '{"type": "item.completed", "item": {"type": "file_change", "changes": "x"}}', '{"type": "turn.failed"}'],
)  # fmt: skip
def test_whatever_else_stands_on_a_line_is_survived(line: str) -> None:
    parser = a_parser()

    list(parser.feed(line))
    list(parser.recorded(line))

    assert parser.end(an_exit(exit_code=1, tail="Error: something"), None).kind in (EndKind.CRASH, EndKind.PROVIDER)
