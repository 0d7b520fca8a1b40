"""Steps that a person carries out: questions, and work in a worktree that waits for them."""

from temporalio import workflow

from ostinato.contracts.activities import COLLECT_STEP, PREPARE_STEP, CollectStep, PreparedStep, PrepareStep
from ostinato.domain.decisions import ABORT, DONE, SAID, SKIP, Answer, DecisionKind, Option
from ostinato.domain.execution import FailureKind, StepOutcome, StepResult, StepState
from ostinato.domain.plan import AgentAction, AskAction, Step
from ostinato.domain.relevance import as_markdown
from ostinato.domain.request import headline
from ostinato.domain.workspace import Checkout
from ostinato.durable.people import ask, stop_if_aborted
from ostinato.durable.places import PlaceLost, on_place
from ostinato.durable.record import RunRecord
from ostinato.durable.stepping import Engine, bring_in, received_by


async def ask_question(record: RunRecord, step: Step, action: AskAction) -> StepResult:
    record.set_state(step.id, StepState.WAITING, "waiting for an answer")
    options = tuple(
        Option(name=name, effect="ends the run as cancelled" if name in action.stops_on else "goes on with this answer")
        for name in action.options
    )
    answer = await ask(
        record, _decision("question", record, step), DecisionKind.QUESTION, action.question, options, step_id=step.id
    )
    if answer.option in action.stops_on:
        stop_if_aborted(answer.model_copy(update={"option": ABORT.name}), step)
    return _answered(record, step, answer, f"answered {answer.option!r}")


async def hand_off(engine: Engine, step: Step, action: AgentAction) -> StepResult:
    """A person does the work in a worktree of the run's, which waits for them; again on the new head if it conflicts."""
    record, progress = engine.record, engine.record.of(step.id)
    question = step.name
    while True:
        epoch = record.place.epoch
        try:
            brought = await bring_in(engine, step, await _handed(record, step, action, question), epoch=epoch)
        except PlaceLost:
            question = f"{step.name}: another worker took the run over before your work came in; do it once more here"
        else:
            if brought.failure is None or brought.failure.kind is not FailureKind.CONFLICT:
                return brought
            question = (
                f"{step.name}: {brought.failure.message}. {brought.failure.recommendation}; bring it onto the new head"
            )
            progress.conflicts += 1
        progress.execution += 1
        progress.checkout = None


async def _handed(record: RunRecord, step: Step, action: AgentAction, question: str) -> StepResult:
    """What a person did in one execution of the step, asked until they say that it is done or not wanted."""
    progress, asked = record.of(step.id), 0
    name = _decision("handoff", record, step)
    while True:
        checkout = await _checkout(record, step)
        if isinstance(checkout, StepResult):
            return checkout
        asked += 1
        record.set_state(step.id, StepState.WAITING, f"waiting for a person in {checkout.worktree}")
        answer = await ask(
            record,
            name + (f"-{asked}" if asked > 1 else ""),
            DecisionKind.HANDOFF,
            question,
            (DONE if action.expects_changes else SAID, SKIP, ABORT),
            context=_briefing(record, step, action),
            step_id=step.id,
            worktree=checkout.worktree,
        )
        stop_if_aborted(answer, step)
        if answer.option == SKIP.name:
            result = _answered(record, step, answer, "left out")
            return result.model_copy(update={"outcome": StepOutcome.SKIPPED})
        record.set_state(step.id, StepState.RUNNING, "taking the changes")
        if progress.checkout is None:
            question = f"{step.name}: another worker took the run over; the worktree is now another one"
            continue
        result = await _collect(record, step, checkout, answer, asked)
        if result.outcome is not StepOutcome.SUCCEEDED:
            question = f"{step.name}: {result.failure.message if result.failure else 'it could not be taken'}"
        elif result.commit or not action.expects_changes or asked > 1:
            return result
        else:
            question = f"{step.name}: nothing was changed in the worktree. Is it done all the same?"


async def _checkout(record: RunRecord, step: Step) -> Checkout | StepResult:
    """The worktree that waits, made once; or the result, where this execution already has one."""
    progress = record.of(step.id)
    if progress.checkout is not None:
        return progress.checkout
    record.set_state(step.id, StepState.PREPARING, "preparing its worktree")
    prepared: PreparedStep = await on_place(
        record,
        PREPARE_STEP,
        lambda place: PrepareStep(
            workspace=place,
            step=step,
            execution=progress.execution,
            slot=f"handoff-{step.id}",
            head=record.head,
            trusted=record.request.options.trusted,
        ),
        activity_id=f"{step.id}-{progress.execution}-prepare",
        summary=f"{step.name} · prepare its worktree",
    )
    if prepared.recorded is not None:
        return prepared.recorded
    progress.checkout = prepared.checkout
    return prepared.checkout


def _briefing(record: RunRecord, step: Step, action: AgentAction) -> str:
    context = as_markdown(received_by(record, step))
    return f"{action.prompt}\n\n{context}" if context else action.prompt


async def _collect(record: RunRecord, step: Step, checkout: Checkout, answer: Answer, asked: int) -> StepResult:
    progress = record.of(step.id)
    return await on_place(
        record,
        COLLECT_STEP,
        lambda place: CollectStep(
            workspace=place,
            step=step,
            execution=progress.execution,
            checkout=checkout,
            answered_by=answer.by,
            note=answer.note,
            started_at=progress.started_at or workflow.now(),
        ),
        activity_id=f"{step.id}-{progress.execution}-{asked}-collect",
        summary=f"{step.name} · take what {answer.by} changed",
    )


def _answered(record: RunRecord, step: Step, answer: Answer, summary: str) -> StepResult:
    progress = record.of(step.id)
    return StepResult(
        step_id=step.id,
        execution=progress.execution,
        outcome=StepOutcome.SUCCEEDED,
        summary=summary + (f": {headline(answer.note, 200)}" if answer.note else ""),
        agent=f"person:{answer.by}",
        output={"answer": answer.option, "note": answer.note},
        started_at=progress.started_at,
        ended_at=workflow.now(),
    )


def _decision(kind: str, record: RunRecord, step: Step) -> str:
    """Of its own for each execution."""
    execution = record.of(step.id).execution
    return f"{kind}-{step.id}" + (f"-x{execution}" if execution > 1 else "")
