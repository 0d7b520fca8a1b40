"""What passes by on each wire: routes, usage, errors, fingerprints."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostinato.domain.agents.fingerprints import differences, fingerprint
from ostinato.domain.agents.metering import Meter
from ostinato.domain.agents.passes import Leased, Opened, Settled, Standing, standing_of
from ostinato.domain.agents.server_events import EventReader
from ostinato.domain.agents.troubles import TroubleKind, trouble_of
from ostinato.domain.agents.wires import CallKind, Wire, asked_of, prompt_tokens, route_of
from ostinato.domain.budget.amounts import Amount, Limit, Usage
from ostinato.domain.errors import ExternalError

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def stream(*events: dict[str, Any] | str) -> bytes:
    return b"".join(f"data: {event if isinstance(event, str) else json.dumps(event)}\n\n".encode() for event in events)


ANTHROPIC = stream(
    {"type": "message_start", "message": {"model": "claude-opus-4-8", "usage": {
        "input_tokens": 12, "cache_creation_input_tokens": 300, "cache_read_input_tokens": 4000, "output_tokens": 1,
        "cache_creation": {"ephemeral_5m_input_tokens": 300}, "service_tier": "standard"}}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "a \"usage\": trap"}},
    {"type": "ping"},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 77, "input_tokens": None}},
    {"type": "message_stop"},
)  # fmt: skip
CHAT = stream(
    {"model": "gpt-5.5", "choices": [{"delta": {"content": "hi"}}], "usage": None},
    {"model": "gpt-5.5", "choices": [], "usage": {"prompt_tokens": 50, "prompt_tokens_details": {"cached_tokens": 40},
     "completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 4}}},
    "[DONE]",
)  # fmt: skip
RESPONSES = stream(
    {"type": "response.created", "response": {"model": "gpt-5.5", "usage": None}},
    {"type": "response.completed", "response": {"model": "gpt-5.5", "usage": {
        "input_tokens": 50, "input_tokens_details": {"cached_tokens": 40, "cache_write_tokens": 5}, "output_tokens": 9,
        "output_tokens_details": {"reasoning_tokens": 4}}}},
)  # fmt: skip
GEMINI = stream(
    {"candidates": [{"content": {}}], "modelVersion": "gemini-2.5-pro", "usageMetadata": {"promptTokenCount": 50}},
    {"candidates": [{"finishReason": "STOP"}], "usageMetadata": {
        "promptTokenCount": 50, "cachedContentTokenCount": 40, "candidatesTokenCount": 5, "thoughtsTokenCount": 4}},
)  # fmt: skip
STREAMS = [
    (Wire.ANTHROPIC, ANTHROPIC, Usage(tokens_in=12, cache_write=300, cached_read=4000, tokens_out=77), 0),
    (Wire.OPENAI_CHAT, CHAT, Usage(tokens_in=10, cached_read=40, tokens_out=9), 4),
    (Wire.OPENAI_RESPONSES, RESPONSES, Usage(tokens_in=5, cached_read=40, cache_write=5, tokens_out=9), 4),
    (Wire.GEMINI, GEMINI, Usage(tokens_in=10, cached_read=40, tokens_out=9), 4),
]


@pytest.mark.parametrize(("wire", "data", "usage", "reasoning"), STREAMS)
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_a_stream_is_metered_in_whatever_pieces_it_comes(
    wire: Wire, data: bytes, usage: Usage, reasoning: int, size: int
) -> None:
    meter = Meter(wire=wire, is_stream=True)

    for start in range(0, len(data), size):
        meter.feed(data[start : start + size])
    meter.end()

    assert (meter.usage, meter.reasoning) == (usage, reasoning)
    assert meter.model


def test_a_cut_stream_knows_its_prompt_only() -> None:
    meter = Meter(wire=Wire.ANTHROPIC, is_stream=True)

    meter.feed(ANTHROPIC[: ANTHROPIC.index(b"message_delta")])

    assert meter.usage is None
    assert meter.partial == Usage(tokens_in=12, cache_write=300, cached_read=4000, tokens_out=1)


def test_a_stream_without_usage_has_none() -> None:
    meter = Meter(wire=Wire.OPENAI_CHAT, is_stream=True)

    meter.feed(stream({"choices": [{"delta": {"content": "hi"}}]}, "[DONE]"))
    meter.end()

    assert (meter.usage, meter.partial) == (None, None)


def test_gemini_s_list_of_answers_is_read_to_its_last() -> None:
    meter = Meter(wire=Wire.GEMINI, is_stream=False)

    meter.feed(
        json.dumps([{"usageMetadata": {"promptTokenCount": 1}}, {"usageMetadata": {"promptTokenCount": 9}}]).encode()
    )
    meter.end()

    assert meter.usage == Usage(tokens_in=9)


@pytest.mark.parametrize(
    "junk", [b"<html>", b"[1, 2]", b'{"usage": 3}', b'{"usage": {"input_tokens": -1}}', b"\xff\xfe"]
)
def test_junk_has_no_usage(junk: bytes) -> None:
    meter = Meter(wire=Wire.ANTHROPIC, is_stream=False)

    meter.feed(junk)
    meter.end()

    assert meter.usage is None


def test_an_error_in_the_middle_of_a_stream_is_seen() -> None:
    meter = Meter(wire=Wire.ANTHROPIC, is_stream=True)

    meter.feed(stream({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}))

    assert meter.error == {"type": "overloaded_error", "message": "Overloaded"}


@given(
    st.lists(
        st.sampled_from([b"data: a\n", b"data:b\r\n", b"\n", b"\r\n", b"event: x\n", b": c\n", b"id: 1\r"]), max_size=20
    ),
    st.data(),
)
def test_events_do_not_depend_on_how_they_are_cut(lines: list[bytes], data: st.DataObject) -> None:
    text = b"".join(lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))

    reader, whole = EventReader(), EventReader()
    pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    found = [event for piece in pieces if piece for event in reader.feed(piece)] + list(reader.end())

    assert found == [*whole.feed(text), *whole.end()]


@pytest.mark.parametrize(
    ("method", "path", "wire", "kind"),
    [
        ("POST", "/anthropic/v1/messages", Wire.ANTHROPIC, CallKind.ASK),
        ("POST", "/anthropic/v1/messages/count_tokens", Wire.ANTHROPIC, CallKind.COUNT),
        ("POST", "/openai/v1/responses/compact", Wire.OPENAI_RESPONSES, CallKind.ASK),
        ("POST", "/gemini/v1beta/models/gemini-2.5-pro:streamGenerateContent", Wire.GEMINI, CallKind.ASK),
        ("GET", "/openai/v1/models", Wire.OPENAI_CHAT, CallKind.LOOK),
    ],
)
def test_a_path_says_its_wire(method: str, path: str, wire: Wire, kind: CallKind) -> None:
    route = route_of(method, path)

    assert route is not None
    assert (route.wire, route.kind) == (wire, kind)


def test_a_request_is_read_as_far_as_it_goes() -> None:
    route = route_of("POST", "/gemini/v1beta/models/gemini-2.5-pro:streamGenerateContent")
    assert route is not None

    asked = asked_of(route, {"generationConfig": {"maxOutputTokens": 100}, "tools": [{}]}, b"x" * 700)

    assert (asked.model, asked.streams, asked.has_tools) == ("gemini-2.5-pro", True, True)
    assert (asked.prompt_tokens, asked.answer_tokens) == (200, 100)


def test_an_image_is_not_reckoned_by_its_length() -> None:
    assert prompt_tokens(b'{"data": "' + b"iVBORw0K" * 100_000 + b'"}') < 2_000


@pytest.mark.parametrize(
    ("status", "headers", "body", "kind", "wait_s"),
    [
        (429, {"retry-after": "30"}, '{"error":{"type":"rate_limit_error"}}', TroubleKind.RATE_LIMIT, 30),
        (429, {"anthropic-ratelimit-unified-reset": str(int(NOW.timestamp()) + 90)}, "", TroubleKind.RATE_LIMIT, 90),
        (429, {"anthropic-ratelimit-requests-reset": "2026-11-21T12:02:00Z"}, "", TroubleKind.RATE_LIMIT, 120),
        (429, {"x-ratelimit-reset-requests": "1m30s"}, '{"error":{"code":"rate_limit_exceeded"}}', TroubleKind.RATE_LIMIT, 90),
        (429, {}, '{"error":{"type":"usage_limit_reached","resets_in_seconds":600}}', TroubleKind.RATE_LIMIT, 600),
        (429, {}, f'{{"error":{{"resets_at":{int(NOW.timestamp()) + 60}}}}}', TroubleKind.RATE_LIMIT, 60),
        (429, {}, '{"error":{"status":"RESOURCE_EXHAUSTED","details":[{"retryDelay":"13s"}]}}', TroubleKind.RATE_LIMIT, 13),
        (429, {}, '{"error":{"message":"Please try again in 20s."}}', TroubleKind.RATE_LIMIT, 20),
        (429, {}, '{"error":{"code":"insufficient_quota"}}', TroubleKind.QUOTA, None),
        (400, {}, '{"error":{"message":"Your credit balance is too low"}}', TroubleKind.QUOTA, None),
        (529, {}, '{"error":{"type":"overloaded_error"}}', TroubleKind.OVERLOADED, None),
        (0, {}, '{"error":{"type":"overloaded_error"}}', TroubleKind.OVERLOADED, None),
        (503, {}, "", TroubleKind.OVERLOADED, None),
        (401, {}, "", TroubleKind.AUTH, None),
        (400, {}, '{"error":{"message":"API key not valid. Please pass a valid API key."}}', TroubleKind.AUTH, None),
        (400, {}, '{"error":{"message":"prompt is too long: 210000 tokens > 200000 maximum"}}', TroubleKind.CONTEXT_OVERFLOW, None),
        (400, {}, '{"error":{"code":"context_length_exceeded"}}', TroubleKind.CONTEXT_OVERFLOW, None),
        (413, {}, '{"error":{"type":"request_too_large"}}', TroubleKind.CONTEXT_OVERFLOW, None),
        (400, {}, '{"error":{"message":"max_tokens must be positive"}}', TroubleKind.REFUSED, None),
        (500, {}, "<html>", TroubleKind.PROVIDER, None),
    ],
)  # fmt: skip
def test_an_error_says_what_it_is_and_until_when(
    status: int, headers: Mapping[str, str], body: str, kind: TroubleKind, wait_s: int | None
) -> None:
    trouble = trouble_of(status, headers, body, now=NOW)

    assert trouble.kind is kind
    assert trouble.until == (NOW + timedelta(seconds=wait_s) if wait_s is not None else None)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("session 0b1f2c3d-1111-2222-3333-444455556666", "session 9a9f2c3d-aaaa-2222-3333-444455556666"),
        ("see toolu_01AbCdEfGh and call_99zz88yy77", "see toolu_02XxYyZz11 and call_11aa22bb33"),
        ("on 2026-11-21T10:00:00Z", "on 2027-01-02T11:30:00+01:00"),
        ("Today is Sat Nov 21 2026", "Today is Mon Dec 7 2026"),
        ("wrote /tmp/a1/x.py in 0.31s", "wrote /var/folders/zz/x.py in 12.4s"),
        ("HEAD is 3fa9c1e fix", "HEAD is 9b448f5 fix"),
        ("at http://127.0.0.1:4021/x", "at http://127.0.0.1:9999/x"),
        ("file /srv/one/a.py in -srv-one", "file /srv/two/a.py in -srv-two"),
    ],
)
def test_a_fingerprint_leaves_out_what_changes_from_time_to_time(one: str, two: str) -> None:
    first = fingerprint({"messages": [{"id": "1", "content": one}]}, model="m", places={"<tree>": "/srv/one"})
    second = fingerprint({"messages": [{"id": "2", "content": two}]}, model="m", places={"<tree>": "/srv/two"})

    assert first.digest == second.digest
    assert differences(first, second) == ()


def test_differences_are_named_in_order_and_not_all_of_them() -> None:
    first = fingerprint({"messages": [{"content": f"a{n}"} for n in range(12)]}, model="m", places={})
    second = fingerprint({"messages": [{"content": f"b{n}"} for n in range(12)]}, model="m", places={})

    told = differences(first, second)

    assert told[0] == "messages[0].content: recorded 'a0', asked 'b0'"
    assert told[2].startswith("messages[2]")
    assert told[-1] == "and 7 more"


def a_standing(caps: Limit) -> Standing:
    return Standing().after(Opened(step="s", key="k", caps=caps))


def test_what_is_leased_counts_until_it_is_settled_and_once() -> None:
    leased = a_standing(Limit(tokens=100)).after(Leased(number=1, estimate=Amount(tokens=90, requests=1)))
    settled = Settled(number=1, amount=Amount(tokens=10, requests=1), usage=Usage(tokens_in=10))

    twice = leased.after(settled).after(settled)

    assert leased.lacking(Amount(tokens=11)) == "tokens"
    assert twice.lacking(Amount(tokens=90)) == ""
    assert twice.committed == Amount(tokens=10, requests=1)


def test_what_nobody_settled_counts_as_its_estimate_for_good() -> None:
    lines = [
        each.model_dump_json()
        for each in (Opened(step="s", key="k"), Leased(number=1, estimate=Amount(tokens=90, requests=1)))
    ]

    standing = standing_of(lines).abandoned()

    assert (standing.committed, standing.unknown_count, standing.leases) == (Amount(tokens=90, requests=1), 1, {})


def test_a_line_that_cannot_be_read_is_an_error() -> None:
    with pytest.raises(ExternalError) as raised:
        standing_of(['{"kind":"other"}'])

    assert raised.value.code == "gateway_ledger_broken"
