"""`decide`: answer a question."""

import argparse

from ostinato.cli.call import Call
from ostinato.cli.exits import Exit
from ostinato.cli.options import declare_note, declare_run

EXAMPLES = (
    "ostinato decide fix-the-lint-errors approve-plan approve",
    'ostinato decide add-a-login handoff-implement done --note "used the existing session store"',
)
VARIABLES = ("OSTINATO_HOME", "TEMPORAL_ADDRESS")


def declare(parser: argparse.ArgumentParser) -> None:
    declare_run(parser)
    parser.add_argument("decision", metavar="DECISION", help="the question's id, as `ostinato decisions` shows it")
    parser.add_argument("option", metavar="OPTION", help="one of its options")
    declare_note(parser)


def execute(call: Call) -> Exit:
    from ostinato.cli.answering import send_update
    from ostinato.cli.follow import current_user
    from ostinato.contracts.workflows import DECIDE
    from ostinato.domain.decisions import Answer

    given = call.arguments
    answer = Answer(decision=given.decision, option=given.option, note=given.note, by=current_user())
    return send_update(call, DECIDE, answer)
