"""Asking a person and waiting, for weeks if need be."""

from collections.abc import Collection
from datetime import timedelta

from temporalio import workflow

from ostinato.contracts.workflows import Verdict
from ostinato.domain.decisions import (
    ABORT,
    APPROVE,
    REJECT,
    Answer,
    Decision,
    DecisionKind,
    Option,
    answer_problem,
)
from ostinato.domain.errors import Problem
from ostinato.domain.ids import DecisionId, StepId
from ostinato.domain.pipeline import Outcome
from ostinato.domain.plan import Step
from ostinato.domain.report import Stop
from ostinato.durable.calls import StopRun
from ostinato.durable.record import RunRecord

APPROVAL = DecisionId("approval")
WITHDRAWN = "withdrawn"


async def ask(
    record: RunRecord,
    decision_id: str,
    kind: DecisionKind,
    question: str,
    options: tuple[Option, ...],
    *,
    context: str = "",
    step_id: StepId | None = None,
    worktree: str = "",
    given: Answer | None = None,
) -> Answer:
    """Open a decision and wait for its answer, or for the run's deadline; `given` answers it by policy.

    A decision that was asked before is taken up where it is.
    """
    known = record.decisions.get(DecisionId(decision_id))
    if known is not None and known.answer is not None and known.answer.option == WITHDRAWN:
        known = None
    decision = known or Decision(
        id=DecisionId(decision_id),
        kind=kind,
        question=question,
        options=options,
        context=context,
        step_id=step_id,
        worktree=worktree,
        asked_at=workflow.now(),
    )
    record.decisions[decision.id] = decision
    if given is not None:
        accept(record, given, autonomous=True)
        return given
    if decision.is_open:
        record.publish_needs_human()
        record.stale = True
        await _until_answered(record, decision)
        record.publish_needs_human()
    answer = record.decisions[decision.id].answer
    assert answer is not None
    return answer


async def _until_answered(record: RunRecord, decision: Decision) -> None:
    deadline = record.request.options.deadline
    timeout: timedelta | None = None
    if deadline is not None:
        timeout = max(deadline - workflow.now(), timedelta(seconds=1))
    try:
        await workflow.wait_condition(
            lambda: not record.decisions[decision.id].is_open,
            timeout=timeout,
            timeout_summary=f"deadline while waiting for a person: {decision.question}"[:200],
        )
    except TimeoutError:
        raise StopRun(
            Stop(
                outcome=Outcome.FAILED,
                code="deadline",
                message=f"the deadline passed while {decision.id} waited for an answer",
                cure="Start the run again with a later --deadline; its branch keeps what was done",
            )
        ) from None


def refuse_reason(record: RunRecord, answer: Answer) -> Problem | None:
    return answer_problem(record.decisions, answer)


def accept(record: RunRecord, answer: Answer, *, autonomous: bool = False) -> None:
    """Resolve the decision where it is decided; whoever waits wakes on it."""
    decision = record.decisions[answer.decision]
    record.decisions[answer.decision] = decision.model_copy(
        update={"answer": answer, "answered_at": workflow.now(), "autonomous": autonomous}
    )
    record.stale = True


def withdraw(record: RunRecord, step_ids: Collection[StepId | None]) -> None:
    """Steps that were stopped ask nothing any more; where they run again, they ask again. None: what is of no step."""
    for decision in list(record.decisions.values()):
        if decision.is_open and decision.step_id in step_ids:
            note = "the step was stopped before anybody answered"
            accept(
                record,
                Answer(decision=decision.id, option=WITHDRAWN, by="ostinato", note=note),
                autonomous=True,
            )
            record.publish_needs_human()


def verdict_answer(verdict: Verdict, *, approved: bool) -> Answer:
    option = APPROVE if approved else REJECT
    return Answer(decision=APPROVAL, option=option.name, note=verdict.note, by=verdict.by)


def stop_if_aborted(answer: Answer, step: Step) -> None:
    if answer.option == ABORT.name:
        raise StopRun(
            Stop(
                outcome=Outcome.CANCELLED,
                code="aborted",
                message=f"{answer.by} aborted the run at “{step.name}”" + (f": {answer.note}" if answer.note else ""),
            )
        )
