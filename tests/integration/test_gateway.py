"""The gateway between an agent and the scripted model: what passes, what is metered, what is hidden."""

import asyncio
import itertools
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from ostinato.domain.agents.troubles import TroubleKind
from ostinato.domain.agents.wires import Wire
from ostinato.domain.budget.amounts import Limit
from tests.integration.gateways import ASK, REAL_KEY, a_scene, a_turn, until

GEMINI = "gemini/v1beta/models/gemini-2.5-pro"
CHAT = {"model": "gpt-5.5", "messages": [], "stream_options": {"include_usage": True}}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/messages", ASK),
        ("/v1/messages?beta=true", {**ASK, "stream": True}),
        ("openai-chat/chat/completions", CHAT),
        ("openai-chat/chat/completions", {**CHAT, "stream": True}),
        ("openai-responses/responses", {"model": "gpt-5.5", "input": "x"}),
        ("openai-responses/responses", {"model": "gpt-5.5", "input": "x", "stream": True}),
        (f"{GEMINI}:generateContent", {"contents": []}),
        (f"{GEMINI}:streamGenerateContent?alt=sse", {"contents": []}),
    ],
)
async def test_every_wire_is_metered_as_the_provider_counts(tmp_path: Path, path: str, body: dict[str, Any]) -> None:
    async with a_scene(tmp_path) as scene:
        given = scene.gateway.open("run/a/1", Limit(requests=5))

        answer = await scene.post(given, path, body)
        use = scene.gateway.used(given).use

    assert (answer.status_code, "A short answer" in answer.text.replace('"}}\n\n', "")) == (200, True)
    assert (use.input, use.output, use.cache_read, use.requests) == (100, 20, 1_000, 1)


async def test_the_answer_is_the_providers_byte_for_byte(tmp_path: Path) -> None:
    async with a_scene(tmp_path, a_turn(text="long ü " * 400)) as scene:
        given = scene.gateway.open("run/a/1", Limit())
        body = {**ASK, "stream": True}

        through = await scene.post(given, "/v1/messages", body)
        async with httpx.AsyncClient(trust_env=False) as client:
            direct = await client.post(f"{scene.model.url}/v1/messages", json=body)

    assert through.content.replace(b"000001", b"000002") == direct.content
    assert through.headers["request-id"] == "req_scripted"


async def test_the_money_is_the_tables(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        given = scene.gateway.open("run/a/1", Limit())

        await scene.post(given)
        used = scene.gateway.used(given)

    assert used.use.micro_usd == 100 * 3 + 1_000 * 3 // 10 + 20 * 15
    assert used.unpriced_count == 0


async def test_pieces_of_a_stream_pass_as_they_come(tmp_path: Path) -> None:
    dripping = a_turn(text="x" * 120, fault={"kind": "drip", "delay_s": 0.1})
    async with a_scene(tmp_path, dripping) as scene:
        given = scene.gateway.open("run/a/1", Limit())
        came: list[float] = []

        url, headers = scene.url(given, "/v1/messages"), {"x-api-key": given.key}
        async with (
            httpx.AsyncClient(trust_env=False) as client,
            client.stream("POST", url, json={**ASK, "stream": True}, headers=headers) as response,
        ):
            came.extend([time.monotonic() async for _ in response.aiter_raw()])

    gaps = [after - before for before, after in itertools.pairwise(came)]
    assert len(came) >= 9
    assert sorted(gaps)[len(gaps) // 2] == pytest.approx(0.1, abs=0.06)


async def test_the_provider_gets_the_real_key_and_the_agent_never_has_it(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        given = scene.gateway.open("run/a/1", Limit())

        await scene.post(given, authorization="Bearer stray", cookie="a=b")
        got = scene.model.requests[0].headers

    assert got["x-api-key"] == REAL_KEY
    assert not {"authorization", "cookie"} & set(got)
    assert given.key not in str(got)


@pytest.mark.parametrize("wire", list(Wire))
async def test_the_step_s_key_is_taken_wherever_a_wire_has_it(tmp_path: Path, wire: Wire) -> None:
    paths = {
        Wire.ANTHROPIC: ("/v1/messages", "authorization"),
        Wire.OPENAI_CHAT: ("/chat/completions", "authorization"),
        Wire.OPENAI_RESPONSES: ("/responses", "authorization"),
        Wire.GEMINI: ("/v1beta/models/g:generateContent", "x-goog-api-key"),
    }
    path, header = paths[wire]
    async with a_scene(tmp_path) as scene:
        given = scene.gateway.open("run/a/1", Limit())
        value = f"Bearer {given.key}" if header == "authorization" else given.key

        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.post(given.base_urls[wire] + path, json={}, headers={header: value})

    assert answer.status_code == 200
    assert scene.model.requests[0].key in (REAL_KEY, "sk-real-openai", "real-gemini")


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("POST", "/anthropic/v1/messages", {"x-api-key": "guessed"}, 401),
        ("POST", "/anthropic/v1/messages", {}, 401),
        ("POST", "/anthropic/v1/messages/batches", None, 404),
        ("POST", "/anthropic/v1/files", None, 404),
        ("GET", "/anthropic/v1/messages", None, 404),
        ("POST", "/v1/messages", None, 404),
        ("POST", "/openai/v1/embeddings", None, 404),
        ("POST", "/gemini/v1beta/models/g:embedContent", None, 404),
        ("POST", "/anthropic/%2e%2e/v1/messages", None, 404),
        ("GET", "/anthropic/v1/models", None, 200),
        ("HEAD", "/anthropic/", None, 200),
        ("POST", "/anthropic/v1/messages", {"host": "rebound.example.org"}, 403),
        ("POST", "/anthropic/v1/messages", {"origin": "https://example.org"}, 403),
    ],
)
async def test_only_what_agents_need_passes(
    tmp_path: Path, method: str, path: str, headers: dict[str, str] | None, status: int
) -> None:
    async with a_scene(tmp_path) as scene:
        given = scene.gateway.open("run/a/1", Limit())
        origin = given.base_urls[Wire.ANTHROPIC].removesuffix("/anthropic")

        async with httpx.AsyncClient(trust_env=False) as client:
            sent = {"x-api-key": given.key} if headers is None else headers
            request = client.build_request(method, origin, headers=sent, json=ASK if method == "POST" else None)
            request.url = httpx.URL(origin).copy_with(raw_path=path.encode())
            answer = await client.send(request)

    assert answer.status_code == status
    assert not scene.model.requests


async def test_a_key_opens_its_own_wires_alone(tmp_path: Path) -> None:
    limited = a_turn(fault={"kind": "status", "status": 429, "after_s": 300})
    async with a_scene(tmp_path, limited) as scene:
        other = scene.gateway.open("run/a/1", Limit()).base_urls[Wire.OPENAI_RESPONSES]
        given = scene.gateway.open("run/b/1", Limit(), "x", wires=Wire.ANTHROPIC.of_provider)

        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.post(f"{other}/responses", json={}, headers={"authorization": f"Bearer {given.key}"})
        used = scene.gateway.used(given)

    assert (answer.status_code, set(given.base_urls)) == (404, {Wire.ANTHROPIC})
    assert "for this key, which is of anthropic" in answer.json()["error"]["message"]
    assert not scene.model.requests
    assert (used.trouble, used.committed.requests) == (None, 0)


async def test_a_key_opens_nothing_after_its_step(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        given = scene.gateway.open("run/a/1", Limit())
        await scene.gateway.close(given)

        late = await scene.post(given)
        again = scene.gateway.open("run/a/1", Limit())

    assert late.status_code == 401
    assert again.key != given.key


async def test_a_client_that_hangs_up_ends_the_call_and_pays_its_prompt(tmp_path: Path) -> None:
    async with a_scene(tmp_path, a_turn(fault={"kind": "stall", "after": 2})) as scene:
        given = scene.gateway.open("run/a/1", Limit())

        with pytest.raises(httpx.ReadTimeout):
            async with httpx.AsyncClient(trust_env=False, timeout=0.5) as client:
                await client.post(
                    scene.url(given, "/v1/messages"), json={**ASK, "stream": True}, headers={"x-api-key": given.key}
                )
        await until(lambda: scene.gateway.used(given).in_flight == 0)
        used = scene.gateway.used(given)

    assert (used.unknown_count, used.committed.tokens) == (1, 100 + 1_000 + 8_000)


async def test_a_stream_that_the_provider_cuts_is_cut_for_the_agent(tmp_path: Path) -> None:
    async with a_scene(tmp_path, a_turn(text="x" * 200, fault={"kind": "cut", "after": 4})) as scene:
        given = scene.gateway.open("run/a/1", Limit())

        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            await scene.post(given, body={**ASK, "stream": True})
        used = scene.gateway.used(given)

    assert (used.in_flight, used.unknown_count) == (0, 1)


async def test_a_provider_that_is_not_there_costs_a_request_and_no_money(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        given = scene.gateway.open("run/a/1", Limit())
        await scene.model.__aexit__(None, None, None)

        answer = await scene.post(given)
        used = scene.gateway.used(given)

    assert (answer.status_code, answer.json()["type"]) == (502, "error")
    assert (used.committed.requests, used.committed.tokens, used.committed.micro_usd) == (1, 0, 0)


async def test_an_error_passes_as_it_is_costs_nothing_and_is_known(tmp_path: Path) -> None:
    overloaded = a_turn(fault={"kind": "status", "status": 529, "times": 1})
    async with a_scene(tmp_path, overloaded) as scene:
        given = scene.gateway.open("run/a/1", Limit())

        answer = await scene.post(given)
        after = scene.gateway.used(given)
        await scene.post(given)
        later = scene.gateway.used(given)

    assert (answer.status_code, after.committed.micro_usd) == (529, 0)
    assert after.trouble is not None
    assert after.trouble.kind is TroubleKind.OVERLOADED
    assert later.trouble is None


async def test_an_error_never_tells_the_real_key(tmp_path: Path) -> None:
    said = a_turn(fault={"kind": "status", "status": 401, "message": f"Incorrect API key: {REAL_KEY}"})
    async with a_scene(tmp_path, said) as scene:
        given = scene.gateway.open("run/a/1", Limit())

        answer = await scene.post(given)

    assert answer.status_code == 401
    assert REAL_KEY not in answer.text


async def test_a_unix_socket_serves_as_well(tmp_path: Path) -> None:
    socket = tmp_path / "gw" / "s"
    async with a_scene(tmp_path, socket=socket) as scene:
        given = scene.gateway.open("run/a/1", Limit())

        transport = httpx.AsyncHTTPTransport(uds=str(socket))
        async with httpx.AsyncClient(transport=transport, trust_env=False) as client:
            url = "http://localhost/anthropic/v1/messages"
            answer = await client.post(url, json=ASK, headers={"x-api-key": given.key})
        mode = socket.stat().st_mode & 0o777

    assert (answer.status_code, mode) == (200, 0o600)
    assert not socket.exists()


async def test_no_file_holds_a_secret(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        given = scene.gateway.open("run/a/1", Limit())
        await scene.post(given)
        await scene.gateway.close(given)

    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"claude-sonnet" in kept
    assert REAL_KEY.encode() not in kept
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "ledger").rglob("*"))


async def test_many_ask_at_once_and_each_is_counted(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        passes = [scene.gateway.open(f"run/{number}/1", Limit()) for number in range(5)]

        answers = await asyncio.gather(*(scene.post(given) for given in passes * 4))
        counts = [scene.gateway.used(given).use.requests for given in passes]

    assert {answer.status_code for answer in answers} == {200}
    assert counts == [4] * 5


async def test_counting_tokens_is_a_request_that_costs_nothing(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        given = scene.gateway.open("run/a/1", Limit(requests=1))

        counted = await scene.post(given, "/v1/messages/count_tokens")
        refused = await scene.post(given, "/v1/messages/count_tokens")
        used = scene.gateway.used(given)

    assert [counted.status_code, refused.status_code] == [200, 402]
    assert (used.committed.tokens, used.unknown_count, used.refused_count) == (0, 0, 1)
