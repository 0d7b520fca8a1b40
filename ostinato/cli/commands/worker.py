"""`worker`: run a worker in the foreground."""

import argparse
import os

from ostinato.cli.call import Call
from ostinato.cli.exits import Exit

EXAMPLES = ("ostinato worker", "TEMPORAL_ADDRESS=temporal.example:7233 ostinato worker")
VARIABLES = ("OSTINATO_HOME", "OSTINATO_PAYLOADS", "OSTINATO_LOG_LEVEL", "TEMPORAL_ADDRESS")


def declare(parser: argparse.ArgumentParser) -> None:
    """Nothing to choose: SIGTERM or Ctrl-C drains and stops it."""


def execute(call: Call) -> Exit:
    """Becomes the worker: signals reach it without a middleman."""
    from ostinato.adapters.temporal.workers import worker_command
    from ostinato.settings import ensure_home

    ensure_home(call.home)
    command = worker_command()
    os.execve(command[0], command, {**os.environ, "OSTINATO_HOME": str(call.home.root)})
