import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from ostinato.adapters.corrections import keep_correction, load_calibration, read_corrections
from ostinato.adapters.home import Home
from ostinato.cli import main
from ostinato.cli.exits import Exit
from ostinato.domain.classification import TaskType
from ostinato.domain.classifying.artefact import shipped_model


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("OSTINATO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return Home(tmp_path / "home")


def batch(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], data: bytes) -> tuple[int, list[Any]]:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), encoding="utf-8"))
    code = main(["classify", "--batch"])
    return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def corrected(home: Home, count: int) -> None:
    for number in range(count):
        keep_correction(
            home, f"tidy up module {number}", predicted=TaskType.MAINTENANCE, said=TaskType.REFACTORING,
            model=shipped_model().version,
        )  # fmt: skip


def test_each_line_is_answered_with_the_documented_fields(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, found = batch(monkeypatch, capsys, b'{"text": "write tests for the parser"}\n{"text": "bump django to 5"}\n')

    assert code == Exit.OK
    assert [each["task_type"] for each in found] == ["testing", "maintenance"]
    assert set(found[0]) == {
        "task_type", "confidence", "top", "secondary", "intent", "domains", "complexity", "risk",
    }  # fmt: skip
    assert len(found[0]["top"]) == 3


@pytest.mark.parametrize(
    "line",
    [b"nope", b"[1]", b'{"text": 3}', b'{"txt": "x"}', b"\xff\xfe", b"[" * 100_000, b'"' + b"x" * 300_000 + b'"'],
)
def test_a_bad_line_is_told_by_its_number_and_stops_nothing(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: bytes
) -> None:
    code, found = batch(monkeypatch, capsys, b'{"text": "deploy it"}\n' + line + b'\n{"text": ""}\n')

    assert code == Exit.USAGE
    assert [each.get("task_type") for each in found] == ["deployment", None, "research"]
    assert (found[1]["line"], found[1]["error"]["code"]) == (2, "batch_line_invalid")


def test_a_batch_takes_no_request_of_the_command_line(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["classify", "--batch", "fix it"]) == Exit.USAGE
    assert "--batch" in capsys.readouterr().err


def test_a_classification_is_shown_with_what_else_is_likely(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["classify", "refactor the parser and write tests for it"]) == Exit.OK

    told = capsys.readouterr().out
    assert "likely" in told
    assert "also       refactoring" in told


def test_a_stated_type_that_differs_is_kept_redacted(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    token = "ghp_" + "a1B2" * 9

    assert main(["classify", f"speed up the login with {token}", "--type", "refactoring"]) == Exit.OK

    (kept,) = read_corrections(home)
    assert (kept.predicted, kept.said, kept.differs) == (
        TaskType.PERFORMANCE_OPTIMIZATION, TaskType.REFACTORING, True,
    )  # fmt: skip
    assert token not in home.corrections.read_text("utf-8")
    assert home.corrections.stat().st_mode & 0o077 == 0


def test_a_home_that_cannot_be_written_stops_no_classification(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("OSTINATO_HOME", str(tmp_path / "file" / "home"))

    assert main(["classify", "speed up the login", "--type", "refactoring"]) == Exit.OK
    assert "could not be kept" in capsys.readouterr().err


def test_the_last_word_on_a_text_counts_and_broken_lines_do_not(home: Home) -> None:
    version = shipped_model().version
    keep_correction(home, "do it", predicted=TaskType.RESEARCH, said=TaskType.BUG_FIX, model=version)
    home.corrections.write_text(home.corrections.read_text() + "{broken\n")
    keep_correction(home, "do it", predicted=TaskType.RESEARCH, said=TaskType.TESTING, model=version)

    assert [each.said for each in read_corrections(home)] == [TaskType.TESTING]


def test_with_too_few_corrections_refit_says_how_many_there_are(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    corrected(home, 3)

    assert main(["refit"]) == Exit.USAGE
    assert "3 corrections are kept" in capsys.readouterr().err
    assert load_calibration(home) is None


def test_refit_moves_what_is_corrected_says_so_and_can_be_undone(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    corrected(home, 50)

    assert main(["refit"]) == Exit.OK
    assert main(["classify", "tidy up module 99"]) == Exit.OK
    assert "refitted from corrections" in capsys.readouterr().out
    assert main(["refit", "--reset"]) == Exit.OK
    assert load_calibration(home) is None


def test_a_broken_calibration_is_not_used(home: Home) -> None:
    home.calibration.parent.mkdir(parents=True)
    home.calibration.write_text('{"model": "x", "temperature": 0, "bias": [], "corrections": 1}')

    assert load_calibration(home) is None
