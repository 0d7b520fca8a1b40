"""What YAML and JSON hold in store for whoever reads them: told plainly, and in bounded time."""

import time
from pathlib import Path

import pytest

from ostinato.adapters.definitions import check_file, compile_file, read_definition
from ostinato.domain.errors import UserError

HEAD = "id: trap\nsteps:\n  - id: a\n"


def told(folder: Path, text: str, name: str = "flow.yaml") -> list[tuple[str, str]]:
    path = folder / name
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    return [(problem.code, problem.message) for problem in check_file(path)]


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        (HEAD + "    ask: Norway?\n    options: [no]\n", "field_invalid", "read as false"),
        (HEAD + "    run: ls\n    name: 1.10\n", "field_invalid", "read as 1.1"),
        (HEAD + "    run: yes\n", "field_invalid", ""),
        (HEAD + "    run: ls\n1: x\n", "field_unknown", "'1'"),
        (HEAD + "    run: ls\n'': x\n", "yaml_invalid", "no plain text"),
        (HEAD + "    run: ls\n{a: b}: x\n", "yaml_invalid", ""),
        (HEAD + "    run: ls\n\ttimeout: 1\n", "yaml_invalid", "'\\t'"),
        (HEAD + "    run: ls\n    timeout: .inf\n", "value_invalid", "finite"),
        (HEAD + "    run: ls\n    priority: " + "9" * 30 + "\n", "value_invalid", "64 bits"),
        (HEAD + "    run: ls\nversion: " + "9" * 5000 + "\n", "yaml_invalid", "cannot be read"),
        (HEAD + '    run: "a\\0b"\n', "value_invalid", "character"),
        (HEAD + '    run: "a\\ud800b"\n', "value_invalid", "character"),
        (HEAD + "    run: a\x07b\n", "yaml_invalid", "U+0007"),
        (HEAD + "    run: ls\n---\nid: two\n", "yaml_invalid", "another document"),
        (HEAD + "    run: *star\n", "yaml_invalid", "undefined alias"),
        (HEAD + "    run: ls\n    id: b\n", "field_duplicate", "given twice"),
        ("id: &a trap\nsteps: *a\n", "field_invalid", "list"),
        ("- " * 2000 + "x\n", "yaml_invalid", "too deep"),
        ("a: " * 300 + "\n", "yaml_invalid", "not allowed"),
    ],
)
def test_a_trap_of_yaml_is_told(tmp_path: Path, text: str, code: str, words: str) -> None:
    found = told(tmp_path, text)

    assert any(each == code and words in said for each, said in found), found


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"id": "a", "steps": [{"id": "a", "run": "ls", "timeout": NaN}]}', "json_invalid"),
        ('{"id": "a", "steps": [{"id": "a", "run": "ls", "timeout": 1e999}]}', "value_invalid"),
        ('{"id": "a", "steps": [{"id": "a", "run": "\\ud800"}]}', "value_invalid"),
        ('{"id": "a", "id": "b", "steps": [{"id": "a", "run": "ls"}]}', "field_duplicate"),
        ("[" * 3000 + "]" * 3000, "json_invalid"),
        ("[" * 200 + "]" * 200, "yaml_invalid"),
        ("", "json_invalid"),
    ],
)
def test_a_trap_of_json_is_told(tmp_path: Path, text: str, code: str) -> None:
    assert code in {each for each, _ in told(tmp_path, text, "flow.json")}


def test_json_is_read_as_json(tmp_path: Path) -> None:
    path = tmp_path / "flow.json"
    path.write_text(
        '{"id": "a", "steps": [{"id": "a", "ask": "\\ud83d\\ude00 yes", "expected": 1e2, "options": ["on"]}]}'
    )

    (step,) = read_definition(path).steps

    assert (step.ask, step.expected, step.options) == ("\U0001f600 yes", 100.0, ("on",))


def test_a_bomb_of_aliases_is_refused_at_once(tmp_path: Path) -> None:
    lines = ["a0: &a0 [" + ", ".join(["x"] * 10) + "]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    began = time.monotonic()

    assert told(tmp_path, "\n".join(lines))[0][0] == "yaml_invalid"
    assert time.monotonic() - began < 2


def test_yaml_of_another_version_of_a_word_stays_a_text(tmp_path: Path) -> None:
    path = tmp_path / "flow.yaml"
    path.write_text(HEAD + "    run: ls\ndescription: 2024-01-31\ninputs: {on: {default: 'no'}}\n")

    definition = read_definition(path)

    assert (definition.description, definition.inputs["on"].default) == ("2024-01-31", "no")


def test_a_line_for_editors_is_allowed(tmp_path: Path) -> None:
    path = tmp_path / "flow.json"
    path.write_text('{"$schema": "./ostinato.schema.json", "id": "a", "steps": [{"id": "a", "run": "ls"}]}')

    assert read_definition(path).schema_ == "./ostinato.schema.json"


def test_an_empty_value_in_a_text_that_may_not_be_empty_is_told(tmp_path: Path) -> None:
    path = tmp_path / "flow.yaml"
    path.write_text('id: a\ninputs: {q: {}}\nsteps: [{id: a, ask: "{{ inputs.q }}"}]\n')

    with pytest.raises(UserError) as refused:
        compile_file(path, {"q": ""})

    assert refused.value.code == "step_value"
