"""`validate`: check a workflow definition."""

import argparse

from ostinato.cli.call import Call
from ostinato.cli.exits import Exit

EXAMPLES = ("ostinato validate nightly-hardening.yaml", "ostinato validate .ostinato/templates/*.yaml --json")
VARIABLES = ()


def declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", nargs="+", help="workflow definitions, YAML or JSON")


def execute(call: Call) -> Exit:
    """Every problem of every file at once, each with its file, line, column, code and cure."""
    from ostinato.adapters.definitions import load_file
    from ostinato.cli.connecting import here
    from ostinato.domain.errors import UserError

    loaded = [load_file(here(name)) for name in call.arguments.file]
    if problems := [problem for one in loaded for problem in one.problems]:
        raise UserError(problems)
    good = [(one.definition, one.sha256) for one in loaded if one.definition is not None]
    data = [
        {
            "valid": True,
            "id": definition.id,
            "version": definition.version,
            "sha256": sha256,
            "steps": [step.id for step in definition.steps],
            "inputs": {name: spec.model_dump(mode="json") for name, spec in definition.inputs.items()},
            "triggers": [trigger.model_dump(mode="json") for trigger in definition.triggers],
        }
        for definition, sha256 in good
    ]
    lines = [f"✔ {one.id} version {one.version}: {len(one.steps)} steps, no problem found" for one, _ in good]
    call.answer(data[0] if len(data) == 1 else data, *lines)
    return Exit.OK
