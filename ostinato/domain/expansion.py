"""Steps that are made while a run is running, and what they see: everything of it in one place. Pure."""

from collections.abc import Sequence

from ostinato.domain.definition import added_steps
from ostinato.domain.groups import GroupVerdict, group_output, judge_group, part_state, parts_of, reduce_id
from ostinato.domain.ids import StepId
from ostinato.domain.parts import expand_group, reduce_step
from ostinato.domain.plan import Implied, Plan, Step
from ostinato.domain.variables import contribution_problems, seen, shared_values, variables_of

__all__ = [
    "GroupVerdict",
    "added_steps",
    "contribution_problems",
    "expand_group",
    "group_output",
    "joined",
    "judge_group",
    "part_state",
    "parts_of",
    "reduce_id",
    "reduce_step",
    "replaced_in",
    "seen",
    "shared_values",
    "variables_of",
    "waiting_for",
]


def joined(plan: Plan, steps: Sequence[Step], after: StepId) -> Plan:
    """The plan with steps that this one made, right behind it: the plan's order does not tell who finished first."""
    at = next((index for index, step in enumerate(plan.steps) if step.id == after), len(plan.steps) - 1) + 1
    return plan.model_copy(update={"steps": (*plan.steps[:at], *steps, *plan.steps[at:])})


def replaced_in(plan: Plan, steps: Sequence[Step]) -> Plan:
    """The plan with those of its steps that these have the ids of as these are."""
    new = {step.id: step for step in steps}
    return plan.model_copy(update={"steps": tuple(new.get(step.id, step) for step in plan.steps)})


def waiting_for(adder: Step, steps: Sequence[Step]) -> tuple[Step, ...]:
    """The first ones wait for the step that added them: where it runs again, they are not ahead of it."""
    own = {step.id for step in steps}
    because = (Implied(step=adder.id, because=f"{adder.id} adds it"),)
    return tuple(
        step
        if adder.id in step.needs or own.intersection(step.needs)
        else step.model_copy(update={"implied": (*step.implied, *because)})
        for step in steps
    )
