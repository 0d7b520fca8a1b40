"""Gemini CLI itself, as npm installs it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ostinato.adapters.agents.gemini import GeminiAgent, session_files
from ostinato.domain.agents import EndKind
from tests.agents.driven import Driven, need
from tests.agents.scripts import SCRIPTS
from tests.model_server import ModelServer

pytestmark = pytest.mark.heavy


@pytest.fixture
async def gemini(tmp_path: Path) -> AsyncIterator[Driven]:
    need("gemini")
    async with ModelServer(SCRIPTS) as model:
        yield Driven(agent=GeminiAgent(), folder=tmp_path, model=model, model_name="gemini-3.1-pro-preview")


@pytest.mark.parametrize(
    ("script", "kind", "status"),
    [
        ("capped", EndKind.LIMIT, 400),
        ("overflow", EndKind.CONTEXT_OVERFLOW, 400),
        ("failing", EndKind.PROVIDER, 500),
    ],
)
async def test_an_error_of_its_provider_is_known_for_what_it_is(
    gemini: Driven, script: str, kind: EndKind, status: int
) -> None:
    end = await gemini.run(script)

    assert (end.kind, end.status) == (kind, status)
    assert end.session_id
    assert end.use.tokens == 1450
    assert gemini.left == []


async def test_it_is_interrupted_while_a_command_runs_and_keeps_its_use(gemini: Driven) -> None:
    gemini.interrupted = lambda: any("sleep 300" in event.text for event in gemini.events)

    end = await gemini.run("waiting")

    assert end.kind is EndKind.INTERRUPTED
    assert end.use.requests == 2
    assert session_files(gemini.private, end.session_id)
    assert gemini.left == []


async def test_going_in_circles_ends_it(gemini: Driven) -> None:
    end = await gemini.run("circles")

    assert end.kind is EndKind.LOOP
    assert len(gemini.model.requests) < 15


async def test_doctor_finds_it(gemini: Driven) -> None:
    found = await gemini.agent.installation({**gemini.env(), "GEMINI_API_KEY": "x"})

    assert (found.works, found.login) == (True, "GEMINI_API_KEY")
    assert found.version.startswith("0.")
