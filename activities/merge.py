"""Landing a run's branch on its base."""

from pathlib import Path

from activities.checkouts import project_of
from activities.edge import Desk, Pulse, edge
from ostinato.adapters.git.landing import land, plan_merge, require_proof
from ostinato.adapters.git.mirror import open_mirror
from ostinato.adapters.git.repository import inspect_repository
from ostinato.adapters.git.worktrees import prepare_worktree
from ostinato.contracts.activities import LAND_MERGE, PREPARE_MERGE, Landed, LandMerge, MergePlan, PrepareMerge
from ostinato.domain.ids import RunId
from ostinato.domain.workspace import Workspace


class MergeActivities:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @edge(PREPARE_MERGE)
    async def prepare(self, command: PrepareMerge, pulse: Pulse) -> MergePlan:
        """Changes nothing but the private clone; a second execution plans against where the base is then."""
        state = await inspect_repository(Path(command.repository), command.base_branch)
        home = self._desk.home
        mirror = await open_mirror(state, home.repository(state.repository_id), command.run_id)
        if not command.force:
            await require_proof(state, run_id=command.run_id, head=command.head)
        plan = await plan_merge(
            state, mirror, run_id=command.run_id, head=command.head, base_branch=command.base_branch
        )
        workspace = Workspace(
            run_id=command.run_id,
            queue=home.queue,
            repository=str(state.root),
            repository_id=state.repository_id,
            mirror=str(mirror),
            root=str(home.run(RunId(f"{command.run_id}.merge"))),
            base_branch=command.base_branch,
            base_commit=plan.base_now,
            head=command.head,
        )
        tree = Path(workspace.root) / "base" / "tree"
        await prepare_worktree(mirror, tree, plan.base_now, command.run_id)
        return MergePlan(
            workspace=workspace,
            base_now=plan.base_now,
            target=plan.target,
            fast_forward=plan.fast_forward,
            already_merged=plan.already_merged,
            conflicts=plan.conflicts,
            project=await project_of(workspace, tree, plan.base_now),
        )

    @edge(LAND_MERGE)
    async def land(self, command: LandMerge, pulse: Pulse) -> Landed:
        """Compare-and-swap: a second execution finds the base where it belongs."""
        workspace = command.workspace
        state = await inspect_repository(Path(workspace.repository), command.base_branch)
        landing = await land(
            state,
            Path(workspace.mirror),
            run_id=workspace.run_id,
            base_branch=command.base_branch,
            expected=command.expected,
            target=command.target,
        )
        return Landed(moved=landing.moved, message=landing.message)
