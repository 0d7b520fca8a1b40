"""From words and a repository to a classification, a plan and what is switched on for it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from activities.budget import Purse, never_asked
from activities.checkouts import project_of
from activities.edge import Desk, Pulse, edge
from ostinato.adapters.cel import evaluate_condition, evaluate_items
from ostinato.adapters.evidence.difference import read_difference
from ostinato.adapters.git.command import private_git
from ostinato.adapters.git.worktrees import prepare_worktree
from ostinato.adapters.models import Counted, ask_type
from ostinato.adapters.resources import CommitTree, discover
from ostinato.adapters.understanding import understand_request
from ostinato.contracts.activities import (
    ACTIVATE_RESOURCES,
    ASK_TYPE,
    DRAFT_BY_MODEL,
    DRAFT_PLAN,
    EVALUATE,
    REVIEW_CHANGE,
)
from ostinato.contracts.planning import (
    ActivateResources,
    AskType,
    DraftByModel,
    DraftPlan,
    Evaluate,
    Evaluated,
    ModelDraft,
    PlanDraft,
    ReviewChange,
)
from ostinato.domain.claims import with_implied
from ostinato.domain.classification import Classification
from ostinato.domain.drafting import within_options
from ostinato.domain.durations import Expectation, with_expectations
from ostinato.domain.errors import UserError
from ostinato.domain.ids import StepId
from ostinato.domain.language_model import TypeAnswer
from ostinato.domain.plan import Plan
from ostinato.domain.planning import grounds_of
from ostinato.domain.planning.drafts import Brief, drafted_plan
from ostinato.domain.refining import after_diff, after_plan
from ostinato.domain.resources import Activation
from ostinato.domain.selection import select


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
        seen = await understand_request(
            command.request,
            project,
            git=private_git(Path(workspace.mirror)),
            commit=workspace.head,
            home=self._desk.home,
            has_model=self._desk.model is not None,
            settled=command.settled,
            generic=command.generic,
        )
        expected = await self._expected(workspace.repository_id, seen.plan)
        return PlanDraft(
            classification=after_plan(seen.classification, expected.plan, expected.expectations),
            project=project,
            plan=expected.plan,
            escalation=seen.escalation,
            has_model=self._desk.model is not None,
            terms=self._desk.prices.terms(self._desk.model.name) if self._desk.model else None,
            notes=expected.notes,
        )

    @edge(ASK_TYPE)
    async def ask_type(self, command: AskType, pulse: Pulse) -> TypeAnswer:
        """What was answered once is kept: a second execution asks nobody."""
        model = self._desk.model
        if model is None:
            spent = await never_asked(self._desk, command.metered)
            return TypeAnswer(reason="this worker has no language model", model="", spent=spent)
        purse = Purse(self._desk, model, command.metered)
        await purse.open()
        answer = await ask_type(model, command.text, command.top, answers=self._desk.home.model_answers)
        return answer.model_copy(update={"spent": await purse.close(answer.usage)})

    @edge(DRAFT_BY_MODEL)
    async def draft_by_model(self, command: DraftByModel, pulse: Pulse) -> ModelDraft:
        """A second execution asks again, and both are paid for; a model that fails leaves the plan as it is."""
        model, draft = self._desk.model, command.draft
        if model is None:
            note = "this worker has no language model, so the template stands"
            return ModelDraft(draft=draft, note=note, spent=await never_asked(self._desk, command.metered))
        pulse.say("the language model drafts the plan")
        brief = Brief(
            request=self._desk.redactor.text(command.request.text),
            classification=draft.classification,
            project=draft.project,
            template=draft.plan,
            grounds=grounds_of(draft.project, draft.classification),
            trusted=command.request.options.trusted,
        )
        counted, purse = Counted(model), Purse(self._desk, model, command.metered)
        await purse.open()
        made = await drafted_plan(brief, counted.complete)
        spent = await purse.close(counted.usage)
        used = f"{model.name}: {counted.tokens_in} tokens in, {counted.tokens_out} out, {made.attempts} attempt{'s' * (made.attempts != 1)}"
        if not made.is_drafted:
            return ModelDraft(draft=draft, note=f"{'; '.join(made.notes)} ({used})", spent=spent)
        plan = within_options(made.plan, command.request)
        expected = await self._expected(command.workspace.repository_id, plan)
        classification = after_plan(draft.classification, expected.plan, expected.expectations)
        update = {"plan": expected.plan, "classification": classification}
        drafted = draft.model_copy(update=update)
        return ModelDraft(draft=drafted, note=f"the plan was drafted by {used}", spent=spent)

    @edge(REVIEW_CHANGE)
    async def review_change(self, command: ReviewChange, pulse: Pulse) -> Classification:
        """Pure over two commits: a second execution says the same."""
        place = command.workspace
        diff = await read_difference(private_git(Path(place.mirror)), place.head, command.head)
        return after_diff(command.classification, diff)

    async def _expected(self, repository_id: str, plan: Plan) -> "_Expected":
        """Durations as this repository's runs taught them; a history that cannot be read stops nothing."""
        plan = with_implied(plan)
        if self._desk.history is None:
            return _Expected(plan, {})
        samples, problems = await asyncio.to_thread(self._desk.history.samples, repository_id, plan)
        learned, expectations = with_expectations(plan, samples)
        return _Expected(learned, expectations, tuple(str(problem) for problem in problems))

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
        """Reads the run's commit and the user's home: a second execution selects the same while the home is."""
        place, request = command.workspace, command.request
        tree = CommitTree(Path(place.mirror), place.head) if place is not None else None
        found = await discover(tree, Path.home() if place is not None else None)
        return select(
            command.classification,
            found,
            request=request.text,
            paths=command.classification.paths,
            mode=request.options.mode,
            trusted=request.options.trusted,
        )


@dataclass(frozen=True, slots=True)
class _Expected:
    plan: Plan
    expectations: Mapping[StepId, Expectation]
    notes: tuple[str, ...] = ()
