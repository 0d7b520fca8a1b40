"""Any command that takes a prompt: an agent that the configuration describes."""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from ostinato.adapters.agents.described_install import find_installation
from ostinato.adapters.agents.described_launch import invocation_of
from ostinato.adapters.agents.described_sessions import noting_sessions, session_files
from ostinato.adapters.agents.judging import of_error
from ostinato.adapters.agents.port import Abilities, AgentTask, Installation, Watched
from ostinato.adapters.agents.reading import cut, read_object
from ostinato.adapters.agents.running import run_agent
from ostinato.adapters.processes import ProcessEnd
from ostinato.adapters.zones import find_zone, own_zone
from ostinato.domain.agents import AgentEnd, AgentEvent, EndKind, EventKind, LimitKind, TokenUse
from ostinato.domain.agents.described import DescribedAgent, UsageRules
from ostinato.domain.agents.line_rules import event_of
from ostinato.domain.recovering.resets import reset_time

MOST_ANSWER = 20_000
LONGEST_LOOKED_AT = 20_000
"""Of a line: patterns are a person's, and may be slow."""
_SCALES = {"": 1.0, "k": 1e3, "m": 1e6}
_NUMBER = re.compile(r"([\d.,]*\d)\s*([kKmM]?)")


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandAgent:
    described: DescribedAgent
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    """The worker's, of which the description lets some through."""

    @property
    def name(self) -> str:
        return self.described.name

    @property
    def abilities(self) -> Abilities:
        agent, rules = self.described, self.described.usage
        counts_in_events = any(rule.input or rule.output for rule in agent.events)
        return Abilities(
            resumes=agent.resumes,
            takes_base_url=agent.takes_base_url,
            wire=agent.wire,
            names_model=agent.names_model,
            reports_tokens=bool(rules.input or rules.output or counts_in_events),
            reports_money=bool(rules.usd or any(rule.usd for rule in agent.events)),
        )

    async def installation(self, env: Mapping[str, str]) -> Installation:
        return await find_installation(self.described, env, self.environ)

    def sessions(self, task: AgentTask) -> tuple[Path, ...]:
        return session_files(task.private, task.session_id)

    async def run(self, task: AgentTask, watched: Watched) -> AgentEnd:
        invocation = invocation_of(self.described, task, self.environ)
        if isinstance(invocation, AgentEnd):
            return invocation
        if self.described.quiet:
            patient = task.limits.model_copy(update={"idle_s": task.limits.wall_s})
            task = replace(task, limits=patient)
        parser = DescribedParser(self.described, echoes=frozenset(map(str.strip, task.prompt.splitlines())))
        return await run_agent(invocation, parser, task, noting_sessions(watched, task.private))


@dataclass(slots=True)
class DescribedParser:
    """Reads by the description; how it ended is told by that alone."""

    agent: DescribedAgent
    echoes: frozenset[str] = frozenset()
    """Lines of its prompt: where it repeats them they are not its answer."""
    finished: bool = False
    """Only its process's end is."""
    _words: list[str] = field(default_factory=list)
    _use: TokenUse | None = None
    _session_id: str = ""
    _failed: AgentEvent | None = None
    _until: datetime | None = None
    _matched: tuple[int, str] | None = None
    """The first of the patterns that a line fitted, and the line."""

    def feed(self, line: str) -> Iterable[AgentEvent]:
        looked_at = line[:LONGEST_LOOKED_AT]
        self._match(looked_at)
        yield from self._session(looked_at)
        if used := self._usage_in(looked_at):
            yield AgentEvent(kind=EventKind.USAGE, use=used)
        if not self.agent.events:
            if line.strip():
                if line.strip() not in self.echoes:
                    self._words.append(line)
                yield AgentEvent(kind=EventKind.TEXT, text=cut(line.rstrip()))
            return
        value = read_object(line)
        if value is not None:
            yield self._noted(event_of(value, self.agent.events))

    def end(self, exit: ProcessEnd, limit: LimitKind | None) -> AgentEnd:
        for line in exit.tail.splitlines():
            self._match(line[:LONGEST_LOOKED_AT])
        kind, message, status, until = self._judged(exit)
        return AgentEnd(
            kind=kind,
            message=message,
            status=status,
            until=self._until or until,
            session_id=self._session_id,
            answer="\n".join(self._words).strip()[-MOST_ANSWER:],
            use=self._use or TokenUse(),
        )

    def _judged(self, exit: ProcessEnd) -> tuple[EndKind, str, int | None, datetime | None]:
        if self._matched is not None:
            number, line = self._matched
            until = reset_time(line, now=datetime.now(UTC), zone=own_zone(), zones=find_zone)
            return self.agent.ends.patterns[number].end, cut(line.strip(), 300), None, until
        said = self._last_words(exit)
        stated = self.agent.ends.exit_codes.get(str(exit.exit_code))
        if stated is not None:
            return stated, said if stated is not EndKind.DONE else "", None, None
        if exit.ok:
            return EndKind.DONE, "", None, None
        data = {"error": self._failed.code} if self._failed else None
        judged = of_error(None, said, data, now=datetime.now(UTC), otherwise=EndKind.CRASH)
        return judged.kind, judged.message, judged.status, judged.until

    def _last_words(self, exit: ProcessEnd) -> str:
        if self._failed and self._failed.text:
            return self._failed.text
        tail = [line for line in exit.tail.splitlines() if not (self.agent.events and read_object(line) is not None)]
        lines = [*self._words[-5:], *tail]
        silent = "it said nothing" if exit.signal is None else f"signal {exit.signal} ended it, and it said nothing"
        return next((cut(line.strip(), 300) for line in reversed(lines) if line.strip()), silent)

    def _match(self, line: str) -> None:
        patterns = self.agent.ends.patterns
        known = len(patterns) if self._matched is None else self._matched[0]
        for number, pattern in enumerate(patterns[:known]):
            if re.search(pattern.match, line):
                self._matched = (number, line)
                return

    def _session(self, line: str) -> Iterable[AgentEvent]:
        found = re.search(self.agent.session, line) if self.agent.session and not self._session_id else None
        if found and found[1]:
            self._session_id = found[1]
            yield AgentEvent(kind=EventKind.STARTED, session_id=found[1])

    def _noted(self, event: AgentEvent) -> AgentEvent:
        self._session_id = event.session_id or self._session_id
        self._until = event.until or self._until
        if event.kind is EventKind.TEXT:
            self._words.append(event.text)
        self._failed = event if event.kind is EventKind.FAILED else self._failed
        return event if event.use is None else event.model_copy(update={"use": self._count(event.use)})

    def _usage_in(self, line: str) -> TokenUse | None:
        """In all, where this line says something new of it."""
        found = dict(_numbers(self.agent.usage, line))
        if not found:
            return None
        usd = found.pop("usd", None)
        micro = None if usd is None else round(usd * 1_000_000)
        return self._count(TokenUse(**{name: int(number) for name, number in found.items()}, micro_usd=micro))

    def _count(self, told: TokenUse) -> TokenUse:
        before = self._use or TokenUse()
        is_sum = self.agent.usage.counted == "each"
        names = ("input", "output", "cache_read", "cache_write")
        now = {name: (getattr(before, name) if is_sum else 0) + getattr(told, name) for name in names}
        if not is_sum:
            now = {name: number or getattr(before, name) for name, number in now.items()}
        spent = told.micro_usd
        if is_sum and spent is not None:
            spent += before.micro_usd or 0
        self._use = TokenUse(**now, micro_usd=before.micro_usd if spent is None else spent)
        return self._use


def _numbers(rules: UsageRules, line: str) -> Iterable[tuple[str, float]]:
    for name in ("input", "output", "cache_read", "cache_write", "usd"):
        pattern = getattr(rules, name)
        found = re.search(pattern, line) if pattern else None
        number = number_of(found[1] or "") if found else None
        if number is not None:
            yield name, number


def number_of(text: str) -> float | None:
    """12, 12,345, 1.2k, 0.05."""
    found = _NUMBER.search(text)
    if found is None:
        return None
    digits = found[1].replace(",", "")
    try:
        return float(digits) * _SCALES[found[2].lower()]
    except ValueError:
        return None
