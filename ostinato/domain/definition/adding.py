"""Steps that join a running plan: what results and people add, checked together with the plan."""

from collections.abc import Mapping, Sequence
from typing import Any

from ostinato.domain.definition.compiling import compile_added
from ostinato.domain.definition.shape import added_specs
from ostinato.domain.definition.structure import Sight
from ostinato.domain.errors import UserError
from ostinato.domain.ids import StepId
from ostinato.domain.parts import MAX_ID, bound
from ostinato.domain.plan import Plan, Scope, Step


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
