from typing import Any

import pytest

from ostinato.domain.conditions import told
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
        ({"run": "a", "checks": ["b"]}, ("field_misplaced", "steps[0].checks")),
        ({"agent": "any"}, ("field_missing", "steps[0].prompt")),
        ({"run": []}, ("command_empty", "steps[0].run")),
        ({"run": True}, ("field_invalid", "steps[0].run")),
        ({"run": "a", "recovery": "reconcile"}, ("reconcile_check_missing", "steps[0].recovery")),
        ({"run": "a", "depends_on": ["z"]}, ("dependency_unknown", "steps[0].depends_on[0]")),
        ({"run": "a", "depends_on": ["s"]}, ("dependency_cycle", "steps[0].depends_on")),
        ({"run": "a", "dependson": []}, ("field_unknown", "steps[0].dependson")),
        ({"run": "a", "mcp": "x"}, ("feature_unavailable", "steps[0].mcp")),
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
    found = codes(
        {"id": "A", "run": "x"},
        {"id": "b", "tool": "nope"},
        {"id": "b", "run": "x"},
        vresion=1,
        triggers=[{"schedule": "soon"}],
    )

    assert {code for code, _ in found} == {
        "field_invalid", "tool_unknown", "step_duplicate", "field_unknown", "schedule_invalid",
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


CHECK = {
    "id": "check-it",
    "if": "inputs.deep && steps.scan.n > 0",
    "then": [{"id": "one", "run": "a"}, {"id": "two", "run": "b", "depends_on": ["one"], "when": "steps.one.n == 1"}],
    "else": [{"id": "other", "run": "c"}],
}
DEEP = {"inputs": {"deep": {"type": "boolean", "default": True}}}


def by_id(raw: dict[str, Any], **inputs: object) -> dict[str, Any]:
    return {step.id: step for step in compiled(raw, **inputs).steps}


def test_branches_lie_beside_the_step_that_chooses() -> None:
    raw = a_definition({"id": "scan", "run": "s"}, CHECK, {"id": "end", "run": "e", "depends_on": ["check-it"]}, **DEEP)

    steps = by_id(raw)

    assert steps["check-it"].action.condition == CHECK["if"]
    assert (steps["check-it"].depends_on, steps["one"].depends_on) == (("scan",), ("check-it",))
    assert steps["two"].depends_on == ("check-it", "one")
    assert steps["end"].depends_on == ("check-it", "two", "other")
    assert steps["other"].when == 'has(steps["check-it"].chosen) && !steps["check-it"].chosen'
    assert steps["two"].when == 'has(steps["check-it"].chosen) && steps["check-it"].chosen && (steps.one.n == 1\n)'


def test_the_condition_of_a_branch_is_told_in_words() -> None:
    steps = by_id(a_definition({"id": "scan", "run": "s"}, CHECK, **DEEP))

    assert told(steps["other"].when) == "check-it is false"
    assert told(steps["two"].when) == "check-it is true && (steps.one.n == 1)"


def test_an_if_within_an_if_belongs_to_its_branch() -> None:
    inner = {"id": "inner", "if": "true", "else": [{"id": "deep", "run": "a"}]}
    raw = a_definition(
        {"id": "outer", "if": "false", "then": [inner]}, {"id": "end", "run": "e", "depends_on": ["outer"]}
    )

    steps = by_id(raw)

    assert steps["inner"].when.startswith('has(steps["outer"].chosen)')
    assert steps["end"].depends_on == ("outer", "deep")


def test_a_for_each_is_a_group_that_waits_for_what_its_body_names() -> None:
    raw = a_definition(
        {"id": "list", "run": "ls"},
        {"id": "else-where", "run": "x"},
        {
            "id": "each",
            "for_each": {
                "items": "steps.list.files",
                "as": "file",
                "steps": [
                    {"id": "fix", "run": "fix {{ inputs.x }} {{ file.path }}", "writes": ["{{ file.path }}"]},
                    {"id": "try", "run": "try {{ steps.else_where.n }}", "depends_on": ["fix"]},
                ],
                "merge": {"quorum": 2},
                "reduce": {"id": "sum", "run": "sum {{ parts }}"},
            },
            "when": "steps.list.files.size() > 0",
        },
        inputs={"x": {"default": "a b"}},
    )

    group = by_id(raw)["each"]

    fix, check = group.action.body
    assert (group.depends_on, group.writes, group.when) == (("list", "else-where"), (), "steps.list.files.size() > 0")
    assert (group.action.name, group.action.merge.strategy, group.action.merge.count) == ("file", "quorum", 2)
    assert (fix.action.shell, fix.writes) == ("fix 'a b' {{ file.path }}", ("{{ file.path }}",))
    assert (check.depends_on, group.action.reduce.action.shell) == (("fix",), "sum {{ parts }}")


def test_the_action_of_a_step_can_be_done_for_each_item() -> None:
    step = {"id": "fix", "name": "Fix {{ item }}", "run": "fix {{ item }}", "holds": ["port {{ index }}"], "timeout": 9}
    raw = a_definition(
        {**step, "for_each": {"items": "inputs.files", "merge": "first"}}, inputs={"files": {"default": "[]"}}
    )

    group = by_id(raw)["fix"]

    (only,) = group.action.body
    assert (group.name, group.holds, only.name, only.holds) == ("Fix", (), "Fix {{ item }}", ("port {{ index }}",))
    assert (only.timeout_s, only.depends_on, group.action.merge.strategy) == (9, (), "first")


def test_the_fields_of_a_definition_reach_the_plan() -> None:
    step = {"id": "a", "run": "true", "holds": ["db"], "adds_steps": True, "context": ["notes"], "priority": 3}
    plan = compiled(a_definition(step, values={"n": {"merge": "sum"}}, max_per_agent=2, strict_claims=True))

    assert (plan.max_per_agent, plan.strict_claims, plan.values["n"].merge) == (2, True, "sum")
    (made,) = plan.steps
    assert (made.holds, made.adds_steps, made.context, made.priority) == (("db",), True, ("notes",), 3)


def test_who_reads_what_another_writes_waits_for_it() -> None:
    raw = a_definition({"id": "a", "run": "x", "writes": ["out/**"]}, {"id": "b", "run": "y", "reads": ["out/a.txt"]})

    assert [found.step for found in by_id(raw)["b"].implied] == ["a"]


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ({"run": "a", "when": "step.a.x"}, ("condition_name", "steps[0].when")),
        ({"run": "a", "when": "steps.nobody.x"}, ("reference_unknown", "steps[0].when")),
        ({"run": "a", "when": "inputs.nobody"}, ("reference_unknown", "steps[0].when")),
        ({"run": "a", "when": "size(steps) > 0"}, ("condition_step_unnamed", "steps[0].when")),
        ({"run": "a", "when": "steps.s.x"}, ("dependency_cycle", "steps[0].depends_on")),
        ({"if": "true"}, ("field_missing", "steps[0].then")),
        ({"if": "true", "then": [{"id": "s", "run": "a"}]}, ("step_duplicate", "steps[0].then[0].id")),
        ({"if": "true", "then": [{"id": "x", "rn": "a"}]}, ("field_unknown", "steps[0].then[0].rn")),
        ({"if": "true", "else": [{"id": "x", "tool": "no"}]}, ("tool_unknown", "steps[0].else[0].tool")),
        ({"if": "true", "then": [{"id": "x", "run": "a"}], "timeout": 5}, ("field_misplaced", "steps[0].timeout")),
        ({"then": [{"id": "x", "run": "a"}], "run": "a"}, ("field_misplaced", "steps[0].then")),
        ({"for_each": {"items": "[1]"}}, ("action_count", "steps[0]")),
        ({"for_each": {"items": "item"}, "run": "a"}, ("condition_name", "steps[0].for_each.items")),
        ({"for_each": {"items": "[1]", "as": "A"}, "run": "a"}, ("field_invalid", "steps[0].for_each.as")),
        ({"for_each": {"items": "[1]", "itms": 1}, "run": "a"}, ("field_unknown", "steps[0].for_each.itms")),
        ({"for_each": {"items": "[1]", "merge": "some"}, "run": "a"}, ("field_invalid", "steps[0].for_each.merge")),
        ({"for_each": {"items": "[1]"}, "run": "a {{ itm }}"}, ("reference_unknown", "steps[0].run")),
        (
            {"for_each": {"items": "[1]", "steps": [{"id": "x", "run": "a", "depends_on": ["z"]}]}},
            ("dependency_unknown", "steps[0].for_each.steps[0].depends_on[0]"),
        ),
        ({"run": "a", "name": "{{ values.n }}"}, ("reference_unknown", "steps[0].name")),
        ({"workflow": "x.yaml"}, ("workflow_missing", "steps[0].workflow")),
    ],
)
def test_mistakes_of_conditions_branches_and_lists_have_their_place(
    step: dict[str, Any], expected: tuple[str, str]
) -> None:
    raw = a_definition({"id": "s", **step})
    with pytest.raises(UserError) as caught:
        compiled(raw)

    assert expected in [(problem.code, problem.field) for problem in caught.value.problems]


def test_an_unknown_field_is_answered_with_the_nearest_of_its_place() -> None:
    problems = definition_problems(a_definition({"id": "s", "for_each": {"items": "[1]", "stps": []}, "run": "a"}))

    assert "Did you mean 'steps'?" in str(problems[0])
