"""A scripted model beside the tests, and what agents asked it."""

import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from anyio.from_thread import start_blocking_portal

from ostinato.adapters.artifacts import ArtifactStore
from scripts.agent_clis import NotInstalledError, install
from tests.e2e.stack import Stack
from tests.model_server import ModelServer, Recorded

REQUIRED = "OSTINATO_TEST_AGENTS"
"""Set where an agent that cannot be installed is a failure: in continuous integration."""
REAL_KEY = "sk-ant-the-real-key-of-the-worker"
"""That only the worker has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """Which script answers, the words of the prompt say: its `when`."""

    server: ModelServer

    @property
    def url(self) -> str:
        return self.server.url

    def asked(self, script: str) -> list[Recorded]:
        """Requests for this script, in their order; titles and summaries are not among them."""
        return [each for each in tuple(self.server.requests) if each.script == script and each.turn >= 0]

    def turns(self, script: str) -> list[int]:
        return [each.turn for each in self.asked(script)]

    def until_asked(self, script: str, turn: int, timeout: float = 60) -> None:
        limit = time.monotonic() + timeout
        while not any(asked >= turn for asked in self.turns(script)):
            assert time.monotonic() < limit, f"{script} was asked {self.turns(script)}"
            time.sleep(0.05)


@contextmanager
def a_model(scripts: Mapping[str, Mapping[str, Any]]) -> Iterator[Model]:
    """Listens while it is entered, in a thread of its own."""
    server = ModelServer({name: dict(said) for name, said in scripts.items()})
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(server):
        yield Model(server=server)


def the_cli(name: str) -> Path:
    """The folder of its program, as npm installs it; skips the test, loudly, where that cannot be."""
    try:
        return install(name) / "node_modules" / ".bin"
    except NotInstalledError as missing:
        told = f"NOT PROVED HERE: {name} in runs. {missing}"
    if os.environ.get(REQUIRED):
        pytest.fail(told)
    pytest.skip(told)


def path_with(name: str) -> str:
    """PATH with that program before everything else."""
    return f"{the_cli(name)}:{os.environ['PATH']}"


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
