"""What holds of every agent behind an adapter, tried on the agent itself as npm installs it."""

import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from ostinato.adapters.agents import codex, gemini, opencode
from ostinato.adapters.agents.port import Allowed, CodingAgent
from ostinato.domain.agents import AgentLimits, EndKind, LimitKind, TokenUse
from tests.agents.driven import Driven, need
from tests.agents.scripts import SCRIPTS
from tests.model_server import ModelServer

pytestmark = pytest.mark.heavy


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    make: Callable[[], CodingAgent]
    session_files: Callable[[Path, str], tuple[Path, ...]]
    model_name: str
    strange_session: str
    """As its own are called, and none of its."""
    idle_s: int
    """More than it takes to start, and to try again by itself."""


CASES = {
    "codex": Case(
        make=codex.CodexAgent,
        session_files=codex.session_files,
        model_name="gpt-5.5",
        strange_session="01a1fef6-ce5a-7cd1-a936-b233b826ea00",
        idle_s=3,
    ),
    "gemini": Case(
        make=gemini.GeminiAgent,
        session_files=gemini.session_files,
        model_name="gemini-3.1-pro-preview",
        strange_session="63ab42c1-eb66-4188-a152-b1b98a57a2f6",
        idle_s=12,
    ),
    "opencode": Case(
        make=opencode.OpencodeAgent,
        session_files=opencode.session_files,
        model_name="scripted",
        strange_session="ses_e00f8c180ffephzQYd8pyj1rsT",
        idle_s=15,
    ),
}


@pytest.fixture(params=CASES)
def name(request: pytest.FixtureRequest) -> str:
    need(request.param)
    return str(request.param)


@pytest.fixture
def case(name: str) -> Case:
    return CASES[name]


@pytest.fixture
async def driven(case: Case, tmp_path: Path) -> AsyncIterator[Driven]:
    async with ModelServer(SCRIPTS) as model:
        yield Driven(agent=case.make(), folder=tmp_path, model=model, model_name=case.model_name)


async def test_it_edits_runs_and_says_what_it_used(driven: Driven) -> None:
    end = await driven.run("happy")

    assert (end.kind, end.answer, end.turns) == (EndKind.DONE, "greeting.py prints hello.", 3)
    assert (driven.tree / "greeting.py").read_text() == "print('hello')\n"
    assert end.touched == ("greeting.py",)
    assert end.use == TokenUse(input=3500, output=100, cache_read=400, reasoning=5, requests=3)
    assert {request.key for request in driven.model.requests} == {"key-of-this-step"}
    assert driven.left == []


async def test_a_session_goes_on_elsewhere_from_its_files_alone(driven: Driven, case: Case, tmp_path: Path) -> None:
    first = await driven.run("happy")
    there = driven.moved(tmp_path / "elsewhere")
    for file in case.session_files(driven.private, first.session_id):
        place = there.private / file.relative_to(driven.private)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, place)

    there.session_id = first.session_id
    second = await there.run("resumed", "Add other.py.")

    assert (second.kind, second.session_id) == (EndKind.DONE, first.session_id)
    assert (there.tree / "other.py").exists()
    assert second.use == TokenUse(input=3300, output=60, reasoning=5, requests=2)


async def test_a_session_that_is_not_here_is_not_resumed(driven: Driven, case: Case) -> None:
    driven.session_id = case.strange_session

    end = await driven.run("happy")

    assert (end.kind, end.session_id) == (EndKind.CRASH, "")
    assert driven.model.requests == []


@pytest.mark.parametrize(
    ("script", "kind", "status"), [("limited", EndKind.RATE_LIMIT, 429), ("unauthorized", EndKind.AUTH, 401)]
)
async def test_an_error_of_its_provider_is_known_for_what_it_is(
    driven: Driven, script: str, kind: EndKind, status: int
) -> None:
    end = await driven.run(script)

    assert (end.kind, end.status) == (kind, status)
    assert end.session_id
    assert len(driven.model.requests) < 30
    assert driven.left == []


async def test_silence_ends_it(driven: Driven, case: Case) -> None:
    driven.limits = AgentLimits(idle_s=case.idle_s)

    end = await driven.run("silent")

    assert (end.kind, end.limit) == (EndKind.LIMIT, LimitKind.IDLE)
    assert driven.left == []


async def test_a_command_that_the_policy_does_not_allow_is_denied_and_told(driven: Driven) -> None:
    driven.allowed = Allowed(commands=("git status", "git status *", "python3 *"))

    end = await driven.run("denied")

    assert end.kind is EndKind.DONE
    assert not (driven.tree / "gone").exists()
    assert [denied.endswith("git status --short && touch gone") for denied in end.denied] == [True]


async def test_a_single_word_allows_its_command_with_any_arguments(driven: Driven) -> None:
    driven.allowed = Allowed(commands=("git", "touch"))

    end = await driven.run("denied")

    assert (driven.tree / "gone").exists()
    assert not any("git status" in denied for denied in end.denied)


async def test_a_command_that_the_policy_denies_is_denied_inside_a_line_too(driven: Driven) -> None:
    driven.allowed = Allowed(denied=("touch *",))

    end = await driven.run("denied")

    assert end.kind is EndKind.DONE
    assert not (driven.tree / "gone").exists()
    assert len(end.denied) == 1


async def test_what_may_not_write_does_not(driven: Driven) -> None:
    driven.allowed = Allowed(write=False, commands=())

    end = await driven.run("readonly")

    assert list(driven.tree.glob("*.py")) == []
    assert end.touched == ()
