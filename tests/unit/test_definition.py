from typing import Any

import pytest

from ostinato.domain.definition import Definition, compile_definition, definition_problems, parse_definition
from ostinato.domain.errors import UserError
from ostinato.domain.plan import CommandAction, ToolAction
from ostinato.domain.references import literal, resolve


def a_definition(*steps: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"id": "nightly", "steps": list(steps) or [{"id": "a", "run": "true"}], **fields}


def codes(*steps: dict[str, Any], **fields: Any) -> list[tuple[str, str]]:
    return [(problem.code, problem.field) for problem in definition_problems(a_definition(*steps, **fields))]


def compiled(raw: dict[str, Any], **inputs: object) -> Any:
    return compile_definition(parse_definition(raw), inputs, "definition:x.yaml", "sha")


def test_a_whole_definition_becomes_a_plan() -> None:
    raw = a_definition(
        {"id": "lint", "tool": "lint.fix", "writes": ["{{ inputs.package }}/**"]},
        {"id": "scan", "run": "bandit -r {{ inputs.package }}", "critical": False, "timeout": "10m"},
        {"id": "fix", "agent": "any", "prompt": "Fix {{ steps.scan.findings }}", "retry": {"max_attempts": 3}},
        inputs={"package": {"type": "string", "default": "src"}},
        gates={"post": ["tests"]},
    )

    lint, scan, fix = compiled(raw).steps

    assert lint.writes == ("src/**",)
    assert (scan.action.shell, scan.timeout_s, scan.critical) == ("bandit -r src", 600, False)
    assert (fix.depends_on, fix.max_attempts, fix.action.expects_changes) == (("scan",), 3, True)


@pytest.mark.parametrize("value", ["a b", "x; rm -rf /", "$(id)", "it's", "{{ steps.a.out }}", "-rf"])
def test_a_value_in_a_shell_line_stays_one_word(value: str) -> None:
    import shlex

    raw = a_definition({"id": "a", "run": "echo {{ inputs.x }}"}, inputs={"x": {"type": "string"}})

    shell = resolve(compiled(raw, x=value).steps[0].action.shell, {}, quote=True)

    assert shlex.split(shell) == ["echo", value]


def test_a_value_in_a_list_is_one_element() -> None:
    raw = a_definition({"id": "a", "run": ["echo", "{{ inputs.x }}"]}, inputs={"x": {}})

    assert compiled(raw, x="a b").steps[0].action == CommandAction(argv=("echo", "a b"))


def test_a_tool_argument_keeps_the_type_of_its_input() -> None:
    step = {"id": "a", "tool": "tests.generate", "with": {"limit": "{{ inputs.n }}"}}
    raw = a_definition(step, inputs={"n": {"type": "integer", "default": 2}})

    assert compiled(raw, n="3").steps[0].action == ToolAction(tool="tests.generate", args={"limit": 3})


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ({}, ("action_count", "steps[0]")),
        ({"run": "a", "tool": "format"}, ("action_count", "steps[0]")),
        ({"tool": "nope"}, ("tool_unknown", "steps[0].tool")),
        ({"tool": "format", "with": {"x": 1}}, ("tool_arg_unknown", "steps[0].with.x")),
        ({"run": "a", "timeout": "10 parsecs"}, ("duration_invalid", "steps[0].timeout")),
        ({"run": "a", "timeout": 0}, ("duration_invalid", "steps[0].timeout")),
        ({"run": "a", "writes": ["../x"]}, ("path_outside", "steps[0].writes[0]")),
        ({"run": "a", "prompt": "b"}, ("field_misplaced", "steps[0].prompt")),
        ({"agent": "any"}, ("field_missing", "steps[0].prompt")),
        ({"run": []}, ("command_empty", "steps[0].run")),
        ({"run": True}, ("field_invalid", "steps[0].run")),
        ({"run": "a", "recovery": "reconcile"}, ("reconcile_check_missing", "steps[0].recovery")),
        ({"run": "a", "depends_on": ["z"]}, ("dependency_unknown", "steps[0].depends_on[0]")),
        ({"run": "a", "depends_on": ["s"]}, ("dependency_cycle", "steps[0].depends_on")),
        ({"run": "a", "dependson": []}, ("field_unknown", "steps[0].dependson")),
        ({"run": "a", "when": "x"}, ("feature_unavailable", "steps[0].when")),
        ({"run": "a", "for_each": "x"}, ("feature_unavailable", "steps[0].for_each")),
        ({"run": "echo {{ inputs.x }}"}, ("reference_unknown", "steps[0].run")),
        ({"run": "echo {{ steps.s.x }}"}, ("reference_unknown", "steps[0].run")),
        ({"run": "echo {{ x }}"}, ("reference_unknown", "steps[0].run")),
        ({"run": "echo {{ x y }}"}, ("reference_malformed", "steps[0].run")),
        ({"run": "echo {{ x"}, ("reference_malformed", "steps[0].run")),
        ({"run": "echo '{{ inputs.known }}'"}, ("reference_in_quotes", "steps[0].run")),
        ({"run": "cat <<E\n{{ inputs.known }}\nE"}, ("reference_in_heredoc", "steps[0].run")),
    ],
)
def test_each_mistake_is_named_with_its_place(step: dict[str, Any], expected: tuple[str, str]) -> None:
    assert expected in codes({"id": "s", **step}, inputs={"known": {"default": "k"}})


def test_all_problems_are_named_at_once() -> None:
    found = codes({"id": "A", "run": "x"}, {"id": "b", "tool": "nope"}, {"id": "b", "run": "x"}, vresion=1, triggers=[])

    assert {code for code, _ in found} == {
        "field_invalid", "tool_unknown", "step_duplicate", "field_unknown", "feature_unavailable",
    }  # fmt: skip


def test_a_misspelt_field_is_answered_with_the_nearest() -> None:
    (problem,) = definition_problems(a_definition({"id": "a", "run": "x", "timout": 3}))

    assert problem.cure == "Did you mean 'timeout'?"


@pytest.mark.parametrize("raw", [None, [], "text", 3])
def test_what_is_no_mapping_is_no_definition(raw: object) -> None:
    assert definition_problems(raw)[0].code == "definition_shape"


@pytest.mark.parametrize(
    ("inputs", "code"), [({}, "input_missing"), ({"n": "many"}, "input_type"), ({"n": 1, "m": 2}, "input_unknown")]
)
def test_bad_values_of_inputs_are_refused(inputs: dict[str, object], code: str) -> None:
    definition = Definition.model_validate(a_definition(inputs={"n": {"type": "integer"}}))

    with pytest.raises(UserError) as refused:
        compile_definition(definition, inputs, "", "")

    assert refused.value.code == code


def test_a_question_stops_on_abort() -> None:
    (step,) = compiled(a_definition({"id": "q", "ask": "Go on?", "options": ["yes", "abort"]})).steps

    assert (step.action.options, step.action.stops_on) == (("yes", "abort"), ("abort",))


def test_outputs_are_filled_in_at_run_time() -> None:
    assert resolve("{{ steps.a.n }} {{ steps.a.l }}", {"a": {"n": 3, "l": ["x"]}}, quote=True) == "3 '[\"x\"]'"


def test_a_missing_output_says_what_there_is() -> None:
    with pytest.raises(UserError, match="It left: exit_code"):
        resolve("{{ steps.a.n }}", {"a": {"exit_code": 0}}, quote=False)


def test_escaped_braces_come_back_as_they_were() -> None:
    text = "docker ps --format '{{.Names}}' {{ steps.a.b }}"

    assert resolve(literal(text), {}, quote=False) == text
