"""An open run on its way back to a checkpoint: waited for, with its questions asked where somebody can answer."""

import asyncio
import time
from typing import TYPE_CHECKING

from ostinato.cli.call import Call
from ostinato.cli.runs import query_snapshot
from ostinato.cli.watching import watcher
from ostinato.domain.report import Snapshot

if TYPE_CHECKING:
    from temporalio.client import Client

WAIT_S = 90.0
ASKS = "rollback-"
"""How the ids of its questions begin."""


async def settled(call: Call, client: "Client", before: Snapshot) -> Snapshot | None:
    """The run once it is back and paused, has ended, or asks somebody who is not here; None when it takes too long."""
    follower = watcher(call, client, before.run_id, asks=ASKS)
    limit = time.monotonic() + WAIT_S
    while time.monotonic() < limit:
        seen = await query_snapshot(client, before.run_id)
        questions = [decision for decision in seen.pending_decisions if decision.id.startswith(ASKS)]
        if questions and follower.may_ask(questions[0]):
            await follower.put(questions[0], seen)
            limit = time.monotonic() + WAIT_S
        elif questions or seen.outcome is not None or is_back(before, seen):
            return seen
        await asyncio.sleep(0.2)
    return None


def is_back(before: Snapshot, seen: Snapshot) -> bool:
    """It says what it did; one that was not paused before shows it by its pause as well."""
    told = len(seen.notes) > len(before.notes)
    return seen.paused and (told or not before.paused)
