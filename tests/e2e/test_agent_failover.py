"""A worker dies while an agent works; another one goes on with the same session, in the files as they were."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from scripts.sample import make_sample
from tests.e2e.conftest import ROOT, Stack, git
from tests.e2e.modelled import path_with
from tests.e2e.scripted import a_model

pytestmark = [pytest.mark.e2e, pytest.mark.server, pytest.mark.timeout(300)]
PATIENCE_S = 4
KEY = "sk-ant-api03-" + "Zq8" * 12
DEFINITION = """\
id: two-files
version: 1
steps:
  - {id: build, agent: any, prompt: "Write one.txt and two.txt.", writes: ["*.txt"]}
gates: {post: []}
"""
WRITE_ONE = {"text": "I write.", "actions": [{"write": "one.txt", "content": "one\n"}]}
WAIT = {"text": "I wait.", "actions": [{"run": "sleep 25"}]}
WRITE_TWO = {"text": "I write again.", "actions": [{"run": "echo two > two.txt"}]}
DONE = {"text": "I created `one.txt` and `two.txt`.", "usage": {"input": 100, "output": 5}}


class Pair:
    """Two workers with homes of their own; agents and their journal are the same for both."""

    def __init__(self, folder: Path, agent: str, **env: str) -> None:
        self.agent, self.folder = agent, folder
        self.journal, self.gate = folder / "journal.txt", folder / "gate"
        shared = {
            "OSTINATO_TAKEOVER_AFTER": str(PATIENCE_S),
            "OSTINATO_PAYLOADS": str(folder / "payloads"),
            "XDG_CONFIG_HOME": str(folder / "config"),
            **env,
        }
        self._describe()
        self.first = Stack(home=folder / "first", env=shared)
        self.first.ok("up")
        server = str(json.loads((self.first.home / "worker" / "worker.json").read_text())["address"])
        self.second = Stack(home=folder / "second", env={**shared, "TEMPORAL_ADDRESS": server})

    def _describe(self) -> None:
        command = [sys.executable, str(ROOT / "tests" / "resuming_agent.py"), str(self.journal), str(self.gate), "x"]
        file = self.folder / "config" / "ostinato" / "config.toml"
        file.parent.mkdir(parents=True)
        file.write_text(
            f"[agents.mine]\ncommand = {json.dumps(command)}\nresume = ['--resume', '{{session}}']\n"
            "session = 'session=(\\w+)'\n[agents.mine.usage]\ninput = 'tokens: ([0-9,]+)'\n"
        )

    def start(self, repository: Path) -> str:
        file = self.folder / "two.yaml"
        file.write_text(DEFINITION)
        return self.first.start("two", repository, "--definition", str(file), "--trust", "--yes", "--agent", self.agent)

    def lines(self) -> list[str]:
        return self.journal.read_text().splitlines() if self.journal.exists() else []

    def down(self) -> None:
        self.second.call("down", timeout=60)
        self.first.call("down", timeout=60)


@contextmanager
def a_pair(folder: Path, agent: str, **env: str) -> Iterator[Pair]:
    pair = Pair(folder, agent, **env)
    try:
        yield pair
    finally:
        pair.gate.touch()
        pair.down()


def until_saved(repository: Path, run_id: str, path: str, timeout: float = 60) -> None:
    """The file is in the work in progress that the shared repository has."""
    limit = time.monotonic() + timeout
    while path not in files_saved(repository, run_id):
        assert time.monotonic() < limit, f"{path} was never saved"
        time.sleep(0.2)


def files_saved(repository: Path, run_id: str) -> list[str]:
    argv = ["git", "-C", str(repository), "ls-tree", "--name-only", f"refs/ostinato/{run_id}/sessions/build/work"]
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout.split()


def warnings_of(report: dict[str, object]) -> str:
    return json.dumps(report["steps"]) + json.dumps(report.get("notes"))


def test_an_agent_goes_on_in_its_session_on_the_worker_that_took_over(sample: Path, tmp_path: Path) -> None:
    with a_pair(tmp_path, "mine") as pair:
        run_id = pair.start(sample)
        until_saved(sample, run_id, "one.txt")

        pair.first.kill_worker()
        shutil.rmtree(pair.first.home / "runs")
        pair.gate.touch()
        pair.second.ok("up")
        report = pair.second.finished(run_id)

        assert report["outcome"] == "completed", report
        session = pair.lines()[0].removeprefix("began ")
        assert pair.lines()[1].startswith(f"resumed {session} in {pair.second.home}")
        assert pair.lines()[1].endswith(" with one.txt, and was told")
        assert f"its session {session} goes on from another worker" in warnings_of(report)
        assert git(sample, "show", f"ostinato/{run_id}:two.txt") == "two"
        assert git(sample, "for-each-ref", f"refs/ostinato/{run_id}/sessions") == ""


@pytest.mark.heavy
def test_claude_code_goes_on_in_its_session_on_the_worker_that_took_over(tmp_path: Path) -> None:
    sample = make_sample(tmp_path / "tally")
    # its call that was left may be saved or not, and then it has an answer of Claude Code's own: both come to two.txt
    with a_model(tmp_path, {"turns": [WRITE_ONE, WAIT, WRITE_TWO, WRITE_TWO, DONE]}) as url:
        env = {
            "ANTHROPIC_BASE_URL": url,
            "ANTHROPIC_API_KEY": KEY,
            "PATH": path_with("claude"),
            "NO_PROXY": "127.0.0.1",
        }
        with a_pair(tmp_path, "claude", **env) as pair:
            run_id = pair.start(sample)
            until_saved(sample, run_id, "one.txt")

            pair.first.kill_worker()
            pair.second.ok("up")
            report = pair.second.finished(run_id)

            assert report["outcome"] == "completed", report
            assert "goes on from another worker" in warnings_of(report)
            assert git(sample, "show", f"ostinato/{run_id}:one.txt") == "one"
            assert git(sample, "show", f"ostinato/{run_id}:two.txt") == "two"
            assert KEY not in everything_in(sample)


def everything_in(repository: Path) -> str:
    argv = ["git", "-C", str(repository), "cat-file", "--batch-all-objects", "--batch"]
    return subprocess.run(argv, capture_output=True, check=True).stdout.decode("latin-1")
