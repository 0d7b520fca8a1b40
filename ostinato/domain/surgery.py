"""Changes to a running plan: insert, skip, edit, re-order or retry steps that have not started. Pure."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from ostinato.domain.base import Fact
from ostinato.domain.claims import with_implied
from ostinato.domain.decisions import MAX_NAME_CHARS, MAX_NOTE_CHARS
from ostinato.domain.errors import Problem
from ostinato.domain.execution import StepState
from ostinato.domain.ids import StepId
from ostinato.domain.plan import Plan, Step, StepKey, Text, plan_problems

MAX_ADDED = 200
MAX_STEPS = 10_000
OVER_OR_PENDING = (StepState.PENDING, StepState.BLOCKED)
RETRIED = (StepState.FAILED, StepState.CANCELLED, StepState.SKIPPED, StepState.SUCCEEDED)


class StepEdit(Fact):
    """What is to be different; None leaves it as it is."""

    name: Text | None = None
    prompt: Text | None = None
    """Of an agent's step, or the question of an ask step."""
    run: Text | None = None
    """The shell line of a command step."""
    depends_on: tuple[StepKey, ...] | None = None
    priority: Annotated[int, Field(ge=-1000, le=1000)] | None = None
    """Higher starts first among those that may."""
    timeout_s: Annotated[float, Field(gt=0, le=7 * 24 * 3600)] | None = None
    critical: bool | None = None
    max_attempts: Annotated[int, Field(ge=1, le=10)] | None = None


class PlanChange(Fact):
    """What the `change_plan` update takes."""

    kind: Literal["add", "skip", "edit", "retry"]
    step: Annotated[str, Field(max_length=MAX_NAME_CHARS)] = ""
    edit: StepEdit = StepEdit()
    steps: Annotated[tuple[Step, ...], Field(max_length=MAX_ADDED)] = ()
    """To add: compiled, as the definition's own steps are."""
    by: Annotated[str, Field(max_length=MAX_NAME_CHARS)] = "unknown"
    note: Annotated[str, Field(max_length=MAX_NOTE_CHARS)] = ""


def change_problem(plan: Plan, states: Mapping[StepId, StepState], change: PlanChange) -> Problem | None:
    """Why the change is refused; None when it is good."""
    if change.kind == "add":
        return _add_problem(plan, states, change)
    state = states.get(StepId(change.step))
    if state is None:
        return _problem("step_unknown", "step", f"the plan has no step {change.step!r}", f"It has: {', '.join(states)}")
    if change.kind == "retry":
        return _retry_problem(change, state)
    if state not in OVER_OR_PENDING:
        cure = "Only steps that have not started can be changed; `steps RUN retry STEP` runs a finished one again"
        return _problem("step_started", "step", f"step {change.step!r} is {state}", cure)
    return _edit_problem(plan, change) if change.kind == "edit" else None


def changed_plan(plan: Plan, change: PlanChange) -> Plan:
    """The plan with steps added or edited; skip and retry leave it as it is."""
    match change.kind:
        case "add":
            return plan.model_copy(update={"steps": (*plan.steps, *change.steps)})
        case "edit":
            steps = tuple(edited(step, change.edit) if step.id == change.step else step for step in plan.steps)
            return plan.model_copy(update={"steps": steps})
        case _:
            return plan


def edited(step: Step, edit: StepEdit) -> Step:
    given = edit.model_dump(exclude_none=True)
    update: dict[str, Any] = {name: given[name] for name in given if name not in ("prompt", "run")}
    if edit.depends_on is not None:
        update["implied"] = ()
    action = step.action
    if edit.prompt is not None and action.kind == "agent":
        update["action"] = action.model_copy(update={"prompt": edit.prompt})
    if edit.prompt is not None and action.kind == "ask":
        update["action"] = action.model_copy(update={"question": edit.prompt})
    if edit.run is not None and action.kind == "command":
        update["action"] = action.model_copy(update={"shell": edit.run, "argv": ()})
    return step.model_copy(update=update)


def shown(step: Step) -> dict[str, Any]:
    """What `steps --diff` compares."""
    action = step.action
    text = {"agent": "prompt", "ask": "question", "command": "line", "choose": "condition"}.get(action.kind)
    return {
        "name": step.name,
        "action": action.kind,
        **({text: str(getattr(action, text))[:500]} if text else {}),
        "depends_on": list(step.depends_on),
        "priority": step.priority,
        "timeout_s": step.timeout_s,
        "critical": step.critical,
        "max_attempts": step.max_attempts,
    }


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Only the fields that differ, of both sides."""
    names = [name for name in after if before.get(name) != after[name]]
    return {name: before[name] for name in names if name in before}, {name: after[name] for name in names}


def _add_problem(plan: Plan, states: Mapping[StepId, StepState], change: PlanChange) -> Problem | None:
    if not change.steps:
        return _problem("plan_empty", "steps", "there is no step to add", "Give at least one step")
    if len(plan.steps) + len(change.steps) > MAX_STEPS:
        return _problem("plan_too_large", "steps", f"a plan has at most {MAX_STEPS:,} steps", "Split the work")
    if found := plan_problems((*plan.steps, *change.steps)):
        return found[0]
    return next(iter(plan_problems(with_implied(changed_plan(plan, change)).steps)), None)


def _retry_problem(change: PlanChange, state: StepState) -> Problem | None:
    if state in RETRIED:
        return None
    cure = "It runs by itself when what it waits for is done" if state is StepState.PENDING else "Wait until it is over"
    return _problem("step_not_over", "step", f"step {change.step!r} is {state}", cure)


def _edit_problem(plan: Plan, change: PlanChange) -> Problem | None:
    step, edit = plan.step(StepId(change.step)), change.edit
    if not edit.model_dump(exclude_none=True):
        cure = "Give --name, --prompt, --run, --after, --priority, --timeout, --critical or --attempts"
        return _problem("edit_empty", "edit", "nothing is to be changed", cure)
    if edit.prompt is not None and step.action.kind not in ("agent", "ask"):
        return _problem("edit_misplaced", "prompt", f"{step.id!r} has no prompt", "Only agents and questions have one")
    if edit.run is not None and step.action.kind != "command":
        return _problem("edit_misplaced", "run", f"{step.id!r} runs no command", "Edit its prompt, or add a step")
    return next(iter(plan_problems(changed_plan(plan, change).steps)), None)


def _problem(code: str, field: str, message: str, cure: str) -> Problem:
    return Problem(code=code, field=field, message=message, cure=cure)
