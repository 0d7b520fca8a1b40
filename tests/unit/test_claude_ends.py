"""What the real Claude Code said, as recorded, and how it is taken."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ostinato.adapters.agents.claude import ClaudeParser
from ostinato.adapters.agents.claude_events import EventReader
from ostinato.adapters.processes import ProcessEnd
from ostinato.domain.agents import AgentEnd, AgentEvent, EndKind, EventKind, LimitKind, TokenUse

DATA = Path(__file__).parents[1] / "data" / "agents" / "claude"
ENDS = json.loads((DATA / "ends.json").read_text("utf-8"))
NOW = datetime(2031, 5, 6, 6, 0, tzinfo=UTC)
RESULT = {"type": "result", "subtype": "success", "is_error": False, "terminal_reason": "completed", "result": "Done."}


def an_exit(code: int | None = 0, tail: str = "", signal: int | None = None) -> ProcessEnd:
    return ProcessEnd(
        exit_code=code,
        signal=signal,
        timed_out=False,
        missing=False,
        duration_s=1,
        tail=tail,
        output_ref="",
        output_bytes=0,
    )


def a_parser() -> ClaudeParser:
    return ClaudeParser(reader=EventReader(tree=Path("/repo")), now=lambda: NOW)


def recorded(name: str) -> tuple[list[AgentEvent], AgentEnd]:
    parser = a_parser()
    lines = (DATA / f"{name}.jsonl").read_text("utf-8").splitlines()
    events = [event for line in lines for event in parser.feed(line)]
    return events, parser.end(an_exit(ENDS[name]["exit_code"], ENDS[name]["stderr"]), None)


def told(*values: dict[str, Any], exit: ProcessEnd | None = None) -> AgentEnd:
    parser = a_parser()
    for value in values:
        list(parser.feed(json.dumps(value)))
    return parser.end(exit or an_exit(), None)


def an_error(word: str, text: str, **more: Any) -> dict[str, Any]:
    return {"type": "assistant", "error": word, "message": {"content": [{"type": "text", "text": text}]}, **more}


@pytest.mark.parametrize(
    ("name", "kind", "status", "message"),
    [
        ("edit", EndKind.DONE, None, "Done: hello.py prints hello."),
        ("resumed", EndKind.DONE, None, "There is nothing left to do."),
        ("recovered", EndKind.DONE, None, "Done."),
        ("rate_limit", EndKind.RATE_LIMIT, 429, "API Error: Request rejected (429)"),
        ("rate_limit_reset", EndKind.RATE_LIMIT, 429, "Account limit reached; resets at 2031-05-06T07:08:09Z"),
        ("auth", EndKind.AUTH, 401, "Invalid API key"),
        ("billing", EndKind.RATE_LIMIT, 400, "Credit balance is too low"),
        ("overflow", EndKind.CONTEXT_OVERFLOW, 400, "Prompt is too long"),
        ("overloaded", EndKind.PROVIDER, 529, "Repeated 529 Overloaded errors"),
        ("model", EndKind.PROVIDER, 404, "There's an issue with the selected model"),
        ("malformed", EndKind.PROVIDER, None, "JSON Parse error"),
        ("refusal", EndKind.REFUSED, None, "can't help with this"),
        ("turns", EndKind.LIMIT, None, "Reached maximum number of turns (2)"),
        ("budget", EndKind.LIMIT, None, "Reached maximum budget ($1.5)"),
        ("denied", EndKind.GAVE_UP, None, "it was not allowed what it tried: Bash: curl -s localhost"),
        ("interrupted", EndKind.CRASH, None, "it was interrupted by somebody else"),
    ],
)
def test_an_end_is_told_from_facts(name: str, kind: EndKind, status: int | None, message: str) -> None:
    _, end = recorded(name)

    assert (end.kind, end.status) == (kind, status)
    assert message in end.message
    assert "\n" not in end.message


def test_every_recording_is_judged() -> None:
    assert {path.stem for path in DATA.glob("*.jsonl")} == set(ENDS)


def test_a_limit_says_which() -> None:
    assert [recorded(name)[1].limit for name in ("turns", "budget", "edit")] == [LimitKind.TURNS, LimitKind.MONEY, None]


def test_events_come_in_the_order_of_deeds() -> None:
    events, _ = recorded("edit")

    deeds = [event.kind for event in events if event.kind not in (EventKind.OTHER, EventKind.USAGE)]
    work = [EventKind.TEXT, EventKind.TOOL_BEGAN, EventKind.TOOL_ENDED]
    assert deeds == [EventKind.STARTED, EventKind.THOUGHT, *work, *work, EventKind.TEXT]


def test_a_file_that_was_written_is_told_from_the_worktree() -> None:
    events, _ = recorded("edit")

    ended = [event for event in events if event.kind is EventKind.TOOL_ENDED]
    assert [(event.tool, event.paths, event.ok) for event in ended] == [
        ("Write", ("hello.py",), True),
        ("Bash", (), True),
    ]
    assert ended[1].text == "hello"


def test_use_grows_with_every_message_and_is_settled_at_the_end() -> None:
    events, end = recorded("edit")

    seen = [event.use for event in events if event.use is not None]
    assert [use.requests for use in seen] == [1, 1, 2, 2, 3, 3, 3]
    assert seen[-2].model_copy(update={"micro_usd": end.use.micro_usd}) == end.use
    assert (end.use.cache_read, end.use.cache_write, end.use.micro_usd) == (900, 70, 129_978)


def test_after_a_resumption_only_its_own_use_counts() -> None:
    _, end = recorded("resumed")

    assert (end.use.requests, end.use.output, end.use.micro_usd) == (1, 20, 43_025)
    assert end.session_id == "0a1b2c3d-0000-4000-8000-00000000cafe"


def test_an_interrupted_invocation_has_its_use() -> None:
    _, end = recorded("interrupted")

    assert (end.use.requests, end.use.micro_usd, end.turns) == (1, 42_510, 3)


def test_what_was_denied_is_an_event_and_stands_once_in_the_end() -> None:
    events, end = recorded("denied")

    assert [event.text for event in events if event.kind is EventKind.DENIED] == ["Bash: curl -s localhost"]
    assert end.denied == ("Bash: curl -s localhost",)


def test_its_own_retries_are_told() -> None:
    events, _ = recorded("recovered")

    retries = [event for event in events if event.kind is EventKind.RETRYING]
    assert [event.code for event in retries] == ["529", "529"]
    assert retries[0].text.startswith("529 overloaded; attempt 1 of 3 in ")


def test_the_reset_is_read_from_the_text() -> None:
    _, end = recorded("rate_limit_reset")

    assert end.until == datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "until"),
    [
        ("You've hit your session limit · resets 9am (UTC)", datetime(2031, 5, 6, 9, tzinfo=UTC)),
        (
            "You've hit your weekly limit · resets May 8, 3:30pm (Europe/Paris)",
            datetime(2031, 5, 8, 13, 30, tzinfo=UTC),
        ),
        (f"Claude AI usage limit reached|{int(NOW.timestamp()) + 3600}", datetime(2031, 5, 6, 7, tzinfo=UTC)),
        ("Too many requests", None),
    ],
)
def test_a_limit_of_a_subscription_says_when_it_is_lifted(said: str, until: datetime | None) -> None:
    end = told(
        an_error("rate_limit", said), {**RESULT, "is_error": True, "terminal_reason": "api_error", "result": said}
    )

    assert end.kind is EndKind.RATE_LIMIT
    assert end.until == until


def test_the_provider_s_own_moment_comes_before_the_text() -> None:
    moment = int(NOW.timestamp()) + 600
    limited = {"type": "rate_limit_event", "rate_limit_info": {"status": "rejected", "resetsAt": moment}}

    end = told(limited, an_error("rate_limit", "resets 9am (UTC)"), {**RESULT, "is_error": True})

    assert end.until == datetime.fromtimestamp(moment, UTC)


@pytest.mark.parametrize(
    ("most", "limit"),
    [("$2.00", LimitKind.MONEY), ("1,000 requests", LimitKind.REQUESTS), ("50,000 tokens", LimitKind.TOKENS)],
)
def test_the_gateway_s_cap_is_a_limit_of_the_step(most: str, limit: LimitKind) -> None:
    text = f"API Error: 400 Ostinato stopped this step: it may use {most}, has used $1.99. Do not ask again."

    end = told(
        an_error("unknown", text, request_id="ostinato_cap", api_error_status=400),
        {**RESULT, "is_error": True, "terminal_reason": "api_error", "api_error_status": 400, "result": text},
    )

    assert (end.kind, end.limit, end.status) == (EndKind.LIMIT, limit, 400)


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        ("limited", EndKind.RATE_LIMIT),
        ("key", EndKind.AUTH),
        ("mismatch", EndKind.PROVIDER),
        ("ledger", EndKind.PROVIDER),
    ],
)
def test_what_the_gateway_says_itself_is_no_word_of_the_provider(refusal: str, kind: EndKind) -> None:
    error = an_error("billing_error", "API Error: 402", request_id=f"ostinato_{refusal}", api_error_status=402)

    assert told(error, {**RESULT, "is_error": True, "api_error_status": 402}).kind is kind


def test_a_warning_of_the_account_is_no_limit() -> None:
    warning = {"type": "rate_limit_event", "rate_limit_info": {"status": "allowed_warning", "resetsAt": 1}}

    assert told(warning, RESULT).kind is EndKind.DONE


def test_success_after_an_error_s_last_word_is_none() -> None:
    assert told(an_error("server_error", "API Error: 500"), RESULT).kind is EndKind.PROVIDER


def test_an_error_that_it_got_over_is_none() -> None:
    answer = {"type": "assistant", "message": {"id": "m", "content": [{"type": "text", "text": "Done."}]}}

    assert told(an_error("server_error", "API Error: 500"), answer, RESULT).kind is EndKind.DONE


def test_an_end_with_neither_word_nor_deed_is_giving_up() -> None:
    assert told({**RESULT, "result": ""}).kind is EndKind.GAVE_UP


@pytest.mark.parametrize(
    ("exit", "message"),
    [
        (an_exit(0), "it ended without a result"),
        (an_exit(None, signal=9), "it ended with signal 9 and no result"),
        (
            an_exit(1, "Error: Session ID x is already in use."),
            "exit code 1 and no result: Error: Session ID x is already",
        ),
    ],
)
def test_no_result_is_a_crash(exit: ProcessEnd, message: str) -> None:
    end = told(exit=exit)

    assert end.kind is EndKind.CRASH
    assert message in end.message


@pytest.mark.parametrize(
    "text", ["", "Warning: x", "[]", "null", '{"type": 7}', '{"type": "new"}', '{"type": "assistant"']
)
def test_lines_of_no_known_shape_are_passed_over(text: str) -> None:
    assert all(event.kind is EventKind.OTHER for event in a_parser().feed(text))


@pytest.mark.parametrize("kind", ["system", "stream_event", "assistant", "user", "rate_limit_event", "result"])
@pytest.mark.parametrize("value", [None, 7, "x", [], [None], {"content": 7}, {"content": [7, {"type": "tool_use"}]}])
def test_known_lines_of_another_shape_do_no_harm(kind: str, value: object) -> None:
    names = ("message", "event", "subtype", "usage", "rate_limit_info", "errors", "permission_denials", "result")
    parser = a_parser()

    list(parser.feed(json.dumps({"type": kind, **dict.fromkeys(names, value)})))

    assert parser.end(an_exit(), None).kind in EndKind


def test_compacting_is_told_once_each_time() -> None:
    parser = a_parser()
    lines = ["compacting", "compacting", None, "compacting"]

    said = [{"type": "system", "subtype": "status", "status": status} for status in lines]
    kinds = [event.kind for value in said for event in parser.feed(json.dumps(value))]

    assert kinds == [EventKind.COMPACTING, EventKind.OTHER, EventKind.OTHER, EventKind.COMPACTING]


def test_use_of_an_invocation_that_was_killed_is_what_was_tallied() -> None:
    lines = (DATA / "edit.jsonl").read_text("utf-8").splitlines()[:-1]
    parser = a_parser()
    for line in lines:
        list(parser.feed(line))

    end = parser.end(an_exit(None, signal=9), None)

    assert end.kind is EndKind.CRASH
    assert end.use == TokenUse(input=25_378, output=88, cache_read=900, cache_write=70, requests=3)
