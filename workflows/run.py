"""The run: one request from words to a proven branch. Reads as the pipeline."""

import asyncio

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from ostinato.contracts.activities import (
    ACTIVATE_RESOURCES,
    CLOSE_WORKSPACE,
    DRAFT_PLAN,
    OPEN_WORKSPACE,
    PUBLISH_BRANCH,
    RUN_PREFLIGHT,
    SEAL_BRANCH,
    STORE_REPORT,
    ActivateResources,
    CloseWorkspace,
    DraftPlan,
    OpenWorkspace,
    PlanDraft,
    PublishBranch,
    RunPreflight,
    SealBranch,
    StoreReport,
)
from ostinato.contracts.workflows import RUN_WORKFLOW
from ostinato.domain.approval import approval_context, approval_for
from ostinato.domain.decisions import APPROVE, REJECT, Answer, DecisionKind
from ostinato.domain.errors import OstinatoError
from ostinato.domain.execution import Frontier
from ostinato.domain.gates import Status, failed_gates
from ostinato.domain.pipeline import Outcome, Phase, Trigger
from ostinato.domain.report import Snapshot, Stop, judge_outcome
from ostinato.domain.request import RunRequest
from ostinato.durable.calls import StopRun, call, stop_of, uninterrupted
from ostinato.durable.frontier import run_steps
from ostinato.durable.mailbox import Mailbox
from ostinato.durable.people import APPROVAL, ask
from ostinato.durable.proving import Observations, judge_gates, observe_gates
from ostinato.durable.record import RunRecord


@workflow.defn(name=RUN_WORKFLOW, failure_exception_types=[OstinatoError])
class RunWorkflow(Mailbox):
    @workflow.init
    def __init__(self, request: RunRequest) -> None:
        self._record = RunRecord(request=request, started_at=workflow.now())
        self._baseline: asyncio.Task[Observations] | None = None

    @workflow.run
    async def run(self, request: RunRequest) -> Snapshot:
        record = self._record
        cancelled: BaseException | None = None
        try:
            draft = await self._understand()
            await self._preflight(draft)
            await self._activate(draft)
            await self._execute()
            await self._prove()
        except StopRun as stopped:
            record.stop = stopped.stop
        except ActivityError as error:
            if is_cancelled_exception(error):
                cancelled = error
            record.stop = _cancelled() if cancelled else stop_of(error)
        except asyncio.CancelledError as error:
            cancelled = error
            record.stop = _cancelled()
        except OstinatoError as error:
            record.stop = Stop(outcome=Outcome.FAILED, code=error.code, message=str(error))
        await uninterrupted(self._finish())
        await workflow.wait_condition(workflow.all_handlers_finished)
        if cancelled is not None:
            raise cancelled
        return record.snapshot()

    async def _understand(self) -> PlanDraft:
        """Analyzing and planning: open the workspace, classify, draft the plan."""
        record = self._record
        record.say("reading the repository")
        options = record.request.options
        record.workspace = await call(
            OPEN_WORKSPACE,
            OpenWorkspace(
                run_id=record.request.run_id,
                repository=record.request.repository,
                base=options.base,
                include_dirty=options.include_dirty,
            ),
            summary="private clone and base commit",
        )
        record.notes.extend(record.workspace.notes)
        record.checkpoint(record.workspace.head)
        record.move(Trigger.CLASSIFIED, Phase.PLANNING)
        draft = await call(
            DRAFT_PLAN,
            DraftPlan(request=record.request, workspace=record.workspace),
            queue=record.place.queue,
            summary="classify the request and draft a plan",
        )
        record.classification, record.project = draft.classification, draft.project
        record.frontier = Frontier.of(draft.plan)
        record.publish_plan_facts()
        record.move(Trigger.PLANNED, Phase.PREFLIGHT)
        return draft

    async def _preflight(self, draft: PlanDraft) -> None:
        """Gates before anything runs, then approval where risk or the user asks for it."""
        record = self._record
        found = await call(
            RUN_PREFLIGHT,
            RunPreflight(request=record.request, workspace=record.place, draft=draft),
            queue=record.place.queue,
            summary="git state, dependencies, risk",
        )
        record.gates.extend(found.gates)
        if failed := failed_gates(found.gates):
            raise StopRun(
                Stop(
                    outcome=Outcome.FAILED,
                    code="preflight_failed",
                    message="; ".join(gate.message for gate in failed),
                    cure=" ".join(gate.recommendation for gate in failed),
                )
            )
        await self._approval(draft)
        await self._while_paused()
        record.move(Trigger.GATES_PASSED, Phase.ACTIVATING)

    async def _approval(self, draft: PlanDraft) -> None:
        record = self._record
        policy = approval_for(record.request.options, draft.classification)
        if not policy.needed:
            return
        record.move(Trigger.PERSON_NEEDED, Phase.ESCALATING)
        in_advance = Answer(
            decision=APPROVAL, option=APPROVE.name, by=record.request.requested_by, note="approved in advance (--yes)"
        )
        answer = await ask(
            record,
            APPROVAL,
            DecisionKind.APPROVAL,
            f"Execute this plan? {policy.reason}",
            (APPROVE, REJECT),
            context=approval_context(draft.plan, draft.classification),
            given=in_advance if policy.in_advance else None,
        )
        if answer.option == REJECT.name:
            message = f"{answer.by} rejected the plan" + (f": {answer.note}" if answer.note else "")
            raise StopRun(Stop(outcome=Outcome.CANCELLED, code="rejected", message=message))
        record.move(Trigger.ANSWERED, Phase.PREFLIGHT)

    async def _activate(self, draft: PlanDraft) -> None:
        record = self._record
        record.activation = await call(
            ACTIVATE_RESOURCES,
            ActivateResources(request=record.request, classification=draft.classification),
            queue=record.place.queue,
            summary="mode and skills",
        )
        record.move(Trigger.ACTIVATED, Phase.EXECUTING)

    async def _execute(self) -> None:
        """Steps, while the gates look at the base commit."""
        record = self._record
        self._baseline = asyncio.create_task(self._observe(record.place.base_commit, "base"))
        record.say("executing the plan")
        await run_steps(record)
        await self._while_paused()
        record.move(Trigger.STEPS_FINISHED, Phase.VALIDATING)

    async def _prove(self) -> None:
        """The final commit, then the gates on exactly that commit."""
        record = self._record
        assert self._baseline is not None
        record.say("making the final commit")
        sealed = await call(
            SEAL_BRANCH,
            SealBranch(workspace=record.place, head=record.head, trusted=record.request.options.trusted),
            queue=record.place.queue,
            summary="final commit: the user's hooks and signature",
        )
        record.notes.extend(sealed.notes)
        if sealed.head != record.head:
            record.checkpoint(sealed.head)
        if sealed.gate is not None:
            record.gates.append(sealed.gate)
        record.say(f"running the gates on {record.head[:10]}")
        seen = await self._observe(record.head, "head")
        record.gates.extend(await judge_gates(record.place, seen, await self._baseline))
        record.move(Trigger.VALIDATED, Phase.COMPLETING)

    async def _observe(self, commit: str, label: str) -> Observations:
        record = self._record
        assert record.plan is not None
        return await observe_gates(
            record.place,
            record.facts,
            record.plan.post_gates,
            commit=commit,
            label=label,
            trusted=record.request.options.trusted,
        )

    async def _while_paused(self) -> None:
        await workflow.wait_condition(lambda: not self._record.paused)

    async def _finish(self) -> None:
        """Whatever happened: stop what runs, keep unfinished work, give the branch, store the report."""
        record = self._record
        if record.phase is not Phase.COMPLETING:
            record.move(Trigger.STOPPED, Phase.COMPLETING, note=record.stop.code if record.stop else "")
        if self._baseline is not None:
            self._baseline.cancel()
            await asyncio.gather(self._baseline, return_exceptions=True)
        if record.workspace is not None:
            await self._leave_workspace()
        states = tuple(record.frontier.states.values()) if record.frontier else ()
        record.end(judge_outcome(stop=record.stop, states=states, gates=record.gates))
        try:
            await call(
                STORE_REPORT, StoreReport(snapshot=record.snapshot()), queue=self._queue(), summary="keep the report"
            )
        except ActivityError as error:  # the workflow's own result still has it
            record.note(f"the report could not be kept on disk: {stop_of(error).message}")

    async def _leave_workspace(self) -> None:
        record = self._record
        try:
            closed = await call(
                CLOSE_WORKSPACE,
                CloseWorkspace(workspace=record.place),
                queue=record.place.queue,
                summary="save unfinished work, remove worktrees",
            )
            for ref in closed.saved_refs:
                how = (
                    f"git fetch {record.place.mirror} {ref}"
                    if ref.startswith("refs/")
                    else f"{ref} (it holds a secret)"
                )
                record.note(f"unfinished work is kept: {how}")
            record.publication = await call(
                PUBLISH_BRANCH,
                PublishBranch(workspace=record.place, head=record.head, passed_gates=self._passed()),
                queue=record.place.queue,
                summary="give the user the branch",
            )
        except ActivityError as error:
            record.note(f"the run's work is in {record.place.mirror}: {stop_of(error).message}")
            record.stop = record.stop or stop_of(error)

    def _passed(self) -> tuple[str, ...]:
        return tuple(
            gate.gate
            for gate in self._record.gates
            if gate.stage == "post" and gate.status in (Status.PASS, Status.WARN)
        )

    def _queue(self) -> str | None:
        return self._record.workspace.queue if self._record.workspace else None


def _cancelled() -> Stop:
    reason = workflow.cancellation_reason() or "cancelled"
    return Stop(outcome=Outcome.CANCELLED, code="cancelled", message=f"the run was cancelled: {reason}")
