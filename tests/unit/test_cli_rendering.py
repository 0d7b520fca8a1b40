import io
import json
from datetime import timedelta
from pathlib import Path

import pytest
from rich.console import Console, RenderableType

from ostinato.cli.asking import parse_when
from ostinato.cli.commands.logs import choose_evidence
from ostinato.cli.commands.merge import merge_message
from ostinato.cli.configuring import config_text
from ostinato.cli.follow import waits_for_person
from ostinato.cli.printable import printable
from ostinato.cli.rendering import changes, run_view
from ostinato.cli.runs import pick_run
from ostinato.cli.steprows import span
from ostinato.cli.terminal import THEME
from ostinato.cli.wire import envelope
from ostinato.domain.errors import UserError
from ostinato.domain.execution import StepState
from ostinato.domain.gates import Status
from ostinato.domain.ids import RunId
from ostinato.domain.project import ProjectFacts, ToolChoice
from ostinato.settings import load_repository_settings
from tests.unit.cli_runs import HEAD, RUN, START, a_failed_step, a_gate, a_run, a_todo, a_waiting_run, an_ended_run


def shown(renderable: RenderableType) -> str:
    stream = io.StringIO()
    Console(file=stream, theme=THEME, width=160).print(renderable)
    return stream.getvalue()


def test_a_running_run_shows_active_forms_percent_and_expected_time() -> None:
    text = shown(run_view(a_run(), START + timedelta(seconds=14)))

    assert "executing" in text
    assert "14 s of about 15 s" in text
    assert "▶ Fixing lint findings" in text
    assert "◻ Format the code" in text
    assert "\x1b" not in text


def test_a_question_is_shown_with_the_commands_that_answer_it() -> None:
    text = shown(run_view(a_waiting_run(), START))

    assert "Waiting for you: Execute this plan?" in text
    assert f"ostinato decide {RUN} approve-plan reject" in text


def test_an_ended_run_shows_its_branch_and_no_bar() -> None:
    text = shown(run_view(an_ended_run(), START))

    assert f"ostinato/{RUN}" in text
    assert "completed  21 s" in text
    assert "━" not in text


def test_terminal_escapes_in_a_note_are_not_passed_on() -> None:
    run = a_run(todos=(a_todo("Fix lint", StepState.RUNNING, note="\x1b]0;evil\x07red \x1b[31mtext\x1b[0m"),))

    text = shown(run_view(run, START))

    assert "red text" in text
    assert "evil" not in text


def test_any_language_is_printable() -> None:
    assert printable("修正 ошибки\tnaïve\x00") == "修正 ошибки\tnaïve"


def test_only_what_happened_between_two_looks_is_told() -> None:
    before = a_run()
    after = a_run(todos=(*before.todos[:1], a_todo("Fix lint", StepState.SUCCEEDED, note="7 fixed"), before.todos[2]))

    assert changes(before, after) == ["✔ Fix lint: 7 fixed"]
    assert changes(after, after) == []


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0 s"), (9.9, "9.9 s"), (59, "59 s"), (125, "2:05 min"), (3720, "1:02 h")]
)
def test_a_span_reads_naturally(seconds: float, text: str) -> None:
    assert span(seconds) == text


def test_an_envelope_is_one_line() -> None:
    line = envelope("list", {"text": "two\nlines"})

    assert "\n" not in line
    assert json.loads(line) == {"schema": "ostinato/1", "command": "list", "data": {"text": "two\nlines"}}


def test_a_unique_prefix_names_a_run() -> None:
    assert pick_run("fix", [RunId("fix-1"), RunId("add-2")]) == "fix-1"
    assert pick_run("fix-1", [RunId("fix-1"), RunId("fix-12")]) == "fix-1"


@pytest.mark.parametrize(("text", "code"), [("fix", "run_ambiguous"), ("drop", "run_unknown")])
def test_a_prefix_that_names_no_single_run_is_refused(text: str, code: str) -> None:
    with pytest.raises(UserError) as raised:
        pick_run(text, [RunId("fix-1"), RunId("fix-2")])

    assert raised.value.code == code


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("30m", 1800), ("2h", 7200), ("1d", 86_400)])
def test_a_deadline_is_a_span_from_now(text: str, seconds: int) -> None:
    assert parse_when(text, START) == START + timedelta(seconds=seconds)


def test_a_deadline_can_be_a_point_in_time_and_nonsense_is_none() -> None:
    assert parse_when("2026-01-05T10:00Z", START) == START + timedelta(hours=1)
    assert parse_when("soon", START) is None


def test_the_evidence_of_a_gate_is_chosen_by_name() -> None:
    chosen = choose_evidence(an_ended_run(), "tests")

    assert [(item.name, item.kind) for item in chosen] == [("tests", "post gate")]


def test_an_unknown_step_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(UserError, match="fix-lint"):
        choose_evidence(a_failed_step(an_ended_run()), "fixx")


def test_a_proven_run_is_merged_into_the_branch_it_came_from() -> None:
    message = merge_message(an_ended_run(), into=None, force=False)

    assert (message.head, message.base_branch) == (HEAD, "main")


def test_a_run_whose_gate_failed_is_merged_only_by_force() -> None:
    run = an_ended_run(gates=(a_gate("tests", Status.FAIL),))

    with pytest.raises(UserError) as raised:
        merge_message(run, into=None, force=False)

    assert raised.value.code == "not_proven"
    assert merge_message(run, into="develop", force=True).base_branch == "develop"


def test_the_written_configuration_is_valid_and_says_nothing_by_itself(tmp_path: Path) -> None:
    tests = ToolChoice(tool="pytest", argv=("pytest", "-q"), source="pyproject.toml", own=True)
    text = config_text(ProjectFacts(commit=HEAD, tests=tests))
    (tmp_path / ".ostinato").mkdir()
    (tmp_path / ".ostinato" / "config.toml").write_text(text)

    settings = load_repository_settings(tmp_path)

    assert '# test = ["pytest", "-q"]' in text
    assert (settings.commands, settings.post_gates) == ({}, None)


@pytest.mark.parametrize(("part", "waits"), [(StepState.WAITING, True), (StepState.RUNNING, False)])
def test_a_group_waits_for_a_person_as_soon_as_all_its_parts_do(part: StepState, waits: bool) -> None:
    group = a_todo("Review", StepState.RUNNING)
    parts = (a_todo("Review (speed)", StepState.WAITING, group="review"), a_todo("Other", part, group="review"))

    assert waits_for_person(a_waiting_run().model_copy(update={"todos": (group, *parts)})) is waits
