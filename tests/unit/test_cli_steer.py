"""`steer`: what is refused before anything is sent."""

import io
import json
from pathlib import Path

import pytest

from ostinato.cli import main
from ostinato.cli.exits import Exit
from ostinato.domain.staff import MAX_STEERING_CHARS


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OSTINATO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.mark.parametrize(
    ("note", "said"), [(" ", "the note is empty"), ("x" * (MAX_STEERING_CHARS + 1), "more than 2,000 characters")]
)
def test_a_note_that_says_nothing_or_too_much_is_refused(
    note: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["steer", "some-run", "fix", note])

    assert code == Exit.USAGE
    assert said in capsys.readouterr().err


def test_a_note_can_come_by_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))

    assert main(["steer", "some-run", "fix", "-"]) == Exit.USAGE
    assert "the note is empty" in capsys.readouterr().err


def test_programs_are_told_the_refusal_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    main(["steer", "some-run", "fix", "", "--json"])

    (problem,) = json.loads(capsys.readouterr().out)["data"]["error"]["problems"]
    assert (problem["code"], problem["field"]) == ("note_invalid", "NOTE")


def test_without_a_server_it_says_how_to_start_one(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["steer", "some-run", "fix", "Keep the old route"])

    assert code == Exit.UNREACHABLE
    assert "ostinato up" in capsys.readouterr().err
