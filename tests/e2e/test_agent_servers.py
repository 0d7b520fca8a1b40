"""Claude Code as npm installs it, with an MCP server of the repository: used where it works, done without where it fails."""

import json
import sys
from pathlib import Path

import pytest

from scripts.sample import make_sample
from tests.e2e.conftest import ROOT, Stack, git
from tests.e2e.modelled import path_with
from tests.e2e.scripted import a_model

pytestmark = [pytest.mark.e2e, pytest.mark.server, pytest.mark.heavy, pytest.mark.timeout(300)]
KEY = "sk-ant-api03-" + "Zq8" * 12
WORD = "word-of-the-day-7f3k9"
DEFINITION = """\
id: ask
version: 1
steps:
  - {id: build, agent: any, prompt: "Ask the echo server, then write one.txt.", writes: ["*.txt"]}
gates: {post: []}
"""
ASK = {"text": "I ask.", "actions": [{"tool": "mcp__echo__echo", "input": {"word": "hi"}}]}
WRITE = {"text": "I write.", "actions": [{"write": "one.txt", "content": "one\n"}]}
DONE = {"text": "I created `one.txt`."}


def a_repository(folder: Path, script: Path) -> Path:
    sample = make_sample(folder / "tally")
    echo = {"command": sys.executable, "args": [str(script)], "env": {"ECHO_TOKEN": "${ECHO_TOKEN}"}}
    (sample / ".mcp.json").write_text(json.dumps({"mcpServers": {"echo": echo}}))
    git(sample, "add", "-A")
    git(sample, "commit", "-q", "-m", "Add a server")
    return sample


def a_stack(folder: Path, url: str) -> Stack:
    env = {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": KEY, "PATH": path_with("claude"), "NO_PROXY": "127.0.0.1"}
    return Stack(home=folder / "home", env={**env, "ECHO_TOKEN": WORD, "XDG_CONFIG_HOME": str(folder / "config")})


def begun(stack: Stack, repository: Path, folder: Path) -> str:
    file = folder / "ask.yaml"
    file.write_text(DEFINITION)
    options = ("--definition", str(file), "--trust", "--yes", "--agent", "claude")
    return stack.start("ask the echo server", repository, *options)


def test_a_server_of_the_run_answers_its_agent_and_its_secret_is_kept_nowhere(tmp_path: Path) -> None:
    sample = a_repository(tmp_path, ROOT / "tests" / "agents" / "mcp_echo.py")
    with a_model(tmp_path, {"turns": [ASK, WRITE, DONE]}) as url:
        stack = a_stack(tmp_path, url)
        try:
            run_id = begun(stack, sample, tmp_path)
            report = stack.finished(run_id)
        finally:
            stack.call("down", timeout=60)

    assert report["outcome"] == "completed", report
    assert "echo of" in (tmp_path / "asked.jsonl").read_text()
    assert git(sample, "show", f"ostinato/{run_id}:one.txt") == "one"
    kept = [path for path in (tmp_path / "home").rglob("*") if path.is_file() and WORD.encode() in path.read_bytes()]
    assert kept == []


def test_a_step_whose_server_is_down_is_done_without_it(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("raise SystemExit(1)\n")
    sample = a_repository(tmp_path, tmp_path / "broken.py")
    with a_model(tmp_path, {"turns": [DONE, DONE, WRITE, DONE]}) as url:  # the first two are lies
        stack = a_stack(tmp_path, url)
        try:
            run_id = begun(stack, sample, tmp_path)
            report = stack.finished(run_id)
        finally:
            stack.call("down", timeout=60)

    assert report["outcome"] == "completed", report
    assert [(each["strategy"], each["result"]) for each in report["recoveries"]] == [("mcp_fallback", "without echo")]
    assert git(sample, "show", f"ostinato/{run_id}:one.txt") == "one"
    assert "The MCP server echo failed and is not there any more" in (tmp_path / "asked.jsonl").read_text()
