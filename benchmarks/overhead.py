"""What does Ostinato cost beside a bare, hand-written Temporal workflow? And what do local activities gain for cheap checks?

Method: one embedded server with Ostinato's own settings (file database, write-ahead log, unthrottled dispatch); two workers,
each in a process of its own: Ostinato's and that of `bare.py`. Both get the same steps: a shell command that sleeps and
writes a file; the bare one then calls `git add` and `git commit` in a worktree that was made beforehand, Ostinato does all
that it always does. A chain of steps, and parallel steps, with commands of 1 s and of 0.2 s, by turns, several times.
`run` is the time of the workflow as the server records it, from its start to its close: for Ostinato with private clone,
planning, gates on nothing, report and push. `steps` is from the first step's start to the last one's end, beside the whole
bare workflow. Ratios are of medians. The bare worker's results are checked (a commit a step), and so are Ostinato's.
Checks: one workflow does N cheap activities in a row, normal or local, by turns.

Command: python -m benchmarks.overhead [--quick]
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from temporalio.client import Client, WorkflowHandle

from benchmarks.bare import BarePlan, BareStep, BareWorkflow, Checks, CheckWorkflow
from benchmarks.keeping import check_completed, executing_s, keep, running_stack, wait_for_result
from tests.e2e.stack import ROOT, Stack, git
from tests.repositories import make_repository

QUEUE: Final = "bare"
CHECKS: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    name: str
    steps: int
    seconds: float
    parallel: int
    """How many at once; 1 is a chain."""

    def plan(self) -> list[BareStep]:
        command = "sleep {0}; echo {1} > {1}.txt"
        names = [f"s{number:03}" for number in range(self.steps)]
        before = [[names[number - 1]] if number and self.parallel == 1 else [] for number in range(self.steps)]
        return [
            BareStep(id=name, command=command.format(self.seconds, name), depends_on=needs)
            for name, needs in zip(names, before, strict=True)
        ]


@dataclass(slots=True)
class Samples:
    bare_s: list[float] = field(default_factory=list)
    run_s: list[float] = field(default_factory=list)
    steps_s: list[float] = field(default_factory=list)

    def figures(self, shape: Shape) -> dict[str, Any]:
        bare, run, steps = (statistics.median(values) for values in (self.bare_s, self.run_s, self.steps_s))
        return {
            "steps": shape.steps,
            "command_s": shape.seconds,
            "parallel": shape.parallel,
            "samples": len(self.bare_s),
            "bare_s": round(bare, 2),
            "ostinato_run_s": round(run, 2),
            "ostinato_steps_s": round(steps, 2),
            "ratio_run": round(run / bare, 3),
            "ratio_steps": round(steps / bare, 3),
            "overhead_ms_a_step": round((steps - bare) / shape.steps * 1000, 1),
            "all": {"bare_s": self.bare_s, "run_s": self.run_s, "steps_s": self.steps_s},
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer steps, one sample")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory(prefix="ostinato-bench-") as folder, running_stack(Path(folder)) as stack:
        address = _address(stack)
        with _bare_worker(address):
            figures = asyncio.run(_measure(stack, Path(folder), address, quick=quick))
    keep("overhead_quick" if quick else "overhead", figures)


async def _measure(stack: Stack, folder: Path, address: str, *, quick: bool) -> dict[str, Any]:
    client = await Client.connect(address)
    rounds = 1 if quick else 3
    chain, wide = (6, 12) if quick else (20, 32)
    shapes = [
        Shape(name="chain_1s", steps=chain, seconds=1.0, parallel=1),
        Shape(name="parallel_1s", steps=wide, seconds=1.0, parallel=8),
        Shape(name="chain_0.2s", steps=chain, seconds=0.2, parallel=1),
        Shape(name="parallel_0.2s", steps=wide, seconds=0.2, parallel=8),
    ]
    samples = {shape.name: Samples() for shape in shapes}
    warm = Shape(name="warm", steps=2, seconds=0.0, parallel=1)
    for number in range(-1, rounds):
        for shape in shapes if number >= 0 else [warm]:
            place = folder / f"{shape.name}-{number}"
            taken = samples.get(shape.name, Samples())
            taken.bare_s.append(await _bare(client, shape, place / "bare"))
            run_s, steps_s = await _ours(client, stack, shape, place / "ours")
            taken.run_s.append(run_s)
            taken.steps_s.append(steps_s)
    by_shape = {shape.name: samples[shape.name].figures(shape) for shape in shapes}
    return {
        "goal": "ratio <= 1.10 with commands of about 1 s",
        "by_shape": by_shape,
        "checks": await _checks(client, rounds),
    }


async def _bare(client: Client, shape: Shape, place: Path) -> float:
    repository = make_repository(place / "project")
    trees = [place / f"tree{number}" for number in range(shape.parallel)]
    for tree in trees:
        git(repository, "worktree", "add", "-q", "--detach", str(tree), "HEAD")
    plan = BarePlan(steps=shape.plan(), worktrees=[str(tree) for tree in trees])
    handle = await client.start_workflow(BareWorkflow.run, plan, id=f"bare-{uuid.uuid4().hex}", task_queue=QUEUE)
    commits: dict[str, str] = await handle.result()
    shown = git(repository, "rev-list", "--count", "HEAD", *sorted(commits.values()), "^main")
    if len(set(commits.values())) != shape.steps or int(shown) != shape.steps:
        raise AssertionError(f"the bare workflow made {shown} commits, not {shape.steps}")
    return await _duration_s(handle)


async def _ours(client: Client, stack: Stack, shape: Shape, place: Path) -> tuple[float, float]:
    repository = make_repository(place / "project")
    file = place / "definition.json"
    steps = [
        {"id": step.id, "run": step.command, "depends_on": step.depends_on, "writes": [f"{step.id}.txt"]}
        for step in shape.plan()
    ]
    content = {"id": "same", "version": 1, "max_parallel": shape.parallel, "steps": steps, "gates": {"post": []}}
    file.write_text(json.dumps(content))
    run_id = await asyncio.to_thread(stack.start, "the same", repository, "--definition", str(file), "--trust")
    report = await asyncio.to_thread(wait_for_result, stack, run_id, 300)
    check_completed(report)
    made = git(repository, "rev-list", "--count", f"main..ostinato/{run_id}")
    if int(made) != shape.steps:
        raise AssertionError(f"the run made {made} commits, not {shape.steps}")
    return await _duration_s(client.get_workflow_handle(f"ostinato-{run_id}")), executing_s(report)


async def _checks(client: Client, rounds: int) -> dict[str, Any]:
    """Seconds for one check, either way."""
    taken: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(max(2, rounds)):
        for local in (False, True):
            checks = Checks(count=CHECKS, local=local)
            handle = await client.start_workflow(
                CheckWorkflow.run, checks, id=f"checks-{uuid.uuid4().hex}", task_queue=QUEUE
            )
            if await handle.result() != CHECKS:
                raise AssertionError("a check did not pass")
            taken[local].append(await _duration_s(handle) / CHECKS)
    normal, local_s = statistics.median(taken[False]), statistics.median(taken[True])
    return {
        "count": CHECKS,
        "normal_ms": round(normal * 1000, 2),
        "local_ms": round(local_s * 1000, 2),
        "gain_ms_a_check": round((normal - local_s) * 1000, 2),
    }


async def _duration_s(handle: WorkflowHandle[Any, Any]) -> float:
    """As the server records it."""
    described = await handle.describe()
    while described.close_time is None:
        await asyncio.sleep(0.05)
        described = await handle.describe()
    return round((described.close_time - described.start_time).total_seconds(), 3)


@contextmanager
def _bare_worker(address: str) -> Iterator[None]:
    argv = [sys.executable, "-m", "benchmarks.bare", address, QUEUE]
    worker = subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert worker.stdout is not None
        assert worker.stdout.readline().strip() == "ready"
        yield
    finally:
        worker.terminate()
        worker.wait(10)


def _address(stack: Stack) -> str:
    server = json.loads((stack.home / "server" / "server.json").read_text())
    return f"127.0.0.1:{server['port']}"


if __name__ == "__main__":
    main()
