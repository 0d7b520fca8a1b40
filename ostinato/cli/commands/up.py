"""`up`: start the embedded Temporal server and a worker."""

import argparse

from ostinato.cli.call import Call
from ostinato.cli.exits import Exit

EXAMPLES = ("ostinato up",)
VARIABLES = ("OSTINATO_HOME", "TEMPORAL_ADDRESS")


def declare(parser: argparse.ArgumentParser) -> None:
    """Nothing to choose."""


def execute(call: Call) -> Exit:
    from ostinato.adapters.temporal.connection import is_address_configured
    from ostinato.adapters.temporal.embedded import server_status
    from ostinato.adapters.temporal.workers import worker_status
    from ostinato.cli.connecting import ensure_stack

    ensure_stack(call)
    server = None if is_address_configured() else server_status(call.home)
    worker = worker_status(call.home)
    data = {
        "server": {"address": server.address, "ui_url": server.ui_url, "pid": server.pid} if server else None,
        "worker": {"pid": worker.pid, "log": worker.log_path} if worker else None,
        "home": str(call.home.root),
    }
    lines = [f"✔ Temporal   {server.address}   Web UI {server.ui_url}" if server else "✔ Temporal   as configured"]
    lines += [f"✔ worker     pid {worker.pid}   log {worker.log_path}"] if worker else []
    call.answer(data, *lines, "  stop both: ostinato down")
    return Exit.OK
