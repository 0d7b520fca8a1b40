"""`cancel`: stop a run in good order."""

import argparse
from typing import TYPE_CHECKING

from ostinato.cli.call import Call
from ostinato.cli.exits import Exit
from ostinato.cli.options import declare_run

if TYPE_CHECKING:
    from temporalio.client import Client

    from ostinato.domain.ids import RunId
    from ostinato.domain.report import Snapshot

EXAMPLES = ("ostinato cancel fix-the-lint-errors",)
VARIABLES = ("OSTINATO_HOME", "TEMPORAL_ADDRESS")


def declare(parser: argparse.ArgumentParser) -> None:
    declare_run(parser)


def execute(call: Call) -> Exit:
    from ostinato.cli.connecting import with_run

    run_id, was_open, ended = with_run(call, lambda client, run_id: _cancel(call, client, run_id))
    state = (ended.outcome or "ending") if ended else "stopping"
    call.answer({"run_id": run_id, "state": state, "was_open": was_open}, _sentence(run_id, was_open, ended))
    return Exit.OK if ended else Exit.UNREACHABLE


def _sentence(run_id: str, was_open: bool, ended: "Snapshot | None") -> str:
    if ended is None:
        return f"{run_id}: asked to stop, but it has not yet. See: ostinato why {run_id}"
    if not was_open:
        return f"{run_id} had ended already: {ended.outcome}"
    kept = f"; what was committed is on {ended.publication.branch}" if ended.publication else ""
    return f"✔ {run_id} is {ended.outcome}: its processes are gone{kept}"


async def _cancel(call: Call, client: "Client", run_id: "RunId") -> "tuple[RunId, bool, Snapshot | None]":
    from ostinato.cli.runs import cancel_run, has_closed, snapshot

    if await has_closed(client, run_id):
        return run_id, False, await snapshot(client, call.home, run_id)
    call.terminal.say(f"stopping {run_id} and its processes …")
    return run_id, True, await cancel_run(client, call.home, run_id)
