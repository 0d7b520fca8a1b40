"""opencode itself, as npm installs it."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ostinato.adapters.agents.opencode import OpencodeAgent, session_files
from ostinato.adapters.agents.port import Allowed
from ostinato.domain.agents import AgentLimits, EndKind, EventKind, LimitKind, TokenUse
from tests.agents.driven import Driven, need
from tests.agents.scripts import SCRIPTS
from tests.model_server import ModelServer

pytestmark = pytest.mark.heavy


@pytest.fixture
async def opencode(tmp_path: Path) -> AsyncIterator[Driven]:
    need("opencode")
    async with ModelServer(SCRIPTS) as model:
        yield Driven(agent=OpencodeAgent(), folder=tmp_path, model=model, model_name="scripted")


async def test_it_edits_runs_and_says_what_it_used(opencode: Driven) -> None:
    (opencode.tree / "AGENTS.md").write_text("Words of the house.")

    end = await opencode.run("happy")

    assert (end.kind, end.answer, end.turns) == (EndKind.DONE, "greeting.py prints hello.", 3)
    assert (opencode.tree / "greeting.py").read_text() == "print('hello')\n"
    assert end.touched == ("greeting.py",)
    assert end.use == TokenUse(input=3500, output=100, cache_read=400, reasoning=5, requests=3)
    assert {request.key for request in opencode.model.requests} == {"key-of-this-step"}
    assert "Words of the house." in str(opencode.model.requests[-1].body)
    assert opencode.left == []


async def test_a_session_goes_on_elsewhere_from_its_files_alone(opencode: Driven, tmp_path: Path) -> None:
    first = await opencode.run("happy")
    there = opencode.moved(tmp_path / "elsewhere")
    for file in session_files(opencode.private, first.session_id):
        place = there.private / file.relative_to(opencode.private)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, place)

    there.session_id = first.session_id
    second = await there.run("resumed", "Add other.py.")

    assert (second.kind, second.session_id) == (EndKind.DONE, first.session_id)
    assert (there.tree / "other.py").exists()
    assert second.use == TokenUse(input=3300, output=60, reasoning=5, requests=2)


async def test_a_session_that_is_not_here_is_not_resumed(opencode: Driven) -> None:
    opencode.session_id = "ses_e00f8c180ffephzQYd8pyj1rsT"

    end = await opencode.run("happy")

    assert (end.kind, end.session_id) == (EndKind.CRASH, "")
    assert opencode.model.requests == []


@pytest.mark.parametrize(
    ("script", "kind", "status"),
    [
        ("limited", EndKind.RATE_LIMIT, 429),
        ("unauthorized", EndKind.AUTH, 401),
        ("capped", EndKind.LIMIT, 400),
        ("overflow", EndKind.CONTEXT_OVERFLOW, None),
        ("forbidden", EndKind.AUTH, 403),
    ],
)
async def test_an_error_of_its_provider_is_known_for_what_it_is(
    opencode: Driven, script: str, kind: EndKind, status: int | None
) -> None:
    end = await opencode.run(script)

    assert (end.kind, end.status) == (kind, status)
    assert end.session_id
    assert len(opencode.model.requests) < 150
    assert opencode.left == []


async def test_it_is_interrupted_while_a_command_runs_and_nothing_of_it_is_left(opencode: Driven) -> None:
    opencode.interrupted = lambda: len(opencode.model.requests) > 2 and EventKind.TOOL_ENDED in opencode.kinds

    end = await opencode.run("waiting")

    assert end.kind is EndKind.INTERRUPTED
    assert session_files(opencode.private, end.session_id)
    assert opencode.left == []


async def test_silence_ends_it(opencode: Driven) -> None:
    opencode.limits = AgentLimits(idle_s=15)

    end = await opencode.run("silent")

    assert (end.kind, end.limit) == (EndKind.LIMIT, LimitKind.IDLE)
    assert opencode.left == []


async def test_a_command_that_the_policy_does_not_allow_is_denied_and_told(opencode: Driven) -> None:
    opencode.allowed = Allowed(commands=("git status *", "python3 *"))

    end = await opencode.run("denied")

    assert end.kind is EndKind.DONE
    assert not (opencode.tree / "gone").exists()
    assert end.denied == ("bash: git status --short && touch gone",)


async def test_what_may_not_write_does_not(opencode: Driven) -> None:
    opencode.allowed = Allowed(write=False, commands=())

    end = await opencode.run("readonly")

    assert list(opencode.tree.glob("*.py")) == []
    assert end.touched == ()


async def test_more_turns_than_it_may_take_end_it(opencode: Driven) -> None:
    opencode.limits = AgentLimits(turns=2, idle_s=60)

    end = await opencode.run("happy")

    assert (end.kind, end.limit) == (EndKind.LIMIT, LimitKind.TURNS)


async def test_doctor_finds_it(opencode: Driven) -> None:
    found = await opencode.agent.installation({**opencode.env(), "OPENAI_API_KEY": "x"})

    assert (found.works, found.login) == (True, "OPENAI_API_KEY")
    assert found.version.startswith("1.")
