"""Claude Code as npm installs it does steps, with a scripted model in place of its own: metered, killed, limited, steered."""

import json
import os
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Stack, git
from tests.e2e.modelled import REAL_KEY, Model, a_definition, a_model, a_step, the_cli, transcripts, turns_of

pytestmark = [pytest.mark.e2e, pytest.mark.server, pytest.mark.timeout(600)]

TOKEN = "ghp_" + "Zq8" * 12
NAP = "90.125"
"""Seconds that nothing else sleeps."""


def writing(name: str) -> dict[str, Any]:
    content = f'"""Says {name}."""\n\n\ndef {name}() -> str:\n    return "{name}"\n'
    return {
        "text": f"I write {name}.",
        "actions": [{"write": f"src/tally/{name}.py", "content": content}],
        "usage": {"input": 1_000, "output": 50},
    }


def running(command: str) -> dict[str, Any]:
    return {"text": "I run it.", "actions": [{"run": command}], "usage": {"input": 1_200, "output": 30}}


def done(text: str) -> dict[str, Any]:
    return {"text": text, "usage": {"input": 1_300, "output": 20}}


LIMITED = {"kind": "status", "status": 429, "after_s": 15, "times": 1, "message": "Account limit reached"}
SCRIPTS: dict[str, dict[str, Any]] = {
    "happy": {
        "turns": [
            writing("greet"),
            running(f"env | sort; printf '%s%s' {TOKEN[:20]} {TOKEN[20:]}"),
            done("src/tally/greet.py greets."),
        ]
    },
    "killed": {"turns": [writing("first"), running(f"sleep {NAP}"), writing("second"), done("Both are written.")]},
    "limited": {"turns": [writing("one"), {**done("src/tally/one.py is written."), "fault": LIMITED}]},
    "behind": {"turns": [writing("two"), done("src/tally/two.py is written.")]},
    "steered": {"turns": [writing("loud"), running(f"sleep {NAP}"), writing("quiet"), done("It is quiet.")]},
}


@pytest.fixture(scope="session")
def claude() -> Path:
    return the_cli("claude")


@pytest.fixture(scope="module")
def model() -> Iterator[Model]:
    scripts = {name: {"when": prompt_of(name), **said} for name, said in SCRIPTS.items()}
    with a_model(scripts) as model:
        yield model


@pytest.fixture(scope="module")
def agents(claude: Path, model: Model, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack whose worker alone has the key."""
    env = {
        "ANTHROPIC_BASE_URL": model.url,
        "ANTHROPIC_API_KEY": REAL_KEY,
        "PATH": f"{claude}:{os.environ['PATH']}",
        "NO_PROXY": "127.0.0.1",
        "XDG_CONFIG_HOME": str(tmp_path_factory.mktemp("config")),
    }
    stack = Stack(home=tmp_path_factory.mktemp("agents"), env=env)
    stack.ok("up")
    yield stack
    stack.call("down", timeout=60)


def prompt_of(script: str) -> str:
    return f"The task called {script}."


def begin(stack: Stack, repository: Path, script: str, *before: dict[str, Any]) -> str:
    """The id of a run in which the agent does one step by this script, after those before."""
    work = a_step("work", prompt_of(script), depends_on=[step["id"] for step in before])
    file = a_definition(repository.parent / f"{script}.json", *before, work)
    return stack.start(f"do {script}", repository, "--definition", str(file), "--trust", "--agent", "claude")


def until_asleep(stack: Stack, run_id: str) -> None:
    """Its agent is in the middle of a tool call."""
    stack.until(run_id, lambda status: bool(status["outcome"] or stack.asleep(NAP)))
    assert stack.asleep(NAP), "the agent never ran its command"


def holding(folder: Path, text: str) -> list[Path]:
    """Files with this text in them."""
    return [path for path in folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


def sessions(model: Model, script: str) -> set[str]:
    """In which it was asked, as Claude Code names them to its provider."""
    return {json.loads(asked.body["metadata"]["user_id"])["session_id"] for asked in model.asked(script)}


def made(repository: Path, run_id: str) -> list[str]:
    """Files of the run's branch that the base has not."""
    return git(repository, "diff", "--name-only", f"main..ostinato/{run_id}").split()


def commits(repository: Path, run_id: str) -> list[str]:
    return git(repository, "log", "--format=%h", f"main..ostinato/{run_id}").split()


def test_an_agent_edits_and_is_metered_and_never_sees_the_workers_key(
    agents: Stack, model: Model, sample: Path
) -> None:
    run_id = begin(agents, sample, "happy")
    report = agents.finished(run_id)

    turns = turns_of(agents, run_id, "work")
    said = transcripts(agents, turns)
    assert (report["outcome"], report["steps"][0]["agent"]) == ("completed", "claude")
    assert (made(sample, run_id), len(commits(sample, run_id))) == (["src/tally/greet.py"], 1)
    assert [gate["status"] for gate in report["gates"] if gate["gate"] == "tests"] == ["warn"]
    assert report["budget"]["tokens_used"] == 3_600
    assert [turn["end"] for turn in turns] == ["done"]
    assert {asked.key for asked in model.asked("happy")} == {REAL_KEY}
    assert not [asked for asked in model.asked("happy") if REAL_KEY in str(asked.body)]
    assert "ANTHROPIC_API_KEY=" in said
    assert "[redacted:" in said
    assert TOKEN not in said
    assert holding(agents.home, REAL_KEY) == []


def test_a_worker_that_is_killed_in_a_tool_call_goes_on_in_the_same_session(
    agents: Stack, model: Model, sample: Path
) -> None:
    run_id = begin(agents, sample, "killed")
    until_asleep(agents, run_id)

    agents.kill_worker()
    agents.call("up")
    report = agents.finished(run_id)

    turns = turns_of(agents, run_id, "work")
    assert report["outcome"] == "completed"
    assert model.turns("killed") == [0, 1, 2, 3]
    assert len(sessions(model, "killed")) == 1
    assert made(sample, run_id) == ["src/tally/first.py", "src/tally/second.py"]
    assert len(commits(sample, run_id)) == 1
    assert agents.asleep(NAP) == []
    assert any("its worker died" in warning for warning in report["steps"][0]["warnings"])
    assert [(turn["end"], turn["resumed"]) for turn in turns] == [("lost", False), ("done", True)]


def test_a_limit_of_the_account_parks_every_run_until_its_reset(
    agents: Stack, model: Model, sample: Path, tmp_path: Path
) -> None:
    now = tmp_path / "now"
    ready = {"id": "ready", "run": f"until [ -e {now} ]; do sleep 0.1; done", "writes": []}
    second = begin(agents, sample, "behind", ready)
    first = begin(agents, sample, "limited")
    parked = agents.until(first, lambda status: bool(status["quotas"]))
    now.touch()
    waiting = agents.until(second, lambda status: bool(status["quotas"]))
    asked_while_limited = model.asked("behind")
    reports = [agents.finished(run_id) for run_id in (first, second)]

    until = datetime.fromisoformat(parked["quotas"][0]["until"])
    assert datetime.fromisoformat(waiting["quotas"][0]["until"]) == until
    assert asked_while_limited == []
    assert [report["outcome"] for report in reports] == ["completed", "completed"]
    assert (model.turns("limited"), model.turns("behind")) == ([0, 1, 1], [0, 1])
    assert len(sessions(model, "limited")) == 1


def test_a_note_reaches_a_running_agent_within_seconds(agents: Stack, model: Model, sample: Path) -> None:
    run_id = begin(agents, sample, "steered")
    until_asleep(agents, run_id)

    told_at = time.monotonic()
    agents.ok("steer", run_id, "work", "Be quiet, please: whisper.")
    model.until_asked("steered", 2)
    after_s = time.monotonic() - told_at
    report = agents.finished(run_id)

    turns = turns_of(agents, run_id, "work")
    assert "whisper" in str(model.asked("steered")[2].body)
    assert after_s < 20
    assert (report["outcome"], model.turns("steered")) == ("completed", [0, 1, 2, 3])
    assert [turn["end"] for turn in turns] == ["interrupted", "done"]
    assert len(sessions(model, "steered")) == 1
    assert agents.asleep(NAP) == []
