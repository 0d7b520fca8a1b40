"""Every code that `validate` can tell, each from a file of its own with the place that is named."""

from pathlib import Path

import pytest

from ostinato.adapters.authored_files import MAX_BYTES
from ostinato.adapters.definitions import check_file
from scripts.make_reference import ROOT, error_codes

BAD = ROOT / "tests" / "data" / "definitions" / "bad"
FILES = sorted(path for path in BAD.iterdir() if path.is_file())
SOURCES = (
    "ostinato/domain/definition/",
    "ostinato/domain/references.py",
    "ostinato/domain/conditions.py",
    "ostinato/domain/tools.py",
    "ostinato/adapters/definitions.py",
    "ostinato/adapters/authored_files.py",
    "ostinato/adapters/cel.py",
)
MADE = {"file_not_utf8": b"id: \xff\n", "file_too_large": b"#" * (MAX_BYTES + 1), "file_unreadable": None}
"""Files that no repository should hold."""
OTHERWISE = {
    "condition_failed",  # at run time
    "condition_unavailable",
    "reference_missing",
    "group_id",  # steps that are added to a running plan
    "steps_shape",
    "step_value",  # values of inputs, when a run starts
    "template_param",  # a run is saved as a template
    "template_unsaved",
}
JSON_PLACES = {"json_invalid": (3, 38)}


def expected(path: Path) -> tuple[int, int]:
    if path.suffix == ".json":
        return JSON_PLACES[path.stem]
    line, _, column = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# expect ").partition(":")
    return int(line), int(column)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.stem))
def test_a_bad_file_is_told_with_its_code_and_place(path: Path) -> None:
    (problem,) = check_file(path)

    assert (problem.code, (problem.line, problem.column)) == (path.stem, expected(path))
    assert problem.message
    assert problem.cure
    assert str(problem.file).startswith(str(BAD))


@pytest.mark.parametrize("code", MADE)
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, code: str) -> None:
    path = tmp_path / "flow.yaml"
    if content := MADE[code]:
        path.write_bytes(content)

    (problem,) = check_file(path)

    assert (problem.code, problem.file) == (code, str(path))


def test_no_code_of_validate_is_without_a_file() -> None:
    told = {code for code, files in error_codes().items() if any(name.startswith(SOURCES) for name in files)}

    assert told - OTHERWISE - set(MADE) == {path.stem for path in FILES}
