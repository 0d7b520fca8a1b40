"""`list`: all runs, newest first."""

import argparse
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ostinato.cli.call import Call
from ostinato.cli.exits import Exit

if TYPE_CHECKING:
    from rich.text import Text

    from ostinato.cli.runs import RunLine

EXAMPLES = ("ostinato list", "ostinato list --open --json")
VARIABLES = ("OSTINATO_HOME", "TEMPORAL_ADDRESS")


def declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--open", action="store_true", help="only runs that have not ended")
    parser.add_argument("--limit", type=int, default=30, metavar="N", help="at most so many")


def execute(call: Call) -> Exit:
    runs = _collect(call)[: max(1, call.arguments.limit)]
    empty = 'no runs yet. Start one: ostinato run "REQUEST" --repo PATH'
    call.answer([run.model_dump(mode="json") for run in runs], *(map(_line, runs) if runs else [empty]))
    return Exit.OK


def _collect(call: Call) -> "list[RunLine]":
    from ostinato.cli.connecting import with_client
    from ostinato.cli.runs import line_of, list_open, stored_ids, stored_snapshot
    from ostinato.domain.errors import ExternalError

    kept = [line_of(found) for run_id in stored_ids(call.home) if (found := stored_snapshot(call.home, run_id))]
    try:
        going = with_client(call, list_open)
    except ExternalError as error:
        call.terminal.say(f"only stored results are shown: {error.message}")
        going = []
    open_ids = {run.run_id for run in going}
    closed = [] if call.arguments.open else [run for run in kept if run.run_id not in open_ids]
    runs = [*going, *closed]
    return sorted(runs, key=lambda run: run.started_at or datetime.min.replace(tzinfo=UTC), reverse=True)


def _line(run: "RunLine") -> "Text":
    from rich.text import Text

    from ostinato.cli.printable import printable

    style = {"completed": "good", "degraded": "careful", "failed": "bad", "cancelled": "quiet"}.get(run.state, "active")
    state = "waits for you" if run.needs_person else run.state
    if run.parked_until is not None:
        state, style = f"parked {run.parked_until.astimezone():%H:%M}", "careful"
    when = f"{run.started_at.astimezone():%Y-%m-%d %H:%M}" if run.started_at else ""
    parts = ((f"{run.run_id:<38}", "title"), " ", (f"{state:<14}", "careful" if run.needs_person else style))
    return Text.assemble(*parts, (f"{when:<18}", "quiet"), printable(run.request))
