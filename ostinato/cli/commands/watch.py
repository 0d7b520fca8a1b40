"""`watch`: follow a run live."""

import argparse
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ostinato.cli.call import Call
from ostinato.cli.exits import Exit, of_run
from ostinato.cli.options import declare_run

if TYPE_CHECKING:
    from temporalio.client import Client

    from ostinato.domain.ids import RunId
    from ostinato.domain.report import Snapshot

EXAMPLES = ("ostinato watch fix-the-lint-errors", "ostinato watch fix-the-lint-errors --json | jq .data.percent")
VARIABLES = ("OSTINATO_HOME", "TEMPORAL_ADDRESS")


def declare(parser: argparse.ArgumentParser) -> None:
    declare_run(parser)


def execute(call: Call) -> Exit:
    from ostinato.cli.connecting import closed_run, with_run
    from ostinato.cli.reporting import answer_report, state_data
    from ostinato.cli.watching import attended, finish, watcher

    def stream(seen: "Snapshot") -> None:
        call.emit(state_data(seen, datetime.now(UTC)))

    async def session(client: "Client", run_id: "RunId") -> "Snapshot":
        return await watcher(call, client, run_id, stream if call.wants_json else None).follow()

    if kept := closed_run(call):
        stream(kept) if call.wants_json else answer_report(call, kept)
        return of_run(kept.outcome, kept.stop)
    with attended(call, call.arguments.run):
        ended = with_run(call, session)
    stream(ended) if call.wants_json else finish(call, ended)
    return of_run(ended.outcome, ended.stop)
