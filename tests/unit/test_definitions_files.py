import hashlib
from pathlib import Path

import pytest

from ostinato.adapters.definitions import check_file, compile_file, read_definition
from ostinato.domain.errors import UserError
from ostinato.domain.expansion import expand_group
from ostinato.domain.inputs import with_inputs
from ostinato.domain.plan import CommandAction, GroupAction

GOOD = "id: nightly\nsteps:\n  - id: a\n    run: 'true'\n"


def a_file(folder: Path, text: str | bytes, name: str = "flow.yaml") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_yaml_and_json_are_read_alike(tmp_path: Path) -> None:
    json_text = '{\n\t"id": "nightly",\n\t"steps": [{"id": "a", "run": "true"}]}'

    assert read_definition(a_file(tmp_path, GOOD)) == read_definition(a_file(tmp_path, json_text, "flow.json"))


def test_a_plan_knows_the_hash_of_its_file(tmp_path: Path) -> None:
    plan = compile_file(a_file(tmp_path, GOOD), {})

    assert plan.definition_sha256 == hashlib.sha256(GOOD.encode()).hexdigest()
    assert plan.source == "definition:flow.yaml"


def test_a_problem_has_its_line_and_column(tmp_path: Path) -> None:
    (problem,) = check_file(a_file(tmp_path, GOOD + "    timeout: soon\n"))

    assert (problem.code, problem.field, problem.line, problem.column) == ("duration_invalid", "steps[0].timeout", 5, 5)


def test_problems_come_in_the_order_of_the_file(tmp_path: Path) -> None:
    found = check_file(a_file(tmp_path, "id: N\nsteps:\n  - id: a\n    tool: nope\n  - id: b\nwat: 1\n"))

    assert [problem.line for problem in found] == [1, 4, 5, 6]


@pytest.mark.parametrize(
    ("content", "name", "code"),
    [
        (b"id: \xff", "f.yaml", "file_not_utf8"),
        (b"#" * 1_000_001, "f.yaml", "file_too_large"),
        (b"", "f.yaml", "definition_shape"),
        (b"id: [", "f.yaml", "yaml_invalid"),
        (b"{", "f.json", "json_invalid"),
        (b"id: a\nid: b\n", "f.yaml", "field_duplicate"),
        (b'{"id": "a", "id": "b"}', "f.json", "field_duplicate"),
        (b"id: !!python/object:os.system x\n", "f.yaml", "yaml_tag"),
        (b"[" * 5000, "f.yaml", "yaml_invalid"),
        (b"[" * 5000 + b"]" * 5000, "f.json", "json_invalid"),
        (b"a: &a [*a]\n", "f.yaml", "yaml_invalid"),
        (b"id: 2020-99-99\nsteps: 0x\n? [a]\n: b\n", "f.yaml", "yaml_invalid"),
    ],
)
def test_a_bad_file_is_a_problem_and_no_crash(tmp_path: Path, content: bytes, name: str, code: str) -> None:
    assert code in {problem.code for problem in check_file(a_file(tmp_path, content, name))}


def test_aliases_cannot_unfold_without_end(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]

    (problem,) = check_file(a_file(tmp_path, "\n".join(lines)))

    assert problem.code == "yaml_invalid"


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No such file") as refused:
        read_definition(tmp_path / "none.yaml")

    assert refused.value.code == "file_unreadable"


def test_a_condition_that_is_no_cel_is_told_with_its_line(tmp_path: Path) -> None:
    text = (
        GOOD
        + "    when: '1 +'\n  - id: b\n    if: '1 == 1'\n    then:\n      - id: c\n        run: x\n        when: ')'\n"
    )

    found = check_file(a_file(tmp_path, text))

    assert [(problem.code, problem.line, problem.column) for problem in found] == [
        ("condition_invalid", 5, 5),
        ("condition_invalid", 11, 9),
    ]
    assert "line 1, column 4 of the expression" in found[0].message


OUTER = "id: outer\nsteps:\n  - id: sub\n    workflow: parts/inner.yaml\n"
INNER = "id: inner\ninputs: {n: {type: integer}, x: {default: d}}\nsteps:\n  - {id: a, run: 'echo {{ inputs.n }} {{ inputs.x }}'}\n"


def two_files(folder: Path, outer: str = OUTER, inner: str = INNER) -> Path:
    (folder / "parts").mkdir()
    a_file(folder / "parts", inner, "inner.yaml")
    return a_file(folder, outer)


def test_a_step_can_be_a_whole_definition(tmp_path: Path) -> None:
    path = two_files(tmp_path, OUTER + "    inputs: {n: '3'}\n")

    (step,) = compile_file(path, {}).steps

    assert isinstance(step.action, GroupAction)
    assert (step.action.definition, step.action.inputs) == ("inner", {"n": 3, "x": "d"})
    (made,) = expand_group(with_inputs(step, variables={}), None)
    assert (made.id, made.action) == ("sub-a", CommandAction(shell="echo 3 d"))


def test_the_hash_of_a_plan_covers_all_of_its_files(tmp_path: Path) -> None:
    path = two_files(tmp_path, OUTER + "    inputs: {n: 3}\n")
    before = compile_file(path, {}).definition_sha256

    a_file(tmp_path / "parts", INNER + "  # changed\n", "inner.yaml")

    assert compile_file(path, {}).definition_sha256 != before


def test_inputs_of_a_nested_definition_are_checked_where_they_are_given(tmp_path: Path) -> None:
    path = two_files(tmp_path, OUTER + "    inputs:\n      n: many\n      z: 1\n")

    found = check_file(path)

    assert [(problem.code, problem.field, problem.line) for problem in found] == [
        ("input_type", "steps[0].inputs.n", 6),
        ("input_unknown", "steps[0].inputs.z", 7),
    ]


def test_a_result_can_be_the_input_of_a_nested_definition(tmp_path: Path) -> None:
    outer = OUTER + "    inputs: {n: '{{ steps.first.count }}'}\n  - {id: first, run: x}\n"

    step = next(step for step in compile_file(two_files(tmp_path, outer), {}).steps if step.id == "sub")

    assert step.depends_on == ("first",)
    (made,) = expand_group(with_inputs(step, variables={"steps": {"first": {"count": 7}}}), None)
    assert made.action == CommandAction(shell="echo 7 d")


def test_problems_of_a_nested_file_name_the_file(tmp_path: Path) -> None:
    (problem,) = check_file(two_files(tmp_path, inner="id: inner\nsteps:\n  - {id: a, run: x, timeout: soon}\n"))

    assert (problem.field, problem.line) == ("steps[0].timeout", 3)
    assert problem.file == str(tmp_path / "parts" / "inner.yaml")


@pytest.mark.parametrize(
    ("named", "code"),
    [
        ("../other.yaml", "path_outside"),
        ("/etc/passwd", "path_outside"),
        ("link.yaml", "path_outside"),
        ("no.yaml", "workflow_missing"),
    ],
)
def test_only_files_of_the_same_repository_are_read(tmp_path: Path, named: str, code: str) -> None:
    folder = tmp_path / "inside"
    folder.mkdir()
    a_file(tmp_path, GOOD, "other.yaml")
    (folder / "link.yaml").symlink_to(tmp_path / "other.yaml")

    found = check_file(a_file(folder, f"id: outer\nsteps:\n  - id: sub\n    workflow: {named}\n"))

    assert [(problem.code, problem.line) for problem in found] == [(code, 4)]


def test_definitions_that_contain_each_other_are_named_in_full(tmp_path: Path) -> None:
    path = two_files(tmp_path, inner="id: inner\nsteps:\n  - {id: a, workflow: ../flow.yaml}\n")

    (problem,) = check_file(path)

    assert problem.code == "workflow_cycle"
    assert "flow.yaml → parts/inner.yaml → flow.yaml" in problem.message


def test_definitions_nest_five_levels_deep(tmp_path: Path) -> None:
    for level in range(7):
        a_file(tmp_path, f"id: l{level}\nsteps:\n  - {{id: a, workflow: {level + 1}.yaml}}\n", f"{level}.yaml")
    a_file(tmp_path, GOOD, "7.yaml")

    assert check_file(tmp_path / "2.yaml") == ()
    assert [problem.code for problem in check_file(tmp_path / "1.yaml")] == ["workflow_level"]
