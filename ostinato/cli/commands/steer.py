"""`steer`: tell the agent that works on a step something."""

import argparse

from ostinato.cli.call import Call
from ostinato.cli.exits import Exit
from ostinato.cli.options import declare_run

EXAMPLES = (
    'ostinato steer implement-jwt-auth implement "Keep the old login route; only add the new one"',
    "ostinato steer implement-jwt-auth implement - < notes.txt",
)
VARIABLES = ("OSTINATO_HOME", "TEMPORAL_ADDRESS")


def declare(parser: argparse.ArgumentParser) -> None:
    declare_run(parser)
    parser.add_argument("step", metavar="STEP", help="a step that a coding agent does; see: steps")
    parser.add_argument("note", metavar="NOTE", help="what it should know; - reads stdin")


def execute(call: Call) -> Exit:
    import sys

    from ostinato.cli.answering import send_update
    from ostinato.cli.follow import current_user
    from ostinato.cli.options import as_utf8
    from ostinato.cli.redacting import redacted
    from ostinato.contracts.workflows import STEER
    from ostinato.domain.errors import UserError
    from ostinato.domain.staff import MAX_STEERING_CHARS, Steering

    arguments = call.arguments
    note = sys.stdin.read(MAX_STEERING_CHARS + 1) if arguments.note == "-" else as_utf8(arguments.note)
    note = redacted(note).strip()
    if not note or len(note) > MAX_STEERING_CHARS:
        raise UserError.of(
            "note_invalid",
            "NOTE",
            "the note is empty" if not note else f"the note has more than {MAX_STEERING_CHARS:,} characters",
            "Say in some sentences what the agent should know",
        )
    return send_update(call, STEER, Steering(step=arguments.step, note=note, by=current_user()))
