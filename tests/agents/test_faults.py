"""What a provider's bad day does to every agent behind an adapter, as npm installs it: it ends, is told for what it was, and is gone."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from ostinato.adapters.agents import opencode_events
from ostinato.adapters.agents.claude import ClaudeCode
from ostinato.adapters.agents.codex import CodexAgent
from ostinato.adapters.agents.gemini import GeminiAgent
from ostinato.adapters.agents.opencode import OpencodeAgent
from ostinato.adapters.agents.port import CodingAgent
from ostinato.domain.agents import AgentLimits, EndKind, LimitKind
from tests.agents.driven import Driven, need
from tests.agents.scripts import DONE, SCRIPTS, WRITE
from tests.model_server import ModelServer

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(180)]

AGENTS: dict[str, tuple[Callable[[], CodingAgent], str]] = {
    "claude": (ClaudeCode, "claude-opus-4-8"),
    "codex": (CodexAgent, "gpt-5.5"),
    "gemini": (GeminiAgent, "gemini-3.1-pro-preview"),
    "opencode": (OpencodeAgent, "scripted"),
}
DRIP = {"kind": "drip", "delay_s": 0.3}
OWN: dict[str, dict[str, Any]] = {
    "dripping": {"turns": [{**WRITE, "fault": DRIP}, {**DONE, "fault": DRIP}]},
    "trickling": {"turns": [{**WRITE, "fault": {"kind": "drip", "delay_s": 20}}]},
    "cut_off": {"turns": [WRITE, {"text": "I have hardly begun.", "fault": {"kind": "cut", "after": 1}}]},
    "cut_once": {"turns": [WRITE, {**DONE, "fault": {"kind": "cut", "after": 1, "times": 1}}]},
}


@pytest.fixture(params=AGENTS)
async def driven(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Driven]:
    need(request.param)
    monkeypatch.setattr(opencode_events, "RETRY_PATIENCE_S", 8.0)  # It alone tries for ever, and is waited for so long.
    make, model_name = AGENTS[request.param]
    async with ModelServer({**SCRIPTS, **OWN}) as model:
        yield Driven(agent=make(), folder=tmp_path, model=model, model_name=model_name)


async def test_an_answer_that_comes_drop_by_drop_is_waited_for(driven: Driven) -> None:
    end = await driven.run("dripping")

    assert (end.kind, end.touched) == (EndKind.DONE, ("greeting.py",))
    assert (driven.tree / "greeting.py").read_text() == "print('hello')\n"
    assert driven.left == []


@pytest.mark.parametrize("script", ["cut_off", "failing", "overloaded"])
async def test_a_provider_that_fails_for_good_ends_it_as_that(driven: Driven, script: str) -> None:
    end = await driven.run(script)

    assert end.kind is EndKind.PROVIDER
    assert end.session_id
    assert (driven.tree / "greeting.py").exists()
    assert len(driven.model.requests) < 30
    assert driven.left == []


async def test_an_answer_that_is_cut_off_once_is_asked_for_again_by_those_that_do(driven: Driven) -> None:
    end = await driven.run("cut_once")

    asks_again = driven.agent.name in ("claude", "opencode")
    assert end.kind is (EndKind.DONE if asks_again else EndKind.PROVIDER)
    assert end.session_id
    assert driven.left == []


async def test_an_answer_that_never_comes_to_its_end_is_ended_when_the_time_is_up(driven: Driven) -> None:
    driven.limits = AgentLimits(idle_s=60, wall_s=15)

    end = await driven.run("trickling")

    assert (end.kind, end.limit) == (EndKind.LIMIT, LimitKind.WALL)
    assert driven.left == []
