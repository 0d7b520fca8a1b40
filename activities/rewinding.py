"""Checkpoints put to use: going on elsewhere, starting from one, and going back to one."""

import asyncio
import shutil
from pathlib import Path

from activities.edge import Desk, Pulse, edge
from activities.integration import push, target_of
from activities.places import author_of_run, branch_ref, clear_out, keep_place
from ostinato.adapters.agents.sessions import SESSIONS
from ostinato.adapters.git.command import private_git
from ostinato.adapters.git.mirror import fetch, open_mirror
from ostinato.adapters.git.objects import record, recorded
from ostinato.adapters.git.remote import Taken, take_over
from ostinato.adapters.git.repository import RepositoryState, inspect_repository
from ostinato.adapters.git.rewind import check_checkpoint, restore_files, roll_back
from ostinato.contracts.activities import (
    FEEL_PULSE,
    ROLL_BACK_BRANCH,
    TAKE_OVER,
    Alive,
    FeelPulse,
    RollBackBranch,
    RolledBack,
    TakenOver,
    TakeOver,
)
from ostinato.domain.errors import ExternalError, UserError
from ostinato.domain.ids import RunId, run_ref
from ostinato.domain.workspace import Workspace

ASK_AGAIN_S = 5.0


class RewindingActivities:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @edge(FEEL_PULSE)
    async def pulse(self, command: FeelPulse, pulse: Pulse) -> Alive:
        """Changes nothing."""
        return Alive(owner=self._desk.home.queue)

    @edge(TAKE_OVER)
    async def take_over(self, command: TakeOver, pulse: Pulse) -> TakenOver:
        """The run's files are this home's from now on. A second execution of the same owner finds it done."""
        old = command.workspace
        home = self._desk.home
        await clear_out(self._desk, old.run_id)
        state = await inspect_repository(Path(old.repository), old.base_commit)
        mirror = await open_mirror(state, home.repository(state.repository_id), old.run_id)
        here = old.model_copy(
            update={
                "queue": home.queue,
                "mirror": str(mirror),
                "root": str(home.run(old.run_id)),
                "repository_id": state.repository_id,
            }
        )
        if old.queue == home.queue and not await check_checkpoint(mirror, command.head, since=old.base_commit):
            await _align(mirror, here, command.head)
            return TakenOver(workspace=here, head=command.head, same_place=True)
        taken = await self._until_taken(here, pulse)
        if old.queue != home.queue:  # of a time before, which others went past
            await asyncio.to_thread(shutil.rmtree, home.run(old.run_id) / SESSIONS, ignore_errors=True)
        if not taken.head or taken.missing:
            return TakenOver(workspace=here, head=old.head, missing=taken.missing or ("no checkpoint was pushed",))
        if taken.head == command.head or await _is_ancestor(mirror, command.head, taken.head):
            await _align(mirror, here, command.head)
            return TakenOver(workspace=here, head=command.head)
        return TakenOver(workspace=here, head=taken.head)

    async def _until_taken(self, workspace: Workspace, pulse: Pulse) -> Taken:
        """A remote that cannot be reached is asked again: the run waits and does not fail."""
        while True:
            taken = await take_over(
                Path(workspace.mirror),
                target_of(workspace),
                run_id=workspace.run_id,
                epoch=workspace.epoch,
                owner=self._desk.home.queue,
            )
            if taken.ok:
                return taken
            if taken.superseded:
                raise ExternalError(f"the run was taken over by another worker: {taken.message}", code="superseded")
            pulse.say(f"waiting: {taken.message}")
            await asyncio.sleep(ASK_AGAIN_S)

    @edge(ROLL_BACK_BRANCH)
    async def roll_back(self, command: RollBackBranch, pulse: Pulse) -> RolledBack:
        """Compare-and-swap; a second execution finds the branch where it belongs."""
        workspace = command.workspace
        mirror = Path(workspace.mirror)
        await keep_place(self._desk, workspace, command.head)
        await _require_whole(mirror, command.commit, workspace.base_commit)
        if command.files:
            head = await restore_files(
                mirror,
                branch_ref=branch_ref(workspace),
                expected_head=command.head,
                from_commit=command.commit,
                paths=command.files,
                author=await author_of_run(self._desk, workspace),
                trailers={"Ostinato-Run": workspace.run_id, "Ostinato-Step": f"restore-{command.label}"},
            )
            rolled = RolledBack(head=head)
        else:
            done = await roll_back(
                mirror,
                run_id=workspace.run_id,
                branch_ref=branch_ref(workspace),
                expected_head=command.head,
                to_commit=command.commit,
            )
            rolled = RolledBack(head=done.head, kept=done.kept)
        await push(self._desk, workspace, rolled.head, pulse)
        return rolled


async def start_from(state: RepositoryState, mirror: Path, run_id: RunId, commit: str) -> str:
    """A new run begins at a checkpoint of another one, found here or in the user's repository."""
    if (before := await recorded(mirror, run_ref(run_id, "start"))) is not None:
        return before
    if await check_checkpoint(mirror, commit):
        await fetch(state, mirror, f"+{commit}:{run_ref(run_id, 'start')}")
    await _require_whole(mirror, commit, state.base_commit)
    return await record(mirror, run_ref(run_id, "start"), commit)


async def _align(mirror: Path, workspace: Workspace, head: str) -> None:
    """The branch to where the workflow knows it: what was integrated and never reported is done again, and kept aside."""
    there = await recorded(mirror, branch_ref(workspace))
    if there is not None and there != head:
        await roll_back(
            mirror, run_id=workspace.run_id, branch_ref=branch_ref(workspace), expected_head=there, to_commit=head
        )


async def _is_ancestor(mirror: Path, older: str, newer: str) -> bool:
    return (await private_git(mirror).attempt("merge-base", "--is-ancestor", older, newer)).exit_code == 0


async def _require_whole(mirror: Path, commit: str, base: str) -> None:
    if missing := await check_checkpoint(mirror, commit, since=base):
        raise UserError.of(
            "checkpoint_incomplete",
            "CHECKPOINT",
            f"the checkpoint {commit[:12]} is not whole: {', '.join(missing[:5])} cannot be found",
            "Choose an earlier one: ostinato checkpoints RUN",
        )
