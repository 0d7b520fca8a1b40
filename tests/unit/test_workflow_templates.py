"""Templates by name: who wins, what is told of broken ones, and what a run is saved as."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from ostinato.adapters.definitions import compile_file
from ostinato.adapters.templates import BUILT_IN, Places, find_template, list_templates, save_template
from ostinato.domain.definition import added_names, as_template, compile_definition, parse_definition
from ostinato.domain.errors import UserError
from ostinato.domain.plan import Plan
from ostinato.domain.tools import TOOLS

SHIPPED = {
    "full_stack_development", "full_application", "security_audit", "system_optimization", "research_plan_execute",
    "parallel_component_development", "issue_analysis", "code_review",
}  # fmt: skip
FLOW = "id: {id}\nsteps: [{{id: a, run: ls}}]\n"


def places(folder: Path, *, repository: bool = True) -> Places:
    return Places(repository=folder / "repo" if repository else None, user=folder / "user")


def put(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    return folder / name


def a_plan(**inputs: object) -> Plan:
    steps = [
        {"id": "greet", "run": "echo hello {{ inputs.who }} in Berlin", "writes": ["Berlin.txt"]},
        {"id": "look", "agent": "any", "prompt": "Look at Berlin; {{ steps.greet.summary }}"},
        {"id": "each", "for_each": {"items": "['Berlin']", "steps": [{"id": "b", "run": "echo Berlin {{ item }}"}]}},
        {"id": "way", "if": "true", "then": [{"id": "up", "tool": "lint.fix", "with": {"paths": ["Berlin"]}}]},
    ]
    raw: dict[str, Any] = {
        "id": "x",
        "inputs": {"who": {"default": "you"}},
        "steps": steps,
        "gates": {"post": ["lint"]},
    }
    return compile_definition(parse_definition(raw), inputs, "definition:x.yaml", "")


def test_all_eight_are_shipped_and_valid(tmp_path: Path) -> None:
    found = list_templates(places(tmp_path, repository=False))

    assert {one.name for one in found} == SHIPPED
    assert [problem for one in found for problem in one.load().problems] == []
    assert all(definition.description for one in found if (definition := one.load().definition))


def test_the_shipped_ones_use_tools_people_conditions_and_lists() -> None:
    texts = {path.stem: path.read_text("utf-8") for path in BUILT_IN.glob("*.yaml")}

    assert all(
        any(tool in text for tool in TOOLS) and "agent:" in text and "inputs:" in text for text in texts.values()
    )
    assert sum("for_each:" in text for text in texts.values()) >= 4
    assert sum("\n    if:" in text for text in texts.values()) >= 5


def test_the_repository_wins_over_the_user_and_both_over_ours(tmp_path: Path) -> None:
    ours = put(tmp_path / "repo" / ".ostinato" / "templates", "code_review.yaml", FLOW.format(id="ours"))
    put(tmp_path / "user" / "templates", "code_review.yml", FLOW.format(id="mine"))
    mine = put(tmp_path / "user" / "templates", "nightly.json", '{"id": "n", "steps": [{"id": "a", "run": "ls"}]}')

    found = {one.name: one for one in list_templates(places(tmp_path))}

    assert (found["code_review"].path, found["code_review"].owner) == (ours, "repository")
    assert found["code_review"].hides == ("user", "built-in")
    assert (found["nightly"].path, found["nightly"].owner) == (mine, "user")


def test_a_name_that_is_nearly_right_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="'code_review'") as refused:
        find_template("code_reviw", places(tmp_path))

    assert refused.value.code == "template_unknown"
    assert find_template("code-review", places(tmp_path)).name == "code_review"


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".hidden", "x" * 500])
def test_a_name_that_is_a_path_finds_nothing(tmp_path: Path, name: str) -> None:
    put(tmp_path / "repo" / ".ostinato", "up.yaml", FLOW.format(id="up"))

    with pytest.raises(UserError):
        find_template(name, places(tmp_path))


def test_a_saved_run_has_its_values_as_defaults_and_new_inputs_where_they_stood(tmp_path: Path) -> None:
    data = as_template(a_plan(who="Ann"), "greeting", {"city": "Berlin"})

    path = save_template(tmp_path, data, about="Saved.", replace=False, redact=lambda text: text)

    steps = {step["id"]: step for step in yaml.safe_load(path.read_text())["steps"]}
    assert data["inputs"]["who"]["default"] == "Ann"
    assert steps["greet"]["run"] == "echo hello {{ inputs.who }} in {{ inputs.city }}"
    assert steps["greet"]["writes"] == ["{{ inputs.city }}.txt"]
    assert steps["look"]["prompt"] == "Look at {{ inputs.city }}; {{ steps.greet.summary }}"
    assert steps["each"]["for_each"]["steps"][0]["run"] == "echo {{ inputs.city }} {{ item }}"
    assert steps["way"]["then"][0]["with"] == {"paths": ["{{ inputs.city }}"]}
    again = compile_file(path, {"city": "Rome", "who": "Bob"})
    assert (again.steps[0].writes, again.post_gates) == (("Rome.txt",), ("lint",))


def test_a_value_that_stands_nowhere_is_told() -> None:
    with pytest.raises(UserError) as refused:
        as_template(a_plan(), "greeting", {"city": "Paris", "who": "Bob"})

    assert [(problem.code, problem.field) for problem in refused.value.problems] == [("template_param", "--param city")]


def test_a_template_is_not_written_over_another_unless_wanted(tmp_path: Path) -> None:
    data = as_template(a_plan(), "greeting", {})
    save_template(tmp_path, data, about="One.", replace=False, redact=lambda text: text)

    with pytest.raises(UserError) as refused:
        save_template(tmp_path, data, about="Two.", replace=False, redact=lambda text: text)

    assert refused.value.code == "template_taken"
    assert "Two." in save_template(tmp_path, data, about="Two.", replace=True, redact=str).read_text()


def test_secrets_are_left_out_of_what_is_saved(tmp_path: Path) -> None:
    data = as_template(a_plan(who="hunter2"), "greeting", {})

    path = save_template(tmp_path, data, about="S.", replace=False, redact=lambda text: text.replace("hunter2", "[x]"))

    assert "hunter2" not in path.read_text()


def test_the_hash_of_a_plan_is_that_of_its_definition_and_survives_being_sent() -> None:
    one, other = a_plan(who="Ann"), a_plan(who="Bob")

    assert one.definition_sha256 == other.definition_sha256
    assert len(one.definition_sha256) == 64
    assert Plan.model_validate_json(one.model_dump_json()) == one


def test_a_definition_too_large_to_travel_is_told_when_it_is_saved() -> None:
    steps = [{"id": f"s{n}", "run": "echo " + "x" * 400} for n in range(100)]
    plan = compile_definition(parse_definition({"id": "big", "steps": steps}), {}, "definition:big.yaml", "")

    with pytest.raises(UserError) as refused:
        as_template(plan, "copy", {})

    assert (plan.authored, refused.value.code) == ({}, "template_unsaved")


def test_steps_that_were_added_while_it_ran_are_named() -> None:
    plan = a_plan()
    extra = plan.steps[0].model_copy(update={"id": "extra"})

    assert added_names(plan.model_copy(update={"steps": (*plan.steps, extra)})) == ("extra",)
