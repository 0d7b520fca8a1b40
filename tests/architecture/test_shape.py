"""No god class, no endless module, no name that says nothing."""

import ast

from tests.architecture.source import modules, shown, tree_of

OURS = ("ostinato", "workflows", "activities", "worker.py", "client.py", "scripts")
MOST_LINES = 400
MOST_METHODS = 25
MOST_FUNCTION_LINES = 60
EMPTY_WORDS = {"utils", "util", "helpers", "helper", "common", "manager", "handler", "misc"}


def test_no_module_is_longer_than_a_person_reads_at_once() -> None:
    long = [shown(path) for path in modules(*OURS) if len(path.read_text("utf-8").splitlines()) > MOST_LINES]

    assert long == []


def test_no_class_does_everything() -> None:
    gods = []
    for path in modules(*OURS):
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ClassDef):
                methods = [item for item in node.body if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)]
                if len(methods) > MOST_METHODS or lines_of(node) > MOST_LINES:
                    gods.append(f"{shown(path)}: {node.name}")

    assert gods == []


def test_no_function_is_longer_than_a_screen() -> None:
    long = [
        f"{shown(path)}: {node.name} ({lines_of(node)})"
        for path in modules(*OURS)
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and lines_of(node) > MOST_FUNCTION_LINES
    ]

    assert long == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    vague = [shown(path) for path in modules(*OURS) if EMPTY_WORDS & set(path.stem.strip("_").split("_"))]

    assert vague == []


def test_every_module_says_what_it_is() -> None:
    silent = [
        shown(path)
        for path in modules(*OURS)
        if path.read_text("utf-8").strip() and ast.get_docstring(tree_of(path)) is None
    ]

    assert silent == []


def lines_of(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1
