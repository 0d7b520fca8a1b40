"""What people read about the steps of a run: groups, large plans, waits, conflicts, changes."""

import io
from pathlib import Path

import pytest
from rich.console import Console, RenderableType

from ostinato.adapters.definitions import read_added
from ostinato.cli.commands.retry import _continuation
from ostinato.cli.commands.steps import declare
from ostinato.cli.parser import Parser
from ostinato.cli.rendering import changes, run_view
from ostinato.cli.steplist import change_lines, steps_data, steps_lines
from ostinato.cli.terminal import THEME
from ostinato.domain.errors import UserError
from ostinato.domain.execution import StepState
from ostinato.domain.ids import StepId
from ostinato.domain.pipeline import Outcome, Phase, Transition, Trigger
from ostinato.domain.plan import Implied
from ostinato.domain.project import ProjectFacts
from ostinato.domain.report import Changed, Conflict, Snapshot
from ostinato.domain.summary import markdown_report
from ostinato.domain.wire import report_json
from tests.unit.cli_runs import HEAD, START, a_plan, a_run, a_todo, an_ended_run

DONE, FAILED, PENDING, RUNNING = StepState.SUCCEEDED, StepState.FAILED, StepState.PENDING, StepState.RUNNING


def shown(*renderables: RenderableType) -> str:
    stream = io.StringIO()
    for renderable in renderables:
        Console(file=stream, theme=THEME, width=200).print(renderable)
    return stream.getvalue()


def a_group(parts: int, *, failed: int = 0) -> Snapshot:
    listed = [
        a_todo(f"Part {number}", FAILED if number < failed else DONE, group="all-parts", since=1)
        for number in range(parts)
    ]
    return a_run(todos=(a_todo("All parts", RUNNING, since=0), *listed, a_todo("Last", PENDING)))


def test_parts_stand_below_their_group() -> None:
    lines = shown(run_view(a_group(3), START)).splitlines()

    at = next(index for index, line in enumerate(lines) if "All parts" in line)
    assert "✔   Part 0" in lines[at + 1]
    assert "◻ Last" in lines[at + 4]


def test_a_group_of_a_thousand_parts_is_shown_by_its_counts_and_failures() -> None:
    text = shown(run_view(a_group(1_000, failed=2), START))

    assert "998 of 1,000 done, 2 failed" in text
    assert "✘   Part 1" in text
    assert "Part 500" not in text
    assert len(text.splitlines()) < 30


def test_of_a_large_plan_only_counts_and_what_matters_are_shown() -> None:
    todos = [a_todo(f"Step {number}", PENDING) for number in range(2_000)]
    todos[7], todos[8] = a_todo("Broken", FAILED, since=1), a_todo("Busy", RUNNING, since=1)

    text = shown(run_view(a_run(todos=tuple(todos)), START))

    assert "0 of 2,000 done" in text
    assert "✘ Broken" in text
    assert "▶ Busy" in text
    assert len(text.splitlines()) < 20


def test_following_a_large_plan_tells_failures_and_how_far_it_is() -> None:
    todos = tuple(a_todo(f"Step {number}", PENDING) for number in range(100))
    before = a_run(todos=todos)
    after = a_run(todos=(*(a_todo(f"Step {n}", DONE) for n in range(50)), a_todo("Bad", FAILED), *todos[51:]))

    told = changes(before, after)

    assert told == ["✘ Bad", f"{after.percent} %: 50 of 100 done, 49 pending, 1 failed"]


def test_a_list_of_steps_says_why_each_one_waits() -> None:
    implied = (Implied(step=StepId("map"), because="map writes src/**, it reads src/a.py"),)
    run = a_run(
        todos=(a_todo("Map", RUNNING), a_todo("Fix", PENDING, after="map"), a_todo("See", PENDING, implied=implied))
    )

    found = {step["id"]: step["waits_for"] for step in steps_data(run)["steps"]}

    assert found == {
        "map": None,
        "fix": "waits for map",
        "see": "waits for map (map writes src/**, it reads src/a.py)",
    }
    assert "0 of 3 done, 2 pending, 1 running" in shown(*steps_lines(run))


def test_conflicts_and_changes_of_the_plan_are_shown_and_counted() -> None:
    conflict = Conflict(step=StepId("fix"), execution=1, paths=("a.py",), resolution="redone")
    seen = Conflict(step=StepId("fix"), execution=1, paths=("b.py",), forecast=True)
    change = Changed(at=START, by="ada", kind="skip", step=StepId("map"))
    run = an_ended_run(conflicts=(conflict, seen), changes=(change,))

    text, report, page = shown(run_view(run, START)), report_json(run), markdown_report(run)

    assert "fix conflicted in a.py: redone" in text
    assert "fix may conflict in b.py: open" in text
    assert "1 changes of the plan" in text
    assert (report["metrics"]["conflicts"], report["metrics"]["conflicts_forecast"]) == (1, 1)
    assert report["changes"][0]["by"] == "ada"
    assert "ada: skip `map`" in page


def test_a_change_shows_who_when_and_what_differs() -> None:
    change = Changed(
        at=START, by="ada", kind="edit", step=StepId("fix"), before={"priority": 0}, after={"priority": 3}, note="urgent"
    )  # fmt: skip

    lines = shown(*change_lines(change)).splitlines()

    assert "ada  edit fix  urgent" in lines[0]
    assert [line.strip() for line in lines[1:]] == ["- priority: 0", "+ priority: 3"]


def test_steps_to_add_are_checked_with_the_plan_and_by_place(tmp_path: Path) -> None:
    file = tmp_path / "more.yaml"
    file.write_text("- {id: fix, run: 'true'}\n- {id: new, run: 'true', depends_on: [gone]}\n")

    with pytest.raises(UserError) as raised:
        read_added(file, a_plan())

    assert {(problem.code, problem.line) for problem in raised.value.problems} == {
        ("step_duplicate", 1), ("dependency_unknown", 2),
    }  # fmt: skip


@pytest.mark.parametrize("text", ["- {id: new, run: 'true', depends_on: [fix]}", "steps:\n  - {id: new, run: 'true'}"])
def test_steps_to_add_are_a_list_or_the_steps_of_a_definition(tmp_path: Path, text: str) -> None:
    (tmp_path / "more.yaml").write_text(text)

    steps = read_added(tmp_path / "more.yaml", a_plan())

    assert [step.id for step in steps] == ["new"]


def test_an_edit_takes_every_field_by_an_option() -> None:
    parser = Parser()
    declare(parser)

    given = parser.parse(["r", "edit", "fix", "--run", "make", "--after", "", "--priority", "-2", "--critical", "no"])

    assert (given.line, given.after, given.priority, given.critical) == ("make", "", -2, "no")


def a_broken_run(**changed: object) -> Snapshot:
    moved = Transition(source=Phase.ACTIVATING, trigger=Trigger.ACTIVATED, target=Phase.EXECUTING, at=START)
    todos = (a_todo("Map", DONE, since=1), a_todo("Fix", FAILED, since=2))
    run = an_ended_run(Outcome.FAILED, todos=todos, transitions=(moved,), project=ProjectFacts(commit=HEAD))
    return run.model_copy(update=changed)


def test_a_retry_names_what_runs_again() -> None:
    continuation = _continuation(a_broken_run(), [])

    assert continuation.retried == ("fix",)
    assert [(todo.state, todo.execution) for todo in continuation.snapshot.todos] == [(DONE, 1), (PENDING, 2)]


@pytest.mark.parametrize(
    ("changed", "named", "code"),
    [
        ({"transitions": ()}, [], "retry_too_early"),
        ({"plan": None}, [], "retry_too_early"),
        ({"outcome": Outcome.COMPLETED}, [], "nothing_to_retry"),
        ({}, ["gone"], "step_unknown"),
    ],
)
def test_a_run_that_cannot_go_on_says_why(changed: dict[str, object], named: list[str], code: str) -> None:
    with pytest.raises(UserError) as raised:
        _continuation(a_broken_run(**changed), named)

    assert raised.value.code == code
