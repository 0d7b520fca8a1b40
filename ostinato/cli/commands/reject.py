"""`reject`: reject a run's plan, which ends the run."""

import argparse

from ostinato.cli.call import Call
from ostinato.cli.exits import Exit
from ostinato.cli.options import declare_note, declare_run

EXAMPLES = ('ostinato reject drop-the-old-tables --note "not before the release"',)
VARIABLES = ("OSTINATO_HOME", "TEMPORAL_ADDRESS")


def declare(parser: argparse.ArgumentParser) -> None:
    declare_run(parser)
    declare_note(parser)


def execute(call: Call) -> Exit:
    from ostinato.cli.answering import send_update
    from ostinato.cli.follow import current_user
    from ostinato.contracts.workflows import REJECT, Verdict

    return send_update(call, REJECT, Verdict(by=current_user(), note=call.arguments.note))
