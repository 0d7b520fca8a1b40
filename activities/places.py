"""Whose turn it is in a run's files: one execution of the workflow, under one epoch."""

import asyncio
from pathlib import Path
from typing import Any

from temporalio import activity

from activities.edge import Desk, Line, Presence
from ostinato.adapters.git.objects import Author, mirror_author
from ostinato.adapters.git.timeline import keep_timeline
from ostinato.adapters.results import ResultStore
from ostinato.domain.ids import RunId
from ostinato.domain.workspace import Workspace


async def keep_place(desk: Desk, workspace: Workspace, head: str) -> None:
    """Once for each execution of the workflow: what it does not know any more is moved aside, and so is the result of
    an execution before it."""
    run_id = workspace.run_id
    await _enter(desk, run_id)
    async with desk.turns.setdefault(run_id, asyncio.Lock()):
        known = desk.timelines.get(run_id, Line())
        if not workspace.timeline or workspace.timeline in known.lineage:
            return
        await _evict(desk, run_id)
        rewound = await keep_timeline(
            Path(workspace.mirror),
            run_id=run_id,
            token=workspace.timeline,
            previous=workspace.follows,
            head=head,
            branch_ref=branch_ref(workspace),
        )
        await asyncio.to_thread(ResultStore(desk.home).set_aside, run_id, unless_timeline=workspace.timeline)
        before = frozenset() if rewound else known.lineage
        desk.timelines[run_id] = Line(lineage=before | {*workspace.follows.split(), workspace.timeline})


async def _enter(desk: Desk, run_id: RunId) -> None:
    """The activity is known to work in the run's files until it ends; an earlier attempt that still lives is stopped.

    A worker that slept wakes with attempts that the server has given up; they learn it only with their next heartbeat.
    """
    task, me = asyncio.current_task(), _presence()
    assert task is not None
    at_work = desk.at_work.setdefault(run_id, {})
    if task not in at_work:
        at_work[task] = me
        task.add_done_callback(lambda done: at_work.pop(done, None))
    await _stop([other for other, presence in at_work.items() if presence == me and other is not task])


async def clear_out(desk: Desk, run_id: RunId) -> None:
    """Nobody else works in the run's files any more: its owner begins anew."""
    await _stop([task for task in desk.at_work.get(run_id, {}) if task is not asyncio.current_task()])


async def _evict(desk: Desk, run_id: RunId) -> None:
    """An execution that was reset or terminated may still have work in the worktrees: it is stopped before they change."""
    me = _presence()
    at_work = desk.at_work.get(run_id, {}).items()
    await _stop([task for task, other in at_work if other.workflow == me.workflow and other.execution != me.execution])


async def _stop(tasks: "list[asyncio.Task[Any]]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _presence() -> Presence:
    info = activity.info()
    return Presence(workflow=info.workflow_id or "", execution=info.workflow_run_id or "", activity=info.activity_id)


async def author_of_run(desk: Desk, workspace: Workspace) -> Author:
    if workspace.run_id not in desk.authors:
        desk.authors[workspace.run_id] = await mirror_author(Path(workspace.mirror))
    return desk.authors[workspace.run_id]


def branch_ref(workspace: Workspace) -> str:
    return f"refs/heads/ostinato/{workspace.run_id}"
