"""`validate`: check a workflow definition."""

import argparse

from ostinato.cli.call import Call
from ostinato.cli.exits import Exit

EXAMPLES = ("ostinato validate nightly-hardening.yaml",)
VARIABLES = ()


def declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a workflow definition, YAML or JSON")


def execute(call: Call) -> Exit:
    from ostinato.adapters.definitions import read_definition
    from ostinato.cli.connecting import here

    definition = read_definition(here(call.arguments.file))
    steps = [step.id for step in definition.steps]
    data = {"valid": True, "id": definition.id, "version": definition.version, "steps": steps}
    call.answer(data, f"✔ {definition.id} version {definition.version}: {len(steps)} steps, no problem found")
    return Exit.OK
