"""Files that an agent may have replaced by links, pipes and folders: none of these is followed or waited for."""

import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from ostinato.adapters.agents import codex, gemini, opencode
from ostinato.adapters.agents.acp_sessions import SpentBefore
from ostinato.adapters.agents.claude_sessions import saved_transcript, spent_so_far
from ostinato.adapters.agents.described_sessions import BEGUN, noting_sessions, session_files
from ostinato.adapters.agents.growing import GrowingFiles
from ostinato.adapters.agents.port import Watched
from ostinato.adapters.agents.travelling import pack
from ostinato.adapters.artifacts import ArtifactStore
from ostinato.adapters.known_secrets import step_secrets
from ostinato.adapters.unfollowed import files_below, open_below, read_object_below, write_below
from ostinato.domain.agents import AgentEvent, EventKind
from ostinato.domain.redaction import Redactor

SESSION = "0f8fad5b-d9cb-469f-a165-70867728950e"
Places = dict[str, tuple[str, Callable[[Path, str], tuple[Path, ...]]]]
KEPT: Places = {
    "claude": (f".claude/projects/-repo/{SESSION}.jsonl", saved_transcript),
    "codex": (f".codex/sessions/2026/03/10/rollout-x-{SESSION}.jsonl", codex.session_files),
    "gemini": (f".gemini/tmp/step/chats/session-x-{SESSION[:8]}.jsonl", gemini.session_files),
    "opencode": (".local/share/opencode/opencode.db", opencode.session_files),
}


@pytest.fixture
def person(tmp_path: Path) -> Path:
    """Somebody's home, with a file that no agent may see."""
    (home := tmp_path / "person").mkdir()
    (home / ".bash_history").write_text('{"their": "history"}')
    return home


@pytest.fixture
def private(tmp_path: Path) -> Path:
    (folder := tmp_path / "private").mkdir()
    return folder


def a_session(place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.suffix != ".db":
        place.write_text("{}\n")
        return
    with closing(sqlite3.connect(place)) as database, database:
        database.execute("CREATE TABLE session (id TEXT, directory TEXT)")
        database.execute("INSERT INTO session VALUES (?, '/there')", (SESSION,))


@pytest.mark.parametrize("name", KEPT)
def test_a_session_is_found_where_it_is_a_plain_file(name: str, private: Path) -> None:
    place, find = KEPT[name]
    a_session(private / place)

    assert [path.name for path in find(private, SESSION)] == [Path(place).name]


@pytest.mark.parametrize("name", KEPT)
@pytest.mark.parametrize("up", [0, 1, 3])
def test_no_part_of_the_way_to_a_session_may_be_a_link(name: str, up: int, private: Path, person: Path) -> None:
    place, find = KEPT[name]
    a_session(person / place)
    linked = [Path(place), *Path(place).parents][up]

    (private / linked).parent.mkdir(parents=True, exist_ok=True)
    (private / linked).symlink_to(person / linked)

    assert find(private, SESSION) == ()


def test_what_an_agent_links_beside_its_session_is_not_taken_along(private: Path, person: Path) -> None:
    place = private / KEPT["claude"][0]
    a_session(place)
    (beside := place.with_suffix("")).mkdir()
    (beside / "n").symlink_to(person / ".bash_history")
    (beside / "all").symlink_to(person)

    found = saved_transcript(private, SESSION)

    assert found == (place.relative_to(private),)


def test_a_file_that_became_a_link_after_it_was_found_is_not_packed(private: Path, person: Path) -> None:
    (private / "n").symlink_to(person / ".bash_history")
    (private / "all").symlink_to(person)

    packed = pack(
        private, [Path("n"), Path("all/.bash_history"), Path("../person/.bash_history")], Redactor(), is_live=False
    )

    assert packed.files == {}


def test_a_described_agent_s_files_are_taken_without_its_links(private: Path, person: Path) -> None:
    (private / BEGUN).write_text(json.dumps({SESSION: True}))
    (private / "n").symlink_to(person / ".bash_history")
    (private / "all").symlink_to(person)

    assert session_files(private, SESSION) == (Path(BEGUN),)


def test_what_was_begun_and_spent_is_not_read_through_a_link(private: Path, person: Path) -> None:
    (private / BEGUN).symlink_to(person / ".bash_history")
    (private / "acp-spent.json").symlink_to(person / ".bash_history")
    watched = Watched(artifacts=ArtifactStore(private), redactor=Redactor(), on_event=lambda _event: None)

    noting_sessions(watched, private).on_event(AgentEvent(kind=EventKind.STARTED, session_id=SESSION))
    SpentBefore(private).note(SESSION, 0.5)

    assert json.loads((private / BEGUN).read_text()) == {SESSION: True}
    assert json.loads((private / "acp-spent.json").read_text()) == {SESSION: 0.5}
    assert (person / ".bash_history").read_text() == '{"their": "history"}'


def test_a_growing_file_that_becomes_a_link_is_not_read_on(private: Path, person: Path) -> None:
    growing = GrowingFiles(folder=private, find=lambda: [private / "chat"])
    (private / "chat").symlink_to(person / ".bash_history")

    assert list(growing.lines()) == []


def test_a_pipe_is_not_waited_for(private: Path) -> None:
    os.mkfifo(private / "pipe")
    os.mkfifo(private / ".env")

    with pytest.raises(OSError, match="no plain file"):
        open_below(private, Path("pipe"))
    assert (files_below(private, Path()), read_object_below(private, Path("pipe"))) == ((), None)
    assert step_secrets({}, private, [".env"]) == ()


def test_what_is_written_replaces_links_and_goes_nowhere_else(private: Path, person: Path) -> None:
    (private / "folder").symlink_to(person)
    (private / "file").symlink_to(person / ".bash_history")

    write_below(private, Path("folder", "inner", ".bash_history"), "ours")
    write_below(private, Path("file"), "ours")

    assert (private / "folder" / "inner" / ".bash_history").read_text() == (private / "file").read_text() == "ours"
    assert (person / ".bash_history").read_text() == '{"their": "history"}'
    assert [path.name for path in person.iterdir()] == [".bash_history"]


def test_a_database_that_would_be_read_for_ever_is_left(private: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opencode, "_LOOK_S", 0.2)
    place = private / KEPT["opencode"][0]
    place.parent.mkdir(parents=True)
    with closing(sqlite3.connect(place)) as database, database:
        endless = "WITH RECURSIVE n(id) AS (SELECT 'a' UNION ALL SELECT id FROM n) SELECT id FROM n"
        database.execute(f"CREATE VIEW session AS {endless}")

    assert opencode.session_files(private, SESSION) == ()


def test_a_cost_behind_a_link_is_not_known(private: Path, person: Path) -> None:
    a_session(person / KEPT["claude"][0])
    (private / ".claude").symlink_to(person / ".claude")

    assert spent_so_far(private, SESSION) is None
