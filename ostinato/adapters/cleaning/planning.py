"""The whole of a clean-up, decided before anything is touched."""

import asyncio
from collections.abc import Collection
from datetime import datetime

from ostinato.adapters.cleaning.files import artifacts, baselines, caches, payloads, quarantined, unfinished
from ostinato.adapters.cleaning.folders import run_folders
from ostinato.adapters.cleaning.history import mirrors, refs_of_runs
from ostinato.adapters.cleaning.model import GcPlan, Kept, Policy, Removal
from ostinato.adapters.home import Home
from ostinato.adapters.results import ResultStore
from ostinato.domain.ids import RunId


async def plan_gc(
    home: Home,
    *,
    now: datetime,
    keep_days: float,
    max_bytes: int | None,
    open_runs: Collection[RunId],
    open_since: datetime | None = None,
    scheduled: Collection[RunId] = (),
) -> GcPlan:
    """Changes nothing. `open_runs` are all that the server knows as open, `open_since` the start of the oldest;
    `scheduled` the triggers that will start more.

    Nothing of an open run, nothing dirty and no commit that is in no branch of the user's is ever part of it. With open
    runs and without `open_since`, artifacts stay. `keep_days` should not be shorter than the server's retention.
    """
    policy = Policy(
        now=now,
        keep_days=keep_days,
        max_bytes=max_bytes,
        open_runs=frozenset(open_runs),
        open_since=open_since,
        scheduled=frozenset(scheduled),
    )
    stored = await asyncio.to_thread(ResultStore(home).list)
    closed = {each.snapshot.run_id: each for each in stored if each.snapshot.run_id not in policy.open_runs}
    removals: list[Removal] = []
    kept: list[Kept] = []
    for part in (
        await run_folders(home, policy, closed),
        await refs_of_runs(policy, closed),
        await asyncio.to_thread(artifacts, home, policy),
        await asyncio.to_thread(payloads, home, policy, closed),
        await asyncio.to_thread(baselines, home, policy),
        await asyncio.to_thread(caches, home, policy),
        await asyncio.to_thread(unfinished, home, policy),
        await asyncio.to_thread(quarantined, home),
        await mirrors(home, policy),
    ):
        removals.extend(part.removals)
        kept.extend(part.kept)
    return GcPlan(removals=tuple(removals), kept=tuple(kept))
