"""The run: one request from words to a proven branch. Reads as the pipeline."""

import asyncio
from typing import NoReturn

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from ostinato.contracts.activities import (
    ACTIVATE_RESOURCES,
    CLOSE_WORKSPACE,
    OPEN_WORKSPACE,
    PUBLISH_BRANCH,
    REVIEW_CHANGE,
    RUN_PREFLIGHT,
    SEAL_BRANCH,
    STORE_REPORT,
    CloseWorkspace,
    OpenWorkspace,
    PublishBranch,
    RunPreflight,
    SealBranch,
    StoredReport,
    StoreReport,
)
from ostinato.contracts.gates import Standard
from ostinato.contracts.planning import ActivateResources, PlanDraft, ReviewChange
from ostinato.contracts.workflows import RUN_WORKFLOW
from ostinato.domain.approval import approval_context, approval_for
from ostinato.domain.budget.judging import PRE_GATE, STOP_CODE
from ostinato.domain.continuation import Rollback, RunInput, with_continuation
from ostinato.domain.decisions import APPROVE, REJECT, Answer, DecisionKind
from ostinato.domain.errors import OstinatoError
from ostinato.domain.gates import GateResult, Stage, Status, failed_gates
from ostinato.domain.permissions import Network
from ostinato.domain.pipeline import Outcome, Phase, Trigger
from ostinato.domain.preflight import risk_of_change
from ostinato.domain.report import Snapshot, Stop, judge_outcome
from ostinato.domain.request import named_by, without_plan
from ostinato.domain.schedule import Schedule
from ostinato.durable.calls import StopRun, call, stop_of, stop_where_told, uninterrupted
from ostinato.durable.continuing import continuation_of, here, restored, settle_in
from ostinato.durable.frontier import BeginAnew, run_steps
from ostinato.durable.integrity import judge_change
from ostinato.durable.mailbox import Mailbox
from ostinato.durable.people import APPROVAL, ask
from ostinato.durable.places import on_place
from ostinato.durable.proving import Bench, Observations, observe_base, prove
from ostinato.durable.record import RunRecord
from ostinato.durable.refining import refine
from ostinato.durable.rewinding import roll_back
from ostinato.durable.staffing import take_on
from ostinato.durable.stepping import Engine
from ostinato.durable.understanding import understand


@workflow.defn(name=RUN_WORKFLOW, failure_exception_types=[OstinatoError])
class RunWorkflow(Mailbox):
    @workflow.init
    def __init__(self, start: RunInput) -> None:
        request = named_by(start.request, workflow.info().workflow_id)
        if start.continuation is None:
            self._record = RunRecord(request=request, started_at=workflow.now())
        else:
            self._record = restored(request, start.continuation)
        self._baseline: asyncio.Task[Observations] | None = None

    @workflow.run
    async def run(self, start: RunInput) -> Snapshot:
        record, continuation = self._record, start.continuation
        cancelled: BaseException | None = None
        try:
            if continuation is None:
                await self._begin()
            else:
                await settle_in(record, continuation)
            if record.rollback is not None and record.phase is Phase.EXECUTING and continuation:
                await self._only_roll_back(record.rollback)
            await self._execute()
            while not await self._prove():
                await self._execute()
        except BeginAnew:
            self._begin_anew()
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

    async def _begin(self) -> None:
        draft = await self._understand()
        await self._preflight(draft)
        await self._activate(draft)

    def _begin_anew(self) -> NoReturn:
        """The history has grown: another execution goes on with everything this one knows."""
        record = self._record
        workflow.continue_as_new(with_continuation(record.request, continuation_of(record)))

    async def _only_roll_back(self, order: Rollback) -> NoReturn:
        """A run that had ended goes back to a checkpoint and ends there."""
        await roll_back(self._record)
        message = f"{order.by} rolled the run back to {order.checkpoint}" + (f": {order.note}" if order.note else "")
        raise StopRun(Stop(outcome=Outcome.ROLLED_BACK, code="rolled_back", message=message))

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
                checkpoint_remote=options.checkpoint_remote,
            ),
            summary="private clone and base commit",
            counts=True,  # it is to be closed
        )
        record.workspace = here(record)
        record.notes.extend(record.workspace.notes)
        record.checkpoint(record.workspace.head)
        stop_where_told()
        record.move(Trigger.CLASSIFIED, Phase.PLANNING)
        draft = await understand(record)
        record.classification, record.project = draft.classification, draft.project
        record.notes.extend(draft.notes)
        record.schedule = Schedule.of(draft.plan)
        record.request = without_plan(record.request)
        record.publish_plan_facts()
        record.move(Trigger.PLANNED, Phase.PREFLIGHT)
        return draft

    async def _preflight(self, draft: PlanDraft) -> None:
        """Gates before anything runs, then approval where risk or the user asks for it."""
        record = self._record
        found = await on_place(
            record,
            RUN_PREFLIGHT,
            lambda place: RunPreflight(
                request=record.request, workspace=place, draft=draft, spent=record.spending.balance()
            ),
            summary="git state, dependencies, risk, budget",
        )
        record.gates.extend(found.gates)
        take_on(record, found.staff)
        if failed := failed_gates(found.gates):
            raise StopRun(
                Stop(
                    outcome=Outcome.FAILED,
                    code=STOP_CODE if all(gate.gate == PRE_GATE for gate in failed) else "preflight_failed",
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
        record.activation = await on_place(
            record,
            ACTIVATE_RESOURCES,
            lambda place: ActivateResources(
                workspace=place, request=record.request, classification=draft.classification
            ),
            summary="mode and skills",
        )
        record.move(Trigger.ACTIVATED, Phase.EXECUTING)

    async def _execute(self) -> None:
        """Steps, while the gates look at the base commit."""
        record = self._record
        self._baseline = self._baseline or asyncio.create_task(self._observe_base())
        record.say("executing the plan")
        record.show()
        await run_steps(Engine.of(record))
        await self._while_paused()
        record.move(Trigger.STEPS_FINISHED, Phase.VALIDATING)

    async def _prove(self) -> bool:
        """The final commit, then the gates on exactly that commit. False: what they found is to be corrected first."""
        record = self._record
        planned = record.classification
        record.say("making the final commit")
        verdicts = [*await self._seal(), *await self._review()]
        record.say(f"running the gates on {record.head[:10]}")
        verdicts += await prove(
            self._bench(), commit=record.head, label="head", standard=self._standard(), base=self._base
        )
        if refine(record, verdicts) or refine(record, judged := await judge_change(record)):
            record.classification = planned
            return False
        before = [gate for gate in record.gates if gate.stage is not Stage.POST]
        record.gates = [*before, *verdicts, *judged]
        record.move(Trigger.VALIDATED, Phase.COMPLETING)
        return True

    async def _seal(self) -> tuple[GateResult, ...]:
        record = self._record
        sealed = await on_place(
            record,
            SEAL_BRANCH,
            lambda place: SealBranch(workspace=place, head=record.head, trusted=record.request.options.trusted),
            summary="final commit: the user's hooks and signature",
        )
        for note in sealed.notes:
            record.note(note)
        if sealed.head != record.head:
            record.checkpoint(sealed.head)
        return (sealed.gate,) if sealed.gate is not None else ()

    async def _review(self) -> tuple[GateResult, ...]:
        """Complexity and risk once more, from what was really changed; a risk that rose is a warning by name."""
        record = self._record
        before = record.classification
        if before is None or record.head == record.place.head:
            return ()
        after = await on_place(
            record,
            REVIEW_CHANGE,
            lambda place: ReviewChange(workspace=place, head=record.head, classification=before),
            summary="complexity and risk of the real change",
        )
        record.classification = after
        warned = risk_of_change(before, after, record.head)
        return (warned,) if warned is not None else ()

    async def _observe_base(self) -> Observations:
        """Kept in the record, so that another execution of the workflow need not look again."""
        record = self._record
        if not record.baseline:
            seen = await observe_base(self._bench(), record.place.base_commit)
            record.baseline = tuple(seen.values())
        return {observation.gate: observation for observation in record.baseline}

    async def _base(self) -> Observations:
        assert self._baseline is not None
        return await asyncio.shield(self._baseline)

    def _standard(self) -> Standard:
        record = self._record
        assert record.classification is not None
        return Standard(
            base=record.place.head,
            classification=record.classification,
            request=record.request.text,
            source_roots=record.facts.source_roots,
        )

    def _bench(self) -> Bench:
        record = self._record
        options, plan = record.request.options, record.steps.plan
        assert record.project is not None
        return Bench(
            project=record.project.for_gates,
            trusted=options.trusted,
            gates=plan.post_gates,
            custom=plan.custom_gates,
            offline=options.policy.network is Network.DENY,
            record=record,
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
        states = tuple(record.schedule.states.values()) if record.schedule else ()
        record.end(judge_outcome(stop=record.stop, states=states, gates=record.gates))
        try:
            stored = await self._store()
            record.notes.extend(stored.notes)
        except ActivityError as error:  # the workflow's own result still has it
            record.note(f"the report could not be kept on disk: {stop_of(error).message}")

    async def _leave_workspace(self) -> None:
        record = self._record
        try:
            closed = await on_place(
                record,
                CLOSE_WORKSPACE,
                lambda place: CloseWorkspace(workspace=place),
                summary="save unfinished work, remove worktrees",
            )
            for ref in closed.saved_refs:
                how = (
                    f"git fetch {record.place.mirror} {ref}"
                    if ref.startswith("refs/")
                    else f"{ref} (it holds a secret)"
                )
                record.note(f"unfinished work is kept: {how}")
            record.publication = await on_place(
                record,
                PUBLISH_BRANCH,
                lambda place: PublishBranch(workspace=place, head=record.head, passed_gates=self._passed()),
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

    async def _store(self) -> StoredReport:
        record = self._record
        if record.workspace is None:
            return await call(STORE_REPORT, StoreReport(snapshot=record.snapshot()), summary="keep the report")
        return await on_place(
            record, STORE_REPORT, lambda place: StoreReport(snapshot=record.snapshot()), summary="keep the report"
        )


def _cancelled() -> Stop:
    reason = workflow.cancellation_reason() or "cancelled"
    return Stop(outcome=Outcome.CANCELLED, code="cancelled", message=f"the run was cancelled: {reason}")
