"""Opening, sealing, publishing and closing a run's workspace."""

from pathlib import Path

from activities.edge import Desk, Pulse, edge
from ostinato.adapters.git import mirror, publish, repository, seal, worktrees
from ostinato.contracts.activities import (
    CLOSE_WORKSPACE,
    OPEN_WORKSPACE,
    PUBLISH_BRANCH,
    SEAL_BRANCH,
    ClosedWorkspace,
    CloseWorkspace,
    OpenWorkspace,
    PublishBranch,
    SealBranch,
    Sealed,
)
from ostinato.domain.workspace import Publication, Workspace


class WorkspaceActivities:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @edge(OPEN_WORKSPACE)
    async def open(self, command: OpenWorkspace, pulse: Pulse) -> Workspace:
        """A second execution finds the private clone and the run's refs, and gives the same workspace."""
        pulse.say("reading the repository")
        state = await repository.inspect_repository(Path(command.repository), command.base)
        home = self._desk.home
        folder = await mirror.open_mirror(state, home.repository(state.repository_id), command.run_id)
        head = state.base_commit
        if command.include_dirty:
            head = await mirror.carry_dirty(state, folder, command.run_id) or head
        await mirror.open_branch(folder, command.run_id, head)
        return Workspace(
            run_id=command.run_id,
            queue=home.queue,
            repository=str(state.root),
            repository_id=state.repository_id,
            mirror=str(folder),
            root=str(home.run(command.run_id)),
            base_branch=state.base_branch,
            base_commit=state.base_commit,
            head=head,
            dirty_paths=state.dirty_paths,
            notes=state.notes,
        )
