"""`down`: stop the embedded Temporal server and the worker."""

import argparse

from ostinato.cli.call import Call
from ostinato.cli.exits import Exit

EXAMPLES = ("ostinato down",)
VARIABLES = ("OSTINATO_HOME", "TEMPORAL_ADDRESS")


def declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--timeout", type=float, default=30.0, metavar="S", help="seconds for the worker to drain")


def execute(call: Call) -> Exit:
    from ostinato.adapters.temporal.connection import is_address_configured
    from ostinato.adapters.temporal.embedded import server_status, stop_server
    from ostinato.adapters.temporal.workers import stop_worker

    waiting = _open_runs(call) if is_address_configured() or server_status(call.home) else ()
    if waiting:
        call.terminal.say(
            f"{len(waiting)} open runs wait and go on at the next `ostinato up`: {', '.join(waiting[:5])}"
        )
    worker = stop_worker(call.home, call.arguments.timeout)
    server = False if is_address_configured() else stop_server(call.home)
    stopped = [name for name, was in (("the worker", worker), ("Temporal", server)) if was]
    data = {"worker_stopped": bool(worker), "server_stopped": bool(server), "open_runs": list(waiting)}
    call.answer(data, f"✔ stopped {' and '.join(stopped)}" if stopped else "nothing was running")
    return Exit.OK


def _open_runs(call: Call) -> tuple[str, ...]:
    from ostinato.cli.connecting import with_client
    from ostinato.cli.runs import open_runs
    from ostinato.domain.errors import OstinatoError

    try:
        return with_client(call, open_runs)
    except OstinatoError as error:
        call.terminal.say(f"whether runs are open is not known: {error.message}")
        return ()
