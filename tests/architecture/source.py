"""Our source as syntax trees: what a file imports and what it calls."""

import ast
from collections.abc import Iterator
from pathlib import Path

from ostinato.domain.python_source import module_of

ROOT = Path(__file__).resolve().parents[2]


def modules(*folders: str) -> list[Path]:
    """Every Python file below these folders, or the file itself."""
    found: list[Path] = []
    for folder in folders:
        path = ROOT / folder
        found.extend([path] if path.is_file() else sorted(path.rglob("*.py")))
    assert found, f"nothing below {folders}"
    return found


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tree_of(path: Path) -> ast.Module:
    module = module_of(path.read_text(encoding="utf-8"))
    assert module is not None, f"{path} cannot be parsed"
    return module


def imports_of(tree: ast.AST) -> Iterator[str]:
    """Dotted names: `from a import b` gives a.b, `import a.b` gives a.b."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{name.name}" for name in node.names)


def dotted(node: ast.AST) -> str:
    """`a.b.c` as text; empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (before := dotted(node.value)):
        return f"{before}.{node.attr}"
    return ""


def names_in(tree: ast.AST) -> Iterator[str]:
    """Every name and dotted name that is used."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute) and (name := dotted(node)):
            yield name
