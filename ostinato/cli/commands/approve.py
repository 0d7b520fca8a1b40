"""`approve`: approve a run's plan."""

import argparse

from ostinato.cli.call import Call
from ostinato.cli.exits import Exit
from ostinato.cli.options import declare_note, declare_run

EXAMPLES = ("ostinato approve fix-the-lint-errors",)
VARIABLES = ("OSTINATO_HOME", "TEMPORAL_ADDRESS")


def declare(parser: argparse.ArgumentParser) -> None:
    declare_run(parser)
    declare_note(parser)


def execute(call: Call) -> Exit:
    from ostinato.cli.answering import send_update
    from ostinato.cli.follow import current_user
    from ostinato.contracts.workflows import APPROVE, Verdict

    return send_update(call, APPROVE, Verdict(by=current_user(), note=call.arguments.note))
