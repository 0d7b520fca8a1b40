"""A coding agent that does what a test says, turn by turn, and remembers what it was asked."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ostinato.adapters.agents.port import Abilities, AgentTask, Installation, Watched
from ostinato.domain.agents import AgentEnd, AgentEvent, EndKind, EventKind, TokenUse

Act = Callable[[AgentTask, Watched], Awaitable[AgentEnd]]


@dataclass
class ScriptedAgent:
    """Has sessions; without a wire it is metered by its own word."""

    acts: list[Act]
    name: str = "claude"
    resumes: bool = True
    version: str = "1.0"
    wire: str = ""
    tasks: list[AgentTask] = field(default_factory=list)

    @property
    def abilities(self) -> Abilities:
        return Abilities(resumes=self.resumes, takes_base_url=bool(self.wire), wire=self.wire, reports_tokens=True)

    async def installation(self, env: Mapping[str, str]) -> Installation:
        return Installation(name=self.name, path="/bin/agent", version=self.version, works=True)

    def sessions(self, task: AgentTask) -> tuple[Path, ...]:
        file = task.private / f"{task.session_id}.session"
        return (file,) if task.session_id and file.exists() else ()

    async def run(self, task: AgentTask, watched: Watched) -> AgentEnd:
        self.tasks.append(task)
        session_id = task.session_id or f"session-{len(self.tasks)}"
        task.private.mkdir(parents=True, exist_ok=True)
        if self.resumes:
            (task.private / f"{session_id}.session").touch()
            watched.on_event(AgentEvent(kind=EventKind.STARTED, session_id=session_id))
        end = await self.acts.pop(0)(task, watched)
        return end.model_copy(update={"session_id": session_id if self.resumes else ""})


def writes(path: str, text: str = "x = 1\n", *, tokens: int = 100) -> Act:
    async def act(task: AgentTask, watched: Watched) -> AgentEnd:
        (task.tree / path).write_text(text)
        return done(f"I changed {path}.", tokens=tokens)

    return act


def ends(kind: EndKind, message: str = "") -> Act:
    async def act(task: AgentTask, watched: Watched) -> AgentEnd:
        return AgentEnd(kind=kind, message=message, use=TokenUse(input=10))

    return act


def done(answer: str, *, tokens: int = 100) -> AgentEnd:
    return AgentEnd(kind=EndKind.DONE, answer=answer, use=TokenUse(input=tokens, requests=1))
