"""`schema`: print the JSON Schema of workflow definitions."""

import argparse

from ostinato.cli.call import Call
from ostinato.cli.exits import Exit

EXAMPLES = ("ostinato schema > .ostinato/ostinato.schema.json",)
VARIABLES = ()


def declare(parser: argparse.ArgumentParser) -> None:
    """It takes nothing."""


def execute(call: Call) -> Exit:
    from ostinato.cli.definition_schema import definition_schema, schema_text

    if call.wants_json:
        call.emit(definition_schema())
    else:
        call.terminal.write(schema_text())
    return Exit.OK
