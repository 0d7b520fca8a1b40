"""Inputs: declared with types, checked before anything starts, and never more than one word of a shell line."""

import shlex
import subprocess
from typing import Any

import pytest

from ostinato.domain.definition import compile_definition, parse_definition
from ostinato.domain.errors import UserError
from ostinato.domain.references import resolve

NASTY = [
    "", " ", "a b", "x; rm -rf /", "$(id)", "`id`", "it's", '"', "\\", "-rf", "*", "~", "!!", "a\nb", "#no comment",
    "{{ inputs.y }}", "{{ steps.a.out }}", "}}{{", "%s", "é\u202e\U0001f600", "${HOME}", "<(id)", "a\tb", "'\"'\"'",
]  # fmt: skip


def values(specs: dict[str, Any], **given: object) -> dict[str, Any]:
    raw = {"id": "x", "inputs": specs, "steps": [{"id": "a", "run": "true"}]}
    return compile_definition(parse_definition(raw), given, "definition:x.yaml", "sha").inputs


def refused(specs: dict[str, Any], **given: object) -> list[tuple[str, str, str]]:
    with pytest.raises(UserError) as error:
        values(specs, **given)
    return [(problem.code, problem.field, problem.cure) for problem in error.value.problems]


@pytest.mark.parametrize(
    ("spec", "given", "value"),
    [
        ({"type": "integer"}, " 7 ", 7),
        ({"type": "integer"}, "-7", -7),
        ({"type": "number"}, "1e3", 1000.0),
        ({"type": "boolean"}, "No", False),
        ({"type": "path"}, "src/app", "src/app"),
        ({"type": "list"}, "a, b", ["a", "b"]),
        ({"type": "list"}, '["a,b", "c"]', ["a,b", "c"]),
        ({"type": "list"}, "", []),
        ({"type": "list"}, ["x"], ["x"]),
        ({"options": ["low", "high"]}, "low", "low"),
        ({"type": "integer", "options": [1, 2]}, "2", 2),
        ({"type": "list", "options": ["a", "b"]}, "b", ["b"]),
        ({}, "3", "3"),
    ],
)
def test_a_value_of_the_command_line_gets_its_type(spec: dict[str, Any], given: object, value: object) -> None:
    assert values({"x": spec}, x=given) == {"x": value}


@pytest.mark.parametrize(
    ("spec", "given", "code"),
    [
        ({"type": "integer"}, "7.5", "input_type"),
        ({"type": "integer"}, "٣", "input_type"),
        ({"type": "integer"}, "9" * 30, "input_type"),
        ({"type": "integer"}, True, "input_type"),
        ({"type": "number"}, "nan", "input_type"),
        ({"type": "number"}, "inf", "input_type"),
        ({"type": "boolean"}, "maybe", "input_type"),
        ({"type": "path"}, "../up", "input_type"),
        ({"type": "path"}, "/etc", "input_type"),
        ({"type": "path"}, "~/x", "input_type"),
        ({"type": "path"}, "", "input_type"),
        ({"type": "list"}, "[1, 2]", "input_type"),
        ({"type": "list"}, "[", "input_type"),
        ({"type": "string"}, 7, "input_type"),
        ({"type": "string"}, "a\0b", "input_type"),
        ({"options": ["low", "high"]}, "mid", "input_option"),
        ({"type": "list", "options": ["a"]}, "a,b", "input_option"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(spec: dict[str, Any], given: object, code: str) -> None:
    ((found, field, cure),) = refused({"x": spec}, x=given)

    assert (found, field) == (code, "inputs.x")
    assert cure


def test_everything_wrong_with_the_inputs_is_told_at_once() -> None:
    specs = {"a": {"type": "integer"}, "b": {"options": ["x", "y"]}, "c": {"type": "path"}}

    found = refused(specs, a="many", c="/", d="1")

    assert [(code, field) for code, field, _ in found] == [
        ("input_unknown", "inputs.d"),
        ("input_type", "inputs.a"),
        ("input_missing", "inputs.b"),
        ("input_type", "inputs.c"),
    ]
    assert "--param b=x|y" in found[2][2]


@pytest.mark.parametrize("value", NASTY)
def test_a_nasty_value_arrives_in_a_shell_as_it_is(value: str) -> None:
    raw = {
        "id": "x",
        "inputs": {"x": {}, "y": {"default": "z"}},
        "steps": [{"id": "a", "run": "printf %s {{ inputs.x }}"}],
    }
    action = compile_definition(parse_definition(raw), {"x": value}, "definition:x.yaml", "sha").steps[0].action
    assert action.kind == "command"

    line = resolve(action.shell, {}, quote=True)

    assert shlex.split(line) == ["printf", "%s", value]
    assert subprocess.run(["/bin/sh", "-c", line], capture_output=True, check=True).stdout == value.encode()


@pytest.mark.parametrize("value", NASTY)
def test_a_nasty_value_is_one_element_of_a_command_and_one_text_of_a_prompt(value: str) -> None:
    steps = [
        {"id": "a", "run": ["echo", "{{ inputs.x }}"]},
        {"id": "b", "agent": "any", "prompt": "<{{ inputs.x }}>", "depends_on": ["a"]},
    ]
    raw = {"id": "x", "inputs": {"x": {}}, "steps": steps}

    command, agent = compile_definition(parse_definition(raw), {"x": value}, "definition:x.yaml", "sha").steps

    assert command.action.kind == "command"
    assert agent.action.kind == "agent"
    assert resolve(command.action.argv[1], {}, quote=False) == value
    assert resolve(agent.action.prompt, {}, quote=False) == f"<{value}>"
