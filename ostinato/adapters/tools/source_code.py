"""Python files as syntax trees: read, never imported."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from ostinato.adapters.tools.context import ToolContext, tracked_files
from ostinato.domain.python_source import module_of

_LARGEST_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    path: str
    module: str
    lines: int
    tree: ast.Module | None
    """None where it cannot be parsed."""

    @property
    def imports(self) -> tuple[str, ...]:
        """Absolute imports, in full; those for type checkers too."""
        found: dict[str, None] = {}
        for node in ast.walk(self.tree) if self.tree else ():
            if isinstance(node, ast.Import):
                found.update(dict.fromkeys(alias.name for alias in node.names))
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found[node.module] = None
        return tuple(found)


async def read_sources(context: ToolContext) -> tuple[SourceFile, ...]:
    names = [name for name in await tracked_files(context) if name.endswith(".py")]
    return tuple(_read(context, name) for name in names)


def public_definitions(
    tree: ast.Module,
) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]]:
    """Public functions, classes and their public methods, with their qualified names."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node.name, node
            if isinstance(node, ast.ClassDef):
                for inner in node.body:
                    if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef) and not inner.name.startswith("_"):
                        yield f"{node.name}.{inner.name}", inner


def _read(context: ToolContext, name: str) -> SourceFile:
    path = context.tree / name
    data = path.read_bytes() if path.stat().st_size <= _LARGEST_BYTES else b""
    return SourceFile(
        path=name,
        module=_module(context, name),
        lines=data.count(b"\n") + (not data.endswith(b"\n")),
        tree=module_of(data),
    )


def _module(context: ToolContext, name: str) -> str:
    path = PurePosixPath(name)
    for root in sorted(context.project.source_roots, key=len, reverse=True):
        if root != "." and path.is_relative_to(root):
            path = path.relative_to(root)
            break
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)
