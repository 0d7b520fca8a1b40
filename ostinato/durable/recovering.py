"""A step until it is done, cannot be helped, or a person says otherwise: what was decided about a failure is carried out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from ostinato.contracts.workflows import CarryStep
from ostinato.domain.continuation import Rollback
from ostinato.domain.decisions import SKIP
from ostinato.domain.diagnosis import Diagnosis
from ostinato.domain.equipping import stand_ins, without
from ostinato.domain.execution import Failure, FailureKind, StepOutcome, StepResult, StepState
from ostinato.domain.ids import StepId
from ostinato.domain.plan import Step
from ostinato.domain.pool import pooled
from ostinato.domain.recovering import deciding
from ostinato.domain.recovering.classes import StrategyName
from ostinato.domain.recovering.diagnosing import FailureFacts, classify_failure
from ostinato.domain.recovering.refining import (
    aside,
    can_split,
    fix_step,
    fixes_made,
    fixing_tool,
    in_fallback,
    of_step,
    split_step,
    tried_tools,
)
from ostinato.domain.recovering.strategies import (
    Compensate,
    DiagnoseRollBackRetry,
    Escalate,
    FallbackAgent,
    FallbackCommand,
    GiveUp,
    IterativeRefinement,
    McpFallback,
    Relax,
    Resequence,
    Retry,
    RollBack,
    SimplifyAndRetry,
    SkillBypass,
    Strategy,
    TokenOptimization,
    WaitForReset,
)
from ostinato.domain.resources import Kind
from ostinato.durable.calls import failure_of_activity, stop_where_told
from ostinato.durable.engaging import by_agent, by_person, meet_limit
from ostinato.durable.escalating import ask_about, resolve_conflict
from ostinato.durable.groups import extend_plan
from ostinato.durable.midgates import judge_failing, judge_use
from ostinato.durable.quotas import close_account, quota_of, until_open
from ostinato.durable.record import RunRecord
from ostinato.durable.staffing import can_hand_over, is_for_agents, others_for
from ostinato.durable.stepping import Engine, attempt, come_back, leave_slot, resolved, rest, until_unobstructed
from ostinato.durable.telling import tell

MOST_FIXES = 3
LONG_REST = timedelta(minutes=1)
"""A wait of so long gives the step's worktree to others; what it holds by name stays its own."""
COMMAND_FORM = "command"
_BY_STEPS = (StrategyName.ITERATIVE_REFINEMENT, StrategyName.SIMPLIFY_AND_RETRY)
BY_HAND = "agent:"
"""Before the name of the agent that does the step's work instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The result that counts."""

    result: StepResult


async def work(engine: Engine, step: Step) -> StepResult:
    """Execute until it is done, cannot be helped, or a person says otherwise."""
    record, progress = engine.record, engine.record.of(step.id)
    if record.steps.states[step.id] is StepState.WAITING:  # taken up again while it waited
        await _resume_waiting(engine, step)
    progress.slot = progress.slot or engine.slots.take()
    try:
        while True:
            await _wait_out(engine, step)
            await until_unobstructed(record, step)
            result = await _execute(engine, step)
            if result.outcome is not StepOutcome.SUCCEEDED:
                stop_where_told()
            judge_use(record, step, result)
            if result.outcome is StepOutcome.FAILED:
                judge_failing(record, step, _diagnosis(result))
            standing = await _recover(engine, step, result)
            if standing is not None:
                return standing.result
            progress.execution += 1
    finally:
        if progress.slot:
            engine.slots.give_back(progress.slot)


async def _execute(engine: Engine, step: Step) -> StepResult:
    """One execution; an activity of it that raised is a failure like any other."""
    try:
        return await _executed(engine, step)
    except ActivityError as error:
        if is_cancelled_exception(error):
            raise
        if not engine.record.of(step.id).slot:
            await come_back(engine, step)
        failure, execution = failure_of_activity(error), engine.record.of(step.id).execution
        return StepResult(step_id=step.id, execution=execution, outcome=StepOutcome.FAILED, failure=failure)


async def _executed(engine: Engine, step: Step) -> StepResult:
    """In the form that recovery gave it: as it is, as its fallback, or by somebody else."""
    form = engine.record.of(step.id).form
    if form.startswith(BY_HAND):
        step = pooled(in_fallback(step, form.removeprefix(BY_HAND)), engine.record.steps.plan.agents)
    elif form == COMMAND_FORM:
        step = in_fallback(step)
    if step.action.kind != "agent":
        return await attempt(engine, step)
    if step.action.pool:
        return await by_agent(engine, step)
    return await by_person(engine, step)


async def _recover(engine: Engine, step: Step, result: StepResult) -> Standing | None:
    """None: the step's next execution."""
    record, progress = engine.record, engine.record.of(step.id)
    while True:
        if result.outcome not in (StepOutcome.FAILED, StepOutcome.UNKNOWN):
            return Standing(result=result)
        failing = _failing(record, step, result)
        allowance = deciding.Allowance(deadline=record.request.options.deadline)
        strategy = deciding.decide(failing, progress.history, allowance, jitter=workflow.random().random())
        progress.history = (*progress.history, deciding.tried(failing, strategy))
        if isinstance(strategy, GiveUp):
            return Standing(result=_given_up(result, strategy))
        tell(record, step, failing.diagnosis, strategy)
        if isinstance(strategy, Compensate):
            result = await _compensated(engine, step, result)
            continue
        return await _carry_out(engine, step, result, strategy, failing.diagnosis)


async def _carry_out(
    engine: Engine, step: Step, result: StepResult, strategy: Strategy, diagnosis: Diagnosis
) -> Standing | None:
    record, progress = engine.record, engine.record.of(step.id)
    match strategy:
        case Retry(after_s=after_s):
            progress.failures += 1
            progress.why = result.failure.message[:1_000] if result.failure else ""
            progress.retry_at = workflow.now() + timedelta(seconds=after_s)
        case WaitForReset(until=until, is_guess=is_guess):
            if not await meet_limit(record, step, None if is_guess else until, diagnosis.because):
                close_account(record, step, until, is_guess=is_guess, because=diagnosis.because)
        case Resequence():
            progress.conflicts += 1
            progress.anew = True
        case FallbackCommand():
            progress.form = COMMAND_FORM
        case TokenOptimization(level=level):
            progress.level = level
            progress.anew = True
        case McpFallback(without=server, instead=other):
            progress.without = (*progress.without, without(Kind.SERVER, server))
            progress.instead = (*progress.instead, other) if other else progress.instead
            progress.why = _instead_of(server, other)
        case SkillBypass(skill=skill):
            progress.without = (*progress.without, without(Kind.SKILL, skill))
        case FallbackAgent(agent=agent):
            progress.form = f"{BY_HAND}{agent}"
        case IterativeRefinement():
            await _do_first(engine, step, _made_before(record, step) or (_fix(record, step, result, diagnosis),))
        case SimplifyAndRetry():
            parts = _made_before(record, step) or split_step(step, progress.execution)
            return await _in_parts(engine, step, result, parts)
        case DiagnoseRollBackRetry():
            await _bring_back(engine, step)
        case Relax():
            return Standing(result=_relaxed(result))
        case RollBack():
            return await _roll_back(record, step, diagnosis)
        case Escalate(because=because):
            return await _escalate(engine, step, result, because)
        case _:  # what only agents can do; they are not carried here
            return Standing(result=result)
    return None


def _instead_of(server: str, other: str) -> str:
    rest = f"Use {other} in its place." if other else "Do it by other means."
    return f"The MCP server {server} failed and is not there any more. {rest}"


def _fix(record: RunRecord, step: Step, result: StepResult, diagnosis: Diagnosis) -> Step:
    complaint = of_step(step, diagnosis, result.findings, result.failure.details if result.failure else "")
    return fix_step(
        (complaint,), fixes_made(record.steps.plan.steps) + 1, tried_tools=tried_tools(record.steps.plan.steps)
    )


def _made_before(record: RunRecord, step: Step) -> tuple[Step, ...]:
    """What recovery made for this execution of the step already: the workflow began anew while it waited for that."""
    by, note = f"step:{step.id}", _note_of(record, step)
    return tuple(
        record.steps.steps[change.step] for change in record.changes if change.by == by and change.note == note
    )


def _note_of(record: RunRecord, step: Step) -> str:
    return f"recovery of execution {record.of(step.id).execution}"


def _failing(record: RunRecord, step: Step, result: StepResult) -> deciding.Failing:
    complaint = of_step(step, _diagnosis(result), result.findings, "")
    may_hand_over = can_hand_over(record)
    failure = result.failure or Failure(kind=FailureKind.AGENT, message="")
    has_tool = fixing_tool((complaint,)) not in ("", *tried_tools(record.steps.plan.steps))
    return deciding.Failing(
        step=step,
        diagnosis=_diagnosis(result),
        now=workflow.now(),
        outcome=result.outcome,
        agents=others_for(record, step),
        server=failure.server,
        servers=stand_ins(record.activation, failure.server),
        skill=failure.skill,
        can_refine=not is_for_agents(record, step)
        and fixes_made(record.steps.plan.steps) < MOST_FIXES
        and (has_tool or may_hand_over),
        can_split=can_split(step) or may_hand_over,
    )


def _diagnosis(result: StepResult) -> Diagnosis:
    """As whoever saw it said; else by what is known here."""
    if result.outcome is StepOutcome.UNKNOWN:
        return classify_failure(FailureFacts(code="unknown_outcome", message=result.summary), now=workflow.now())
    failure = result.failure
    if failure is None:
        return classify_failure(FailureFacts(message=result.summary), now=workflow.now())
    if failure.diagnosis is not None:
        return failure.diagnosis
    facts = FailureFacts(kind=failure.kind, message=failure.message, output=failure.details)
    return classify_failure(facts, now=workflow.now())


def _given_up(result: StepResult, strategy: GiveUp) -> StepResult:
    """Why nothing more is done is part of the failure."""
    if not strategy.because or result.failure is None:
        return result
    failure = result.failure.model_copy(update={"message": f"{result.failure.message} ({strategy.because})"[:600]})
    return result.model_copy(update={"failure": failure})


def _relaxed(result: StepResult) -> StepResult:
    message = result.failure.message if result.failure else result.summary
    warning = f"left out, as its definition allows: {message}"
    return result.model_copy(
        update={"outcome": StepOutcome.SKIPPED, "failure": None, "warnings": (*result.warnings, warning)}
    )


async def _wait_out(engine: Engine, step: Step) -> None:
    """A long pause is taken without a worktree."""
    record, progress = engine.record, engine.record.of(step.id)
    quota = None if progress.form else quota_of(record, step)
    until = max(progress.retry_at or workflow.now(), quota.until if quota else workflow.now())
    if until - workflow.now() < LONG_REST:
        await _rest(record, step)
        return
    leave_slot(engine, step)
    record.set_state(step.id, StepState.WAITING, str(quota or progress.note))
    await _rest(record, step)
    await come_back(engine, step)


async def _rest(record: RunRecord, step: Step) -> None:
    """Its own back-off, then the limit of its account, unless it is done in another way by now."""
    await rest(record, step)
    if not record.of(step.id).form:
        await until_open(record, step)


async def _resume_waiting(engine: Engine, step: Step) -> None:
    """By a new execution of the workflow: it waited for a person, for a moment, or for steps that it made.

    In the last case its recorded result is looked at again, and so is what it waited for.
    """
    progress = engine.record.of(step.id)
    await _rest(engine.record, step)
    if progress.history and progress.history[-1].strategy in _BY_STEPS:
        progress.history = progress.history[:-1]
    await come_back(engine, step)


async def _do_first(engine: Engine, step: Step, steps: Sequence[Step]) -> None:
    """Other steps, ended before this one goes on; whoever waits takes no worktree meanwhile."""
    record = engine.record
    made = tuple(one.model_copy(update={"critical": False}) for one in steps)
    new = tuple(one for one in made if one.id not in record.steps.steps)
    extend_plan(record, new, by=f"step:{step.id}", after=step.id, note=_note_of(record, step))
    leave_slot(engine, step)
    record.steps.claims.release(step.id)
    record.set_state(step.id, StepState.WAITING, f"waits for {', '.join(one.id for one in made)}")
    record.wake()
    await workflow.wait_condition(lambda: all(record.steps.states[one.id].is_over for one in made))
    await come_back(engine, step)


async def _in_parts(engine: Engine, step: Step, result: StepResult, parts: Sequence[Step]) -> Standing | None:
    """The step succeeds when all that it was split into do."""
    if not parts:
        return Standing(result=result)
    await _do_first(engine, step, parts)
    states = {one.id: engine.record.steps.states[one.id] for one in parts}
    failed = [name for name, state in states.items() if state not in (StepState.SUCCEEDED, StepState.SKIPPED)]
    if failed:
        message = f"it was done in {len(parts)} parts, and {', '.join(failed)} did not succeed"
        return Standing(result=result.model_copy(update={"failure": _reworded(result, message)}))
    done = {"outcome": StepOutcome.SUCCEEDED, "failure": None, "summary": f"done in {len(parts)} parts"}
    return Standing(result=result.model_copy(update=done))


def _reworded(result: StepResult, message: str) -> Failure | None:
    return result.failure.model_copy(update={"message": message}) if result.failure else None


async def _compensated(engine: Engine, step: Step, result: StepResult) -> StepResult:
    """What it did outside git is undone, as far as its compensation does; the failure stays."""
    undone = await _aside(engine, step, "compensate", step.compensate)
    note = "compensated" if undone.outcome is StepOutcome.SUCCEEDED else f"not compensated: {undone.summary}"
    return result.model_copy(update={"warnings": (*result.warnings, note)})


async def _bring_back(engine: Engine, step: Step) -> None:
    """What was in service before is again; what was found out first is in the run's notes."""
    assert step.deployment is not None
    if step.deployment.diagnose:
        found = await _aside(engine, step, "diagnose", step.deployment.diagnose)
        engine.record.note(f"{step.id}: {str(found.output.get('stdout_tail', found.summary)).strip()[-300:]}")
    back = await _aside(engine, step, "roll-back", step.deployment.roll_back)
    if back.outcome is not StepOutcome.SUCCEEDED:
        engine.record.note(f"{step.id}: it could not be rolled back: {back.summary}")


async def _aside(engine: Engine, step: Step, kind: str, line: str) -> StepResult:
    """A command of the step's recovery, in the step's worktree."""
    record, progress = engine.record, engine.record.of(step.id)
    other = aside(step, line).model_copy(update={"id": StepId(f"{step.id[:50]}-{kind}")})
    return await engine.carrier.carry(
        CarryStep(
            step=resolved(record, other),
            execution=progress.execution,
            slot=progress.slot,
            head=record.head,
            workspace=record.place,
        )
    )


async def _roll_back(record: RunRecord, step: Step, diagnosis: Diagnosis) -> Standing | None:
    """To the last checkpoint, where the run then waits, paused; the step is stopped by that, and pending again."""
    note = f"“{step.name}” failed: {diagnosis.because or diagnosis.code}"
    record.rollback = Rollback(checkpoint=record.checkpoints[-1].id, by="ostinato", note=note[:500])
    record.wake()
    await workflow.wait_condition(lambda: False)
    return None


async def _escalate(engine: Engine, step: Step, result: StepResult, because: str) -> Standing | None:
    record, progress = engine.record, engine.record.of(step.id)
    answer = await ask_about(engine, step, result, because)
    resolve_conflict(record, step, result, answer)
    if answer.option == SKIP.name:
        return Standing(result=result.model_copy(update={"outcome": StepOutcome.SKIPPED, "failure": None}))
    progress.history = deciding.after_rerun(progress.history)
    return None
