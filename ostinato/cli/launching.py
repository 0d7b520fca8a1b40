"""Checked, trusted, started: what `run` and `start` share."""

import asyncio
from typing import TYPE_CHECKING

from ostinato.cli.asking import ask_for
from ostinato.cli.call import Call
from ostinato.cli.runs import Started, start_run
from ostinato.cli.trust import settle_trust
from ostinato.domain.request import RunRequest

if TYPE_CHECKING:
    from temporalio.client import Client


def prepare_request(call: Call) -> RunRequest:
    """Asks for trust where it must; says what a person should know about the repository."""
    asked = asyncio.run(ask_for(call))
    for note in asked.repository.notes:
        call.terminal.say(f"note: {note}")
    if asked.repository.dirty_count and not call.arguments.include_dirty:
        left = f"{_paths(asked.repository.dirty_count)} where they are"
        call.terminal.say(f"note: {left}; --include-dirty carries them along")
    trusted = settle_trust(call, asked.repository.root)
    options = asked.request.options.model_copy(update={"trusted": trusted})
    return asked.request.model_copy(update={"options": options})


async def launch(call: Call, client: "Client", request: RunRequest) -> Started:
    started = await start_run(client, request)
    already = " (this id was used before: that run is shown)" if started.existing else ""
    call.terminal.say(f"run {started.run_id}{already}")
    return started


def _paths(count: int) -> str:
    return "1 uncommitted path stays" if count == 1 else f"{count} uncommitted paths stay"
