"""The published JSON Schema accepts what we accept and refuses what is misspelt."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from ostinato.cli.definition_schema import definition_schema
from scripts.make_reference import ROOT

jsonschema = pytest.importorskip("jsonschema")
SCHEMA = definition_schema()
GOOD = sorted([*(ROOT / "examples").rglob("*.yaml"), *(ROOT / "ostinato" / "adapters" / "templates").rglob("*.yaml")])
REFUSED = ("field_unknown", "field_missing", "field_invalid", "definition_shape")


def errors_of(path: Path) -> list[Any]:
    return list(jsonschema.Draft202012Validator(SCHEMA).iter_errors(yaml.safe_load(path.read_text("utf-8"))))


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)

    assert SCHEMA["$schema"].endswith("2020-12/schema")


@pytest.mark.parametrize("path", GOOD, ids=lambda path: str(path.stem))
def test_an_example_fits_the_schema(path: Path) -> None:
    assert errors_of(path) == []


@pytest.mark.parametrize("code", REFUSED)
def test_a_file_of_the_wrong_shape_does_not_fit_the_schema(code: str) -> None:
    assert errors_of(ROOT / "tests" / "data" / "definitions" / "bad" / f"{code}.yaml")


def test_every_field_of_a_step_says_what_it_is_for_or_has_a_plain_name() -> None:
    step = SCHEMA["$defs"]["StepSpec"]["properties"]

    assert {"run", "tool", "ask", "agent", "writes", "holds"} <= {
        name for name in step if step[name].get("description")
    }
