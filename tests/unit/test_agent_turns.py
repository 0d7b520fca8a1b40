"""What is kept of an agent's turns beside its worktree, for the report."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from ostinato.adapters.agents.sessions import SessionFolder, SessionRecord
from ostinato.domain.turns import KEPT_TURNS, Turn

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


def a_turn(minute: int, *, step: str = "fix", agent: str = "claude") -> Turn:
    return Turn(agent=agent, step=step, end="done", at=START + timedelta(minutes=minute))


def keep(root: Path, agent: str, *turns: Turn, session: str = "fix") -> SessionFolder:
    folder = SessionFolder(root, session, agent)
    folder.write(SessionRecord(agent=agent, kept=turns))
    return folder


def test_turns_of_all_agents_of_a_step_are_told_in_their_order(tmp_path: Path) -> None:
    keep(tmp_path, "claude", a_turn(1), a_turn(3))
    folder = keep(tmp_path, "codex", a_turn(2, agent="codex"))

    assert [turn.agent for turn in folder.turns("fix")] == ["claude", "codex", "claude"]


def test_turns_of_another_step_in_the_same_session_are_its_own(tmp_path: Path) -> None:
    folder = keep(tmp_path, "claude", a_turn(1), a_turn(2, step="fix-1"))

    assert [turn.at for turn in folder.turns("fix-1")] == [START + timedelta(minutes=2)]


def test_only_the_last_turns_are_told(tmp_path: Path) -> None:
    folder = keep(tmp_path, "claude", *map(a_turn, range(KEPT_TURNS + 5)))

    told = folder.turns("fix")
    assert len(told) == KEPT_TURNS
    assert told[-1].at == START + timedelta(minutes=KEPT_TURNS + 4)


def test_a_record_that_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    folder = keep(tmp_path, "claude", a_turn(1))
    broken = SessionFolder(tmp_path, "fix", "codex").path
    broken.mkdir(parents=True)
    (broken / "session.json").write_text("{", encoding="utf-8")

    assert len(folder.turns("fix")) == 1
