"""The sandbox lets this code through, so its purity is ours to prove: no clock, no chance, no files, no processes."""

import ast
import sys

import pytest

from tests.architecture.source import imports_of, modules, names_in, shown, tree_of

PURE = ("ostinato/domain", "ostinato/contracts", "ostinato/durable", "workflows")
IMPURE_MODULES = {
    "io", "logging", "multiprocessing", "os", "queue", "random", "secrets", "select", "shutil", "signal", "socket",
    "sqlite3", "subprocess", "tempfile", "threading", "time", "http", "uuid", "glob",
}  # fmt: skip
IMPURE_NAMES = {
    "open", "print", "eval", "exec", "datetime.now", "datetime.utcnow", "datetime.today", "date.today",
    "datetime.datetime.now", "datetime.datetime.utcnow", "asyncio.sleep", "asyncio.wait_for", "asyncio.timeout",
    "asyncio.to_thread", "asyncio.as_completed", "asyncio.wait", "asyncio.run",
}  # fmt: skip
NO_SCHEDULING = frozenset({"asyncio"})
THIRD_PARTIES = {
    "ostinato/domain": {"pydantic"},
    "ostinato/contracts": {"pydantic", "temporalio"},
    "ostinato/durable": {"pydantic", "temporalio"},
    "workflows": {"temporalio"},
}


def impurities(tree: ast.AST, also: frozenset[str] = frozenset()) -> list[str]:
    imported = [name for name in imports_of(tree) if name.split(".")[0] in IMPURE_MODULES | also]
    half_pure = [name for name in imports_of(tree) if name in ("pathlib", "pathlib.Path", "urllib.request")]
    return imported + half_pure + [name for name in names_in(tree) if name in IMPURE_NAMES]


@pytest.mark.parametrize("layer", PURE)
def test_pure_code_reads_no_clock_rolls_no_dice_and_touches_nothing(layer: str) -> None:
    also = NO_SCHEDULING if layer in ("ostinato/domain", "ostinato/contracts") else frozenset[str]()

    found = [f"{shown(path)}: {name}" for path in modules(layer) for name in impurities(tree_of(path), also)]

    assert found == []


@pytest.mark.parametrize("layer", PURE)
def test_pure_code_knows_no_third_party_but_the_declared_ones(layer: str) -> None:
    ours = {"ostinato", *THIRD_PARTIES[layer], *sys.stdlib_module_names}

    strange = [
        f"{shown(path)}: {name}"
        for path in modules(layer)
        for name in imports_of(tree_of(path))
        if name.split(".")[0] not in ours
    ]

    assert strange == []


@pytest.mark.parametrize(
    "line",
    ["import random", "from os import environ", "import time as t", "from pathlib import Path", "open('x')",
     "datetime.now()", "asyncio.wait_for(x, 1)"],
)  # fmt: skip
def test_an_impure_line_would_be_seen(line: str) -> None:
    found = impurities(ast.parse(line))

    assert found != []


def test_no_function_assigns_to_its_module() -> None:
    """Passed through the sandbox, a module is shared by all runs: what one writes, another would read."""
    leaks = [
        f"{shown(path)}: global {', '.join(node.names)}"
        for path in modules(*PURE)
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Global)
    ]

    assert leaks == []
