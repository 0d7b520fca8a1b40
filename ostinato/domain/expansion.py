"""Steps that join a running plan: the parts of groups, and what results and people add. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from ostinato.domain.definition import Sight, added_specs, compile_added
from ostinato.domain.errors import UserError
from ostinato.domain.groups import GroupVerdict, group_output, judge_group, part_state, parts_of, reduce_id
from ostinato.domain.ids import StepId
from ostinato.domain.parts import MAX_ID, bound, expand_group, reduce_step
from ostinato.domain.plan import Plan, Scope, Step
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
    "seen",
    "shared_values",
    "variables_of",
]


def added_steps(raw: Any, plan: Plan, by: StepId | None = None) -> tuple[Step, ...]:
    """Steps in a definition's own form, checked together with the plan; raises UserError with every problem.

    `by` is the step whose result adds them: what a part of a group adds belongs to that part. None: a person.
    """
    adder = next((step for step in plan.steps if step.id == by), None)
    scope = adder.scope if adder is not None else None
    names: Mapping[str, Any] = scope.names if scope else {}
    inputs: Mapping[str, Any] = names.get("inputs", plan.inputs)
    sight = Sight(
        inputs=frozenset(inputs),
        steps=_known(plan, scope),
        values=frozenset(plan.values),
        names=frozenset(names) - {"inputs"},
    )
    made = compile_added(added_specs(raw, sight), inputs, sight.steps, is_late=scope is not None)
    if adder is None or scope is None:
        return made
    return _within(plan, adder, scope, made)


def joined(plan: Plan, steps: Sequence[Step], after: StepId) -> Plan:
    """The plan with steps that this one made, right behind it: the plan's order does not tell who finished first."""
    at = next((index for index, step in enumerate(plan.steps) if step.id == after), len(plan.steps) - 1) + 1
    return plan.model_copy(update={"steps": (*plan.steps[:at], *steps, *plan.steps[at:])})


def _known(plan: Plan, scope: Scope | None) -> frozenset[str]:
    """Ids, and the short names that hold in the scope."""
    prefixes = (scope.prefix, *scope.outer) if scope else ()
    short = (step.id.removeprefix(prefix) for prefix in prefixes for step in plan.steps if step.id.startswith(prefix))
    return frozenset((*(step.id for step in plan.steps), *short))


def _within(plan: Plan, adder: Step, scope: Scope, made: Sequence[Step]) -> tuple[Step, ...]:
    """The steps as parts of the adder's group."""
    ids = {step.id: StepId(scope.prefix + step.id) for step in made}
    if long := next((name for name in ids.values() if len(name) > MAX_ID), ""):
        said = f"the id {long!r} is longer than {MAX_ID} characters"
        raise UserError.of("group_id", "steps", said, "Give the steps shorter ids")
    known = {step.id for step in plan.steps}

    def full(name: StepId) -> StepId:
        if name in ids:
            return ids[name]
        candidates = (StepId(prefix + name) for prefix in (scope.prefix, *scope.outer, ""))
        return next((found for found in candidates if found in known), name)

    update = {"group": adder.group, "scope": scope, "critical": False}
    return tuple(
        bound(step, scope.names, is_final=True).model_copy(
            update={**update, "id": ids[step.id], "depends_on": tuple(map(full, step.depends_on))}
        )
        for step in made
    )
