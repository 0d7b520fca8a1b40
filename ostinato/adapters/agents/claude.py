"""Claude Code, headless: `claude -p`, its stream-json read, its ends told from facts."""

import re
import signal
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from ostinato.adapters.agents.claude_command import (
    command_line,
    environment,
    find_program,
    login_folder,
    write_settings,
)
from ostinato.adapters.agents.claude_ends import end_of
from ostinato.adapters.agents.claude_events import EventReader, Facts, is_piece
from ostinato.adapters.agents.claude_sessions import saved_transcript, spent_so_far
from ostinato.adapters.agents.claude_use import Tally
from ostinato.adapters.agents.port import Abilities, AgentTask, Installation, Watched
from ostinato.adapters.agents.running import Invocation, run_agent
from ostinato.adapters.processes import ProcessEnd, clean_environment, run_quiet
from ostinato.domain.agents import AgentEnd, AgentEvent, EndKind, EventKind, LimitKind
from ostinato.domain.errors import ExternalError

OLDEST = (2, 1, 329)
"""Older ones do not know all that they are asked for here; npm chooses such a one by itself under an old Node."""
_CURE = "npm install -g @anthropic-ai/claude-code@2.1.329"
_LOGINS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")
"""Of the worker, for its gateway; an agent sees none of the worker's variables."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True, kw_only=True)
class ClaudeParser:
    reader: EventReader
    now: Callable[[], datetime] = _now

    @property
    def finished(self) -> bool:
        return self.reader.facts.result is not None

    def feed(self, line: str) -> Iterable[AgentEvent]:
        return self.reader.feed(line)

    def end(self, exit: ProcessEnd, limit: LimitKind | None) -> AgentEnd:
        return end_of(self.reader.facts, exit, now=self.now())


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaudeCode:
    name: str = "claude"
    command: str = "claude"
    """A path, or a name that is looked for on the task's PATH."""
    abilities: Abilities = field(
        default_factory=lambda: Abilities(
            resumes=True,
            takes_base_url=True,
            wire="anthropic",
            caps_turns=True,
            caps_money=True,
            reports_tokens=True,
            reports_money=True,
            loads_servers=True,
        )
    )

    async def installation(self, env: Mapping[str, str]) -> Installation:
        path = find_program(self.command, env)
        if path == self.command and not Path(path).is_file():
            return Installation(name=self.name, problem=f"{self.command} is not on PATH", cure=_CURE)
        try:
            said = await run_quiet((path, "--version"), cwd=Path("/"), env=clean_environment(_path(env)), timeout_s=30)
        except ExternalError as error:
            return Installation(name=self.name, path=path, is_broken=True, problem=str(error), cure=_CURE)
        version = _version(said.stdout)
        problem = _problem(version, said.stderr or said.stdout)
        login = _login(env)
        return Installation(
            name=self.name,
            path=path,
            version=".".join(map(str, version)),
            login=login,
            works=not problem and bool(login),
            is_broken=bool(problem),
            problem=problem or ("" if login else "nobody is logged in, and no key is given"),
            cure=_CURE if problem else "" if login else "claude auth login, or ANTHROPIC_API_KEY for the worker",
        )

    async def run(self, task: AgentTask, watched: Watched) -> AgentEnd:
        """A new session is announced before anything is started: it may be resumed, or found never to have begun."""
        if task.session_id and not self.sessions(task):
            gone = f"its session {task.session_id} is not in its folder any more: it can only be begun anew"
            return AgentEnd(kind=EndKind.CRASH, message=gone)
        session_id = task.session_id or str(uuid4())
        write_settings(task)
        spent = spent_so_far(task.private, session_id) if task.session_id else 0
        parser = ClaudeParser(reader=EventReader(tree=task.tree, facts=Facts(tally=Tally(spent))))
        invocation = Invocation(
            argv=command_line(find_program(self.command, task.env), task, session_id),
            env=environment(task),
            stdin=task.prompt.encode("utf-8", "surrogatepass"),
            end_signal=signal.SIGINT,
            omit=is_piece,
        )
        watched.on_event(AgentEvent(kind=EventKind.STARTED, session_id=session_id))
        end = await run_agent(invocation, parser, task, watched)
        return _with_session(end, task.private, session_id, spent)

    def sessions(self, task: AgentTask) -> tuple[Path, ...]:
        """Files of the task's session, relative to its private folder: with them it goes on elsewhere. None: no session."""
        return saved_transcript(task.private, task.session_id)


def _with_session(end: AgentEnd, private: Path, session_id: str, spent_before: int | None) -> AgentEnd:
    """What the session itself knows: whether it is there, and what one cost that was ended before it could say so."""
    if not saved_transcript(private, session_id):
        return end.model_copy(update={"session_id": ""})
    spent = spent_so_far(private, session_id)
    if end.use.micro_usd is not None or spent is None or spent_before is None or spent <= spent_before:
        return end.model_copy(update={"session_id": session_id})
    use = end.use.model_copy(update={"micro_usd": spent - spent_before})
    return end.model_copy(update={"session_id": session_id, "use": use})


def _version(text: str) -> tuple[int, ...]:
    found = re.match(r"\s*(\d+)\.(\d+)\.(\d+)", text)
    return tuple(int(part) for part in found.groups()) if found else ()


def _problem(version: tuple[int, ...], said: str) -> str:
    if not version:
        return f"it does not say its version: {said.strip()[:200] or 'nothing'}"
    if version < OLDEST:
        return f"{'.'.join(map(str, version))} is older than {'.'.join(map(str, OLDEST))}"
    return ""


def _login(env: Mapping[str, str]) -> str:
    named = next((name for name in _LOGINS if env.get(name)), "")
    return named or (str(folder / ".credentials.json") if (folder := login_folder(env)) else "")


def _path(env: Mapping[str, str]) -> dict[str, str]:
    return {"PATH": env["PATH"]} if "PATH" in env else {}
