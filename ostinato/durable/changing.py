"""Plan surgery: what a person changes in the running plan takes effect at once and is kept."""

from temporalio import workflow

from ostinato.domain.claims import with_implied
from ostinato.domain.continuation import Rollback, find_checkpoint
from ostinato.domain.errors import Problem, UserError
from ostinato.domain.execution import StepState
from ostinato.domain.ids import StepId
from ostinato.domain.pipeline import Phase
from ostinato.domain.report import Changed
from ostinato.domain.surgery import PlanChange, change_problem, changed_plan, differences, shown
from ostinato.durable.places import reopen
from ostinato.durable.record import RunRecord

CHANGEABLE = (Phase.EXECUTING, Phase.RECOVERING, Phase.ESCALATING)


def refuse_change(record: RunRecord, change: PlanChange) -> Problem | None:
    if (problem := _not_now(record)) is not None:
        return problem
    return change_problem(record.steps.plan, record.steps.states, change)


def refuse_rollback(record: RunRecord, order: Rollback) -> Problem | None:
    if (problem := _not_now(record)) is not None:
        return problem
    if record.is_going_back:
        return _problem("rollback_pending", "a rollback is going on", "Wait until it is done: ostinato status RUN")
    try:
        find_checkpoint(record.snapshot(), order.checkpoint)
    except UserError as error:
        return error.problems[0]
    return None


def refuse_resume(record: RunRecord) -> Problem | None:
    """A rollback ends in a pause: resumed before that, the run would stay paused."""
    if record.is_going_back:
        return _problem("rollback_pending", "a rollback is going on", "Wait until it is done: ostinato status RUN")
    return None


def accept_change(record: RunRecord, change: PlanChange) -> str:
    """Makes the change and says what was done."""
    match change.kind:
        case "add":
            return _add(record, change)
        case "skip":
            return _skip(record, change)
        case "edit":
            return _edit(record, change)
        case "retry":
            return _retry(record, change)


def _add(record: RunRecord, change: PlanChange) -> str:
    record.steps.replan(with_implied(changed_plan(record.steps.plan, change)))
    for step in change.steps:
        _keep(record, change, step.id, {}, shown(step))
    return f"added: {', '.join(step.id for step in change.steps)}"


def _skip(record: RunRecord, change: PlanChange) -> str:
    name = StepId(change.step)
    for reopened in record.steps.skip(name):
        record.of(reopened).note = ""
    record.of(name).note = f"left out by {change.by}"
    _keep(record, change, name, {"state": StepState.PENDING.value}, {"state": StepState.SKIPPED.value})
    return f"{name} is left out"


def _edit(record: RunRecord, change: PlanChange) -> str:
    name = StepId(change.step)
    before = shown(record.steps.steps[name])
    record.steps.replan(changed_plan(record.steps.plan, change))
    old, new = differences(before, shown(record.steps.steps[name]))
    _keep(record, change, name, old, new)
    return f"{name}: {', '.join(new) or 'nothing differs'}"


def _retry(record: RunRecord, change: PlanChange) -> str:
    name = StepId(change.step)
    was = record.steps.states[name]
    reopen(record, [name])
    _keep(record, change, name, {"state": was.value}, {"state": StepState.PENDING.value})
    return f"{name} runs again, as execution {record.of(name).execution}"


def _keep(record: RunRecord, change: PlanChange, step_id: StepId, before: dict[str, object], after: object) -> None:
    record.changes.append(
        Changed.model_validate(
            {
                "at": workflow.now(),
                "by": change.by,
                "kind": change.kind,
                "step": step_id,
                "before": before,
                "after": after,
                "note": change.note,
            }
        )
    )
    record.stale = True
    record.wake()


def _not_now(record: RunRecord) -> Problem | None:
    if record.schedule is None:
        return _problem("plan_missing", "there is no plan yet", "Try again in a moment")
    if record.phase not in CHANGEABLE:
        cure = "Only a run that executes can be changed; a finished one goes on with `ostinato retry RUN`"
        return _problem("not_executing", f"the run is {record.phase}", cure)
    return None


def _problem(code: str, message: str, cure: str) -> Problem:
    return Problem(code=code, field="RUN", message=message, cure=cure)
