"""Groups: steps that are made when the group starts, and the verdict over them."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from temporalio import workflow

from ostinato.domain.definition import added_steps
from ostinato.domain.errors import UserError
from ostinato.domain.execution import FailureKind, StepOutcome, StepResult, StepState
from ostinato.domain.expansion import expand_group, joined, reduce_step, replaced_in, waiting_for
from ostinato.domain.groups import GroupVerdict, group_output, judge_group, parts_of
from ostinato.domain.ids import StepId
from ostinato.domain.plan import GroupAction, Step, plan_problems
from ostinato.domain.report import Changed
from ostinato.domain.surgery import shown
from ostinato.durable.conditions import evaluate, failed
from ostinato.durable.people import withdraw
from ostinato.durable.places import reopen
from ostinato.durable.record import RunRecord
from ostinato.durable.stepping import Engine, resolved

NOT_STARTED = (StepState.PENDING, StepState.BLOCKED, StepState.CANCELLED)


async def run_group(engine: Engine, step: Step, action: GroupAction) -> StepResult:
    """Make the parts, wait until enough of them are over, stop the rest, reduce them where that is wanted."""
    record = engine.record
    record.set_state(step.id, StepState.RUNNING)
    if not _made(record, step):
        problem = await _expand(record, step, action)
        if problem is not None:
            return problem
    verdict = await _until_judged(engine, step, action)
    output = group_output(record.steps.plan, record.results, record.steps.states, step)
    if verdict.succeeded and action.reduce is not None:
        return await _reduce(engine, step, output)
    return StepResult(
        step_id=step.id,
        execution=record.of(step.id).execution,
        outcome=StepOutcome.SUCCEEDED if verdict.succeeded else StepOutcome.FAILED,
        agent="group",
        summary=verdict.reason[:300],
        output=output,
        failure=None if verdict.succeeded else failed(step, FailureKind.PARTS, verdict.reason).failure,
    )


def extend_plan(record: RunRecord, steps: Iterable[Step], *, by: str, after: StepId, note: str = "") -> None:
    """The running plan grows; who added what is kept."""
    new = tuple(steps)
    record.steps.replan(joined(record.steps.plan, new, after))
    record.changes.extend(
        Changed(at=workflow.now(), by=by, kind="add", step=step.id, after=shown(step), note=note) for step in new
    )
    record.wake()
    record.stale = True


def with_added_steps(record: RunRecord, step: Step, result: StepResult) -> StepResult:
    """What the step's output `steps` adds to the running plan; steps that are no plan make it fail."""
    if not step.adds_steps or result.outcome is not StepOutcome.SUCCEEDED or "steps" not in result.output:
        return result
    by = f"step:{step.id}"
    before = {change.step for change in record.changes if change.by == by and change.kind == "add"}
    try:
        wanted = waiting_for(step, _added(record, step, result.output["steps"], before))
        _refuse_circles(record, wanted, step)
    except UserError as error:
        problem = failed(step, FailureKind.PLAN, f"the steps that it adds are no plan: {error}")
        return result.model_copy(update={"outcome": StepOutcome.FAILED, "failure": problem.failure})
    known = record.steps.states
    extend_plan(record, (new for new in wanted if new.id not in known), by=by, after=step.id)
    _correct(record, [one for one in wanted if one.id in before and known[one.id] in NOT_STARTED])
    _leave_out(record, before - {one.id for one in wanted}, by)
    return result


def _added(record: RunRecord, step: Step, raw: Any, before: Collection[StepId]) -> tuple[Step, ...]:
    """Checked against the plan without what an earlier execution of the same step added."""
    plan = record.steps.plan
    others = tuple(other for other in plan.steps if other.id not in before)
    return added_steps(raw, plan.model_copy(update={"steps": others}), step.id)


def _refuse_circles(record: RunRecord, wanted: Sequence[Step], adder: Step) -> None:
    """Also through a group whose part adds steps, or through those that others added since."""
    plan = replaced_in(record.steps.plan, wanted)
    new = [step for step in wanted if step.id not in record.steps.steps]
    if problems := plan_problems(joined(plan, new, adder.id).steps):
        raise UserError(problems)


def _correct(record: RunRecord, steps: Sequence[Step]) -> None:
    """An earlier execution added them otherwise; they have not started."""
    if steps:
        record.steps.replan(replaced_in(record.steps.plan, steps))
        reopen(record, [step.id for step in steps if record.steps.states[step.id] is StepState.CANCELLED])


def _leave_out(record: RunRecord, names: Collection[StepId], by: str) -> None:
    """What only an earlier execution added, and nobody began."""
    for name in sorted(names):
        if record.steps.states[name] in NOT_STARTED:
            record.steps.skip(name)
            record.of(name).note = f"left out by {by}, which does not add it any more"


def _made(record: RunRecord, step: Step) -> bool:
    return any(other.group == step.id for other in record.steps.plan.steps)


def _parts(record: RunRecord, step: Step) -> Sequence[tuple[Step, ...]]:
    return parts_of(record.steps.plan, step)


async def _expand(record: RunRecord, step: Step, action: GroupAction) -> StepResult | None:
    items: list[Any] | None = None
    if action.items:
        found = await evaluate(record, step, action.items, "list")
        if found.problem:
            return failed(step, FailureKind.CONDITION, found.problem)
        items = found.value
    try:
        made = expand_group(resolved(record, step), items, record.steps.steps)
    except UserError as error:
        return failed(step, FailureKind.PLAN, str(error))
    # The group is judged, not its parts: one that fails does not stop the run.
    extend_plan(
        record, (part.model_copy(update={"critical": False}) for part in made), by=f"step:{step.id}", after=step.id
    )
    return None


async def _until_judged(engine: Engine, step: Step, action: GroupAction) -> GroupVerdict:
    record = engine.record
    parts, of_steps = _parts(record, step), len(record.steps.steps)

    def verdict() -> GroupVerdict:
        nonlocal parts, of_steps
        if len(record.steps.steps) != of_steps:  # a part may have added steps of its own
            parts, of_steps = _parts(record, step), len(record.steps.steps)
        return judge_group(action.merge, [[record.steps.states[one.id] for one in part] for part in parts])

    await workflow.wait_condition(lambda: verdict().done)
    judged = verdict()
    await cancel_steps(engine, [one.id for index in judged.cancel for one in parts[index]])
    return judged


async def cancel_steps(engine: Engine, names: Sequence[StepId]) -> None:
    """Those that have not begun are cancelled at once; returns when those that run have stopped."""
    record = engine.record
    names = _with_parts(record, names)
    for name in names:
        if record.steps.states[name] is StepState.PENDING:
            record.settle(name, StepState.CANCELLED)
        elif name in engine.tasks:
            engine.tasks[name].cancel()
    await workflow.wait_condition(lambda: all(record.steps.states[name].is_over for name in names))
    withdraw(record, names)


def _with_parts(record: RunRecord, names: Sequence[StepId]) -> tuple[StepId, ...]:
    """Groups among them with all that they made; in the plan it comes behind them."""
    found = dict.fromkeys(names)
    for step in record.steps.plan.steps:
        if step.group in found:
            found[step.id] = None
    return tuple(found)


async def _reduce(engine: Engine, step: Step, output: dict[str, Any]) -> StepResult:
    """One more step, over the outputs of the parts; what it comes to is what the group comes to."""
    record = engine.record
    last = reduce_step(resolved(record, step), output).model_copy(update={"critical": False})
    state = record.steps.states.get(last.id)
    if state is None:
        extend_plan(record, (last,), by=f"step:{step.id}", after=step.id)
    elif state is StepState.CANCELLED:  # the group began again: its parts may have left something else
        record.steps.replan(replaced_in(record.steps.plan, (last,)))
        reopen(record, [last.id], fresh=True)
    await workflow.wait_condition(lambda: record.steps.states[last.id].is_over)
    result = record.results.get(last.id)
    state = record.steps.states[last.id]
    if state is StepState.SUCCEEDED and result is not None:
        return result.model_copy(
            update={
                "step_id": step.id,
                "execution": record.of(step.id).execution,
                "commit": "",
                "files_changed": 0,
                "output": {**output, **result.output},
            }
        )
    return failed(step, FailureKind.PARTS, f"its last step, “{last.name}”, ended {state}")
