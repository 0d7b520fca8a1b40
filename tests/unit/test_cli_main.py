import json
import subprocess
import sys
from pathlib import Path

import pytest

import ostinato.cli
from ostinato.cli import main
from ostinato.cli.catalogue import ENTRIES, suggestion
from ostinato.cli.exits import MEANING, Exit, of_error, of_outcome
from ostinato.cli.options import TASK_TYPES
from ostinato.cli.parser import build_parser
from ostinato.domain.classification import TaskType
from ostinato.domain.errors import ExternalError, InvariantError, UserError
from ostinato.domain.pipeline import Outcome

HEAVY = ("temporalio", "rich", "pydantic", "ostinato.domain", "ostinato.adapters")


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OSTINATO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path


@pytest.mark.parametrize("name", sorted(ENTRIES))
def test_every_command_shows_an_example_in_its_help(name: str) -> None:
    text = build_parser(name, ostinato.cli._module(name)).format_help()

    assert f"  ostinato {name}" in text or f" ostinato {name}" in text.partition("example")[2]
    assert "--json" in text


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["why", "--help"]])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    program = (
        "import sys\nfrom ostinato.cli import main\n"
        f"try:\n    main({words!r})\nexcept SystemExit:\n    pass\n"
        f"heavy = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")


def test_an_unknown_command_suggests_the_near_one(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["statsu"])

    assert code == Exit.USAGE
    assert "Did you mean: ostinato status?" in capsys.readouterr().err


def test_an_unknown_option_suggests_the_near_one(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["run", "tidy up", "--tust"])

    assert code == Exit.USAGE
    assert "Did you mean --trust?" in capsys.readouterr().err


def test_nothing_is_suggested_where_nothing_is_near() -> None:
    assert suggestion("xyzzy", tuple(ENTRIES)) == ""


def test_an_error_in_json_is_one_envelope_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["run", "tidy up", "--deadlin", "2h", "--json"])

    envelope = json.loads(capsys.readouterr().out)
    assert code == Exit.USAGE
    assert (envelope["schema"], envelope["command"]) == ("ostinato/1", "run")
    assert envelope["data"]["error"]["code"] == "usage"
    assert len(envelope["data"]["error"]["problems"]) == 2


def test_the_list_is_read_from_stored_results_without_a_server(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TEMPORAL_ADDRESS", raising=False)

    code = main(["list", "--json"])

    assert code == Exit.OK
    assert json.loads(capsys.readouterr().out)["data"] == []


def test_no_server_is_exit_five_with_the_way_to_start_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TEMPORAL_ADDRESS", raising=False)

    code = main(["status", "some-run"])

    assert code == Exit.UNREACHABLE
    assert "ostinato up" in capsys.readouterr().err


def test_a_bug_leaves_a_report_and_no_traceback(
    own_home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(name: str) -> None:
        raise ZeroDivisionError(name)

    monkeypatch.setattr(ostinato.cli, "_module", explode)

    code = main(["list"])

    shown = capsys.readouterr().err
    (report,) = (own_home / "home" / "crashes").iterdir()
    assert code == Exit.BUG
    assert str(report) in shown
    assert "Traceback" not in shown
    assert "Traceback" in report.read_text()


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (Outcome.COMPLETED, 0), (Outcome.FAILED, 1), (Outcome.ROLLED_BACK, 1), (Outcome.CANCELLED, 7),
        (Outcome.DEGRADED, 8), (None, 4),
    ],
)  # fmt: skip
def test_an_outcome_decides_the_exit_code(outcome: Outcome | None, code: int) -> None:
    assert of_outcome(outcome) == code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UserError.of("bad", "field", "message", "cure"), 2),
        (InvariantError("ours"), 3),
        (ValueError("ours too"), 3),
        (ExternalError("gone", code="temporal_unreachable"), 5),
        (ExternalError("git failed", code="git_failed"), 1),
    ],
)
def test_an_error_decides_the_exit_code(error: Exception, code: int) -> None:
    assert of_error(error) == code


def test_every_exit_code_is_explained() -> None:
    assert set(MEANING) == set(Exit)


def test_the_task_types_of_the_options_are_those_of_the_domain() -> None:
    assert tuple(TaskType) == TASK_TYPES
