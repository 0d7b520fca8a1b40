"""`checkpoints`: the commits that a run can go back to, and whether they are whole."""

import argparse
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ostinato.cli.call import Call
from ostinato.cli.exits import Exit
from ostinato.cli.options import declare_run

if TYPE_CHECKING:
    from rich.text import Text

    from ostinato.cli.checkpointing import Health

EXAMPLES = ("ostinato checkpoints fix-the-lint-errors",)
VARIABLES = ("OSTINATO_HOME", "TEMPORAL_ADDRESS")


def declare(parser: argparse.ArgumentParser) -> None:
    declare_run(parser)


def execute(call: Call) -> Exit:
    import asyncio

    from ostinato.cli.checkpointing import look_at_all
    from ostinato.cli.connecting import read_run

    snapshot = read_run(call)
    found = asyncio.run(look_at_all(snapshot))
    now = datetime.now(UTC)
    data = [{**health.data(), "age_s": round((now - health.checkpoint.at).total_seconds(), 1)} for health in found]
    lines = [_line(health, now, snapshot.head) for health in found]
    call.answer({"run_id": snapshot.run_id, "head": snapshot.head, "checkpoints": data}, *lines)
    return Exit.OK


def _line(health: "Health", now: datetime, head: str) -> "Text":
    from rich.text import Text

    from ostinato.cli.steprows import span

    point = health.checkpoint
    age = f"{span(max(0.0, (now - point.at).total_seconds()))} ago"
    line = Text.assemble((f"{point.id:<40}", "title"), f" {point.commit[:12]}  ", (f"{age:<14}", "quiet"))
    line.append(health.text, "good" if health.is_whole else "bad")
    return line.append("  ← here", "active") if point.commit == head else line
