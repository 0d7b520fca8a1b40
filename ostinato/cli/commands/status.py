"""`status`: one run now."""

import argparse
from datetime import UTC, datetime

from ostinato.cli.call import Call
from ostinato.cli.exits import Exit
from ostinato.cli.options import declare_run

EXAMPLES = ("ostinato status fix-the-lint-errors",)
VARIABLES = ("OSTINATO_HOME", "TEMPORAL_ADDRESS")


def declare(parser: argparse.ArgumentParser) -> None:
    declare_run(parser)


def execute(call: Call) -> Exit:
    from ostinato.cli.connecting import read_run, ui_link
    from ostinato.cli.rendering import run_view
    from ostinato.cli.reporting import state_data

    snapshot, now = read_run(call), datetime.now(UTC)
    link = ui_link(call, snapshot.run_id)
    call.answer(state_data(snapshot, now, link), run_view(snapshot, now, ui_link=link))
    return Exit.OK
