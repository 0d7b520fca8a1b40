"""One real agent in a worktree of its own, driven by the adapter under test, with a script in place of a model."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil
import pytest

from ostinato.adapters.agents.port import Access, AgentTask, Allowed, CodingAgent, Watched
from ostinato.adapters.artifacts import ArtifactStore
from ostinato.adapters.processes import MARKER_VARIABLE, clean_environment
from ostinato.domain.agents import AgentEnd, AgentEvent, AgentLimits, EventKind
from ostinato.domain.redaction import Redactor
from scripts.agent_clis import bins
from tests.model_server import ModelServer

FOLDERS = "OSTINATO_AGENT_CLIS"
"""Of agents, separated by colons, as `python -m scripts.agent_clis` prints them."""
KEEP = "OSTINATO_AGENT_TRANSCRIPTS"
"""A folder in which what agents said is kept, without names of folders: so the files in tests/data/agents were made."""
KEY = "key-of-this-step"
PROMPT = "Write greeting.py, which prints hello, and run it."


def path_with_clis() -> str:
    folders = [Path(folder) for folder in os.environ.get(FOLDERS, "").split(":") if folder]
    return ":".join((*(str(place) for folder in folders for place in bins(folder)), os.environ["PATH"]))


def need(command: str) -> None:
    """Skips, and says so loudly, where the agent is absent."""
    if shutil.which(command, path=path_with_clis()) is None:
        pytest.skip(f"NOT TRIED: {command} is not installed; {FOLDERS} may name its folder")


@dataclass(slots=True, kw_only=True)
class Driven:
    agent: CodingAgent
    folder: Path
    model: ModelServer
    model_name: str
    limits: AgentLimits = field(default_factory=lambda: AgentLimits(idle_s=60, wall_s=120))
    allowed: Allowed = field(default_factory=Allowed)
    servers: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    interrupted: Callable[[], bool] = lambda: False
    session_id: str = ""
    events: list[AgentEvent] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tree.mkdir()
        for argv in (("init", "-q"), ("commit", "-q", "--allow-empty", "-m", "Begin")):
            subprocess.run(
                ("git", "-c", "user.name=T", "-c", "user.email=t@example.org", *argv), cwd=self.tree, check=True
            )

    @property
    def tree(self) -> Path:
        return self.folder / "tree"

    @property
    def private(self) -> Path:
        return self.folder / "private"

    @property
    def kinds(self) -> list[EventKind]:
        return [event.kind for event in self.events]

    def env(self) -> dict[str, str]:
        return clean_environment({"PATH": path_with_clis(), "HOME": str(self.folder)})

    async def run(self, script: str, prompt: str = PROMPT) -> AgentEnd:
        self.private.mkdir(exist_ok=True)
        task = AgentTask(
            prompt=prompt,
            tree=self.tree,
            private=self.private,
            env=self.env(),
            limits=self.limits,
            access=Access(base_url=self.model.base(script), api_key=KEY, model=self.model_name),
            allowed=self.allowed,
            session_id=self.session_id,
            servers=self.servers,
            marker=str(self.folder),
        )
        artifacts = ArtifactStore(self.folder / "artifacts")
        watched = Watched(
            artifacts=artifacts, redactor=Redactor((KEY,)), on_event=self.events.append, interrupted=self.interrupted
        )
        end = await self.agent.run(task, watched)
        self._keep(script, artifacts.read_text(end.evidence) if end.evidence else "")
        return end

    def moved(self, folder: Path) -> "Driven":
        """The same on another machine: nothing of the private folder is there yet."""
        folder.mkdir()
        return replace(self, folder=folder, events=[])

    @property
    def left(self) -> list[str]:
        """Commands of its processes that still run."""
        return [
            " ".join(process.info["cmdline"] or ())
            for process in psutil.process_iter(["environ", "cmdline"])
            if (process.info["environ"] or {}).get(MARKER_VARIABLE) == str(self.folder)
        ]

    def _keep(self, script: str, said: str) -> None:
        if not said or not (kept := os.environ.get(KEEP, "")):
            return
        place = Path(kept) / self.agent.name
        place.mkdir(parents=True, exist_ok=True)
        lines = [line for line in self._nameless(said).splitlines() if line.startswith(("{", "timestamp="))]
        (place / f"{script}.jsonl").write_text("".join(f"{line}\n" for line in lines))
        for kept_by_agent in (
            *self.private.glob(".codex/sessions/**/*.jsonl"),
            *self.private.glob(".gemini/**/*.jsonl"),
        ):
            told = map(_told, self._nameless(kept_by_agent.read_text()).splitlines())
            (place / f"{script}.recorded.jsonl").write_text("".join(told))

    def _nameless(self, text: str) -> str:
        return re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:8000", text.replace(str(self.folder), "/step"))


def _told(line: str) -> str:
    """Of what an agent keeps of a session, what is of interest: the rest is instructions of the vendor."""
    record = json.loads(line)
    if "payload" not in record:
        return f"{line}\n" if record.get("type") == "gemini" else ""
    kind = record.get("payload", {}).get("type") if record["type"] in ("event_msg", "response_item") else record["type"]
    wanted = ("token_usage_record", "token_count", "task_complete", "function_call_output", "custom_tool_call_output")
    return f"{line}\n" if kind in wanted else ""
