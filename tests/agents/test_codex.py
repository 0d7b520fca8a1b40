"""Codex itself, as npm installs it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ostinato.adapters.agents.codex import CodexAgent, session_files
from ostinato.adapters.agents.port import Allowed
from ostinato.domain.agents import AgentLimits, EndKind, EventKind, LimitKind
from tests.agents.driven import Driven, need
from tests.agents.scripts import SCRIPTS
from tests.model_server import ModelServer

pytestmark = pytest.mark.heavy


@pytest.fixture
async def codex(tmp_path: Path) -> AsyncIterator[Driven]:
    need("codex")
    async with ModelServer(SCRIPTS) as model:
        yield Driven(agent=CodexAgent(), folder=tmp_path, model=model, model_name="gpt-5.5")


@pytest.mark.parametrize(
    ("script", "kind", "status"),
    [
        ("overloaded", EndKind.PROVIDER, 529),
        ("capped", EndKind.LIMIT, None),
        ("overflow", EndKind.CONTEXT_OVERFLOW, None),
        ("too_long", EndKind.CONTEXT_OVERFLOW, None),
        ("failing", EndKind.PROVIDER, None),
        ("refused", EndKind.REFUSED, None),
        ("cut", EndKind.PROVIDER, None),
    ],
)
async def test_an_error_of_its_provider_is_known_for_what_it_is(
    codex: Driven, script: str, kind: EndKind, status: int | None
) -> None:
    end = await codex.run(script)

    assert (end.kind, end.status) == (kind, status)
    assert end.session_id
    assert (script == "refused") or end.use.tokens == 1450
    assert codex.left == []


async def test_it_is_interrupted_while_a_command_runs_and_nothing_of_it_is_left(codex: Driven) -> None:
    codex.interrupted = lambda: any(event.text.endswith("sleep 300'") for event in codex.events)

    end = await codex.run("waiting")

    assert end.kind is EndKind.INTERRUPTED
    assert end.use.requests == 2
    assert session_files(codex.private, end.session_id)
    assert codex.left == []


async def test_going_in_circles_ends_it(codex: Driven) -> None:
    end = await codex.run("circles")

    assert end.kind is EndKind.LOOP
    assert len(codex.model.requests) < 15


async def test_tokens_are_counted_while_it_works(codex: Driven) -> None:
    codex.limits = AgentLimits(tokens=2000)

    end = await codex.run("waiting")

    assert (end.kind, end.limit) == (EndKind.LIMIT, LimitKind.TOKENS)


async def test_its_commands_do_not_see_its_key(codex: Driven) -> None:
    await codex.run("outside")

    told = next(event.text for event in codex.events if event.kind is EventKind.TOOL_ENDED)
    assert "HOME=" in told
    assert "OSTINATO_MODEL_KEY" not in told


async def test_what_may_not_write_does_not(codex: Driven) -> None:
    codex.allowed = Allowed(write=False)

    end = await codex.run("readonly")

    assert list(codex.tree.glob("*.py")) == []
    assert end.touched == ()
    assert len(end.denied) == 1


async def test_what_may_not_reach_the_network_does_not(codex: Driven) -> None:
    codex.allowed = Allowed(network=False)

    await codex.run("network")

    (told,) = [item for item in codex.model.requests[-1].body["input"] if item["type"] == "function_call_output"]
    assert "OPEN" not in str(told["output"])
    assert "Error" in str(told["output"])


async def test_a_server_of_tools_is_there_from_the_first_turn(codex: Driven) -> None:
    codex.servers = {"absent": {"command": "/nonexistent/server"}}

    end = await codex.run("happy")

    assert end.kind is EndKind.CRASH
    assert "absent" in end.message


async def test_doctor_finds_the_program_behind_the_script(codex: Driven) -> None:
    found = await codex.agent.installation({**codex.env(), "OPENAI_API_KEY": "x"})

    assert (found.works, found.login) == (True, "OPENAI_API_KEY")
    assert not found.path.endswith(".js")
    assert found.version.startswith("0.")
