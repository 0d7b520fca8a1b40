import pytest

from ostinato.domain.classification import Risk, TaskType
from ostinato.domain.critical_path import waves
from ostinato.domain.drafting import draft
from ostinato.domain.plan import Plan, Strategy, plan_problems
from ostinato.domain.planning import plan_for as template_for
from ostinato.domain.references import resolve
from ostinato.domain.rules import classify
from tests.builders import a_plan, a_project, a_run, a_step
from tests.unit.test_rules import PLAIN

DEMO = "Modernise and clean up this project: fix lint errors, format it, and add missing tests"


def plan_for(text: str, **project: object) -> Plan:
    return template_for(classify(text), a_project(**project), text)


def tools(plan: Plan) -> list[str]:
    return [step.action.tool for step in plan.steps if step.action.kind == "tool"]


def is_without_people(plan: Plan) -> bool:
    return not any(step.needs_person for step in plan.steps)


@pytest.mark.parametrize("text", PLAIN)
@pytest.mark.parametrize("language", ["Python", "Go"])
def test_every_plan_is_sound_and_has_a_tool_step(text: str, language: str) -> None:
    plan = plan_for(text, languages={language: 3})

    assert plan_problems(plan.steps) == ()
    assert tools(plan)
    assert all(step.active_form and step.expected_s > 0 for step in plan.steps)


def test_no_two_types_share_a_plan() -> None:
    shapes = {}
    for kind in TaskType:
        text = "change it"
        plan = template_for(classify(text, stated=kind), a_project(), text)
        names = {step.id: index for index, step in enumerate(plan.steps)}
        shapes[kind] = tuple(
            (getattr(step.action, "tool", step.action.kind), tuple(names[name] for name in step.depends_on))
            for step in plan.steps
        )

    assert len(set(shapes.values())) == len(TaskType)


def test_the_demo_needs_no_person_runs_in_parallel_and_is_low_risk() -> None:
    classification, plan = draft(a_run(DEMO), a_project())

    assert is_without_people(plan)
    assert len(waves(plan)[0]) > 1
    assert {"modernise", "lint.fix", "format", "tests.generate", "tests.run"} <= set(tools(plan))
    assert classification.risk is Risk.LOW


def test_lint_and_format_is_tools_in_a_row() -> None:
    plan = plan_for("fix the lint errors and format the code")

    assert tools(plan) == ["lint.fix", "format", "tests.run"]
    assert is_without_people(plan)


def test_writing_tests_measures_generates_and_measures_again() -> None:
    assert tools(plan_for("write tests for the parser")) == ["tests.run", "tests.generate", "tests.run"]


def test_an_audit_looks_at_everything_at_once_and_writes_nothing() -> None:
    plan = plan_for("audit this project")

    assert len(waves(plan)) == 1
    assert is_without_people(plan)
    assert not any(step.writes for step in plan.steps)


def test_a_question_about_speed_is_measured_without_a_person() -> None:
    assert is_without_people(plan_for("why is start-up slow?"))


def test_what_needs_a_mind_carries_the_request_word_for_word() -> None:
    text = "implement {{ steps.x.y }} handling in 'the' parser"
    action = next(step.action for step in plan_for(text).steps if step.action.kind == "agent")

    assert resolve(action.prompt, {}, quote=False).startswith(text)


def test_a_large_request_is_planned_systematically() -> None:
    text = "migrate to microservices with zero downtime and SOC2 compliance"

    assert plan_for(text).strategy is Strategy.SYSTEMATIC


def test_options_limit_how_much_runs_at_once() -> None:
    _, plan = draft(a_run(DEMO, max_parallel=2), a_project())

    assert plan.max_parallel == 2


def test_a_given_plan_is_used_and_its_commands_raise_the_risk() -> None:
    given = a_plan(a_step("wipe", action={"kind": "command", "shell": "git push --force"}))

    classification, plan = draft(a_run("tidy up", plan=given), a_project())

    assert plan.steps == given.steps
    assert classification.risk is Risk.CRITICAL
