"""What does a step by a coding agent cost besides the agent, what does a kill cost, and what do ten agents at once take?

Method: an agent of our own (a script that reads its prompt and writes a file) and, where OSTINATO_AGENT_CLIS names a folder with it,
the real Claude Code against a scripted model on loopback. A chain of steps by the agent is timed from the first start to the last
end, gates excluded; then the same agent is run by hand as often, each time with `git add` and `git commit`. A kill: Claude Code works
through eight turns, the worker is killed with SIGKILL after the fifth request, and starts again; once its session is there, once it
was deleted, so that the step is redone. Tokens are the gateway's count. Ten agents at once: each sleeps; the worker's and the
supervisors' resident memory is added up ten times a second, agents excluded, and what is left of all of them afterwards is counted.

Command: python -m benchmarks.agents [--quick]
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psutil

from benchmarks.keeping import keep
from tests.e2e.stack import ROOT, Stack, git
from tests.repositories import make_repository

AGENT: Final = """\
import re, sys, time
said = sys.stdin.read()
time.sleep(float(sys.argv[1]))
name = re.findall(r"Write (\\S+\\.txt)", said)[-1]
open(name, "w").write(name + "\\n")
print(f"Wrote `{name}`.")
"""
TEN: Final = 10
GOAL_MB: Final = 300
TURNS: Final = 8
KILL_AFTER: Final = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a first look")
    steps = 3 if parser.parse_args().quick else 10
    claude = _claude()
    figures: dict[str, Any] = {
        "goal": f"ten agents at once under {GOAL_MB} MB of ours, no process left",
        "steps": steps,
    }
    with tempfile.TemporaryDirectory(prefix="ostinato-bench-") as folder:
        place = Path(folder)
        figures["ours_a_step"] = _chain(place / "own", steps, agent="own", by_hand=(sys.executable, "-c", AGENT, "0"))
        figures["ten_at_once"] = _ten(place / "ten", 3.0 if steps == 3 else 10.0)
        if claude:
            with _model(place, _scripts(steps)) as origin:
                by_hand = (
                    claude,
                    "-p",
                    "--output-format",
                    "stream-json",
                    "--verbose",
                    "--permission-mode",
                    "acceptEdits",
                )
                figures["claude_a_step"] = _chain(
                    place / "claude", steps, agent="claude", by_hand=by_hand, env=_claude_env(claude, origin)
                )
                figures["kill"] = _kills(place / "kill", _claude_env(claude, origin))
    keep("agents-quick" if steps == 3 else "agents", figures)


def _chain(
    folder: Path, steps: int, *, agent: str, by_hand: Sequence[str], env: dict[str, str] | None = None
) -> dict[str, Any]:
    """Milliseconds a step with Ostinato and by hand, by turns of a whole chain each."""
    folder.mkdir()
    hand_s = _by_hand(folder / "hand", steps, by_hand, env or {})
    with _stack(folder, env or {}, 1) as stack:
        repository = make_repository(folder / "project")
        report = _run(
            stack, folder, repository, [_step(number, agent, chained=True) for number in range(steps)], [agent]
        )
    began = min(step["started_at"] for step in report["steps"])
    ended = max(step["ended_at"] for step in report["steps"])
    ours_s = _seconds(began, ended)
    return {
        "ostinato_ms": round(1000 * ours_s / steps, 1),
        "by_hand_ms": round(1000 * hand_s / steps, 1),
        "added_ms": round(1000 * (ours_s - hand_s) / steps, 1),
        "ratio": round(ours_s / hand_s, 3),
    }


def _by_hand(folder: Path, steps: int, argv: Sequence[str], env: dict[str, str]) -> float:
    repository = make_repository(folder)
    home = folder.with_name("hand-home")
    home.mkdir()
    began = time.monotonic()
    for number in range(steps):
        said = subprocess.run(
            argv,
            cwd=repository,
            input=_prompt(number),
            text=True,
            capture_output=True,
            env={**os.environ, **env, "HOME": str(home)},
        )
        assert (repository / f"out-{number}.txt").is_file(), said.stdout[-2000:] + said.stderr[-2000:]
        git(repository, "add", "-A")
        git(repository, "commit", "-q", "-m", f"step {number}")
    return time.monotonic() - began


def _ten(folder: Path, sleeps_s: float) -> dict[str, Any]:
    folder.mkdir()
    names = [f"a{number}" for number in range(TEN)]
    with _stack(folder, {}, TEN, sleeps_s) as stack:
        before = _ours_mb(stack)
        repository = make_repository(folder / "project")
        steps = [_step(number, name, chained=False) for number, name in enumerate(names)]
        run_id = _start(stack, folder, repository, steps, names)
        most, most_at_once = 0.0, 0
        while not stack.status(run_id).get("outcome"):
            end = time.monotonic() + 1
            while time.monotonic() < end:
                most, most_at_once = max(most, _ours_mb(stack)), max(most_at_once, len(_agents(stack)))
                time.sleep(0.1)
        report = stack.report(run_id)
        assert report["outcome"] == "completed", report["stop"]
        return {
            "agents_at_once": most_at_once,
            "ours_mb_most": round(most, 1),
            "ours_mb_before": round(before, 1),
            "processes_left": len(_agents(stack)) + len(_supervisors(stack)),
        }


def _kills(folder: Path, env: dict[str, str]) -> dict[str, Any]:
    """Tokens of a run that nobody disturbs, of one whose session is resumed, and of one that is redone."""
    folder.mkdir()
    with _stack(folder, env, 1) as stack:
        plain = _killed(stack, folder, "plain", kill=False, forget=False)
        resumed = _killed(stack, folder, "resumed", kill=True, forget=False)
        redone = _killed(stack, folder, "redone", kill=True, forget=True)
    return {
        "tokens_undisturbed": plain,
        "tokens_lost_by_resuming": resumed - plain,
        "tokens_lost_by_redoing": redone - plain,
    }


def _killed(stack: Stack, folder: Path, name: str, *, kill: bool, forget: bool) -> int:
    repository = make_repository(folder / name)
    step = {"id": "long", "agent": "claude", "prompt": "Do the long work.", "writes": ["**"]}
    run_id = _start(stack, folder, repository, [step], ["claude"])
    if kill:
        ledgers = stack.home / "gateway"
        before = (
            {path: path.stat().st_size for path in ledgers.rglob("*") if path.is_file()} if ledgers.is_dir() else {}
        )
        while _requests(ledgers, before) < KILL_AFTER:
            time.sleep(0.05)
        stack.kill_worker()
        if forget:
            for place in stack.home.glob(f"runs/{run_id}/sessions"):
                shutil.rmtree(place)
        stack.ok("up")
    report = stack.finished(run_id)
    assert report["outcome"] == "completed", report["stop"]
    return int(report["steps"][0]["tokens"])


def _requests(ledgers: Path, before: dict[Path, int]) -> int:
    """Leases in files that were not there before."""
    new = [path for path in ledgers.rglob("*") if path.is_file() and path not in before] if ledgers.is_dir() else []
    return sum(path.read_text(errors="replace").count('"leased"') for path in new)


@contextmanager
def _stack(folder: Path, env: dict[str, str], agents: int, sleeps_s: float = 0.0) -> Iterator[Stack]:
    """With agents of our own described: `own`, and a0, a1, …"""
    script = folder / "agent.py"
    script.write_text(AGENT)
    config = folder / "config" / "ostinato" / "config.toml"
    config.parent.mkdir(parents=True)
    names = ["own", *(f"a{number}" for number in range(agents))]
    command = json.dumps([sys.executable, str(script), str(sleeps_s)])
    config.write_text("".join(f"[agents.{name}]\ncommand = {command}\n\n" for name in names))
    stack = Stack(home=folder / "home", env={"XDG_CONFIG_HOME": str(config.parents[1]), **env})
    stack.ok("up")
    try:
        yield stack
    finally:
        stack.call("down", timeout=90)


def _run(
    stack: Stack, folder: Path, repository: Path, steps: list[dict[str, Any]], agents: list[str]
) -> dict[str, Any]:
    report = stack.finished(_start(stack, folder, repository, steps, agents), timeout=900)
    assert report["outcome"] == "completed", (report["stop"], [step["error"] for step in report["steps"]])
    return report


def _start(stack: Stack, folder: Path, repository: Path, steps: list[dict[str, Any]], agents: list[str]) -> str:
    file = folder / f"{repository.name}.json"
    file.write_text(json.dumps({"id": "bench", "max_parallel": len(steps) or 1, "steps": steps, "gates": {"post": []}}))
    named = [word for name in agents for word in ("--agent", name)]
    return stack.start("work", repository, "--definition", str(file), "--trust", "--yes", *named)


def _step(number: int, agent: str, *, chained: bool) -> dict[str, Any]:
    return {
        "id": f"s{number}",
        "agent": agent,
        "prompt": _prompt(number),
        "writes": [f"out-{number}.txt"],
        "depends_on": [f"s{number - 1}"] if chained and number else [],
    }


def _prompt(number: int) -> str:
    return f"Write out-{number}.txt with its own name in it."


def _scripts(steps: int) -> dict[str, Any]:
    """What the scripted model does: a file for each step of the chain, and the long work."""
    short = {
        f"s{number}": {
            "when": f"Write out-{number}.txt",
            "turns": [
                {"actions": [{"write": f"out-{number}.txt", "content": f"out-{number}.txt\n"}]},
                {"text": f"Wrote `out-{number}.txt`."},
            ],
        }
        for number in range(steps)
    }
    turns = [
        {"text": f"Part {part}.", "actions": [{"write": f"part-{part}.txt", "content": f"{part}\n" * 200}]}
        for part in range(TURNS)
    ]
    return {**short, "long": {"when": "Do the long work", "turns": [*turns, {"text": "All parts are there."}]}}


@contextmanager
def _model(folder: Path, scripts: dict[str, Any]) -> Iterator[str]:
    file = folder / "scripts.json"
    file.write_text(json.dumps(scripts))
    model = subprocess.Popen(
        [sys.executable, "-m", "tests.model_server", str(file)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert model.stdout is not None
    try:
        yield model.stdout.readline().split()[1]
    finally:
        model.terminate()
        model.wait(10)


def _claude() -> str:
    """Its path; empty where it is not installed."""
    folders = os.environ.get("OSTINATO_AGENT_CLIS", "").split(":")
    places = [Path(folder) / "node_modules" / ".bin" / "claude" for folder in folders if folder]
    return next((str(place) for place in places if place.exists()), "")


def _claude_env(claude: str, origin: str) -> dict[str, str]:
    path = f"{Path(claude).parent}:{os.environ['PATH']}"
    return {"ANTHROPIC_BASE_URL": origin, "ANTHROPIC_API_KEY": "sk-ant-scripted", "PATH": path}


def _ours_mb(stack: Stack) -> float:
    ours = [psutil.Process(stack.worker_pid()), *_supervisors(stack)]
    return sum(_rss(process) for process in ours) / 1e6


def _rss(process: psutil.Process) -> float:
    try:
        return float(process.memory_info().rss)
    except psutil.Error:
        return 0.0


def _supervisors(stack: Stack) -> list[psutil.Process]:
    return [process for process in _children(stack) if "supervisor" in _line(process)]


def _agents(stack: Stack) -> list[psutil.Process]:
    return [
        process for process in _children(stack) if "agent.py" in _line(process) and "supervisor" not in _line(process)
    ]


def _children(stack: Stack) -> list[psutil.Process]:
    try:
        return psutil.Process(stack.worker_pid()).children(recursive=True)
    except psutil.Error:
        return []


def _line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def _seconds(began: str, ended: str) -> float:
    from datetime import datetime

    return (datetime.fromisoformat(ended) - datetime.fromisoformat(began)).total_seconds()


if __name__ == "__main__":
    main()
