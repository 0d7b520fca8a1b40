"""`run`: start a run and follow it to its end."""

import argparse

from ostinato.cli.call import Call
from ostinato.cli.exits import Exit, of_run
from ostinato.cli.options import RUN_VARIABLES, declare_work

EXAMPLES = (
    'ostinato run "fix the lint errors and format the code" --repo ~/projects/shop',
    'ostinato run "audit the security" --yes --no-input --json > report.json',
)
VARIABLES = RUN_VARIABLES


def declare(parser: argparse.ArgumentParser) -> None:
    declare_work(parser)


def execute(call: Call) -> Exit:
    from typing import TYPE_CHECKING

    from ostinato.cli.connecting import ensure_stack, with_client
    from ostinato.cli.launching import launch, prepare_request
    from ostinato.cli.watching import attended, finish, watcher

    if TYPE_CHECKING:
        from temporalio.client import Client

        from ostinato.domain.report import Snapshot

    request = prepare_request(call)
    ensure_stack(call)

    async def session(client: "Client") -> "Snapshot":
        started = await launch(call, client, request)
        return await watcher(call, client, started.run_id).follow()

    with attended(call, request.run_id):
        ended = with_client(call, session)
    finish(call, ended)
    return of_run(ended.outcome, ended.stop)
