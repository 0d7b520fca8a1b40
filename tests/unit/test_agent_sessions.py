"""What of an agent's session is on the disk."""

from pathlib import Path

from ostinato.adapters.agents.sessions import NoteBox, SessionFolder, SessionRecord
from ostinato.domain.staff import GivenNote
from tests.builders import at


def a_note(note_id: str, when: float = 0, text: str = "mind the gap") -> GivenNote:
    return GivenNote(id=note_id, note=text, by="ada", at=at(when))


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    folder = SessionFolder(tmp_path, "edit", "codex:gpt/5")
    record = SessionRecord(agent="codex:gpt/5", session_id="s", turns=2, told=("n-1",))

    folder.write(record)

    assert folder.read() == record
    assert folder.path.parent == tmp_path / "sessions" / "edit"


def test_agents_and_models_do_not_share_a_folder(tmp_path: Path) -> None:
    paths = {SessionFolder(tmp_path, "edit", name).path for name in ("codex", "codex:a", "codex:b")}

    assert len(paths) == 3


def test_a_record_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    folder = SessionFolder(tmp_path, "edit", "claude")
    folder.write(SessionRecord(agent="claude"))
    (folder.path / "session.json").write_text('{"agent": 3')

    assert folder.read() is None


def test_who_begins_anew_keeps_what_it_cost() -> None:
    record = SessionRecord(agent="claude", session_id="s", is_done=True, lost_tokens=7, turns=3)

    anew = record.without_session()

    assert (anew.session_id, anew.is_done, anew.lost_tokens, anew.turns) == ("", False, 7, 3)


def test_notes_come_in_the_order_in_which_they_were_said(tmp_path: Path) -> None:
    box = NoteBox(tmp_path, "edit")
    for note in (a_note("n-b", 2), a_note("n-a", 1), a_note("n-c", 0)):
        box.leave(note)

    assert [note.id for note in box.read()] == ["n-c", "n-a", "n-b"]


def test_a_note_left_twice_is_there_once(tmp_path: Path) -> None:
    box = NoteBox(tmp_path, "edit")
    box.leave(a_note("n-a"))
    box.leave(a_note("n-a"))

    assert box.read() == (a_note("n-a"),)


def test_a_note_that_cannot_be_read_stops_no_other(tmp_path: Path) -> None:
    box = NoteBox(tmp_path, "edit")
    box.leave(a_note("n-a"))
    (tmp_path / "sessions" / "edit" / "notes" / "broken.json").write_text("{")

    assert [note.id for note in box.read()] == ["n-a"]


def test_nobody_said_anything_where_there_is_no_folder(tmp_path: Path) -> None:
    assert NoteBox(tmp_path, "edit").read() == ()
