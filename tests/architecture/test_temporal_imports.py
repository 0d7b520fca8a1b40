"""Which parts of temporalio each layer uses; import contracts can only name the whole distribution."""

import ast

import pytest

from tests.architecture.source import imports_of, modules, shown, tree_of

ALLOWED = {
    "ostinato/contracts": ("temporalio.common",),
    "ostinato/durable": ("temporalio.workflow", "temporalio.exceptions"),
    "workflows": ("temporalio.workflow", "temporalio.exceptions"),
    "activities": ("temporalio.activity", "temporalio.exceptions"),
}
NEVER = {
    "ostinato/adapters": ("temporalio.testing",),
    "ostinato/cli": ("temporalio.worker", "temporalio.activity", "temporalio.workflow", "temporalio.testing"),
}


def temporal_imports(tree: ast.AST) -> list[str]:
    return [name for name in imports_of(tree) if name.split(".")[0] == "temporalio"]


def is_below(name: str, parents: tuple[str, ...]) -> bool:
    return any(name == parent or name.startswith(f"{parent}.") for parent in parents)


@pytest.mark.parametrize("layer", ALLOWED)
def test_a_layer_uses_only_its_part_of_temporal(layer: str) -> None:
    strange = [
        f"{shown(path)}: {name}"
        for path in modules(layer)
        for name in temporal_imports(tree_of(path))
        if not is_below(name, ALLOWED[layer])
    ]

    assert strange == []


@pytest.mark.parametrize("layer", NEVER)
def test_a_layer_stays_away_from_what_is_not_its_business(layer: str) -> None:
    strange = [
        f"{shown(path)}: {name}"
        for path in modules(layer)
        for name in temporal_imports(tree_of(path))
        if is_below(name, NEVER[layer])
    ]

    assert strange == []


def test_an_import_of_the_client_would_be_seen() -> None:
    tree = ast.parse("from temporalio import client\nimport temporalio.worker")

    names = temporal_imports(tree)

    assert names == ["temporalio.client", "temporalio.worker"]
    assert not is_below(names[0], ALLOWED["workflows"])
