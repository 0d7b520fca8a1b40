"""What a definition says about the time after a step failed."""

from typing import Any

import pytest

from ostinato.domain.definition import Definition, compile_definition
from ostinato.domain.definition.checks import size_bytes
from ostinato.domain.plan import Step
from ostinato.domain.precautions import Deployment, Fallback, Limits


def compiled(**fields: Any) -> Step:
    data = {"id": "d", "inputs": {"host": {"default": "a b"}}, "steps": [{"id": "go", "run": "ls", **fields}]}
    return compile_definition(Definition.model_validate(data), {}, "", "").steps[0]


@pytest.mark.parametrize(
    ("fields", "name", "expected"),
    [
        ({}, "fallback", None),
        ({"fallback": "mirror {{ inputs.host }}"}, "fallback", Fallback(run="mirror 'a b'")),
        ({"fallback": {"run": "mirror"}}, "fallback", Fallback(run="mirror")),
        (
            {"fallback": {"agent": "any", "prompt": "Ask {{ inputs.host }}"}},
            "fallback",
            Fallback(agent="any", prompt="Ask a b"),
        ),
        ({"compensate": "undo"}, "compensate", "undo"),
        ({"compensate": {"run": "undo {{ inputs.host }}"}}, "compensate", "undo 'a b'"),
        (
            {"deployment": {"roll_back": "back", "diagnose": "look"}},
            "deployment",
            Deployment(roll_back="back", diagnose="look"),
        ),
        ({"relax": True}, "relax", True),
        ({"on_failure": "roll_back"}, "on_failure", "roll_back"),
        (
            {"limits": {"memory": "512M", "disk": 1000, "processes": 4}},
            "limits",
            Limits(memory_bytes=512 * 2**20, disk_bytes=1000, processes=4),
        ),
    ],
)
def test_a_step_states_its_recovery(fields: dict[str, Any], name: str, expected: object) -> None:
    assert getattr(compiled(**fields), name) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", 1),
        ("2K", 2048),
        ("1.5 G", 1610612736),
        ("3MB", 3 * 2**20),
        ("4MiB", 4 * 2**20),
        (7, 7),
        ("", None),
        (0, None),
    ],
)
def test_sizes_are_read(text: str | int, expected: int | None) -> None:
    assert size_bytes(text) == expected


def test_a_compensation_waits_for_the_step_that_it_names() -> None:
    steps = [{"id": "b", "run": "ls", "compensate": "undo {{ steps.a.summary }}"}, {"id": "a", "run": "ls"}]

    plan = compile_definition(Definition.model_validate({"id": "d", "steps": steps}), {}, "", "")

    assert plan.step(plan.steps[0].id).depends_on == ("a",)
