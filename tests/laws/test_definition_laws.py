"""Mutated definitions: whatever is written, reading it ends soon, with a plan or with problems that say where."""

import copy
import json
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ostinato.adapters.definitions import Loaded, load_file
from ostinato.domain.definition import compile_definition
from ostinato.domain.definition.model import Definition
from ostinato.domain.errors import Problem, UserError
from ostinato.domain.plan import Plan

ROOT = Path(__file__).resolve().parents[2]
SEEDS = tuple(
    path.read_text("utf-8")
    for folder in ("examples", "ostinato/adapters/templates/built_in", "tests/data/definitions/bad")
    for path in sorted((ROOT / folder).rglob("*.yaml"))
)
READ = (yaml.load(text, Loader=yaml.SafeLoader) for text in SEEDS if "!!" not in text and "\t" not in text)
DATA = tuple(data for data in READ if isinstance(data, dict))
LIMIT_S = 4.0
WORDS = (
    "{{", "}}", "{{ inputs.x }}", "{{ steps.a.b }}", "- ", ": ", "\t", "&a ", "*a", "!!python/none ", "<<: ", "? ",
    "[", "]", "{", "}", "'", '"', "|", ">", "#", "\n", "\r", "\0", "\u2028", "\ufeff", "\U0001f600", "~", "null",
    "no", "0x1F", "1e999", ".nan", "9" * 25, "---", "...", "%YAML 1.1\n", "for_each:", "if:", "steps:", "inputs:",
)  # fmt: skip
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=30), st.sampled_from(WORDS),
    st.sampled_from(("steps.a.b > 0", "[1,2].map(x, x)", "((((", "1/0 == 1", "inputs.x", "size(steps)", "a" * 3000)),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.one_of(st.sampled_from(sorted(Definition.model_fields)), st.text(max_size=8)), inner, max_size=4
        ),
    ),
    max_leaves=12,
)
RELAXED = settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))


def paths_of(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [here] if here else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        found += paths_of(inner, (*here, key))
    return found


def mutated(data: dict[str, Any], draw: st.DrawFn) -> dict[str, Any]:
    """Some places replaced, dropped, doubled or swapped with another one."""
    changed = copy.deepcopy(data)
    for _ in range(draw(st.integers(1, 4))):
        path = draw(st.sampled_from(paths_of(changed)))
        owner: Any = changed
        for key in path[:-1]:
            owner = owner[key]
        match draw(st.sampled_from(("replace", "drop", "rename", "double"))):
            case "replace":
                owner[path[-1]] = draw(VALUES)
            case "drop":
                del owner[path[-1]]
            case "rename" if isinstance(owner, dict):
                owner[draw(st.text(max_size=6))] = owner.pop(path[-1])
            case _:
                if isinstance(owner, list):
                    owner.append(copy.deepcopy(owner[path[-1]]))
        if not changed:
            return changed
    return changed


@st.composite
def data_files(draw: st.DrawFn) -> str:
    return json.dumps(mutated(draw(st.sampled_from(DATA)), draw), ensure_ascii=draw(st.booleans()))


@st.composite
def text_files(draw: st.DrawFn) -> str:
    text = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(1, 5))):
        at, length = draw(st.integers(0, len(text))), draw(st.integers(0, 12))
        text = text[:at] + draw(st.one_of(st.sampled_from(WORDS), st.text(max_size=5))) + text[at + length :]
    return text


def read(path: Path) -> None:
    """Either problems with a place, or a plan, or the problems of the inputs."""
    began = time.monotonic()
    loaded = load_file(path)
    for problem in loaded.problems:
        assert problem.code
        assert problem.message
        assert problem.cure
        assert problem.file
        str(problem).encode()
    for problem in compiled_problems(loaded):
        assert problem.cure
    assert time.monotonic() - began < LIMIT_S


def compiled_problems(loaded: Loaded) -> tuple[Problem, ...]:
    """Of the inputs; the plan itself survives being sent."""
    if loaded.definition is None or loaded.problems:
        return ()
    needed = {name: "3" for name, spec in loaded.definition.inputs.items() if spec.default is None}
    try:
        plan = compile_definition(loaded.definition, needed, "definition:x", loaded.sha256, loaded.library)
    except UserError as refused:
        return refused.problems
    assert Plan.model_validate_json(plan.model_dump_json()) == plan
    return ()


@RELAXED
@given(text=data_files())
def test_mutated_data_is_a_plan_or_problems(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "mutated.json"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")

    read(path)


@RELAXED
@given(text=text_files())
def test_mutated_text_is_a_plan_or_problems(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "mutated.yaml"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")

    read(path)


@RELAXED
@given(content=st.binary(max_size=200))
def test_any_bytes_are_a_plan_or_problems(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    for name in ("any.yaml", "any.json"):
        path = tmp_path_factory.getbasetemp() / name
        path.write_bytes(content)

        read(path)
