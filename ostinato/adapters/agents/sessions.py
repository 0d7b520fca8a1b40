"""What a step's agent has begun, beside its worktree: written down before anything else, so that it can be gone on with."""

from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from ostinato.adapters.atomic import read_json_object, write_atomically
from ostinato.domain.agents.events import TokenUse
from ostinato.domain.agents.orders import GivenNote
from ostinato.domain.base import Fact

RECORD = "session.json"
NOTES = "notes"


class SessionRecord(Fact):
    """The agent's session of one step."""

    agent: str
    session_id: str = ""
    """Empty until the agent has named it."""
    commit: str = ""
    """The checkpoint that its worktree was made from."""
    worktree: str = ""
    turns: int = 0
    """Begun so far."""
    objections: int = 0
    """Of them those in which it was told that its claim is not proved."""
    lost: TokenUse = TokenUse()
    """Of turns whose end nobody saw, as far as their events said."""
    running: TokenUse = TokenUse()
    """Of the turn that is on, so far."""
    is_on: bool = False
    """A turn has begun and not ended: its worker died in it, where nobody works on it."""
    told: tuple[str, ...] = ()
    """Ids of the notes that it was given."""
    begun_at: datetime | None = None


class SessionFolder:
    """`<run>/sessions/<step>/<agent>`: the record, the agent's private home, and the notes that people left."""

    def __init__(self, root: Path, step: str, agent: str) -> None:
        self.step_folder = root / "sessions" / step
        self.path = self.step_folder / agent.replace(":", "_").replace("/", "_")

    @property
    def private(self) -> Path:
        return self.path / "home"

    def read(self) -> SessionRecord | None:
        """None where there is none, or one that cannot be read: then it begins anew."""
        found = read_json_object(self.path / RECORD)
        try:
            return SessionRecord.model_validate(found) if found else None
        except ValidationError:
            return None

    def write(self, record: SessionRecord) -> None:
        write_atomically(self.path / RECORD, record.model_dump_json())

    def leave_note(self, note: GivenNote) -> None:
        """Twice leaves it once."""
        write_atomically(self.step_folder / NOTES / f"{note.id}.json", note.model_dump_json())

    def notes(self) -> tuple[GivenNote, ...]:
        """All that were left, in their order; what cannot be read is passed over."""
        folder = self.step_folder / NOTES
        found = []
        for path in sorted(folder.glob("*.json")) if folder.is_dir() else ():
            try:
                found.append(GivenNote.model_validate(read_json_object(path) or {}))
            except ValidationError:
                continue
        return tuple(sorted(found, key=lambda note: (note.at, note.id)))
