"""`decisions`: questions that wait for an answer."""

import argparse
from typing import TYPE_CHECKING

from ostinato.cli.call import Call
from ostinato.cli.exits import Exit

if TYPE_CHECKING:
    from temporalio.client import Client

    from ostinato.domain.report import Snapshot

EXAMPLES = ("ostinato decisions", "ostinato decisions fix-the-lint-errors --json")
VARIABLES = ("OSTINATO_HOME", "TEMPORAL_ADDRESS")


def declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", nargs="?", help="one run's questions (default: those of all runs)")


def execute(call: Call) -> Exit:
    from ostinato.cli.connecting import read_run, with_client
    from ostinato.cli.rendering import question, spaced
    from ostinato.cli.reporting import decision_data

    found = [read_run(call)] if call.arguments.run else with_client(call, lambda client: _all(call, client))
    waiting = [seen for seen in found if seen.outcome is None]
    data = [decision_data(seen, index) for seen in waiting for index in range(len(seen.pending_decisions))]
    blocks = [question(seen, decision) for seen in waiting for decision in seen.pending_decisions]
    call.answer(data, spaced(blocks) if blocks else "nothing waits for an answer")
    return Exit.OK


async def _all(call: Call, client: "Client") -> "list[Snapshot]":
    from ostinato.cli.runs import glance, open_runs
    from ostinato.domain.errors import OstinatoError

    found = []
    for run_id in await open_runs(client):
        try:
            found.append(await glance(client, run_id))
        except OstinatoError as error:
            call.terminal.say(f"{run_id}: {error.message}")
    return found
