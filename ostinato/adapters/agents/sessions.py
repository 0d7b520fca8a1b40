"""What a step's agent has begun, beside its worktree: written down before anything else, so that it can be gone on with."""

from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from ostinato.adapters.agents.billing import usage_of
from ostinato.adapters.atomic import read_json_object, write_atomically
from ostinato.domain.agents.accounts import AccountLimit, MetLimit
from ostinato.domain.agents.events import TokenUse
from ostinato.domain.agents.proving import MOST_ROUNDS, Round
from ostinato.domain.base import Fact
from ostinato.domain.prompting import Item
from ostinato.domain.staff import GivenNote
from ostinato.domain.turns import KEPT_TURNS, LOST, Turn

NOTHING = TokenUse(micro_usd=0)
SESSIONS = "sessions"
"""A folder of the run."""
RECORD = "session.json"
NOTES = "notes"
LIMIT = "limit"


class SessionRecord(Fact):
    """The agent's session of one step."""

    agent: str
    session_id: str = ""
    """Empty until the agent has named it."""
    commit: str = ""
    """The checkpoint that its worktree was made from."""
    worktree: str = ""
    was_in: str = ""
    """Its worktree on the worker before, until the agent has been told of the new one."""
    carried: TokenUse = NOTHING
    """Of `used`, what it had used on workers before this one: the gateway here has not seen it."""
    unsaved: str = ""
    """Why its work in progress was not saved with it."""
    cost_tokens: int = 0
    """Of the whole session, under whatever lease."""
    step: str = ""
    """That worked there last: a session may go on with another one."""
    execution: int = 0
    """Of that step."""
    worked_s: float = 0.0
    """What turns of that execution took, also in attempts whose worker died."""
    is_done: bool = False
    """The claim of its last turn was proved."""
    turns: int = 0
    """Begun so far."""
    lease_id: str = ""
    used: TokenUse = NOTHING
    """Under this lease, by turns that have ended, or whose worker died in them."""
    running: TokenUse = NOTHING
    """Of the turn that is on, so far."""
    lost_tokens: int = 0
    """Of turns whose end nobody saw: what resuming could not save."""
    is_on: bool = False
    """A turn has begun and not ended: its worker died in it, where nobody works on it."""
    told: tuple[str, ...] = ()
    """Ids of the notes that it was given in turns that have ended."""
    telling: tuple[str, ...] = ()
    """In the turn that is on; where its worker dies in it, nobody knows whether they arrived, and they are given again."""
    rounds: tuple[Round, ...] = ()
    """What was found after its turns and went back to it, in whatever attempt of the step."""
    asked: tuple[Item, ...] = ()
    """What went back last; where its worker dies before the turn has ended, it is given again."""
    begun: Turn | None = None
    """The last turn as it began, with what it was given: kept before its agent starts."""
    kept: tuple[Turn, ...] = ()
    """Turns that have ended, or whose worker died in them."""

    @property
    def after_telling(self) -> dict[str, tuple[str, ...]]:
        """Where the turn has ended: what it was told in it, it knows."""
        return {"told": tuple(dict.fromkeys((*self.told, *self.telling))), "telling": ()}

    def with_turn(self, turn: Turn) -> "SessionRecord":
        return self.model_copy(update={"kept": (*self.kept, turn)[-KEPT_TURNS:]})

    def with_proof(self, proved: str) -> "SessionRecord":
        """What the claim of the last turn came to."""
        *before, last = self.kept
        return self.model_copy(update={"kept": (*before, last.model_copy(update={"proved": proved}))})

    def with_lost_turn(self, at: datetime) -> "SessionRecord":
        """The one that its worker died in, as far as it was heard."""
        begun = self.begun or Turn(agent=self.agent, end=LOST)
        heard = {"session_id": self.session_id, "usage": usage_of(self.running), "micro_usd": self.running.micro_usd}
        return self.with_turn(begun.model_copy(update={**heard, "end": LOST, "at": at}))

    def is_of(self, step: str, execution: int) -> bool:
        return (self.step, self.execution) == (step, execution)

    def taken_up(self, step: str, execution: int, *, is_more: bool) -> "SessionRecord":
        """By an execution; its time counts on in another attempt of it, and under another lease (`is_more`)."""
        is_same = self.is_of(step, execution) or (is_more and self.step == step)
        update = {"step": step, "execution": execution, "worked_s": self.worked_s if is_same else 0.0}
        return self.model_copy(update=update if self.step == step else {**update, "rounds": (), "asked": ()})

    def with_round(self, found: Round, asked: tuple[Item, ...] = ()) -> "SessionRecord":
        """It goes back to the session, now (`asked`) or by a retry; where it did too often already, that is left."""
        if not self.session_id:
            return self
        if len(self.rounds) >= MOST_ROUNDS:
            return self.without_session()
        return self.model_copy(update={"rounds": (*self.rounds, found), "asked": asked})

    def without_session(self) -> "SessionRecord":
        """To be begun anew."""
        return self.model_copy(update={"session_id": "", "is_done": False, "cost_tokens": 0, "rounds": (), "asked": ()})


class SessionFolder:
    """`<run>/sessions/<step>/<agent>`: the record, the agent's private home, and its repository."""

    def __init__(self, root: Path, step: str, agent: str) -> None:
        self.path = root / SESSIONS / step / agent.replace(":", "_").replace("/", "_")

    @property
    def private(self) -> Path:
        return self.path / "home"

    @property
    def git(self) -> Path:
        """Of the repository that the agent has to itself."""
        return self.path / "git"

    @property
    def checking(self) -> Path:
        """There while checks run in the worktree: the tree that it was before them. Gone with the worktree."""
        return self.git / "checking"

    def read(self) -> SessionRecord | None:
        """None where there is none, or one that cannot be read: then it begins anew."""
        found = read_json_object(self.path / RECORD)
        try:
            return SessionRecord.model_validate(found) if found else None
        except ValidationError:
            return None

    def write(self, record: SessionRecord) -> None:
        write_atomically(self.path / RECORD, record.model_dump_json())

    def turns(self, step: str) -> tuple[Turn, ...]:
        """The last ones of a step, by whichever agent, in their order."""
        found: list[Turn] = []
        for path in self.path.parent.glob(f"*/{RECORD}"):
            try:
                found += SessionRecord.model_validate(read_json_object(path) or {}).kept
            except ValidationError:
                continue
        mine = sorted((turn for turn in found if turn.step == step), key=lambda turn: (turn.at is not None, turn.at))
        return tuple(mine[-KEPT_TURNS:])


class NoteBox:
    """What the agent of one step is told while it works, by whoever its session is."""

    def __init__(self, root: Path, step: str, execution: int = 0) -> None:
        self._folder = root / SESSIONS / step / NOTES
        self._execution = execution

    def leave(self, note: GivenNote) -> None:
        """Twice leaves it once."""
        write_atomically(self._folder / f"{note.id}.json", note.model_dump_json())

    def leave_limit(self, met: MetLimit) -> None:
        write_atomically(self._folder / LIMIT, met.model_dump_json())

    def limit(self) -> AccountLimit | None:
        """That its account met while this execution is on, and that is not over."""
        found = read_json_object(self._folder / LIMIT)
        try:
            met = MetLimit.model_validate(found) if found else None
        except ValidationError:
            return None
        is_on = met is not None and met.execution == self._execution and datetime.now(UTC) < met.limit.until
        return met.limit if met is not None and is_on else None

    def read(self) -> tuple[GivenNote, ...]:
        """All that were left, in their order; what cannot be read is passed over."""
        found = []
        for path in sorted(self._folder.glob("*.json")) if self._folder.is_dir() else ():
            try:
                found.append(GivenNote.model_validate(read_json_object(path) or {}))
            except ValidationError:
                continue
        return tuple(sorted(found, key=lambda note: (note.at, note.id)))
