"""What a step's command states as its outputs: an object of moderate size, redacted, or a problem that says why not."""

import os
from pathlib import Path

import pytest

from ostinato.adapters.outputs import output_file, read_output
from ostinato.domain.errors import ExternalError, Problem
from ostinato.domain.redaction import Redactor


def read(file: Path, content: str | bytes) -> object:
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_output(file, Redactor(["the-known-value"]))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return output_file(tmp_path / "step")


def test_an_object_is_taken(file: Path) -> None:
    assert read(file, '{"version": "1.2", "files": ["a", 1.5, null]}') == {"version": "1.2", "files": ["a", 1.5, None]}


def test_a_command_need_not_write_any(file: Path) -> None:
    assert read_output(file, Redactor()) == {}
    assert read(file, " \n") == {}


def test_an_earlier_attempt_leaves_nothing(file: Path) -> None:
    file.write_text('{"old": 1}')

    assert read_output(output_file(file.parent), Redactor()) == {}


def test_secrets_are_redacted_in_values_and_inner_names(file: Path) -> None:
    found = read(file, '{"a": ["my the-known-value"], "b": {"the-known-value": 1}}')

    assert found == {"a": ["my [redacted:known-value]"], "b": {"[redacted:known-value]": 1}}


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ('{"a": "' + "x" * 33_000 + '"}', "output_too_large"),
        ("version=1", "output_no_json"),
        ('{"a": NaN}', "output_no_json"),
        ('{"a": 1e999}', "output_no_json"),
        ('{"a": "\\ud800"}', "output_no_json"),
        (b"\xff\xfe\xff", "output_no_json"),
        ("[" * 20_000, "output_no_json"),
        ("[1]", "output_no_object"),
        ('"text"', "output_no_object"),
        ('{"a b": 1}', "output_name_invalid"),
    ],
)
def test_what_cannot_be_used_is_a_problem(file: Path, content: str | bytes, code: str) -> None:
    problem = read(file, content)

    assert isinstance(problem, Problem)
    assert (problem.code, problem.field) == (code, "$OSTINATO_OUTPUT")


def test_the_place_of_a_mistake_is_said(file: Path) -> None:
    assert str(read(file, '{"a": 1\n "b": 2}')).startswith("$OSTINATO_OUTPUT: holds no JSON (line 2, column 2).")


def test_a_pipe_in_its_place_does_not_hang(file: Path) -> None:
    os.mkfifo(file)

    problem = read_output(file, Redactor())

    assert isinstance(problem, Problem)
    assert problem.code == "output_no_file"


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ExternalError) as caught:
        output_file(tmp_path / "file" / "step")

    assert caught.value.code == "output_not_prepared"
