"""`templates`: definitions by name: list them, show one, save a finished run as one."""

import argparse
from typing import TYPE_CHECKING, Any

from ostinato.cli.call import Call
from ostinato.cli.exits import Exit
from ostinato.cli.options import declare_repository

if TYPE_CHECKING:
    from rich.text import Text

    from ostinato.adapters.templates import Found

EXAMPLES = (
    "ostinato templates list --repo ~/projects/shop",
    "ostinato templates show security_audit",
    "ostinato templates save fix-the-lint-errors nightly-lint --param package=src",
)
VARIABLES = ("OSTINATO_HOME", "TEMPORAL_ADDRESS")


def declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("list", "show", "save"), metavar="list|show|save", help="what to do")
    parser.add_argument("names", metavar="NAME", nargs="*", help="show: a template; save: a run, and the new name")
    declare_repository(parser)
    parser.add_argument(
        "--param", metavar="K=V", action="append", default=[],
        help="save: an input of the template; where the value stands in a step, the input stands there instead",
    )  # fmt: skip
    parser.add_argument(
        "--to", choices=("repository", "user"), default="repository",
        help="save: .ostinato/templates of the repository, or the user's own folder",
    )  # fmt: skip
    parser.add_argument("--replace", action="store_true", help="save: over a template of the same name")


def execute(call: Call) -> Exit:
    from ostinato.domain.errors import UserError

    wanted = {"list": 0, "show": 1, "save": 2}[call.arguments.action]
    if len(call.arguments.names) != wanted:
        forms = {0: "templates list", 1: "templates show NAME", 2: "templates save RUN NAME"}
        raise UserError.of("usage", "NAME", f"{call.arguments.action} takes {wanted} names", f"Write: {forms[wanted]}")
    {"list": _list, "show": _show, "save": _save}[call.arguments.action](call)
    return Exit.OK


def _list(call: Call) -> None:
    from ostinato.adapters.templates import list_templates
    from ostinato.cli.connecting import here
    from ostinato.cli.defining import places_of

    found = list_templates(places_of(here(call.arguments.repo)))
    data = [_data(one) for one in found]
    call.answer(data, *(_line(each) for each in data))


def _data(found: "Found") -> dict[str, Any]:
    loaded = found.load()
    definition = loaded.definition
    inputs = definition.inputs if definition else {}
    return {
        "name": found.name,
        "owner": found.owner,
        "path": str(found.path),
        "hides": list(found.hides),
        "valid": not loaded.problems,
        "problems": [problem.model_dump(mode="json", exclude_none=True) for problem in loaded.problems],
        "sha256": loaded.sha256,
        "description": definition.description if definition else "",
        "inputs": {name: spec.model_dump(mode="json") for name, spec in inputs.items()},
        "steps": [step.id for step in definition.steps] if definition else [],
        "triggers": len(definition.triggers) if definition else 0,
    }


def _line(data: dict[str, Any]) -> "Text":
    from rich.text import Text

    from ostinato.cli.printable import printable

    needed = [name for name, spec in data["inputs"].items() if spec["default"] is None]
    owner = data["owner"] + (f", hides {' and '.join(data['hides'])}" if data["hides"] else "")
    about = (
        data["description"]
        if data["valid"]
        else f"{len(data['problems'])} problems; see: templates show {data['name']}"
    )
    needs = f"  needs {', '.join(needed)}" if needed else ""
    return Text.assemble(
        (f"{data['name']:<30}", "title"), (f" {owner:<11} ", "quiet"),
        (printable(about), "" if data["valid"] else "bad"), (printable(needs), "careful"),
    )  # fmt: skip


def _show(call: Call) -> None:
    """The template as it is written; UserError with every problem of one that is broken."""
    from ostinato.adapters.templates import find_template
    from ostinato.cli.connecting import here
    from ostinato.cli.defining import places_of
    from ostinato.domain.errors import UserError

    found = find_template(call.arguments.names[0], places_of(here(call.arguments.repo)))
    if problems := found.load().problems:
        raise UserError(problems)
    text = found.path.read_text(encoding="utf-8")
    call.terminal.say(f"{found.owner}: {found.path}")
    if call.wants_json:
        call.emit({**_data(found), "text": text})
    else:
        call.terminal.write(text)


def _save(call: Call) -> None:
    from ostinato.adapters.templates import IN_REPOSITORY, save_template
    from ostinato.cli.connecting import here, read_run
    from ostinato.cli.defining import Problems, places_of, read_parameters
    from ostinato.cli.redacting import redacted
    from ostinato.domain.definition import added_names, as_template
    from ostinato.domain.errors import UserError

    problems = Problems()
    run, name = call.arguments.names
    values = read_parameters(call.arguments.param, problems)
    problems.settle()
    call.arguments.run = run
    seen = read_run(call)
    if seen.plan is None or seen.outcome is None:
        said = f"run {seen.run_id} has not ended" if seen.outcome is None else f"run {seen.run_id} ended without a plan"
        raise UserError.of("template_unfinished", "RUN", said, f"See: ostinato status {seen.run_id}")
    places = places_of(here(call.arguments.repo))
    if call.arguments.to == "repository" and places.repository is None:
        said = f"{call.arguments.repo} is no git repository"
        raise UserError.of("repository_missing", "--repo", said, "Name one with --repo, or save with --to user")
    folder = places.user / "templates"
    if call.arguments.to == "repository" and places.repository is not None:
        folder = places.repository / IN_REPOSITORY
    data = as_template(seen.plan, name, values)
    about = f"Saved from run {seen.run_id}. Run it: ostinato run --template {name} --repo PATH"
    path = save_template(folder, data, about=about, replace=call.arguments.replace, redact=redacted)
    for step in added_names(seen.plan):
        call.terminal.say(f"note: step {step} was added while the run was going on, and is no part of the template")
    inputs = data.get("inputs", {})
    call.answer(
        {"name": name, "path": str(path), "inputs": inputs},
        f"✔ {path}  inputs: {', '.join(inputs) or 'none'}",
    )
