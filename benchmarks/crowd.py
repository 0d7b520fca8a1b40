"""Does every run keep going when there are many, and how much memory does the worker take?

Method: 50, then 200 runs are started at once on one worker and one repository, each a chain of three steps that sleep a second
and write a file. The worker's resident memory is read ten times a second. A run progresses when its steps keep starting: the
longest time that any run went without a step starting or ending, between its first and its last, is kept. Every run must
complete with three commits.

Command: python -m benchmarks.crowd [--quick]
"""

import argparse
import asyncio
import itertools
import json
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import psutil

from benchmarks.keeping import keep, running_stack, spread
from ostinato.adapters.home import Home
from ostinato.adapters.temporal.connection import connect
from ostinato.cli.runs import start_run
from ostinato.domain.definition import compile_definition, parse_definition
from ostinato.domain.ids import RunId
from ostinato.domain.request import RunOptions, RunRequest
from tests.e2e.stack import Stack, git
from tests.repositories import make_repository

SIZES: Final = (50, 200)
GOAL_MB: Final = 300
LIMIT_S: Final = 900.0


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="only 20 runs")
    sizes = (20,) if parser.parse_args().quick else SIZES
    figures = {}
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="ostinato-bench-") as folder, running_stack(Path(folder)) as stack:
            figures[f"runs_{size}"] = asyncio.run(_crowd(stack, Path(folder), size))
    keep("crowd", {"goal": f"every run progresses; worker under {GOAL_MB} MB with 50 runs in flight", **figures})


async def _crowd(stack: Stack, folder: Path, size: int) -> dict[str, Any]:
    repository, journal = make_repository(folder / "project"), folder / "journal.txt"
    client = await connect(Home(stack.home))
    began = time.time()
    await asyncio.gather(*(start_run(client, _request(number, repository, journal)) for number in range(size)))
    started_s = time.time() - began
    most_mb = await _until_ended(stack, size)
    ended_s = time.time() - began
    moments: dict[str, list[float]] = {}
    for line in journal.read_text().splitlines():
        name, at = line.split()
        moments.setdefault(name, []).append(float(at))
    gaps = [max(b - a for a, b in itertools.pairwise(times)) for times in moments.values()]
    for number in range(size):
        stored = json.loads((stack.home / "results" / f"crowd-{number}.json").read_text())["snapshot"]
        told = (stored["outcome"], stored["stop"], stored["publication"], stored["notes"])
        assert told[0] == "completed", told
        assert stored["publication"]["pushed"], told
        assert git(repository, "rev-list", "--count", f"main..ostinato/crowd-{number}") == "3", f"crowd-{number}"
    return {
        "started_s": round(started_s, 2),
        "all_ended_s": round(ended_s, 1),
        "first_step_s": spread([times[0] - began for times in moments.values()]),
        "longest_gap_of_a_run_s": spread(gaps),
        "worker_mb_most": round(most_mb, 1),
        "worker_mb_before": round(_memory_mb(stack), 1),
    }


async def _until_ended(stack: Stack, size: int) -> float:
    """The most memory that the worker took until every run had a result."""
    most, end = 0.0, time.monotonic() + LIMIT_S
    while len(list((stack.home / "results").glob("crowd-*.json"))) < size:
        most = max(most, _memory_mb(stack))
        assert time.monotonic() < end, f"only {len(list((stack.home / 'results').glob('*.json')))} of {size} ended"
        await asyncio.sleep(0.1)
    return most


def _memory_mb(stack: Stack) -> float:
    return float(psutil.Process(stack.worker_pid()).memory_info().rss) / 1e6


def _request(number: int, repository: Path, journal: Path) -> RunRequest:
    name = f"crowd-{number}"
    steps = [
        {
            "id": f"s{step}",
            "run": f"echo {name} $(date +%s.%N) >> {journal}; sleep 1; echo {step} > {name}-{step}.txt",
            "writes": [f"{name}-{step}.txt"],
            "depends_on": [f"s{step - 1}"] if step else [],
        }
        for step in range(3)
    ]
    definition = parse_definition({"id": "crowd", "steps": steps, "gates": {"post": []}})
    plan = compile_definition(definition, {}, "benchmark", "")
    return RunRequest(
        run_id=RunId(name),
        text=json.dumps(name),
        repository=str(repository),
        requested_by="benchmark",
        options=RunOptions(trusted=True, approve_in_advance=True, plan=plan),
    )


if __name__ == "__main__":
    main()
