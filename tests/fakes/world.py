"""Fake activities for workflow tests: every contract answered with a sensible default that a test may override."""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from temporalio import activity

from ostinato.adapters.cel import evaluate_condition, evaluate_items
from ostinato.contracts import account, gates, ledger, planning
from ostinato.contracts import activities as contracts
from ostinato.contracts.activities import ActivityContract
from ostinato.domain.base import Fact
from ostinato.domain.budget.prices import Terms
from ostinato.domain.classification import Classification, Intent, TaskType
from ostinato.domain.classifying.escalation import Escalation
from ostinato.domain.errors import UserError
from ostinato.domain.execution import StepOutcome, StepResult
from ostinato.domain.gates import GateResult, Observation, Stage, Status, judge
from ostinato.domain.ids import RunId, StepId
from ostinato.domain.language_model import TypeAnswer
from ostinato.domain.plan import Plan, Step, ToolAction
from ostinato.domain.project import ProjectFacts
from ostinato.domain.report import Snapshot
from ostinato.domain.resources import Activation
from ostinato.domain.staff import Colleague
from ostinato.domain.workspace import Checkout, Environment, Integration, Publication, Workspace

BASE = "b" * 40
_BEATING: ContextVar[asyncio.Task[None]] = ContextVar("beating")
Behaviour = Callable[[Any], Awaitable[Any]]


def a_workspace(run_id: str, queue: str) -> Workspace:
    return Workspace(
        run_id=RunId(run_id),
        queue=queue,
        repository="/repository",
        repository_id="r1",
        mirror="/home/mirror",
        root=f"/home/runs/{run_id}",
        base_branch="main",
        base_commit=BASE,
        head=BASE,
    )


def tool_step(step_id: str, *depends_on: str, **fields: Any) -> Step:
    return Step(
        id=StepId(step_id),
        name=f"Do {step_id}",
        action=ToolAction(tool="lint.fix"),
        depends_on=tuple(StepId(name) for name in depends_on),
        writes=None,
        **fields,
    )


def a_classification(**fields: Any) -> Classification:
    return Classification(
        task_type=TaskType.MAINTENANCE, confidence=0.9, intent=Intent.FIX, **{"risk": "low", **fields}
    )


@dataclass
class World:
    """Answers for all activities of a run; records what was asked in `calls`, and on which queue in `asked_at`."""

    queue: str
    """Of the workflows, and of what any worker can do."""
    plan: Plan
    classification: Classification = field(default_factory=a_classification)
    escalation: Escalation | None = None
    """Of the first draft; what was settled on or is generic needs none."""
    has_model: bool = False
    terms: Terms | None = None
    """What its calls cost."""
    staff: tuple[Colleague, ...] = ()
    """Coding agents that work here."""
    overrides: dict[str, Behaviour] = field(default_factory=dict)
    calls: list[tuple[str, Any]] = field(default_factory=list)
    asked_at: list[tuple[str, str]] = field(default_factory=list)
    stored: list[Snapshot] = field(default_factory=list)
    running: set[str] = field(default_factory=set)
    most_at_once: int = 0

    @property
    def place(self) -> str:
        """The queue of the worker that owns the run's files at first."""
        return f"{self.queue}-home"

    def activities(self) -> list[Callable[..., Any]]:
        return [self._activity(contract) for contract in contracts.ALL]

    def names(self) -> list[str]:
        return [name for name, _ in self.calls]

    def executed(self) -> list[str]:
        return [str(argument.step.id) for name, argument in self.calls if name == "step.execute"]

    def usual(self, name: str) -> Behaviour:
        """What the activity does when nothing is overridden."""
        behaviour: Behaviour = getattr(self, "_" + name.replace(".", "_"))
        return behaviour

    def silence(self) -> None:
        """The calling activity's heart stops."""
        _BEATING.get().cancel()

    def _activity(self, contract: ActivityContract[Any, Any]) -> Callable[..., Any]:
        async def run(argument: Fact) -> Fact:
            self.calls.append((contract.name, argument))
            self.asked_at.append((contract.name, activity.info().task_queue))
            beating = asyncio.create_task(_beat())
            _BEATING.set(beating)
            try:
                answer: Fact = await (self.overrides.get(contract.name) or self.usual(contract.name))(argument)
                return answer
            finally:
                beating.cancel()

        run.__annotations__ = {"argument": contract.input, "return": contract.output}
        return activity.defn(name=contract.name)(run)

    async def _workspace_open(self, command: contracts.OpenWorkspace) -> Workspace:
        return a_workspace(command.run_id, self.place)

    async def _plan_draft(self, command: planning.DraftPlan) -> planning.PlanDraft:
        facts = ProjectFacts(commit=BASE, languages={"Python": 3})
        is_first = command.settled is None and not command.generic
        return planning.PlanDraft(
            classification=self.classification,
            project=facts,
            plan=self.plan,
            escalation=self.escalation if is_first else None,
            has_model=self.has_model,
            terms=self.terms,
        )

    async def _plan_ask_type(self, command: planning.AskType) -> TypeAnswer:
        return TypeAnswer(reason="no model here", model="")

    async def _plan_draft_by_model(self, command: planning.DraftByModel) -> planning.ModelDraft:
        return planning.ModelDraft(draft=command.draft, note="the template stands")

    async def _plan_review_change(self, command: planning.ReviewChange) -> Classification:
        return command.classification

    async def _gates_preflight(self, command: contracts.RunPreflight) -> contracts.Preflight:
        return contracts.Preflight(
            gates=(GateResult(gate="git", stage=Stage.PRE, status=Status.PASS, message="clean"),), staff=self.staff
        )

    async def _resources_activate(self, command: planning.ActivateResources) -> Activation:
        return Activation(mode="implementation", mode_tokens=100, tokens=100)

    async def _step_prepare(self, command: contracts.PrepareStep) -> contracts.PreparedStep:
        environment = Environment(ready=True, python="/env/bin/python", path="/env")
        checkout = Checkout(worktree=f"/home/{command.slot}", commit=command.head, environment=environment)
        return contracts.PreparedStep(checkout=checkout)

    async def _step_execute(self, command: contracts.ExecuteStep) -> StepResult:
        self.running.add(command.step.id)
        self.most_at_once = max(self.most_at_once, len(self.running))
        await asyncio.sleep(0)
        self.running.discard(command.step.id)
        return succeeded(command)

    async def _step_steer(self, command: contracts.SteerStep) -> contracts.Steered:
        return contracts.Steered()

    async def _account_ask(self, command: account.AskAccount) -> account.StartAnswer:
        return account.StartAnswer(may_start=True)

    async def _step_collect(self, command: contracts.CollectStep) -> StepResult:
        return StepResult(
            step_id=command.step.id,
            execution=command.execution,
            outcome=StepOutcome.SUCCEEDED,
            commit=f"{len(self.calls):040x}",
            files_changed=1,
            agent=f"person:{command.answered_by}",
        )

    async def _step_integrate(self, command: contracts.IntegrateSteps) -> contracts.Integrated:
        done = tuple(Integration(head=step.commit, commit=step.commit) for step in command.steps)
        return contracts.Integrated(integrations=done, head=command.steps[-1].commit)

    async def _step_forecast(self, command: contracts.ForecastConflicts) -> contracts.Forecasts:
        return contracts.Forecasts()

    async def _step_describe_conflict(self, command: contracts.DescribeConflict) -> contracts.ConflictDescription:
        return contracts.ConflictDescription(diff=f"both sides of {command.step_id}")

    async def _plan_evaluate(self, command: planning.Evaluate) -> planning.Evaluated:
        evaluated = evaluate_items if command.wants == "list" else evaluate_condition
        try:
            return planning.Evaluated(value=await evaluated(command.expression, command.variables))
        except UserError as error:
            return planning.Evaluated(problem=str(error))

    async def _workspace_take_over(self, command: contracts.TakeOver) -> contracts.TakenOver:
        return contracts.TakenOver(workspace=command.workspace, head=command.head, same_place=True)

    async def _worker_pulse(self, command: contracts.FeelPulse) -> contracts.Alive:
        return contracts.Alive(owner=self.place)

    async def _workspace_roll_back(self, command: contracts.RollBackBranch) -> contracts.RolledBack:
        return contracts.RolledBack(head=command.commit, kept="refs/ostinato/run/rolled-back/1")

    async def _workspace_seal(self, command: contracts.SealBranch) -> contracts.Sealed:
        return contracts.Sealed(head=command.head)

    async def _gates_prepare(self, command: gates.PrepareGates) -> Checkout:
        environment = Environment(ready=True, python="/env/bin/python", path="/env")
        return Checkout(worktree="/home/gates", commit=command.commit, environment=environment)

    async def _gates_observe(self, command: gates.ObserveGate) -> Observation:
        metrics = {"collected": 3.0, "passed": 3.0, "coverage_pct": 95.0}
        name = command.custom.name if command.custom else str(command.gate)
        return Observation(gate=name, commit=command.checkout.commit, ran=True, metrics=metrics)

    async def _gates_judge(self, command: gates.JudgeGate) -> GateResult:
        return judge(command.head, command.base)

    async def _gates_performance(self, command: gates.MeasurePerformance) -> GateResult:
        commit = command.head.judged
        return GateResult(gate="performance", stage=Stage.POST, status=Status.PASS, commit=commit, message="not slower")

    async def _gates_integrity(self, command: gates.JudgeIntegrity) -> gates.JudgedChange:
        passed = {"stage": Stage.POST, "status": Status.PASS, "commit": command.head}
        return gates.JudgedChange(
            integrity=GateResult(gate="integrity", message="as strict as before", **passed),
            permissions=GateResult(gate="permissions", message="nothing outside the policy", **passed),
        )

    async def _workspace_publish(self, command: contracts.PublishBranch) -> Publication:
        return Publication(branch=f"ostinato/{command.workspace.run_id}", commit=command.head, pushed=True)

    async def _report_store(self, command: contracts.StoreReport) -> contracts.StoredReport:
        self.stored.append(command.snapshot)
        return contracts.StoredReport(path="/home/results/run.json")

    async def _workspace_close(self, command: contracts.CloseWorkspace) -> contracts.ClosedWorkspace:
        return contracts.ClosedWorkspace()

    async def _ledger_take_lease(self, command: ledger.TakeLease) -> ledger.LeaseTaken:
        return ledger.LeaseTaken()

    async def _ledger_look_after(self, command: ledger.LookAfterLeases) -> ledger.Fates:
        return ledger.Fates(fates=())

    async def _merge_prepare(self, command: contracts.PrepareMerge) -> contracts.MergePlan:
        return contracts.MergePlan(
            workspace=a_workspace(command.run_id, self.place),
            base_now=BASE,
            target=command.head,
            fast_forward=True,
            project=ProjectFacts(commit=BASE),
        )

    async def _merge_land(self, command: contracts.LandMerge) -> contracts.Landed:
        return contracts.Landed(moved=True, message="moved")


def elsewhere(command: contracts.TakeOver, queue: str, **fields: Any) -> contracts.TakenOver:
    """Another worker takes the run over."""
    workspace = command.workspace.model_copy(update={"queue": queue, "root": f"/{queue}"})
    return contracts.TakenOver(workspace=workspace, **{"head": command.head, **fields})


def succeeded(command: contracts.ExecuteStep, **fields: Any) -> StepResult:
    """A writing step's good result: a commit of its own, made from its id and execution."""
    commit = f"{command.step.id}{command.execution}".encode().hex().ljust(40, "0")[:40]
    return StepResult(
        step_id=command.step.id,
        execution=command.execution,
        outcome=StepOutcome.SUCCEEDED,
        commit=commit,
        files_changed=1,
        summary=f"did {command.step.id}",
        **fields,
    )


async def _beat() -> None:
    while True:
        activity.heartbeat()
        await asyncio.sleep(0.2)
