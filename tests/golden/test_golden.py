from collections import Counter

import pytest

from ostinato.domain.classification import Classification, Complexity, Intent, TaskType
from ostinato.domain.plan import Plan, Shape, Strategy
from ostinato.domain.planning import plan_for, review_plan
from ostinato.domain.planning.quality import every_step
from tests.builders import a_project
from tests.golden.cases import FOLDER, cases_of
from tests.golden.showing import page_of, planned

EVERY = [case for task_type in TaskType for case in cases_of(task_type)]


@pytest.mark.parametrize("task_type", TaskType)
def test_plans_are_as_they_were_reviewed(task_type: TaskType) -> None:
    reviewed = (FOLDER / "plans" / f"{task_type}.txt").read_text("utf-8")

    assert page_of(task_type) == reviewed, "after a review: python -m tests.golden"


def test_golden_plans_cover_every_strategy_and_shape_of_every_type() -> None:
    plans = [planned(case) for case in EVERY]

    assert len(plans) == 72
    assert {plan.shape for plan in plans} == set(Shape)
    assert Counter(plan.strategy for plan in plans) == {
        Strategy.DIRECT: 12, Strategy.PROGRESSIVE: 24, Strategy.PHASED: 24, Strategy.SYSTEMATIC: 12,
    }  # fmt: skip


def test_no_golden_plan_breaks_a_rule() -> None:
    assert {case.text: review_plan(planned(case)).errors for case in EVERY} == dict.fromkeys(
        [c.text for c in EVERY], ()
    )


def shape_of(plan: Plan) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """The plan without any name."""
    place = {step.id: index for index, step in enumerate(plan.steps)}
    return tuple(
        (getattr(step.action, "tool", step.action.kind), tuple(place[name] for name in step.depends_on))
        for step in every_step(plan.steps)
    )


def test_no_two_types_and_no_two_strategies_share_a_plan_once_names_are_removed() -> None:
    shapes = {}
    for kind in TaskType:
        for complexity in Complexity:
            found = Classification(task_type=kind, confidence=1, intent=Intent.MODIFY, complexity=complexity)
            shapes[kind, complexity] = shape_of(plan_for(found, a_project(), "change it"))

    assert len(set(shapes.values())) == 48
