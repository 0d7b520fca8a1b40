"""`steps`: the plan as it runs; list, add, skip, edit or retry steps, and see who changed what."""

import argparse
from typing import TYPE_CHECKING

from ostinato.cli.call import Call
from ostinato.cli.exits import Exit
from ostinato.cli.options import declare_note, declare_run

if TYPE_CHECKING:
    from ostinato.domain.report import Snapshot
    from ostinato.domain.surgery import PlanChange, StepEdit

EXAMPLES = (
    "ostinato steps fix-the-lint-errors",
    "ostinato steps fix-the-lint-errors add more.yaml",
    "ostinato steps fix-the-lint-errors skip generate-tests --note 'they exist'",
    "ostinato steps fix-the-lint-errors edit check --run 'make check' --after build,lint --timeout 10m",
    "ostinato steps fix-the-lint-errors --diff",
)
VARIABLES = ("OSTINATO_HOME", "TEMPORAL_ADDRESS")
EDITS = ("name", "prompt", "line", "after", "priority", "timeout", "critical", "attempts")


def declare(parser: argparse.ArgumentParser) -> None:
    declare_run(parser)
    parser.add_argument(
        "action", metavar="ACTION", nargs="?", choices=("add", "skip", "edit", "retry"), help="add, skip, edit or retry"
    )
    parser.add_argument(
        "what", metavar="STEP|FILE", nargs="?", help="the step; for add a YAML or JSON list of steps, - reads stdin"
    )
    parser.add_argument("--diff", action="store_true", help="what was changed in the plan, by whom and when")
    parser.add_argument("--name", metavar="TEXT", help="edit: another name")
    parser.add_argument("--prompt", metavar="TEXT", help="edit: an agent's prompt, or the question of an ask step")
    parser.add_argument("--run", dest="line", metavar="LINE", help="edit: the shell line of a command step")
    parser.add_argument("--after", metavar="A,B", help="edit: the steps that it waits for; '' for none")
    parser.add_argument("--priority", metavar="N", type=int, help="edit: higher starts first among those that may")
    parser.add_argument("--timeout", metavar="SPAN", help="edit: such as 90s, 10m or 2h")
    parser.add_argument("--critical", choices=("yes", "no"), help="edit: whether its failure ends the run: yes or no")
    parser.add_argument("--attempts", metavar="N", type=int, help="edit: executions until it counts as failed, 1 to 10")
    declare_note(parser)


def execute(call: Call) -> Exit:
    given = call.arguments
    _check(call)
    if given.action is None:
        return _diff(call) if given.diff else _list(call)
    from ostinato.cli.answering import send_update
    from ostinato.contracts.workflows import CHANGE_PLAN

    return send_update(call, CHANGE_PLAN, _change(call))


def _check(call: Call) -> None:
    from ostinato.domain.errors import UserError

    given = call.arguments
    cure = "See: ostinato steps --help"
    if given.action is not None and given.what is None:
        wanted = "a FILE with the steps" if given.action == "add" else "the STEP"
        raise UserError.of("usage", "STEP|FILE", f"{given.action} needs {wanted}", cure)
    if given.action is not None and given.diff:
        raise UserError.of("usage", "--diff", "it shows changes and makes none", cure)
    if given.action != "edit" and (wrong := [name for name in EDITS if getattr(given, name) is not None]):
        option = "--run" if wrong[0] == "line" else f"--{wrong[0]}"
        raise UserError.of("usage", option, "it belongs to edit", cure)


def _list(call: Call) -> Exit:
    from ostinato.cli.connecting import read_run
    from ostinato.cli.steplist import steps_data, steps_lines

    snapshot = read_run(call)
    call.answer(steps_data(snapshot), *steps_lines(snapshot))
    return Exit.OK


def _diff(call: Call) -> Exit:
    from rich.text import Text

    from ostinato.cli.connecting import read_run
    from ostinato.cli.steplist import change_lines

    snapshot = read_run(call)
    data = [change.model_dump(mode="json") for change in snapshot.changes]
    lines = [line for change in snapshot.changes for line in change_lines(change)]
    shown = lines or [Text("the plan is as it was drafted", style="quiet")]
    call.answer({"run_id": snapshot.run_id, "changes": data}, *shown)
    return Exit.OK


def _change(call: Call) -> "PlanChange":
    from ostinato.cli.follow import current_user
    from ostinato.domain.surgery import PlanChange

    given = call.arguments
    change = PlanChange(kind=given.action, by=current_user(), note=given.note)
    if given.action == "add":
        from ostinato.cli.connecting import read_run

        snapshot = read_run(call)
        return change.model_copy(update={"steps": _added(given.what, snapshot)})
    change = change.model_copy(update={"step": given.what})
    return change.model_copy(update={"edit": _edit(call)}) if given.action == "edit" else change


def _added(file: str, snapshot: "Snapshot") -> object:
    """Compiled and checked with the run's plan; raises UserError with every problem and its place."""
    from pathlib import Path

    from ostinato.adapters.definitions import read_added
    from ostinato.domain.errors import UserError

    if snapshot.plan is None:
        cure = f"Try again in a moment: ostinato status {snapshot.run_id}"
        raise UserError.of("plan_missing", "RUN", f"run {snapshot.run_id} has no plan yet", cure)
    steps = read_added(Path("/dev/stdin" if file == "-" else file), snapshot.plan)
    own = next((step.id for step in steps if step.action.kind == "command"), None)
    if own is not None and not snapshot.request.options.trusted:
        cure = "Only a run that was started with --trust may be given commands"
        raise UserError.of("not_trusted", own, "the run may not run commands of the repository", cure)
    return steps


def _edit(call: Call) -> "StepEdit":
    from pydantic import ValidationError

    from ostinato.cli.asking import parse_span
    from ostinato.domain.errors import Problem, UserError
    from ostinato.domain.surgery import StepEdit

    given = call.arguments
    timeout_s = parse_span(given.timeout) if given.timeout is not None else None
    if given.timeout is not None and timeout_s is None:
        raise UserError.of("duration_invalid", "--timeout", f"{given.timeout!r} is no span", "Write 90s, 10m or 2h")
    named = {
        "name": given.name,
        "prompt": given.prompt,
        "run": given.line,
        "depends_on": tuple(filter(None, map(str.strip, given.after.split(",")))) if given.after is not None else None,
        "priority": given.priority,
        "timeout_s": timeout_s,
        "critical": None if given.critical is None else given.critical == "yes",
        "max_attempts": given.attempts,
    }
    try:
        return StepEdit.model_validate(named)
    except ValidationError as error:
        raise UserError(
            [
                Problem(code="edit_invalid", field=OPTIONS[str(item["loc"][0])], message=item["msg"], cure="Correct it")
                for item in error.errors()
            ]
        ) from error


OPTIONS = {
    "name": "--name",
    "prompt": "--prompt",
    "run": "--run",
    "depends_on": "--after",
    "priority": "--priority",
    "timeout_s": "--timeout",
    "critical": "--critical",
    "max_attempts": "--attempts",
}
