"""Codex itself, as npm installs it."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ostinato.adapters.agents.codex import CodexAgent, session_files
from ostinato.adapters.agents.port import Allowed
from ostinato.domain.agents import AgentLimits, EndKind, EventKind, LimitKind, TokenUse
from tests.agents.driven import Driven, need
from tests.agents.scripts import SCRIPTS
from tests.model_server import ModelServer

pytestmark = pytest.mark.heavy


@pytest.fixture
async def codex(tmp_path: Path) -> AsyncIterator[Driven]:
    need("codex")
    async with ModelServer(SCRIPTS) as model:
        yield Driven(agent=CodexAgent(), folder=tmp_path, model=model, model_name="gpt-5.5")


async def test_it_edits_runs_and_says_what_it_used(codex: Driven) -> None:
    end = await codex.run("happy")

    assert (end.kind, end.answer, end.turns) == (EndKind.DONE, "greeting.py prints hello.", 3)
    assert (codex.tree / "greeting.py").read_text() == "print('hello')\n"
    assert end.touched == ("greeting.py",)
    assert end.use == TokenUse(input=3500, output=100, cache_read=400, reasoning=5, requests=3)
    assert {request.key for request in codex.model.requests} == {"key-of-this-step"}
    assert codex.left == []


async def test_a_session_goes_on_elsewhere_from_its_files_alone(codex: Driven, tmp_path: Path) -> None:
    first = await codex.run("happy")
    there = codex.moved(tmp_path / "elsewhere")
    for file in session_files(codex.private, first.session_id):
        place = there.private / file.relative_to(codex.private)
        place.parent.mkdir(parents=True)
        shutil.copy(file, place)

    there.session_id = first.session_id
    second = await there.run("resumed", "Add other.py.")

    assert (second.kind, second.session_id) == (EndKind.DONE, first.session_id)
    assert (there.tree / "other.py").exists()
    assert second.use == TokenUse(input=3300, output=60, reasoning=5, requests=2)


async def test_a_session_that_is_not_here_is_not_resumed(codex: Driven) -> None:
    codex.session_id = "01a1fef6-ce5a-7cd1-a936-b233b826ea00"

    end = await codex.run("happy")

    assert (end.kind, end.session_id) == (EndKind.CRASH, "")
    assert codex.model.requests == []


@pytest.mark.parametrize(
    ("script", "kind", "status"),
    [
        ("limited", EndKind.RATE_LIMIT, 429),
        ("overloaded", EndKind.PROVIDER, 529),
        ("unauthorized", EndKind.AUTH, 401),
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


async def test_silence_ends_it(codex: Driven) -> None:
    codex.limits = AgentLimits(idle_s=3)

    end = await codex.run("silent")

    assert (end.kind, end.limit) == (EndKind.LIMIT, LimitKind.IDLE)
    assert codex.left == []


async def test_going_in_circles_ends_it(codex: Driven) -> None:
    end = await codex.run("circles")

    assert end.kind is EndKind.LOOP
    assert len(codex.model.requests) < 15


async def test_tokens_are_counted_while_it_works(codex: Driven) -> None:
    codex.limits = AgentLimits(tokens=2000)

    end = await codex.run("waiting")

    assert (end.kind, end.limit) == (EndKind.LIMIT, LimitKind.TOKENS)


async def test_a_command_that_the_policy_does_not_allow_is_denied_and_told(codex: Driven) -> None:
    codex.allowed = Allowed(commands=("git status", "python3 *"))

    end = await codex.run("denied")

    assert end.kind is EndKind.DONE
    assert end.denied == ("git status --short && touch gone",)
    assert not (codex.tree / "gone").exists()
    assert EventKind.DENIED in codex.kinds


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
