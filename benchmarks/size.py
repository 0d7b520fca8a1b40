"""A plan of 2,000 steps in one run: how long, how large its histories, how long a replay, how much memory.

Method: a graph of 2,000 steps with three dependencies each, eight at once, every step a real `true` in a worktree of its own,
through the real engine. Afterwards the chain of the run's histories and those of its shards are fetched: events and bytes of
the largest are kept, and each of those two is replayed three times with nothing cached. Payloads in the histories are measured
as they are stored. Goals: replay of the run under a second, of a shard under two, payloads under 50 KB.

Command: python -m benchmarks.size [--quick]
"""

import argparse
import asyncio
import random
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import psutil
from temporalio.client import Client, WorkflowHistory
from temporalio.worker import Replayer

from benchmarks.keeping import keep, running_stack, spread
from ostinato.adapters.home import Home
from ostinato.adapters.temporal.connection import connect
from ostinato.adapters.temporal.plugin import ostinato_plugin
from ostinato.cli.runs import start_run
from ostinato.domain.definition import compile_definition, parse_definition
from ostinato.domain.ids import RunId, workflow_id
from ostinato.domain.request import RunOptions, RunRequest
from tests.e2e.stack import Stack
from tests.repositories import make_repository
from workflows.run import RunWorkflow
from workflows.shard import ShardWorkflow

STEPS: Final = 2_000
QUICK: Final = 300
CAP: Final = 8
RUN: Final = RunId("size")
LIMIT_S: Final = 900.0


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} steps, in a result of its own")
    is_quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory(prefix="ostinato-bench-") as folder, running_stack(Path(folder)) as stack:
        figures = asyncio.run(_size(stack, Path(folder), QUICK if is_quick else STEPS))
    keep("size_quick" if is_quick else "size", figures)


async def _size(stack: Stack, folder: Path, steps: int) -> dict[str, Any]:
    home = Home(stack.home)
    client = await connect(home)
    began = time.time()
    await start_run(client, _request(make_repository(folder / "project"), steps))
    most_mb = await _until_ended(stack)
    taken_s = time.time() - began
    report = stack.report(RUN)
    states = [step["outcome"] for step in report["steps"]]
    assert (report["outcome"], states) == ("completed", ["succeeded"] * steps), report["stop"]
    own = [await _history(client, workflow_id(RUN), run) for run in await _executions(client, workflow_id(RUN))]
    shards = [await _history(client, name) for name in await _shards(client)]
    return {
        "goal": "replay of the run under 1 s, of a shard under 2 s, payloads under 50 KB",
        "steps": steps,
        "taken_s": round(taken_s, 1),
        "ms_a_step": round(taken_s / steps * 1000, 1),
        "worker_mb_most": round(most_mb, 1),
        "run": await _figures(own, home),
        "shards": await _figures(shards, home),
    }


async def _figures(histories: list[WorkflowHistory], home: Home) -> dict[str, Any]:
    """Of the largest one, and over all of them."""
    largest = max(histories, key=lambda history: len(history.events))
    return {
        "histories": len(histories),
        "events_most": len(largest.events),
        "bytes_most": max(sum(event.ByteSize() for event in history.events) for history in histories),
        "largest_event_bytes": max(event.ByteSize() for history in histories for event in history.events),
        "replay_s": spread([await _replay_s(largest, home) for _ in range(3)]),
    }


async def _replay_s(history: WorkflowHistory, home: Home) -> float:
    replayer = Replayer(workflows=[RunWorkflow, ShardWorkflow], plugins=[ostinato_plugin(home.payloads)])
    began = time.perf_counter()
    await replayer.replay_workflow(history)
    return time.perf_counter() - began


async def _history(client: Client, name: str, run: str | None = None) -> WorkflowHistory:
    return await client.get_workflow_handle(name, run_id=run).fetch_history()


async def _executions(client: Client, name: str) -> list[str]:
    return [found.run_id async for found in client.list_workflows(f"WorkflowId = '{name}'")]


async def _shards(client: Client) -> list[str]:
    return [found.id async for found in client.list_workflows("WorkflowType = 'OstinatoShard'")]


async def _until_ended(stack: Stack) -> float:
    """The most memory that the worker took."""
    most, end = 0.0, time.monotonic() + LIMIT_S
    while not (stack.home / "results" / f"{RUN}.json").exists():
        most = max(most, psutil.Process(stack.worker_pid()).memory_info().rss / 1e6)
        assert time.monotonic() < end, "the run does not end"
        await asyncio.sleep(0.1)
    return most


def _request(repository: Path, count: int) -> RunRequest:
    chance = random.Random(1)
    steps = [
        {
            "id": f"s{n}",
            "run": "true",
            "writes": [],
            "depends_on": sorted({f"s{chance.randrange(max(0, n - 60), n)}" for _ in range(3)}) if n > 5 else [],
        }
        for n in range(count)
    ]
    definition = parse_definition({"id": "size", "max_parallel": CAP, "steps": steps, "gates": {"post": []}})
    options = RunOptions(
        trusted=True,
        approve_in_advance=True,
        max_parallel=CAP,
        plan=compile_definition(definition, {}, "benchmark", ""),
    )
    return RunRequest(run_id=RUN, text="size", repository=str(repository), requested_by="benchmark", options=options)


if __name__ == "__main__":
    main()
