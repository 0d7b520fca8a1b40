"""Whose turn it is in a run's files: one execution of the workflow, under one epoch."""

import asyncio
from pathlib import Path

from temporalio import activity

from activities.edge import Desk
from ostinato.adapters.git.timeline import keep_timeline
from ostinato.adapters.results import ResultStore
from ostinato.domain.ids import RunId
from ostinato.domain.workspace import Workspace


async def keep_place(desk: Desk, workspace: Workspace, head: str) -> None:
    """Once for each execution of the workflow: what it does not know any more is moved aside, and so is the result of
    an execution before it."""
    run_id = workspace.run_id
    _enter(desk, run_id)
    async with desk.turns.setdefault(run_id, asyncio.Lock()):
        if not workspace.timeline or desk.timelines.get(run_id) == workspace.timeline:
            return
        await _evict(desk, run_id)
        await keep_timeline(
            Path(workspace.mirror),
            run_id=run_id,
            token=workspace.timeline,
            previous=workspace.follows,
            head=head,
            branch_ref=branch_ref(workspace),
        )
        await asyncio.to_thread(ResultStore(desk.home).set_aside, run_id, unless_timeline=workspace.timeline)
        desk.timelines[run_id] = workspace.timeline


def _enter(desk: Desk, run_id: RunId) -> None:
    """The activity is known to work in the run's files until it ends."""
    task, info = asyncio.current_task(), activity.info()
    assert task is not None
    at_work = desk.at_work.setdefault(run_id, {})
    if task not in at_work:
        task.add_done_callback(lambda done: at_work.pop(done, None))
    at_work[task] = (info.workflow_id or "", info.workflow_run_id or "")


async def _evict(desk: Desk, run_id: RunId) -> None:
    """An execution that was reset or terminated may still have work in the worktrees: it is stopped before they change.

    The server tells such an activity only with its next heartbeat.
    """
    info = activity.info()
    mine = (info.workflow_id or "", info.workflow_run_id or "")
    left = [
        task for task, (name, run) in desk.at_work.get(run_id, {}).items() if name == mine[0] and (name, run) != mine
    ]
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


def branch_ref(workspace: Workspace) -> str:
    return f"refs/heads/ostinato/{workspace.run_id}"
