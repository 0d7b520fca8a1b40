"""A scripted model as a process of its own, and what agents asked it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ostinato.adapters.artifacts import ArtifactStore
from scripts.agent_clis import NotInstalledError, install
from tests.e2e.stack import ROOT, Stack

REQUIRED = "OSTINATO_TEST_AGENTS"
"""Set where an agent that cannot be installed is a failure: in continuous integration."""
REAL_KEY = "sk-ant-the-real-key-of-the-worker"
"""That only the worker has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """Which script answers, the words of the prompt say: its `when`."""

    url: str
    log: Path

    def asked(self, script: str) -> list[dict[str, Any]]:
        """Requests for this script, in their order; titles and summaries are not among them."""
        lines = self.log.read_text("utf-8").splitlines() if self.log.exists() else []
        found = [json.loads(line) for line in lines if line.endswith("}")]
        return [each for each in found if each["script"] == script and each["turn"] >= 0]

    def turns(self, script: str) -> list[int]:
        return [each["turn"] for each in self.asked(script)]

    def until(self, script: str, holds: Callable[[list[dict[str, Any]]], bool], timeout: float = 60) -> None:
        limit = time.monotonic() + timeout
        while not holds(self.asked(script)):
            assert time.monotonic() < limit, f"{script} was asked {self.turns(script)}"
            time.sleep(0.05)

    def until_asked(self, script: str, turn: int, timeout: float = 60) -> None:
        self.until(script, lambda asked: any(each["turn"] >= turn for each in asked), timeout)


@contextmanager
def a_model(folder: Path, scripts: Mapping[str, Mapping[str, Any]]) -> Iterator[Model]:
    """Listens while it is entered."""
    folder.mkdir(parents=True, exist_ok=True)
    file, log = folder / "scripts.json", folder / "requests.jsonl"
    file.write_text(json.dumps(scripts))
    argv = (sys.executable, "-m", "tests.model_server", str(file), "--log", str(log))
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = process.stdout.readline().split()
        assert said[:1] == ["READY"], f"the scripted model did not start: {said}"
        try:
            yield Model(url=said[1], log=log)
        finally:
            process.terminate()


def the_cli(name: str) -> Path:
    """The folder of its program, as npm installs it; skips the test, loudly, where that cannot be."""
    try:
        return install(name) / "node_modules" / ".bin"
    except NotInstalledError as missing:
        told = f"NOT PROVED HERE: {name} in runs. {missing}"
    if os.environ.get(REQUIRED):
        pytest.fail(told)
    pytest.skip(told)


def a_step(step_id: str, prompt: str, **more: Any) -> dict[str, Any]:
    return {"id": step_id, "agent": {"capabilities": []}, "prompt": prompt, "writes": ["**"], **more}


def a_definition(file: Path, *steps: Mapping[str, Any], gates: tuple[str, ...] = ("tests",), **more: Any) -> Path:
    """JSON is a definition too."""
    file.write_text(json.dumps({"id": file.stem, "version": 1, "steps": steps, "gates": {"post": list(gates)}, **more}))
    return file


def turns_of(stack: Stack, run_id: str, step: str) -> list[dict[str, Any]]:
    """What is kept of each turn of the step's agents, once the run has ended."""
    kept = json.loads((stack.home / "results" / f"{run_id}.json").read_text())["snapshot"]
    return [turn for result in kept["results"] if result["step_id"] == step for turn in result["turns"]]


def transcripts(stack: Stack, turns: Iterable[Mapping[str, Any]]) -> str:
    """What was kept of what the agent said in them."""
    store = ArtifactStore(stack.home / "artifacts")
    return "\n".join(store.read_text(turn["evidence"]) for turn in turns if turn["evidence"])
