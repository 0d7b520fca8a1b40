"""Whose turn it is in a run's files: one execution of the workflow, under one epoch."""

import asyncio
from pathlib import Path

from activities.edge import Desk
from ostinato.adapters.git.timeline import keep_timeline
from ostinato.adapters.results import ResultStore
from ostinato.domain.workspace import Workspace


async def keep_place(desk: Desk, workspace: Workspace, head: str) -> None:
    """Once for each execution of the workflow: what it does not know any more is moved aside, and so is the result of
    an execution before it."""
    run_id = workspace.run_id
    async with desk.turns.setdefault(run_id, asyncio.Lock()):
        if not workspace.timeline or desk.timelines.get(run_id) == workspace.timeline:
            return
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


def branch_ref(workspace: Workspace) -> str:
    return f"refs/heads/ostinato/{workspace.run_id}"
