"""From words and a repository to a classification, a plan and what is switched on for it."""

from pathlib import Path

from activities.checkouts import project_of
from activities.edge import Desk, Pulse, edge
from ostinato.adapters.git.worktrees import prepare_worktree
from ostinato.contracts.activities import ACTIVATE_RESOURCES, DRAFT_PLAN, ActivateResources, DraftPlan, PlanDraft
from ostinato.domain.drafting import draft
from ostinato.domain.modes import activate
from ostinato.domain.resources import Activation


class PlanningActivities:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @edge(DRAFT_PLAN)
    async def draft(self, command: DraftPlan, pulse: Pulse) -> PlanDraft:
        """Pure over the files of the base commit: a second execution drafts the same."""
        workspace = command.workspace
        tree = Path(workspace.root) / "w0" / "tree"
        pulse.say("reading the project")
        await prepare_worktree(Path(workspace.mirror), tree, workspace.head, workspace.run_id)
        project = await project_of(workspace, tree, workspace.head)
        classification, plan = draft(command.request, project)
        return PlanDraft(classification=classification, project=project, plan=plan)

    @edge(ACTIVATE_RESOURCES)
    async def activate(self, command: ActivateResources, pulse: Pulse) -> Activation:
        """Pure: a second execution selects the same."""
        return activate(command.classification, command.request.options.mode)
