"""`start`: start a run and return its id at once."""

import argparse
from typing import TYPE_CHECKING

from ostinato.cli.call import Call
from ostinato.cli.exits import Exit
from ostinato.cli.options import RUN_VARIABLES, declare_work

if TYPE_CHECKING:
    from temporalio.client import Client

    from ostinato.cli.runs import Started

EXAMPLES = ('ostinato start "write tests for the parser" --repo ~/projects/shop --id parser-tests',)
VARIABLES = RUN_VARIABLES


def declare(parser: argparse.ArgumentParser) -> None:
    declare_work(parser)


def execute(call: Call) -> Exit:
    from ostinato.cli.connecting import ensure_stack, ui_link, with_client
    from ostinato.cli.launching import launch, prepare_request

    request = prepare_request(call)
    ensure_stack(call)

    async def session(client: "Client") -> "Started":
        return await launch(call, client, request)

    started = with_client(call, session)
    data = {
        "run_id": started.run_id,
        "workflow_id": started.workflow_id,
        "existing": started.existing,
        "web_ui": ui_link(call, started.run_id),
    }
    call.answer(data, started.run_id)
    return Exit.OK
