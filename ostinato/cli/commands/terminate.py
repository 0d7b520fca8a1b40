"""`terminate`: end a run at once, without its clean-up."""

import argparse
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ostinato.cli.call import Call
from ostinato.cli.exits import Exit
from ostinato.cli.options import declare_run

if TYPE_CHECKING:
    from temporalio.client import Client

    from ostinato.domain.ids import RunId

EXAMPLES = ('ostinato terminate fix-the-lint-errors --yes --reason "its worker is gone for good"',)
VARIABLES = ("OSTINATO_HOME", "TEMPORAL_ADDRESS")
WARNING = "terminate skips the clean-up: worktrees stay and no report is made. `ostinato cancel` stops in good order."


def declare(parser: argparse.ArgumentParser) -> None:
    declare_run(parser)
    parser.add_argument("--reason", default="terminated by a person", metavar="TEXT", help="kept in the run's history")
    parser.add_argument("--yes", action="store_true", help="do not ask")


def execute(call: Call) -> Exit:
    from ostinato.cli.connecting import with_run
    from ostinato.settings import ensure_home

    call.terminal.say(WARNING)
    if call.may_ask and not call.arguments.yes and not call.terminal.confirm(f"End {call.arguments.run} now?"):
        call.terminal.say("nothing was done")
        return Exit.OK
    ensure_home(call.home)
    run_id, is_stored = with_run(call, lambda client, run_id: _terminate(call, client, run_id))
    kept = "its last state is stored" if is_stored else "nobody could tell its last state, so none is stored"
    call.answer({"run_id": run_id, "state": "terminated", "stored": is_stored}, f"✔ {run_id} is terminated; {kept}")
    return Exit.OK


async def _terminate(call: Call, client: "Client", run_id: "RunId") -> "tuple[RunId, bool]":
    from ostinato.cli.redacting import redacted
    from ostinato.cli.runs import has_closed, terminate_run
    from ostinato.domain.errors import UserError

    if await has_closed(client, run_id):
        raise UserError.of("run_ended", "RUN", f"run {run_id} has ended", f"See: ostinato report {run_id}")
    reason = redacted(call.arguments.reason)
    ended = await terminate_run(client, call.home, run_id, reason, datetime.now(UTC))
    return run_id, ended is not None
