"""An agent as PyPI ships it, described by the very words that the documentation shows."""

import re
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ostinato.adapters.agents.registry import described_agent
from ostinato.domain.agents import AgentLimits, EndKind, EventKind, LimitKind
from ostinato.domain.agents.described import read_agents
from tests.agents.driven import PROMPT, Driven, need
from tests.agents.scripts import RUN, SCRIPTS, WRITE
from tests.model_server import ModelServer

pytestmark = pytest.mark.heavy

HOWTO = Path(__file__).parents[2] / "docs" / "howto" / "agents.md"
SUBMIT: dict[str, Any] = {"text": "Done.", "actions": [{"run": "echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"}]}
OWN: dict[str, dict[str, Any]] = {
    "edit": {"turns": [WRITE, RUN, SUBMIT]},
    "wordy": {"turns": [WRITE, {"text": "I only talk."}]},
}


def as_shown(name: str) -> str:
    examples: list[str] = re.findall(r"```toml\n(.*?)```", HOWTO.read_text(encoding="utf-8"), re.DOTALL)
    return next(example for example in examples if example.startswith(f"[agents.{name}]"))


@pytest.fixture
async def mini(tmp_path: Path) -> AsyncIterator[Driven]:
    need("mini")
    (described,), _ = read_agents(tomllib.loads(as_shown("mini"))["agents"])
    async with ModelServer({**SCRIPTS, **OWN}) as model:
        yield Driven(agent=described_agent(described, {}), folder=tmp_path, model=model, model_name="scripted")


async def test_it_edits_a_file_and_runs_it(mini: Driven) -> None:
    end = await mini.run("edit", f"{PROMPT}\nKeep to what words/of_the_house.md says.")

    assert end.kind is EndKind.DONE
    assert (mini.tree / "greeting.py").read_text() == "print('hello')\n"
    assert "hello" in end.answer
    assert "of_the_house" not in end.answer
    assert [(request.key, request.wire) for request in mini.model.requests] == [("key-of-this-step", "openai-chat")] * 3
    assert mini.left == []


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        ("unauthorized", EndKind.AUTH),
        ("limited", EndKind.RATE_LIMIT),
        ("overflow", EndKind.CONTEXT_OVERFLOW),
        ("failing", EndKind.PROVIDER),
        ("wordy", EndKind.GAVE_UP),
    ],
)
async def test_what_ends_it_is_told_by_its_last_words(mini: Driven, script: str, kind: EndKind) -> None:
    end = await mini.run(script)

    assert end.kind is kind
    assert (mini.tree / "greeting.py").exists()
    assert len(mini.model.requests) < 10
    assert mini.left == []


@pytest.mark.parametrize(
    ("script", "limits", "limit"),
    [
        ("silent", AgentLimits(idle_s=15), LimitKind.IDLE),
        ("waiting", AgentLimits(idle_s=60, wall_s=25), LimitKind.WALL),
    ],
)
async def test_a_limit_ends_it_with_all_that_it_started(
    mini: Driven, script: str, limits: AgentLimits, limit: LimitKind
) -> None:
    mini.limits = limits

    end = await mini.run(script)

    assert (end.kind, end.limit) == (EndKind.LIMIT, limit)
    assert len(mini.model.requests) == 2
    assert mini.left == []


async def test_a_note_ends_its_turn_while_a_command_runs(mini: Driven) -> None:
    mini.interrupted = lambda: len(mini.model.requests) == 2 and EventKind.TEXT in mini.kinds

    end = await mini.run("waiting")

    assert end.kind is EndKind.INTERRUPTED
    assert mini.left == []


async def test_it_is_found_with_its_version(mini: Driven) -> None:
    found = await mini.agent.installation(mini.env())

    assert (found.works, found.version) == (True, "2.4.6")
