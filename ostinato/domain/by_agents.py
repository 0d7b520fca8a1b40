"""What coding agents did in a run: who, why that one, its turns, what a killed worker cost, what people told it. Pure."""

from collections.abc import Iterator, Sequence
from typing import Any

from ostinato.domain.base import Fact
from ostinato.domain.budget.amounts import told_usd
from ostinato.domain.execution import StepResult
from ostinato.domain.report import Snapshot, Todo
from ostinato.domain.request import headline
from ostinato.domain.staff import Colleague, GivenNote
from ostinato.domain.turns import LOST, Turn

RESUMED, REDONE = "resumed", "redone"
_ENDS = {
    "done": "done",
    LOST: "its worker died in it",
    "gave_up": "it gave up",
    "refused": "its model declined",
    "rate_limit": "the account's limit was reached",
    "auth": "its login was not accepted",
    "context_overflow": "its context was too full",
    "provider": "its provider failed",
    "loop": "it went in circles",
    "limit": "one of our limits",
    "missing": "it could not be started",
    "crash": "it crashed",
    "interrupted": "interrupted for a note",
}


class ByAgent(Fact):
    """One step, as far as coding agents did it."""

    step: str
    name: str
    agent: str
    """With its model, where one was asked for."""
    version: str = ""
    account: str = ""
    because: str = ""
    """Why that one."""
    turns: tuple[Turn, ...] = ()
    notes: tuple[GivenNote, ...] = ()
    """What people told it."""

    @property
    def sessions(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(turn.session_id for turn in self.turns if turn.session_id))

    @property
    def models(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(turn.model for turn in self.turns if turn.model))

    @property
    def tokens(self) -> int:
        return sum(turn.usage.tokens for turn in self.turns)

    @property
    def micro_usd(self) -> int | None:
        """As its agents say; None where one of them does not."""
        said = [turn.micro_usd for turn in self.turns]
        return None if None in said or not said else sum(each or 0 for each in said)

    @property
    def lost_tokens(self) -> int:
        """Of turns that a worker died in."""
        return sum(turn.usage.tokens for turn in self.turns if turn.end == LOST)

    @property
    def redone_tokens(self) -> int:
        """Of turns before the last session was begun: what was done in them was done again."""
        begun = [index for index, turn in enumerate(self.turns) if not turn.resumed and turn.end != LOST]
        first = begun[-1] if begun else 0
        return sum(turn.usage.tokens for turn in self.turns[:first])

    @property
    def went_on(self) -> str:
        """After the last turn that a worker died in; empty where none did, or nothing followed."""
        return went_on(self.turns)


def by_agents(snapshot: Snapshot) -> tuple[ByAgent, ...]:
    """Of the steps that an agent works on, or did."""
    results = {result.step_id: result for result in snapshot.results}
    known = {each.name: each for each in snapshot.staff}
    found = (by_agent(todo, results.get(todo.id), known.get(todo.working)) for todo in snapshot.todos)
    return tuple(each for each in found if each is not None)


def by_agent(todo: Todo, result: StepResult | None, colleague: Colleague | None = None) -> ByAgent | None:
    turns = result.turns if result else ()
    if not todo.working and not turns:
        return None
    return ByAgent(
        step=todo.id,
        name=todo.name,
        agent=todo.working or turns[-1].agent,
        version=colleague.version if colleague else "",
        account=colleague.account if colleague else "",
        because=todo.assigned,
        turns=turns,
        notes=todo.given,
    )


def went_on(turns: Sequence[Turn]) -> str:
    lost = [index for index, turn in enumerate(turns) if turn.end == LOST]
    if not lost or lost[-1] + 1 >= len(turns):
        return ""
    before, after = turns[lost[-1]], turns[lost[-1] + 1]
    return RESUMED if after.resumed and after.session_id == before.session_id else REDONE


def agent_json(found: ByAgent | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "agent": found.agent,
        "version": found.version or None,
        "models": list(found.models),
        "account": found.account or None,
        "because": found.because,
        "sessions": list(found.sessions),
        "tokens": found.tokens,
        "micro_usd": found.micro_usd,
        "lost_tokens": found.lost_tokens,
        "redone_tokens": found.redone_tokens,
        "went_on": found.went_on or None,
        "turns": [turn.model_dump(mode="json") for turn in found.turns],
        "notes": [note.model_dump(mode="json") for note in found.notes],
    }


def agent_lines(found: ByAgent) -> Iterator[str]:
    """Who and why; each turn, with what it cost and what was not proved; notes of people."""
    yield f"by {' '.join(filter(None, (found.agent, found.version, *found.models[:3])))}"
    if found.because:
        yield f"chosen for {found.because.partition(': ')[2] or found.because}"
    yield from (turn_line(turn, number) for number, turn in enumerate(found.turns, start=1))
    if found.lost_tokens:
        how = {
            RESUMED: "the same session went on",
            REDONE: "its session could not be gone on with",
        }.get(found.went_on, "nothing followed")
        yield f"its worker died after some {found.lost_tokens:,} tokens of a turn; {how}"
    if found.redone_tokens:
        yield f"the work was begun anew: {found.redone_tokens:,} tokens before that were for nothing"
    yield from (f"{note.by} told it: {headline(note.note, 160)}" for note in found.notes)


def turn_line(turn: Turn, number: int) -> str:
    parts = [
        _ENDS.get(turn.end, turn.end.replace("_", " ")),
        "" if turn.end == LOST else "the session went on" if turn.resumed else "a new session",
        f"{turn.usage.tokens:,} tokens",
        "" if turn.micro_usd is None else f"{told_usd(turn.micro_usd)} as it says",
        f"{turn.duration_s:.0f} s" if turn.duration_s else "",
        _noted(turn.notes),
    ]
    said = f"turn {number}: {', '.join(part for part in parts if part)}"
    if turn.proved:
        return f"{said}; not proved: {headline(turn.proved, 160)}"
    if turn.end not in ("done", "interrupted") and turn.message:
        said += f": {headline(turn.message, 160)}"
    return said + (f"; not allowed: {headline(', '.join(turn.denied), 120)}" if turn.denied else "")


def _noted(notes: tuple[str, ...]) -> str:
    return f"with {len(notes)} note{'s' * (len(notes) != 1)} of people" if notes else ""
