"""From words and a repository to a classification, a plan and what is switched on for it."""

import asyncio
from pathlib import Path

from activities.checkouts import project_of
from activities.edge import Desk, Pulse, edge
from ostinato.adapters.cel import evaluate_condition, evaluate_items
from ostinato.adapters.git.worktrees import prepare_worktree
from ostinato.contracts.activities import (
    ACTIVATE_RESOURCES,
    DRAFT_PLAN,
    EVALUATE,
    ActivateResources,
    DraftPlan,
    Evaluate,
    Evaluated,
    PlanDraft,
)
from ostinato.domain.claims import with_implied
from ostinato.domain.drafting import draft
from ostinato.domain.durations import with_expectations
from ostinato.domain.errors import UserError
from ostinato.domain.modes import activate
from ostinato.domain.plan import Plan
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
        plan, notes = await self._with_expectations(workspace.repository_id, with_implied(plan))
        return PlanDraft(classification=classification, project=project, plan=plan, notes=notes)

    async def _with_expectations(self, repository_id: str, plan: Plan) -> tuple[Plan, tuple[str, ...]]:
        """Durations as this repository's runs taught them; a history that cannot be read stops nothing."""
        if self._desk.history is None:
            return plan, ()
        samples, problems = await asyncio.to_thread(self._desk.history.samples, repository_id, plan)
        return with_expectations(plan, samples)[0], tuple(str(problem) for problem in problems)

    @edge(EVALUATE)
    async def evaluate(self, command: Evaluate, pulse: Pulse) -> Evaluated:
        """Pure: a second execution gives the same. What is wrong with the expression is an answer."""
        try:
            if command.wants == "list":
                return Evaluated(value=await evaluate_items(command.expression, command.variables))
            return Evaluated(value=await evaluate_condition(command.expression, command.variables))
        except UserError as error:
            return Evaluated(problem=str(error))

    @edge(ACTIVATE_RESOURCES)
    async def activate(self, command: ActivateResources, pulse: Pulse) -> Activation:
        """Pure: a second execution selects the same."""
        return activate(command.classification, command.request.options.mode)
