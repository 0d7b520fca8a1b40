"""Every code of a post gate is in the table that the reference is made of."""

import ast
from pathlib import Path
from types import ModuleType

import pytest

from ostinato.adapters import gatekeepers
from ostinato.domain import custom_gates, gates, midway, needs, performance, preflight
from ostinato.domain.gate_codes import CODES, MID_CODES, PRE_CODES
from ostinato.domain.plan import USUAL_GATES, GateName

SOURCES = [Path(str(module.__file__)) for module in (gates, performance, custom_gates, gatekeepers)]
STARTS = (
    "tests_",
    "coverage_low",
    "performance_",
    "gate_command_",
    "report_",
    "foreign_",
    "environment_",
    "timed_",
    "tool_",
)


@pytest.mark.parametrize("gate", USUAL_GATES)
def test_what_a_gate_ends_with_is_described(gate: GateName) -> None:
    assert {f"{gate}_passed", f"{gate}_introduced"} <= CODES.keys()


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.parent.name + "/" + path.name)
def test_every_code_that_is_written_in_the_code_is_described(source: Path) -> None:
    words = {
        node.value
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if node.value.startswith(STARTS) and node.value.replace("_", "").isalpha()
    }

    assert words - CODES.keys() == set()


def test_what_a_gate_ends_with_while_steps_run_is_described() -> None:
    source = Path(str(midway.__file__)).read_text(encoding="utf-8")
    called = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call) and len(node.args) > 2]
    codes = {call.args[2].value for call in called if isinstance(call.args[2], ast.Constant)}

    assert len(codes) > 8
    assert codes <= MID_CODES.keys()
    assert {"limit_memory", "limit_disk", "limit_processes"} <= MID_CODES.keys()


@pytest.mark.parametrize("module", [needs, preflight], ids=lambda module: module.__name__)
def test_every_code_of_a_gate_before_a_run_is_described(module: ModuleType) -> None:
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    given = [call.args[2] for call in calls if getattr(call.func, "id", "") == "_gate" and len(call.args) > 2]
    given += [each.value for call in calls for each in call.keywords if each.arg == "code"]
    words = {node.value for node in given if isinstance(node, ast.Constant)} - {"risk_rose"}

    assert words
    assert words - PRE_CODES.keys() == set()
