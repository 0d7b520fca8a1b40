"""Gemini CLI itself, as npm installs it."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ostinato.adapters.agents.gemini import GeminiAgent, session_files
from ostinato.adapters.agents.port import Allowed
from ostinato.domain.agents import AgentLimits, EndKind, LimitKind, TokenUse
from tests.agents.driven import Driven, need
from tests.agents.scripts import SCRIPTS
from tests.model_server import ModelServer

pytestmark = pytest.mark.heavy


@pytest.fixture
async def gemini(tmp_path: Path) -> AsyncIterator[Driven]:
    need("gemini")
    async with ModelServer(SCRIPTS) as model:
        yield Driven(agent=GeminiAgent(), folder=tmp_path, model=model, model_name="gemini-3.1-pro-preview")


async def test_it_edits_runs_and_says_what_it_used(gemini: Driven) -> None:
    end = await gemini.run("happy")

    assert (end.kind, end.answer, end.turns) == (EndKind.DONE, "greeting.py prints hello.", 3)
    assert (gemini.tree / "greeting.py").read_text() == "print('hello')\n"
    assert end.touched == ("greeting.py",)
    assert end.use == TokenUse(input=3500, output=100, cache_read=400, reasoning=5, requests=3)
    assert {request.key for request in gemini.model.requests} == {"key-of-this-step"}
    assert gemini.left == []


async def test_a_session_goes_on_elsewhere_from_its_files_alone(gemini: Driven, tmp_path: Path) -> None:
    first = await gemini.run("happy")
    there = gemini.moved(tmp_path / "elsewhere")
    for file in session_files(gemini.private, first.session_id):
        place = there.private / file.relative_to(gemini.private)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, place)

    there.session_id = first.session_id
    second = await there.run("resumed", "Add other.py.")

    assert (second.kind, second.session_id) == (EndKind.DONE, first.session_id)
    assert (there.tree / "other.py").exists()
    assert second.use == TokenUse(input=3300, output=60, reasoning=5, requests=2)


async def test_a_session_that_is_not_here_is_not_resumed(gemini: Driven) -> None:
    gemini.session_id = "63ab42c1-eb66-4188-a152-b1b98a57a2f6"

    end = await gemini.run("happy")

    assert (end.kind, end.session_id) == (EndKind.CRASH, "")
    assert gemini.model.requests == []


@pytest.mark.parametrize(
    ("script", "kind", "status"),
    [
        ("limited", EndKind.RATE_LIMIT, 429),
        ("unauthorized", EndKind.AUTH, 401),
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


async def test_silence_ends_it(gemini: Driven) -> None:
    gemini.limits = AgentLimits(idle_s=12)

    end = await gemini.run("silent")

    assert (end.kind, end.limit) == (EndKind.LIMIT, LimitKind.IDLE)
    assert gemini.left == []


async def test_going_in_circles_ends_it(gemini: Driven) -> None:
    end = await gemini.run("circles")

    assert end.kind is EndKind.LOOP
    assert len(gemini.model.requests) < 15


async def test_a_command_that_the_policy_does_not_allow_is_denied_and_told(gemini: Driven) -> None:
    gemini.allowed = Allowed(commands=("git status *", "python3 *"))

    end = await gemini.run("denied")

    assert end.kind is EndKind.DONE
    assert not (gemini.tree / "gone").exists()
    assert end.denied == ("run_shell_command: git status --short && touch gone",)


async def test_what_may_not_write_does_not(gemini: Driven) -> None:
    gemini.allowed = Allowed(write=False, commands=())

    end = await gemini.run("readonly")

    assert list(gemini.tree.glob("*.py")) == []
    assert end.touched == ()


async def test_doctor_finds_it(gemini: Driven) -> None:
    found = await gemini.agent.installation({**gemini.env(), "GEMINI_API_KEY": "x"})

    assert (found.works, found.login) == (True, "GEMINI_API_KEY")
    assert found.version.startswith("0.")
