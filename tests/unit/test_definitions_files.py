import hashlib
from pathlib import Path

import pytest

from ostinato.adapters.definitions import check_file, compile_file, read_definition
from ostinato.domain.errors import UserError

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
