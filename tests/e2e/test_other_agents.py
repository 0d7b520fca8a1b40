"""Other agents, as npm installs them: each edits, is killed with the worker in a tool call, meets a limit, and goes on."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Stack, git
from tests.e2e.modelled import REAL_KEY, Model, a_definition, a_model, a_step, the_cli, turns_of

pytestmark = [pytest.mark.e2e, pytest.mark.server, pytest.mark.heavy, pytest.mark.timeout(600)]

NAP = "91.375"
LIMITED = {"kind": "status", "status": 429, "after_s": 10, "times": 1, "message": "Account limit reached"}
SECOND: dict[str, Any] = {"text": "I write again.", "actions": [{"write": "src/tally/second.py", "content": "B = 2\n"}]}
SCRIPT: dict[str, Any] = {
    "turns": [
        {"text": "I write.", "actions": [{"write": "src/tally/first.py", "content": "A = 1\n"}]},
        {"text": "I wait.", "actions": [{"run": f"sleep {NAP}"}]},
        SECOND,
        {"text": "Both are written.", "fault": LIMITED},
    ]
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    stack: Stack
    model: Model
    agent: str


@pytest.fixture(params=["codex:gpt-5.5", "acp-opencode:scripted"])
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scene]:
    agent = str(request.param)
    program = the_cli(agent.partition(":")[0].removeprefix("acp-"))
    with a_model({"whole": SCRIPT}) as model:
        env = {
            "OPENAI_BASE_URL": f"{model.url}/v1",
            "OPENAI_API_KEY": REAL_KEY,
            "PATH": f"{program}:{os.environ['PATH']}",
            "NO_PROXY": "127.0.0.1",
            "XDG_CONFIG_HOME": str(tmp_path / "config"),
        }
        stack = Stack(home=tmp_path / "home", env=env)
        yield Scene(stack=stack, model=model, agent=agent)
        stack.call("down", timeout=60)


def test_it_edits_is_killed_and_limited_and_goes_on(scene: Scene, sample: Path, tmp_path: Path) -> None:
    stack = scene.stack
    file = a_definition(tmp_path / "two.json", a_step("work", "Write both files."))
    staff = ("--agent", scene.agent)
    run_id = stack.start("write both", sample, "--definition", str(file), "--trust", *staff)
    stack.until(run_id, lambda status: bool(status["outcome"] or stack.asleep(NAP)), timeout=180)
    asleep = stack.asleep(NAP)

    stack.kill_worker()
    stack.call("up")
    parked = stack.until(run_id, lambda status: bool(status["outcome"] or status["quotas"]), timeout=180)
    report = stack.finished(run_id)

    (step,) = report["steps"]
    made = git(sample, "diff", "--name-only", f"main..ostinato/{run_id}").split()
    assert asleep
    assert parked["quotas"]
    assert (report["outcome"], step["agent"]) == ("completed", scene.agent)
    assert made == ["src/tally/first.py", "src/tally/second.py"]
    assert any("its worker died" in told for told in step["warnings"]) or step["executions"] > 1
    assert [turn["end"] for turn in turns_of(stack, run_id, "work")][-1] == "done"
    assert {asked.key for asked in scene.model.asked("whole")} == {REAL_KEY}
    assert stack.asleep(NAP) == []
