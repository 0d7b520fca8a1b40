"""What stops an agent: its caps, the account's limit; and what survives a gateway that is killed."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from ostinato.adapters.agents.by_wire import by_wire, is_stopped
from ostinato.adapters.gateway.ledger import StepLedger
from ostinato.domain.agents import AgentEnd, EndKind
from ostinato.domain.agents.wires import Wire
from ostinato.domain.budget.amounts import Amount, Limit
from ostinato.domain.errors import ExternalError
from tests.integration.gateways import ASK, a_scene, a_turn, until, upstreams
from tests.model_server import ModelServer

ROOT = Path(__file__).parents[2]
RUNAWAY = 1_750


async def test_a_runaway_is_stopped_at_its_cap(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        given = scene.gateway.open("run/a/1", Limit(requests=40))
        headers, url = {"x-api-key": given.key}, scene.url(given, "/v1/messages")

        async with httpx.AsyncClient(trust_env=False, headers=headers) as client:
            statuses = [(await client.post(url, json=ASK)).status_code for _ in range(200)]
        used = scene.gateway.used(given)

    assert (statuses.count(200), statuses.count(402)) == (40, 160)
    assert len(scene.model.requests) == 40
    assert (used.stopped, used.use.requests) == ("requests", 40)


async def test_requests_side_by_side_do_not_overshoot(tmp_path: Path) -> None:
    slow = a_turn(fault={"kind": "drip", "delay_s": 0.05})
    async with a_scene(tmp_path, slow) as scene:
        given = scene.gateway.open("run/a/1", Limit(requests=3))

        answers = await asyncio.gather(*(scene.post(given, body={**ASK, "stream": True}) for _ in range(12)))

    assert sorted(answer.status_code for answer in answers) == [200] * 3 + [402] * 9
    assert len(scene.model.requests) == 3


@pytest.mark.parametrize(
    ("caps", "lacking"),
    [(Limit(tokens=10_000), "tokens"), (Limit(micro_usd=125_000), "money"), (Limit(tokens=0), "tokens")],
)
async def test_tokens_and_money_have_caps_too(tmp_path: Path, caps: Limit, lacking: str) -> None:
    async with a_scene(tmp_path, a_turn(usage={"input": 1_000, "output": 500})) as scene:
        given = scene.gateway.open("run/a/1", caps)

        answers = [await scene.post(given) for _ in range(4)]
        used = scene.gateway.used(given)

    assert answers[-1].status_code == 402
    assert used.stopped == lacking
    assert not caps.lacking(used.committed)


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/v1/messages", "type"),
        ("openai-chat/chat/completions", "code"),
        ("openai-responses/responses", "code"),
        ("gemini/v1beta/models/g:generateContent", "status"),
    ],
)
async def test_a_cap_is_told_in_the_wire_s_own_form_as_not_to_be_asked_again(
    tmp_path: Path, path: str, field: str
) -> None:
    async with a_scene(tmp_path) as scene:
        given = scene.gateway.open("run/a/1", Limit(requests=0))

        answer = await scene.post(given, path)

    assert (answer.status_code, answer.headers["x-should-retry"]) == (402 if path.startswith("/v1") else 400, "false")
    assert answer.json()["error"][field]
    assert "Ostinato stopped this step: it may use 0 requests" in answer.json()["error"]["message"]


async def test_a_raised_cap_lets_a_step_go_on_where_it_was(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        first = scene.gateway.open("run/a/1", Limit(requests=1))
        await scene.post(first)
        refused = await scene.post(first)
        await scene.gateway.close(first)

        second = scene.gateway.open("run/a/1", Limit(requests=2))
        statuses = [(await scene.post(second)).status_code for _ in range(2)]

    assert refused.status_code == 402
    assert statuses == [200, 402]


@contextmanager
def a_gateway_process(
    folder: Path, upstream: str, requests: int
) -> Iterator[tuple["subprocess.Popen[str]", dict[str, str]]]:
    argv = [sys.executable, "-m", "tests.integration.gateway_process", str(folder), upstream, str(requests)]
    process = subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": "."})
    try:
        assert process.stdout is not None
        yield process, json.loads(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


@pytest.mark.slow
async def test_a_runaway_is_stopped_at_its_cap_though_its_gateway_is_killed_on_the_way(tmp_path: Path) -> None:
    cap, statuses = 60, list[int]()
    async with ModelServer({"a": {"turns": [a_turn()], "no_tools": True}}) as model, client_of() as client:
        for lives in (25, 20, RUNAWAY - 45):
            with a_gateway_process(tmp_path, model.url, cap) as (process, given):
                for _ in range(lives):
                    answer = await client.post(given["url"], json=ASK, headers={"x-api-key": given["key"]})
                    statuses.append(answer.status_code)
                process.send_signal(signal.SIGKILL)
                process.wait()

    assert len(statuses) == RUNAWAY
    assert len(model.requests) == cap == statuses.count(200)


async def test_what_was_in_flight_when_the_gateway_was_killed_counts_as_its_estimate(tmp_path: Path) -> None:
    stalled = a_turn(fault={"kind": "hang"})
    async with ModelServer({"a": {"turns": [stalled], "no_tools": True}}) as model, client_of() as client:
        with a_gateway_process(tmp_path, model.url, 2) as (process, given):
            asking = [
                asyncio.create_task(client.post(given["url"], json=ASK, headers={"x-api-key": given["key"]}))
                for _ in range(2)
            ]
            await until(lambda: len(model.requests) == 2)
            process.send_signal(signal.SIGKILL)
            lost = await asyncio.gather(*asking, return_exceptions=True)
            process.wait()
        with a_gateway_process(tmp_path, model.url, 2) as (_, again):
            answer = await client.post(again["url"], json=ASK, headers={"x-api-key": again["key"]})

    assert all(isinstance(each, httpx.HTTPError) for each in lost)
    assert again["key"] == given["key"]
    assert answer.status_code == 402
    assert "has used 16," in answer.text


def client_of() -> httpx.AsyncClient:
    return httpx.AsyncClient(trust_env=False, timeout=60)


async def test_half_a_line_of_a_killed_gateway_is_no_obstacle(tmp_path: Path) -> None:
    ledger = StepLedger.opened(tmp_path, "run/a/1", Limit(), "")
    await ledger.lease(Amount(tokens=50, requests=1), "m")
    ledger.close(for_good=False)
    with ledger.path.open("ab") as stream:
        stream.write(b'{"kind":"leased","num')

    again = StepLedger.opened(tmp_path, "run/a/1", Limit(), "")
    await again.lease(Amount(tokens=1, requests=1), "m")

    assert again.standing.committed == Amount(tokens=51, requests=2)
    assert again.key == ledger.key
    again.close(for_good=True)


def test_a_ledger_that_cannot_be_read_spends_nothing(tmp_path: Path) -> None:
    ledger = StepLedger.opened(tmp_path, "run/a/1", Limit(), "")
    ledger.close(for_good=False)
    ledger.path.write_text("nonsense\n" + ledger.path.read_text())

    with pytest.raises(ExternalError, match="nobody knows what the step has spent") as raised:
        StepLedger.opened(tmp_path, "run/a/1", Limit(), "")

    assert raised.value.code == "gateway_ledger_broken"


def test_two_processes_do_not_spend_for_one_step(tmp_path: Path) -> None:
    ledger = StepLedger.opened(tmp_path, "run/a/1", Limit(), "")

    with pytest.raises(ExternalError, match="held by another") as raised:
        StepLedger.opened(tmp_path, "run/a/1", Limit(), "")

    assert raised.value.code == "gateway_ledger_held"
    ledger.close(for_good=True)


async def test_a_lease_that_cannot_be_written_is_not_spent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(number: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    async with a_scene(tmp_path) as scene:
        given = scene.gateway.open("run/a/1", Limit())
        monkeypatch.setattr("ostinato.adapters.gateway.ledger.os.write", full)
        answer = await scene.post(given)
        monkeypatch.undo()
        stopped = scene.gateway.used(given).stopped

    assert (answer.status_code, stopped) == (402, "ledger")
    assert not scene.model.requests


async def test_a_step_whose_end_cannot_be_written_has_its_figures_and_can_be_begun_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(number: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    async with a_scene(tmp_path) as scene:
        given = scene.gateway.open("run/a/1", Limit())
        await scene.post(given)
        monkeypatch.setattr("ostinato.adapters.gateway.ledger.os.write", full)
        used = await scene.gateway.close(given)
        monkeypatch.undo()
        again = scene.gateway.open("run/a/1", Limit())
        goes_on = scene.gateway.used(again)

    assert used.committed == goes_on.committed
    assert used.committed.requests == 1


async def test_a_limited_account_is_answered_at_once_without_asking(tmp_path: Path) -> None:
    limited = a_turn(fault={"kind": "status", "status": 429, "after_s": 300})
    async with a_scene(tmp_path, limited) as scene:
        first = scene.gateway.open("run/a/1", Limit(), "anthropic:main")
        second = scene.gateway.open("run/b/1", Limit(), "anthropic:main")
        other = scene.gateway.open("run/c/1", Limit(), "anthropic:other")

        passed, shortcut, free = [await scene.post(given) for given in (first, second, other)]
        used = scene.gateway.used(second)

    assert [passed.status_code, shortcut.status_code, free.status_code] == [429, 429, 429]
    assert len(scene.model.requests) == 2
    assert 290 <= int(shortcut.headers["retry-after"]) <= 300
    assert (used.stopped, used.use.requests) == ("limited", 0)
    assert by_wire(AgentEnd(kind=EndKind.INTERRUPTED), used).kind is EndKind.RATE_LIMIT
    assert is_stopped(used, datetime.now(UTC))
    assert used.trouble is not None
    assert used.trouble.until is not None
    assert abs(used.trouble.until - datetime.now(UTC) - timedelta(seconds=295)) < timedelta(seconds=10)


async def test_of_two_limits_of_an_account_the_later_one_holds(tmp_path: Path) -> None:
    waits, both_asked, first_is_heard = iter((18_000, 2)), asyncio.Barrier(2), asyncio.Event()

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        wait_s = next(waits)
        await both_asked.wait()
        if wait_s == 2:
            await first_is_heard.wait()
        writer.write(b"HTTP/1.1 429 No\r\nretry-after: %d\r\ncontent-length: 0\r\n\r\n" % wait_s)
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    async with a_scene(tmp_path) as scene, server:
        scene.gateway.upstreams = upstreams(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        given = scene.gateway.open("run/a/1", Limit(), "x")
        asking = [asyncio.create_task(scene.post(given)) for _ in range(2)]
        await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
        first_is_heard.set()
        await asyncio.wait(asking)
        later = await scene.post(given)

    assert int(later.headers["retry-after"]) > 17_000


@pytest.mark.parametrize(("wait_s", "retry"), [(5, None), (300, "false")])
async def test_agents_wait_out_a_short_limit_and_end_their_turn_on_a_long_one(
    tmp_path: Path, wait_s: int, retry: str | None
) -> None:
    async with a_scene(tmp_path) as scene:
        given = scene.gateway.open("run/a/1", Limit(), "x")
        scene.gateway.limit("x", datetime.now(UTC) + timedelta(seconds=wait_s))

        answers = [await scene.post(given, path) for path in ("/v1/messages", "openai-responses/responses")]

    assert [answer.headers.get("x-should-retry") for answer in answers] == [retry, retry]
    assert (answers[1].json()["error"]["type"] == "usage_limit_reached") == (retry is not None)


async def test_what_others_know_of_an_account_counts(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        scene.gateway.limit("x", datetime.now(UTC) + timedelta(minutes=5))
        scene.gateway.limit("x", datetime.now(UTC) + timedelta(minutes=1))
        given = scene.gateway.open("run/a/1", Limit(), "x")

        answer = await scene.post(given, "gemini/v1beta/models/g:generateContent")

    details: list[dict[str, Any]] = answer.json()["error"]["details"]
    assert answer.status_code == 429
    assert details[1]["retryDelay"] == "300s"
    assert Wire.GEMINI in given.base_urls
