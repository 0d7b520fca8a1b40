"""Where an agent of any kind is run by a test: a tree, a private folder, and what was heard and is left of it."""

import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from ostinato.adapters.agents.port import Access, AgentTask, Allowed, CodingAgent, Watched
from ostinato.adapters.artifacts import ArtifactStore
from ostinato.adapters.processes import MARKER_VARIABLE, clean_environment
from ostinato.domain.agents import AgentEnd, AgentEvent, AgentLimits, EventKind
from ostinato.domain.redaction import Redactor


@dataclass(slots=True, kw_only=True)
class AgentBench:
    folder: Path
    events: list[AgentEvent] = field(default_factory=list)
    interrupted: Callable[[], bool] = lambda: False
    limits: AgentLimits = field(default_factory=lambda: AgentLimits(idle_s=20, wall_s=60))
    allowed: Allowed = field(default_factory=Allowed)
    access: Access = field(default_factory=Access)
    servers: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    session_id: str = ""
    secrets: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for folder in (self.tree, self.private):
            folder.mkdir(exist_ok=True)

    @property
    def tree(self) -> Path:
        return self.folder / "tree"

    @property
    def private(self) -> Path:
        return self.folder / "private"

    async def run(self, agent: CodingAgent, prompt: str) -> AgentEnd:
        return await agent.run(self.task(prompt), self.watched)

    def task(self, prompt: str) -> AgentTask:
        return AgentTask(
            prompt=prompt,
            tree=self.tree,
            private=self.private,
            env=clean_environment(),
            limits=self.limits,
            allowed=self.allowed,
            access=self.access,
            servers=self.servers,
            session_id=self.session_id,
            marker=str(self.folder),
        )

    @property
    def watched(self) -> Watched:
        return Watched(
            artifacts=ArtifactStore(self.folder / "artifacts"),
            redactor=Redactor(self.secrets),
            on_event=self.events.append,
            interrupted=lambda: self.interrupted(),
        )

    @property
    def left(self) -> list[int]:
        return [
            process.pid
            for process in psutil.process_iter(["environ"])
            if (process.info["environ"] or {}).get(MARKER_VARIABLE) == str(self.folder)
        ]

    def kinds(self) -> list[EventKind]:
        return [event.kind for event in self.events if event.kind is not EventKind.OTHER]

    def git(self, *words: str) -> str:
        return subprocess.run(("git", *words), cwd=self.tree, check=True, capture_output=True, text=True).stdout
