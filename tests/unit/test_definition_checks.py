"""What has to succeed on what an agent left before its word counts."""

from typing import Any

import pytest

from ostinato.domain.definition import Definition, compile_definition, definition_problems
from ostinato.domain.errors import UserError
from ostinato.domain.ids import StepId
from ostinato.domain.inputs import with_inputs
from ostinato.domain.permissions import Policy, refuse_forbidden
from ostinato.domain.plan import Step


def compiled(*checks: str) -> Step:
    return compile_definition(Definition.model_validate(a_definition(*checks)), {}, "", "").step(StepId("go"))


def a_definition(*checks: str) -> dict[str, Any]:
    steps = [{"id": "look", "run": "ls"}, {"id": "go", "agent": "any", "prompt": "Do it", "checks": list(checks)}]
    return {"id": "d", "inputs": {"name": {"default": "a b"}}, "steps": steps}


def test_checks_are_compiled_with_their_inputs_quoted() -> None:
    step = compiled("pytest -q", "grep {{ inputs.name }} out")

    assert step.checks == ("pytest -q", "grep 'a b' out")


def test_a_check_waits_for_the_step_that_it_names_and_gets_its_value() -> None:
    step = compiled("grep {{ steps.look.summary }} out")

    ready = with_inputs(step, {"look": {"summary": "two words"}})

    assert step.depends_on == ("look",)
    assert ready.checks == ("grep 'two words' out",)


def test_a_check_that_names_nothing_known_is_a_problem_with_its_place() -> None:
    problems = definition_problems(a_definition("grep {{ inputs.nobody }} out"))

    assert [(found.code, found.field) for found in problems] == [("reference_unknown", "steps[1].checks[0]")]


def test_a_check_that_the_policy_forbids_is_refused() -> None:
    step = compiled("curl http://x")

    with pytest.raises(UserError, match="its check"):
        refuse_forbidden(Policy(deny_commands=("curl",)), step)
