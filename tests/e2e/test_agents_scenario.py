"""Three agents at once, and all that can go wrong with them: it ends right, the report shows each, and twice it is the same."""

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from scripts.sample import FILES_THEN, make_sample
from tests.e2e.conftest import ROOT, Stack, git
from tests.e2e.modelled import REAL_KEY, a_definition, a_model, a_step, the_cli, turns_of

pytestmark = [pytest.mark.e2e, pytest.mark.server, pytest.mark.timeout(600)]

TOKEN = "ghp_" + "Zq8" * 12
SHELF = "tests/test_shelf.py"
SHELF_TEXT = dedent(FILES_THEN[SHELF])
LIMITED = {"kind": "status", "status": 429, "after_s": 8, "times": 1, "message": "Account limit reached"}
SCRIPTS: dict[str, dict[str, Any]] = {
    "limited": {
        "when": "part: limited",
        "turns": [
            {"actions": [{"write": "src/tally/limits.py", "content": '"""Limits."""\n\nMOST = 10\n'}]},
            {"text": "src/tally/limits.py is written.", "fault": LIMITED},
        ],
    },
    "default": {"turns": [{"actions": [{"write": SHELF, "content": SHELF_TEXT}]}, {"text": "The test is back."}]},
}
LATE = {"append": {"README.md": "Late was here.\n"}}
SCENES: dict[str, list[dict[str, Any]]] = {
    "early": [{"append": {"README.md": "Early was here.\n"}}],
    "late": [LATE],
    "crash": [
        {"write": {"src/tally/half.py": "def half("}, "dies": True},
        {"write": {"src/tally/half.py": '"""Half of it."""\n\nHALF = 0.5\n'}},
    ],
    "liar": [
        {"says": "Done. I created `src/tally/liar.py` and committed it as 0123abc."},
        {"write": {"src/tally/liar.py": '"""Says the truth."""\n'}},
    ],
    "cheat": [{"write": {"src/tally/cheat.py": '"""Honest."""\n'}, "remove": [SHELF]}],
    "leak": [{"write": {"src/tally/config.py": f'"""Settings."""\n\nKEY = "{TOKEN}"\n'}}],
    "fixer": [{"write": {SHELF: SHELF_TEXT}}],
}
BY_ACP = ("late", "liar")
"""Parts that the agent plays which speaks the Agent Client Protocol."""
WHEN = {"fixer": "test_a_shelf_remembers_what_is_on_it is gone"}
CONFIG = """\
[agents.mime]
command = [{python}, {mime}, {state}]
resume = ["{{session}}"]

[[agents.mime.events]]
kind = "started"
when = {{ type = "started" }}
session = "session"

[[agents.mime.events]]
kind = "usage"
when = {{ type = "usage" }}
input = "input"
output = "output"

[[agents.mime.events]]
kind = "text"
when = {{ type = "text" }}
text = "text"

[agents.mime-acp]
command = [{python}, {mime_acp}, {state}]
speaks = "acp"
set = {{ PYTHONPATH = {root} }}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    stack: Stack
    repository: Path
    report: dict[str, Any]

    @property
    def run_id(self) -> str:
        return str(self.report["run_id"])

    @property
    def branch(self) -> str:
        return str(self.report["branch"])

    @property
    def tree(self) -> str:
        return git(self.repository, "rev-parse", f"{self.branch}^{{tree}}")

    @property
    def steps(self) -> dict[str, dict[str, Any]]:
        return {step["id"]: step for step in self.report["steps"]}

    @property
    def outcomes(self) -> dict[str, str]:
        return {name: step["outcome"] for name, step in self.steps.items()}

    def met(self) -> set[tuple[str, str]]:
        """What recovery met, and what it did about it."""
        return {(each["step"], each["code"]) for each in self.report["recoveries"]}

    def text(self, path: str) -> str:
        return git(self.repository, "show", f"{self.branch}:{path}")


def part(name: str, agent: str = "mime", **more: Any) -> dict[str, Any]:
    """It says nowhere what it writes: so steps that are in each other's way are started together."""
    step = a_step(name, f"Play this part: {name}", agent=agent, retry={"max_attempts": 2}, **more)
    del step["writes"]
    return step


def configured(folder: Path, home: Path) -> Path:
    """The user's configuration, with an agent that plays the scenes."""
    state, config = folder / "state", folder / "config"
    state.mkdir()
    (config / "ostinato").mkdir(parents=True)
    behind = {"wait_for": f"{home}/repos/*/mirror.git/refs/ostinato/*/steps/early/*"}
    scenes = {**SCENES, "late": [{**LATE, **behind}, LATE]}
    parts = {name: {"when": WHEN.get(name, f"part: {name}"), "scenes": said} for name, said in scenes.items()}
    (state / "parts.json").write_text(json.dumps(parts))
    here = ROOT / "tests" / "e2e"
    named = {"python": sys.executable, "state": state, "root": ROOT}
    named |= {"mime": here / "mime.py", "mime_acp": here / "mime_acp.py"}
    text = CONFIG.format(**{name: json.dumps(str(value)) for name, value in named.items()})
    (config / "ostinato" / "config.toml").write_text(text)
    return config


def play(folder: Path, claude: Path) -> Played:
    """From nothing to the report, on a stack of its own that is stopped again."""
    home = folder / "home"
    played = [name for name in SCENES if name != "fixer"]
    steps = [part(name, "mime-acp" if name in BY_ACP else "mime", critical=name != "leak") for name in played]
    file = a_definition(folder / "play.json", part("limited", "claude"), *steps)
    with a_model(SCRIPTS) as model:
        env = {
            "ANTHROPIC_BASE_URL": model.url,
            "ANTHROPIC_API_KEY": REAL_KEY,
            "PATH": f"{claude}:{os.environ['PATH']}",
            "NO_PROXY": "127.0.0.1",
            "XDG_CONFIG_HOME": str(configured(folder, home)),
        }
        stack = Stack(home=home, env=env)
        sample = make_sample(folder / "tally")
        try:
            staff = ("--agent", "claude", "--agent", "mime", "--agent", "mime-acp", "--no-input")
            run_id = stack.start("play all parts", sample, "--definition", str(file), "--trust", *staff)
            return Played(stack=stack, repository=sample, report=stack.finished(run_id))
        finally:
            stack.call("down", timeout=60)


@pytest.fixture(scope="module")
def claude() -> Path:
    return the_cli("claude")


@pytest.fixture(scope="module")
def played(claude: Path, tmp_path_factory: pytest.TempPathFactory) -> Played:
    return play(tmp_path_factory.mktemp("played"), claude)


def test_it_ends_right(played: Played) -> None:
    assert played.report["outcome"] == "degraded"  # for what wrote a secret is left out
    assert {name for name, outcome in played.outcomes.items() if outcome != "succeeded"} == {"leak"}
    gates = {gate["gate"]: gate["status"] for gate in played.report["gates"] if gate["stage"] == "post"}
    assert gates["integrity"] == "pass"
    assert played.text(SHELF) == SHELF_TEXT.strip()
    assert played.text("README.md").splitlines()[-2:] == ["Early was here.", "Late was here."]
    assert played.text("src/tally/half.py").endswith("HALF = 0.5")
    assert played.text("src/tally/liar.py") == '"""Says the truth."""'
    assert played.text("src/tally/limits.py").endswith("MOST = 10")


def test_three_agents_work_at_once(played: Played) -> None:
    first = [played.steps[name] for name in ("early", "late", "crash", "limited")]

    assert [step["agent"] for step in first] == ["mime", "mime-acp", "mime", "claude"]
    assert max(step["started_at"] for step in first) < min(step["ended_at"] for step in first)


def test_the_report_shows_the_conflict(played: Played) -> None:
    (conflict,) = [each for each in played.report["conflicts"] if not each["forecast"]]

    assert (conflict["step"], conflict["paths"], conflict["resolution"]) == ("late", ["README.md"], "redone")


def test_the_report_shows_the_crash_and_the_rate_limit(played: Played) -> None:
    assert {("crash", "crashed"), ("limited", "rate_limited")} <= played.met()
    (limit,) = [each for each in played.report["recoveries"] if each["step"] == "limited"]
    assert limit["result"].startswith("until ")


def test_the_false_done_is_seen_and_told_in_the_same_session(played: Played) -> None:
    turns = turns_of(played.stack, played.run_id, "liar")

    assert "no file differs" in turns[0]["proved"]
    assert "src/tally/liar.py" in turns[0]["proved"]
    assert [turn["proved"] == "" for turn in turns] == [False, True]
    assert len({turn["session_id"] for turn in turns}) == 1


def test_the_cheat_against_the_gates_is_put_right_by_a_step_that_the_report_names(played: Played) -> None:
    (added,) = [each for each in played.report["changes"] if each["kind"] == "add"]

    assert "the change makes its own judges weaker" in added["note"]
    assert played.steps[added["step"]]["outcome"] == "succeeded"


def test_the_secret_is_committed_nowhere_and_told(played: Played) -> None:
    error = played.steps["leak"]["error"]
    kept = [path for path in played.stack.home.rglob("*") if path.is_file() and "quarantine" not in path.parts]

    assert error["kind"] == "secret"
    assert "src/tally/config.py" in error["message"]
    assert "src/tally/config.py" not in git(played.repository, "ls-tree", "-r", "--name-only", played.branch)
    assert not [path for path in kept if TOKEN.encode() in path.read_bytes()]


@pytest.mark.heavy
def test_the_same_script_gives_the_same_tree_and_outcomes(played: Played, claude: Path, tmp_path: Path) -> None:
    again = play(tmp_path, claude)

    assert again.tree == played.tree
    assert again.outcomes == played.outcomes
    assert again.report["outcome"] == played.report["outcome"]
