"""Exchanges that are recorded by step and ordinal, and given back without a provider."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from ostinato.adapters.gateway import Tape, TapeMode
from ostinato.adapters.gateway.tapes import Taped
from ostinato.domain.agents.fingerprints import Fingerprint
from ostinato.domain.agents.troubles import trouble_of
from ostinato.domain.budget.amounts import Limit
from ostinato.domain.redaction import Redactor
from tests.integration.gateways import ASK, REAL_KEY, Scene, a_scene, a_turn

SECRET = "correct-horse-battery-staple-42"


def a_tape(folder: Path, mode: TapeMode, places: Mapping[str, str] | None = None) -> Tape:
    return Tape(folder=folder / "step-a", mode=mode, redactor=Redactor([SECRET]), places=places or {})


def asking(text: str, **said: Any) -> dict[str, Any]:
    return {**ASK, "messages": [{"role": "user", "content": text}], **said}


async def exchanged(scene: Scene, tape: Tape, *bodies: dict[str, Any], step: str = "a") -> list[tuple[int, str]]:
    given = scene.gateway.open(f"run/{step}/1", Limit(), tape=tape)
    answers = [await scene.post(given, body=body) for body in bodies]
    return [(answer.status_code, answer.text) for answer in answers]


async def test_a_recording_gives_the_same_answers_without_a_provider(tmp_path: Path) -> None:
    bodies = (asking("one"), asking("two", stream=True), asking("title", tools=[]))
    async with a_scene(tmp_path / "a") as scene:
        recorded = await exchanged(scene, a_tape(tmp_path, TapeMode.RECORD), *bodies)
    async with a_scene(tmp_path / "b") as scene:
        replayed = await exchanged(scene, a_tape(tmp_path, TapeMode.REPLAY), *bodies)
        asked = len(scene.model.requests)

    assert replayed == recorded
    assert asked == 0


async def test_a_replay_is_metered_like_the_real_thing(tmp_path: Path) -> None:
    async with a_scene(tmp_path / "a") as scene:
        await exchanged(scene, a_tape(tmp_path, TapeMode.RECORD), asking("one", stream=True))
    async with a_scene(tmp_path / "b") as scene:
        given = scene.gateway.open("run/a/1", Limit(requests=1), tape=a_tape(tmp_path, TapeMode.REPLAY))
        statuses = [(await scene.post(given, body=asking("one", stream=True))).status_code for _ in range(2)]
        use = scene.gateway.used(given).use

    assert statuses == [200, 402]
    assert (use.input, use.output, use.cache_read) == (100, 20, 1_000)


async def test_requests_beside_the_main_ones_may_race(tmp_path: Path) -> None:
    main, side = asking("main"), asking("title", tools=[])
    async with a_scene(tmp_path / "a") as scene:
        await exchanged(scene, a_tape(tmp_path, TapeMode.RECORD), main, side)
    async with a_scene(tmp_path / "b") as scene:
        replayed = await exchanged(scene, a_tape(tmp_path, TapeMode.REPLAY), side, main)

    assert [status for status, _ in replayed] == [200, 200]


async def test_another_time_and_place_is_the_same_request(tmp_path: Path) -> None:
    first = asking("Working directory: /srv/w/one/tree, today is 2026-11-21, see /tmp/x91/a.log")
    second = asking("Working directory: /srv/w/two/tree, today is 2026-12-01, see /tmp/y77/b.log")
    async with a_scene(tmp_path / "a") as scene:
        tape = a_tape(tmp_path, TapeMode.RECORD, {"<tree>": "/srv/w/one/tree"})
        await exchanged(scene, tape, {**first, "metadata": {"user_id": "u1"}})
    async with a_scene(tmp_path / "b") as scene:
        tape = a_tape(tmp_path, TapeMode.REPLAY, {"<tree>": "/srv/w/two/tree"})
        replayed = await exchanged(scene, tape, {**second, "metadata": {"user_id": "u2"}})

    assert replayed[0][0] == 200


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (asking("two"), "main-0001 differs from the recording: messages[0].content: recorded 'one', asked 'two'"),
        (asking("one", model="other"), "model: recorded 'claude-sonnet-4-5', asked 'other'"),
        (asking("one", temperature=1), "temperature: recorded nothing, asked 1"),
        (asking("one", tools=[]), "side-0001 was never recorded"),
    ],
)
async def test_a_replay_that_is_asked_something_else_stops_and_names_it(
    tmp_path: Path, body: dict[str, Any], named: str
) -> None:
    async with a_scene(tmp_path / "a") as scene:
        await exchanged(scene, a_tape(tmp_path, TapeMode.RECORD), asking("one"))
    async with a_scene(tmp_path / "b") as scene:
        given = scene.gateway.open("run/a/1", Limit(), tape=a_tape(tmp_path, TapeMode.REPLAY))
        answer = await scene.post(given, body=body)
        used = scene.gateway.used(given)

    assert (answer.status_code, answer.headers["x-should-retry"], used.stopped) == (402, "false", "replay")
    assert named in used.message
    assert answer.json()["error"]["message"] == used.message


async def test_a_recording_holds_no_secret(tmp_path: Path) -> None:
    turn = a_turn(text=f"The password is {SECRET}.")
    async with a_scene(tmp_path / "a", turn) as scene:
        tape = a_tape(tmp_path, TapeMode.RECORD)
        await exchanged(scene, tape, asking(f"{SECRET} and {REAL_KEY}"), asking(SECRET, stream=True))

    kept = "".join(path.read_text() for path in tape.folder.iterdir())
    assert "[redacted:known-value]" in kept
    assert SECRET not in kept
    assert REAL_KEY not in kept


async def test_a_cut_is_recorded_and_replayed_as_a_cut(tmp_path: Path) -> None:
    cut = a_turn(text="x" * 200, fault={"kind": "cut", "after": 4})
    tape = a_tape(tmp_path, TapeMode.RECORD)
    async with a_scene(tmp_path / "a", cut) as scene:
        with pytest.raises(httpx.HTTPError):
            await exchanged(scene, tape, asking("one", stream=True))
    async with a_scene(tmp_path / "b") as scene:
        with pytest.raises(httpx.HTTPError):
            await exchanged(scene, a_tape(tmp_path, TapeMode.REPLAY), asking("one", stream=True))

    assert json.loads((tape.folder / "main-0001.json").read_text())["is_cut"] is True


def test_a_limit_lasts_as_long_as_when_it_was_recorded() -> None:
    recorded, now = datetime(2026, 11, 1, 12, tzinfo=UTC), datetime(2026, 11, 21, 18, tzinfo=UTC)
    until = recorded + timedelta(seconds=90)
    headers = {
        "retry-after": "90",
        "anthropic-ratelimit-unified-reset": str(int(until.timestamp())),
        "anthropic-ratelimit-tokens-reset": "2026-11-01T12:01:30Z",
        "x-ratelimit-reset-requests": "1m30s",
    }
    body = json.dumps({"error": {"message": "no", "resets_at": int(until.timestamp())}})
    taped = Taped(
        path="/", status=429, headers=headers, fingerprint=Fingerprint(digest="", parts={}), body=body, at=recorded
    )

    given = taped.given_at(now)
    one_by_one = [trouble_of(429, {name: value}, "", now=now).until for name, value in given.headers.items()]

    assert {*one_by_one, trouble_of(429, {}, given.body, now=now).until} == {now + timedelta(seconds=90)}


async def test_what_was_never_answered_keeps_its_place(tmp_path: Path) -> None:
    lost = a_turn(fault={"kind": "disconnect", "times": 1})
    bodies = (asking("one"), asking("one, again"))
    async with a_scene(tmp_path / "a", lost) as scene:
        recorded = await exchanged(scene, a_tape(tmp_path, TapeMode.RECORD), *bodies)
        recorded += await exchanged(scene, a_tape(tmp_path, TapeMode.RECORD), asking("two"), step="b")
    async with a_scene(tmp_path / "b") as scene:
        replayed = await exchanged(scene, a_tape(tmp_path, TapeMode.REPLAY), *bodies, asking("two"))

    assert [status for status, _ in recorded] == [502, 200, 200]
    assert [status for status, _ in replayed] == [502, 200, 200]
    assert replayed[1:] == recorded[1:]


async def test_an_error_is_replayed_with_its_reset(tmp_path: Path) -> None:
    limited = a_turn(fault={"kind": "status", "status": 429, "after_s": 20})
    async with a_scene(tmp_path / "a", limited) as scene:
        await exchanged(scene, a_tape(tmp_path, TapeMode.RECORD), asking("one"))
    async with a_scene(tmp_path / "b") as scene:
        given = scene.gateway.open("run/a/1", Limit(), tape=a_tape(tmp_path, TapeMode.REPLAY))
        answer = await scene.post(given, body=asking("one"))

    assert (answer.status_code, answer.headers["retry-after"]) == (429, "20")
