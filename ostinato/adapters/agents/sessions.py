"""What a step's agent has begun, beside its worktree: written down before anything else, so that it can be gone on with."""

from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from ostinato.adapters.atomic import read_json_object, write_atomically
from ostinato.domain.agents.accounts import AccountLimit, MetLimit
from ostinato.domain.agents.events import TokenUse
from ostinato.domain.base import Fact
from ostinato.domain.staff import GivenNote
from ostinato.domain.turns import KEPT_TURNS, Turn

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
    execution: int = 0
    """Of the step, that worked there last."""
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
    kept: tuple[Turn, ...] = ()
    """Turns that have ended, or whose worker died in them."""

    @property
    def after_telling(self) -> dict[str, tuple[str, ...]]:
        """Where the turn has ended: what it was told in it, it knows."""
        return {"told": tuple(dict.fromkeys((*self.told, *self.telling))), "telling": ()}

    def without_session(self) -> "SessionRecord":
        """To be begun anew."""
        return self.model_copy(update={"session_id": "", "is_done": False, "cost_tokens": 0})


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
