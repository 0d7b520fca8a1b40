"""`why`: what a run waits for or failed on, and what to do."""

import argparse
from typing import TYPE_CHECKING

from ostinato.cli.call import Call
from ostinato.cli.exits import Exit
from ostinato.cli.options import declare_run

if TYPE_CHECKING:
    from temporalio.client import Client

    from ostinato.domain.explanation import Explanation
    from ostinato.domain.ids import RunId

EXAMPLES = ("ostinato why fix-the-lint-errors",)
VARIABLES = ("OSTINATO_HOME", "TEMPORAL_ADDRESS")


def declare(parser: argparse.ArgumentParser) -> None:
    declare_run(parser)


def execute(call: Call) -> Exit:
    from ostinato.cli.connecting import closed_run, with_run
    from ostinato.cli.rendering import explanation_view
    from ostinato.domain.explanation import why

    if kept := closed_run(call):
        name, found = kept.run_id, why(kept)
    else:
        name, found = with_run(call, lambda client, run_id: _ask(call, client, run_id))
    call.answer({"run_id": name, **found.model_dump(mode="json")}, explanation_view(name, found))
    return Exit.OK


async def _ask(call: Call, client: "Client", run_id: "RunId") -> "tuple[RunId, Explanation]":
    from ostinato.cli.runs import NO_WORKER, snapshot
    from ostinato.domain.errors import ExternalError
    from ostinato.domain.explanation import Explanation, no_worker, why

    try:
        return run_id, why(await snapshot(client, call.home, run_id))
    except ExternalError as error:
        found = no_worker() if error.code == NO_WORKER else Explanation(code=error.code, because=error.message)
        return run_id, found
