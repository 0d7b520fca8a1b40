"""What a careful person writes by hand on Temporal: one activity a step that runs its command and commits. For comparison.

Nothing of Ostinato is used: no supervisor, no claims, no gates, no records, no retries of its own. Steps take turns in
worktrees that were made before; each leaves a commit there, and nothing is brought together.
"""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker


@dataclass
class BareStep:
    id: str
    command: str
    depends_on: list[str]


@dataclass
class BarePlan:
    steps: list[BareStep]
    worktrees: list[str]


@dataclass
class DoStep:
    id: str
    command: str
    worktree: str


@dataclass
class Checks:
    count: int
    local: bool


@activity.defn
async def do_step(order: DoStep) -> str:
    """The command, then `git add` and `git commit`; the commit."""
    await _run("/bin/sh", "-c", order.command, cwd=order.worktree)
    await _run("git", "add", "-A", cwd=order.worktree)
    await _run("git", "commit", "-q", "-m", order.id, cwd=order.worktree)
    return (await _run("git", "rev-parse", "HEAD", cwd=order.worktree)).strip()


@activity.defn
async def check(number: int) -> bool:
    """A cheap, idempotent check, as a condition is."""
    return sum(range(number % 100)) >= 0


@workflow.defn
class BareWorkflow:
    @workflow.run
    async def run(self, plan: BarePlan) -> dict[str, str]:
        """Each step as soon as those it depends on are done and a worktree is free."""
        free = list(plan.worktrees)
        slots = asyncio.Semaphore(len(free))
        commits: dict[str, str] = {}
        tasks: dict[str, asyncio.Task[None]] = {}

        async def one(step: BareStep) -> None:
            for name in step.depends_on:
                await tasks[name]
            async with slots:
                worktree = free.pop()
                order = DoStep(id=step.id, command=step.command, worktree=worktree)
                commits[step.id] = await workflow.execute_activity(
                    do_step, order, start_to_close_timeout=timedelta(minutes=5)
                )
                free.append(worktree)

        for step in plan.steps:
            tasks[step.id] = asyncio.create_task(one(step))
        await asyncio.gather(*tasks.values())
        return commits


@workflow.defn
class CheckWorkflow:
    @workflow.run
    async def run(self, checks: Checks) -> int:
        """One check after the other, either way."""
        limit = timedelta(seconds=10)
        passed = 0
        for number in range(checks.count):
            if checks.local:
                passed += await workflow.execute_local_activity(check, number, start_to_close_timeout=limit)
            else:
                passed += await workflow.execute_activity(check, number, start_to_close_timeout=limit)
        return passed


async def _run(*argv: str, cwd: str) -> str:
    process = await asyncio.create_subprocess_exec(*argv, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"{argv} ended with {process.returncode}: {err.decode()[-500:]}")
    return out.decode()


async def main(address: str, queue: str) -> None:
    """The worker, in a process of its own; says `ready` and works until it is stopped."""
    client = await Client.connect(address)
    activities: list[Callable[..., object]] = [do_step, check]
    workflows = [BareWorkflow, CheckWorkflow]
    with ThreadPoolExecutor(2) as pool:
        worker = Worker(client, task_queue=queue, workflows=workflows, activities=activities, activity_executor=pool)
        async with worker:
            print("ready", flush=True)
            await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
