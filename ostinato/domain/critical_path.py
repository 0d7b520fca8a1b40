"""How long a plan takes, and in which order: the longest way through its graph."""

from ostinato.domain.ids import StepId
from ostinato.domain.plan import Plan, Step


def remaining_path_s(plan: Plan) -> dict[StepId, float]:
    """For each step, the expected seconds from its start to the end of the longest path through it."""
    dependents: dict[StepId, list[StepId]] = {step.id: [] for step in plan.steps}
    for step in plan.steps:
        for name in step.needs:
            dependents[name].append(step.id)
    remaining: dict[StepId, float] = {}
    for step in reversed(in_order(plan)):
        remaining[step.id] = step.expected_s + max((remaining[name] for name in dependents[step.id]), default=0.0)
    return remaining


def in_order(plan: Plan) -> tuple[Step, ...]:
    """The steps in an order in which each comes after what it depends on; stable to the given order."""
    waiting = {step.id: len(step.needs) for step in plan.steps}
    dependents: dict[StepId, list[StepId]] = {step.id: [] for step in plan.steps}
    for step in plan.steps:
        for name in step.needs:
            dependents[name].append(step.id)
    by_id = {step.id: step for step in plan.steps}
    ready = [step.id for step in plan.steps if waiting[step.id] == 0]
    ordered: list[Step] = []
    for step_id in ready:  # grows while it is read
        ordered.append(by_id[step_id])
        for name in dependents[step_id]:
            waiting[name] -= 1
            if waiting[name] == 0:
                ready.append(name)
    return tuple(ordered)


def waves(plan: Plan) -> tuple[tuple[StepId, ...], ...]:
    """Sets of steps that could run together. For reading: the executor has no barriers."""
    level: dict[StepId, int] = {}
    for step in in_order(plan):
        level[step.id] = 1 + max((level[name] for name in step.needs), default=-1)
    return tuple(
        tuple(step.id for step in plan.steps if level[step.id] == depth)
        for depth in range(max(level.values(), default=-1) + 1)
    )


def critical_path(plan: Plan) -> tuple[StepId, ...]:
    """The chain of steps that takes longest by expectation."""
    remaining = remaining_path_s(plan)
    path: list[StepId] = []
    candidates = [step for step in plan.steps if not step.needs]
    while candidates:
        longest = max(candidates, key=lambda step: remaining[step.id])
        path.append(longest.id)
        candidates = [step for step in plan.steps if longest.id in step.needs]
    return tuple(path)


def expected_duration_s(plan: Plan) -> float:
    """The longest of: the critical path, and all work shared by the slots."""
    remaining = remaining_path_s(plan)
    return max(max(remaining.values(), default=0.0), sum(step.expected_s for step in plan.steps) / plan.max_parallel)
