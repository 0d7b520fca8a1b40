"""A plan as a few lines that a person can review."""

from collections.abc import Iterator, Sequence

from ostinato.domain.classification import TaskType
from ostinato.domain.critical_path import critical_path, expected_duration_s, waves
from ostinato.domain.plan import GroupAction, Plan, Step
from ostinato.domain.planning import plan_for
from tests.golden.cases import Case, cases_of, facts_of


def page_of(task_type: TaskType) -> str:
    """All plans of a type."""
    return "\n".join("\n".join(shown(case)) + "\n" for case in cases_of(task_type))


def planned(case: Case) -> Plan:
    return plan_for(case.classification, facts_of(case.ground.name), case.text)


def shown(case: Case) -> Iterator[str]:
    plan, kind = planned(case), case.classification
    yield f"## {case.ground.name}: {case.text} ({kind.complexity}, {kind.risk} risk)"
    yield f"{plan.strategy} · {plan.validation_level} · {plan.shape} · gates {', '.join(plan.post_gates)}"
    yield from (f"because {reason}" for reason in plan.because)
    yield f"{len(waves(plan))} waves · {length(expected_duration_s(plan))} · critical path {' → '.join(critical_path(plan))}"
    if plan.rollback_points:
        yield f"points to return to: {', '.join(plan.rollback_points)}"
    yield from lines_of(plan.steps)


def lines_of(steps: Sequence[Step], indent: str = "  ") -> Iterator[str]:
    for step in steps:
        words = [f"{indent}{step.phase:<5} {step.id}", doing(step), length(step.expected_s)]
        if step.depends_on:
            words.append(f"after {', '.join(step.depends_on)}")
        words += (f"after {found.step} (as it {found.because})" for found in step.implied)
        if step.action.kind != "ask" and not isinstance(step.action, GroupAction):
            words.append(
                "writes " + ("whatever it needs" if step.writes is None else " ".join(step.writes) or "nothing")
            )
        if not step.critical:
            words.append("may fail")
        yield " · ".join(words)
        if isinstance(step.action, GroupAction):
            yield from lines_of(step.action.body, indent + "  ")


def doing(step: Step) -> str:
    match step.action.kind:
        case "tool":
            return f"{step.action.tool}: {step.name}"
        case "agent":
            return f"a mind: {step.name}"
        case "ask":
            return f"a person: {step.action.question}"
        case _:
            return f"group: {step.name}"


def length(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 60 else f"{seconds / 60:.0f} min"
