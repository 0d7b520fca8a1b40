"""opencode itself, as npm installs it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ostinato.adapters.agents.opencode import OpencodeAgent, session_files
from ostinato.domain.agents import AgentLimits, EndKind, EventKind, LimitKind
from tests.agents.driven import Driven, need
from tests.agents.scripts import SCRIPTS
from tests.model_server import ModelServer

pytestmark = pytest.mark.heavy


@pytest.fixture
async def opencode(tmp_path: Path) -> AsyncIterator[Driven]:
    need("opencode")
    async with ModelServer(SCRIPTS) as model:
        yield Driven(agent=OpencodeAgent(), folder=tmp_path, model=model, model_name="scripted")


async def test_it_reads_the_words_of_the_house(opencode: Driven) -> None:
    (opencode.tree / "AGENTS.md").write_text("Words of the house.")

    await opencode.run("happy")

    assert "Words of the house." in str(opencode.model.requests[-1].body)


@pytest.mark.parametrize(
    ("script", "kind", "status"),
    [
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
    assert len(opencode.model.requests) < 30
    assert opencode.left == []


async def test_it_is_interrupted_while_a_command_runs_and_nothing_of_it_is_left(opencode: Driven) -> None:
    opencode.interrupted = lambda: len(opencode.model.requests) > 2 and EventKind.TOOL_ENDED in opencode.kinds

    end = await opencode.run("waiting")

    assert end.kind is EndKind.INTERRUPTED
    assert session_files(opencode.private, end.session_id)
    assert opencode.left == []


async def test_more_turns_than_it_may_take_end_it(opencode: Driven) -> None:
    opencode.limits = AgentLimits(turns=2, idle_s=60)

    end = await opencode.run("happy")

    assert (end.kind, end.limit) == (EndKind.LIMIT, LimitKind.TURNS)


async def test_doctor_finds_it(opencode: Driven) -> None:
    found = await opencode.agent.installation({**opencode.env(), "OPENAI_API_KEY": "x"})

    assert (found.works, found.login) == (True, "OPENAI_API_KEY")
    assert found.version.startswith("1.")
