"""Runs an agent's process, whichever agent it is: its lines become events, its limits are kept, and nothing of it is left."""

import asyncio
import signal
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ostinato.adapters.agents.billing import reckoned
from ostinato.adapters.agents.port import AgentTask, Watched
from ostinato.adapters.agents.sandbox import Occupant, in_sandbox
from ostinato.adapters.processes import ProcessEnd, ProcessSpec, Streamed, streaming
from ostinato.domain.agents import AgentEnd, AgentEvent, EndKind, EventKind, LimitKind, TokenUse, passed_limit
from ostinato.domain.agents.loops import LoopWatch
from ostinato.domain.errors import ExternalError
from ostinato.domain.precautions import Limits

LOOK_EVERY_S = 0.5
END_WAIT_S = 5.0
"""For an agent that was asked to end, and for one that has said its last word."""
TOOL_PATIENCE = 3
"""While one of its tools runs, an agent may be silent so many times longer: tests and builds have nothing to say."""
NOT_STARTED = ("not_started", "command_invalid", "sandbox_missing", "sandbox_unfit")
MOST_DENIED, MOST_TOUCHED = 20, 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    """On top of the task's."""
    stdin: bytes | None = None
    end_signal: int = signal.SIGTERM
    """What makes it end its turn in good order."""
    cwd: Path | None = None
    """The worktree, where None."""
    leave_s: float | None = None
    """How long it may take to go after its last word; None: as long as any agent."""
    omit: Callable[[bytes], bool] = lambda _line: False
    """Lines that are not kept in the transcript: pieces of what comes whole afterwards, in which no secret can be seen."""


class Parser(Protocol):
    """Of one invocation. What it does not know it passes over, and what has another shape than expected, too."""

    @property
    def finished(self) -> bool:
        """It has said its last: what its process still does is of no interest."""
        ...

    def feed(self, line: str) -> Iterable[AgentEvent]:
        """None for a line that is no event."""
        ...

    def end(self, exit: ProcessEnd, limit: LimitKind | None) -> AgentEnd:
        """Kind, message, answer, use, status and reset, from facts; `exit.tail` is what it wrote to standard error.

        `limit`: ours, for which it was stopped. Transcript, touched files and denials are filled in afterwards.
        """
        ...


class Talk(Protocol):
    """The other direction, for an agent that is spoken to while it runs. Its signal to end is not used."""

    def begin(self, running: Streamed, tell: Callable[[AgentEvent], None]) -> None:
        """`tell`: of events that are no line's."""
        ...

    def ask_to_end(self) -> None:
        """Its turn, in good order."""
        ...

    async def leave(self) -> None:
        """Nothing is heard any more: no task of it stays behind."""
        ...


async def run_agent(
    invocation: Invocation, parser: Parser, task: AgentTask, watched: Watched, talk: Talk | None = None
) -> AgentEnd:
    """Until it ends by itself or is ended; then no process of it is left, also when this is cancelled."""
    watch = _Watch(invocation=invocation, parser=parser, task=task, watched=watched, talk=talk)
    try:
        spec = await _spec(invocation, task)
        async with streaming(
            spec,
            artifacts=watched.artifacts,
            redactor=watched.redactor,
            stdin=invocation.stdin,
            spoken_to=talk is not None,
            omit=invocation.omit,
        ) as running:
            await watch.follow(running)
        exit = running.end()
    except ExternalError as error:
        return watch.lost(error)
    return watch.end(exit)


async def _spec(invocation: Invocation, task: AgentTask) -> ProcessSpec:
    spec = ProcessSpec(
        argv=invocation.argv,
        cwd=invocation.cwd or task.tree,
        env={**task.env, **invocation.env},
        timeout_s=task.limits.wall_s,
        marker=task.marker,
        limits=Limits(memory_bytes=task.memory_bytes),
    )
    if task.sandbox is None:
        return spec
    occupant = Occupant(
        tree=task.tree, private=task.private, base_url=task.access.base_url, resumes=bool(task.session_id)
    )
    return await in_sandbox(spec, task.sandbox, occupant)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stop:
    """Why it is ended from outside."""

    kind: EndKind
    message: str
    limit: LimitKind | None = None


@dataclass(slots=True, kw_only=True)
class _Watch:
    invocation: Invocation
    parser: Parser
    task: AgentTask
    watched: Watched
    talk: Talk | None = None
    loops: LoopWatch = field(default_factory=LoopWatch)
    use: TokenUse = field(default_factory=TokenUse)
    session_id: str = ""
    loop: str = ""
    stop: _Stop | None = None
    denied: dict[str, None] = field(default_factory=dict)
    touched: dict[str, None] = field(default_factory=dict)
    _began: float = field(default_factory=time.monotonic)
    _heard: float = field(default_factory=time.monotonic)
    _patience: float | None = None
    """Until when it is waited for."""

    async def follow(self, running: Streamed) -> None:
        """Until it has ended, or is not waited for any longer."""
        if self.talk is None:
            return await self._listen(running)
        self.talk.begin(running, self.tell)
        try:
            await self._listen(running)
        finally:
            await self.talk.leave()

    def tell(self, event: AgentEvent) -> None:
        self._heard = time.monotonic()
        self._note(event)
        self.watched.on_event(self._redacted(event))

    async def _listen(self, running: Streamed) -> None:
        while (lines := await running.lines(LOOK_EVERY_S)) is not None:
            for line in lines:
                self._hear(line)
            self._decide(running)
            if self._patience is not None and time.monotonic() > self._patience:
                return
            await asyncio.sleep(0)

    def end(self, exit: ProcessEnd) -> AgentEnd:
        said = self.parser.end(exit, self.stop.limit if self.stop else None)
        kind, message = self._ruled(said, exit)
        redact = self.watched.redactor.text
        return said.model_copy(
            update={
                "kind": kind,
                "message": redact(message),
                "answer": redact(said.answer),
                "session_id": said.session_id or self.session_id or self.task.session_id,
                "use": said.use if said.use != TokenUse() else self.use,
                "turns": said.turns or self._turns,
                "limit": self.stop.limit if self.stop else said.limit,
                "exit_code": exit.exit_code,
                "denied": said.denied or tuple(self.denied),
                "touched": said.touched or tuple(self.touched),
                "evidence": exit.output_ref,
            }
        )

    def lost(self, error: ExternalError) -> AgentEnd:
        """Nothing is known of how its process ended; what it said before that is."""
        return AgentEnd(
            kind=EndKind.MISSING if error.code in NOT_STARTED else EndKind.CRASH,
            message=self.watched.redactor.text(str(error)),
            session_id=self.session_id or self.task.session_id,
            use=self.use,
            turns=self._turns,
            touched=tuple(self.touched),
        )

    @property
    def _turns(self) -> int:
        return self.use.requests or self.loops.turns

    def _hear(self, line: str) -> None:
        try:
            events = list(self.parser.feed(line))
        except (AttributeError, KeyError, IndexError, TypeError, ValueError):
            events = [AgentEvent(kind=EventKind.OTHER, text="an event of a shape that is not known here")]
        for event in events:
            self.tell(event)

    def _note(self, event: AgentEvent) -> None:
        self.loop = self.loops.see(event) or self.loop
        self.use = event.use or self.use
        self.session_id = event.session_id or self.session_id
        if event.kind is EventKind.DENIED and len(self.denied) < MOST_DENIED:
            self.denied[self.watched.redactor.text(event.text or event.tool)] = None
        if event.kind is EventKind.TOOL_ENDED and event.ok is not False:
            room = MOST_TOUCHED - len(self.touched)
            self.touched |= dict.fromkeys(self.watched.redactor.text(path) for path in event.paths[:room])

    def _redacted(self, event: AgentEvent) -> AgentEvent:
        redact = self.watched.redactor.text
        return event.model_copy(
            update={
                "text": redact(event.text),
                "tool": redact(event.tool),
                "code": redact(event.code),
                "paths": tuple(redact(path) for path in event.paths),
            }
        )

    def _decide(self, running: Streamed) -> None:
        if self.parser.finished:
            leave_s = self.invocation.leave_s
            self._wait_at_most(END_WAIT_S if leave_s is None else leave_s)
            return
        if self.stop is not None:
            return
        self.stop = self._reason()
        if self.stop is not None:
            self._wait_at_most(END_WAIT_S)
            if self.talk is None:
                running.signal(self.invocation.end_signal)
            else:
                self.talk.ask_to_end()

    def _wait_at_most(self, wait_s: float) -> None:
        until = time.monotonic() + wait_s
        self._patience = until if self._patience is None else min(self._patience, until)

    def _reason(self) -> _Stop | None:
        if self.watched.interrupted():
            return _Stop(kind=EndKind.INTERRUPTED, message="it was interrupted")
        limits = self.task.limits
        use = reckoned(self.use, self.task.terms)
        if limit := passed_limit(limits, use, self._turns):
            return _stop_for(limit, f"{_used(limit, use, self._turns)}")
        now = time.monotonic()
        if now - self._began > limits.wall_s:
            return _stop_for(LimitKind.WALL, f"it did not end within {limits.wall_s:g} s")
        idle_s = limits.idle_s * (TOOL_PATIENCE if self.loops.open_calls else 1)
        if now - self._heard > idle_s:
            return _stop_for(LimitKind.IDLE, f"nothing was heard of it for {idle_s:g} s")
        return _Stop(kind=EndKind.LOOP, message=self.loop) if self.loop else None

    def _ruled(self, said: AgentEnd, exit: ProcessEnd) -> tuple[EndKind, str]:
        """What is known from outside comes before what was said."""
        if self.stop is not None:
            return self.stop.kind, self.stop.message
        if exit.missing or (exit.exit_code == 126 and not self.session_id):
            return EndKind.MISSING, f"{self.invocation.argv[0]} cannot be started: {_last_line(exit.tail)}"
        if exit.exceeded and not self.parser.finished:
            used = exit.peak.memory_bytes / 2**20
            return EndKind.CRASH, f"it was killed over its limit of {exit.exceeded} ({used:.0f} MB)"
        if exit.out_of_memory and not self.parser.finished:
            return EndKind.CRASH, "the system killed it for want of memory"
        return said.kind, said.message


def _stop_for(limit: LimitKind, message: str) -> _Stop:
    return _Stop(kind=EndKind.LIMIT, message=message, limit=limit)


def _used(limit: LimitKind, use: TokenUse, turns: int) -> str:
    figures: Mapping[LimitKind, str] = {
        LimitKind.TURNS: f"{turns} turns",
        LimitKind.REQUESTS: f"{max(use.requests, turns)} requests",
        LimitKind.TOKENS: f"{use.tokens:,} tokens",
        LimitKind.MONEY: f"${(use.micro_usd or 0) / 1e6:.2f}",
    }
    return f"it went over its limit of {limit}: {figures[limit]}"


def _last_line(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "it said nothing")[:300]
