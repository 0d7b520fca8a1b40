"""Agents as npm installs them, spoken to by the Agent Client Protocol."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ostinato.adapters.agents.port import Allowed
from ostinato.adapters.agents.registry import find_agents
from ostinato.domain.agents import AgentLimits, EndKind, EventKind, LimitKind
from tests.agents.driven import Driven, need
from tests.model_server import ModelServer

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(300)]

WRITE: dict[str, Any] = {"text": "I write.", "actions": [{"write": "greeting.py", "content": "print('hello')\n"}]}
WAIT: dict[str, Any] = {"text": "I wait.", "actions": [{"run": "python3 -c 'import time; time.sleep(300)'"}]}
DONE: dict[str, Any] = {"text": "Done."}


def failing(status: int, message: str, **more: Any) -> dict[str, Any]:
    return {"turns": [{"text": "", "fault": {"kind": "status", "status": status, "message": message, **more}}]}


SCRIPTS: dict[str, dict[str, Any]] = {
    "edit": {"turns": [WRITE, DONE, {"text": "Nothing is left to do."}]},
    "waiting": {"turns": [WRITE, WAIT, DONE]},
    "hanging": {"turns": [{"text": "Never said.", "fault": {"kind": "hang"}}]},
    "unauthorized": failing(401, "Incorrect API key provided"),
    "running": {"turns": [{"text": "I run.", "actions": [{"run": "echo x > made.txt"}]}, DONE]},
    "limited": failing(429, "Rate limit reached for requests"),
}


@pytest.fixture
async def driven(tmp_path: Path) -> AsyncIterator[Driven]:
    need("opencode")
    agent = find_agents(["acp-opencode"])["acp-opencode"]
    async with ModelServer(SCRIPTS) as model:
        yield Driven(agent=agent, folder=tmp_path, model=model, model_name="scripted")


async def test_it_edits_a_file_by_permission_and_its_session_goes_on(driven: Driven) -> None:
    first = await driven.run("edit")

    assert (first.kind, first.answer) == (EndKind.DONE, "Done.")
    assert (driven.tree / "greeting.py").read_text() == "print('hello')\n"
    assert first.touched == ("greeting.py",)
    assert first.session_id
    driven.session_id = first.session_id
    second = await driven.run("edit", "Go on.")
    assert (second.kind, second.session_id) == (EndKind.DONE, first.session_id)
    assert second.answer == "Nothing is left to do."
    assert driven.left == []


async def test_a_command_that_is_not_allowed_is_not_run(driven: Driven) -> None:
    driven.allowed = Allowed(commands=("pytest*",))

    end = await driven.run("running")

    assert end.denied == ("run echo x > made.txt",)
    assert not (driven.tree / "made.txt").exists()


@pytest.mark.parametrize(("script", "kind"), [("unauthorized", EndKind.AUTH), ("limited", EndKind.RATE_LIMIT)])
async def test_failures_of_its_provider_are_told_apart(driven: Driven, script: str, kind: EndKind) -> None:
    driven.limits = AgentLimits(idle_s=200, wall_s=250)

    end = await driven.run(script)

    assert end.kind is kind


async def test_a_note_ends_its_turn_while_a_tool_runs(driven: Driven) -> None:
    driven.interrupted = lambda: driven.kinds.count(EventKind.TOOL_BEGAN) == 2

    end = await driven.run("waiting")

    assert end.kind is EndKind.INTERRUPTED
    assert driven.left == []


async def test_its_silence_ends_it(driven: Driven) -> None:
    driven.limits = AgentLimits(idle_s=20)

    end = await driven.run("hanging")

    assert (end.kind, end.limit) == (EndKind.LIMIT, LimitKind.IDLE)
    assert driven.left == []


@pytest.mark.parametrize(("name", "command"), [("acp-gemini", "gemini"), ("acp-claude", "claude-agent-acp")])
async def test_others_edit_a_file_by_permission_and_are_metered(tmp_path: Path, name: str, command: str) -> None:
    need(command)
    async with ModelServer(SCRIPTS) as model:
        agent = find_agents([name])[name]
        driven = Driven(agent=agent, folder=tmp_path, model=model, model_name="scripted")

        end = await driven.run("edit")

    assert (end.kind, end.answer, end.touched) == (EndKind.DONE, "Done.", ("greeting.py",))
    assert end.use.input > 0
    assert driven.left == []


async def test_claude_by_the_protocol_goes_on_with_its_session_and_runs_only_what_it_may(tmp_path: Path) -> None:
    need("claude-agent-acp")
    async with ModelServer(SCRIPTS) as model:
        agent = find_agents(["acp-claude"])["acp-claude"]
        driven = Driven(agent=agent, folder=tmp_path, model=model, model_name="claude-sonnet-4-5")
        driven.session_id = (await driven.run("edit")).session_id

        again = await driven.run("edit", "Go on.")
        driven.session_id, driven.allowed = "", Allowed(commands=("pytest*",))
        denied = await driven.run("running")
        limited = await driven.run("limited")

    assert (again.kind, again.answer) == (EndKind.DONE, "Nothing is left to do.")
    assert len(denied.denied) == 1
    assert not (driven.tree / "made.txt").exists()
    assert limited.kind is EndKind.RATE_LIMIT
    assert driven.left == []


async def test_it_is_found_with_its_version(driven: Driven) -> None:
    found = await driven.agent.installation(driven.env())

    assert (found.works, found.version) == (True, "1.18.33")
