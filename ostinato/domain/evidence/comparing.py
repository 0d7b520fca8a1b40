"""Two versions of a file: public names that are gone, dependencies that came, went or changed their major version."""

import ast
import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ostinato.domain.evidence.importing import PYTHON, SCRIPTS
from ostinato.domain.evidence.places import is_test
from ostinato.domain.python_source import module_of

DECLARING = ("pyproject.toml", "package.json", "requirements.txt", "go.mod", "Cargo.toml")
"""Ends of the names of files whose dependencies are compared."""
_EXPORT = re.compile(
    r"^\s*export\s+(?:default\s+)?(?:declare\s+)?(?:async\s+)?(?:abstract\s+)?"
    r"(?:function\*?|class|const|let|var|interface|type|enum)\s+(\w+)",
    re.MULTILINE,
)
_EXPORT_LIST = re.compile(r"^\s*export\s+(?:type\s+)?\{([^}]*)\}", re.MULTILINE)
_REQUIREMENT = re.compile(r"^\s*([A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*([^;#]*)")
_GO = re.compile(r"^\s*(?:require\s+)?([\w./-]+\.[\w./-]+)\s+(v[\w.+-]+)", re.MULTILINE)
_MAJOR = re.compile(r"\d+")


def is_compared(path: str) -> bool:
    return path.endswith(DECLARING) or (path.endswith((*PYTHON, *SCRIPTS)) and not is_test(path))


def public_removed(path: str, before: str, after: str) -> tuple[str, ...]:
    """As path:name, sorted. A version that cannot be parsed has unknown names: then none is called removed."""
    if is_test(path):
        return ()
    old, new = public_names(path, before), public_names(path, after)
    if old is None or new is None:
        return ()
    module = module_of(after) if path.endswith(PYTHON) else None
    imported = _imported(module) if module else frozenset[str]()
    return tuple(f"{path}:{name}" for name in sorted(old - new - imported))


def public_names(path: str, text: str) -> frozenset[str] | None:
    """What others may use: top-level names and methods of Python, exports of scripts; None when it is not known."""
    if path.endswith(SCRIPTS):
        listed = [name.split(" as ")[-1].strip() for names in _EXPORT_LIST.findall(text) for name in names.split(",")]
        return frozenset(name for name in (*_EXPORT.findall(text), *listed) if name)
    if not path.endswith(PYTHON):
        return None
    if any(map(_is_private, path.split("/"))):
        return frozenset()
    module = module_of(text)
    if module is None:
        return None
    defined = frozenset(_defined(module.body))
    return defined | _imported(module) if path.endswith("/__init__.py") else defined


def dependencies_in(path: str, text: str) -> dict[str, str]:
    """Names, folded, and what is asked of their versions; empty when it cannot be read."""
    try:
        return dict(_declared(path, text))
    except (ValueError, TypeError, AttributeError, RecursionError):
        return {}


def dependency_changes(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Changed majors ("pydantic 1 → 2"), and what came ("+ httpx") or went ("- requests")."""
    majors = tuple(
        f"{name} {old} → {new}"
        for name in sorted(before.keys() & after.keys())
        if (old := _major(before[name])) and (new := _major(after[name])) and old != new
    )
    came = tuple(f"+ {name}" for name in sorted(after.keys() - before.keys()))
    went = tuple(f"- {name}" for name in sorted(before.keys() - after.keys()))
    return majors, (*came, *went)


def _defined(body: Iterable[ast.stmt], prefix: str = "") -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not _is_private(node.name):
            yield prefix + node.name
            if isinstance(node, ast.ClassDef):
                yield from _defined((part for part in node.body if isinstance(part, ast.FunctionDef)), f"{node.name}.")
        elif isinstance(node, ast.Assign | ast.AnnAssign) and not prefix:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (t.id for t in targets if isinstance(t, ast.Name) and not _is_private(t.id))
        elif isinstance(node, ast.If | ast.Try):
            yield from _defined(node.body, prefix)


def _imported(module: ast.Module) -> frozenset[str]:
    """Names that a module passes on: one that moved and is imported back is not gone."""
    imports = [node for node in module.body if isinstance(node, ast.ImportFrom)]
    names = (alias.asname or alias.name for node in imports for alias in node.names)
    return frozenset(name for name in names if not _is_private(name))


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def _declared(path: str, text: str) -> Iterator[tuple[str, str]]:
    if path.endswith("package.json"):
        for section in ("dependencies", "peerDependencies", "devDependencies", "optionalDependencies"):
            yield from ((name, str(wanted)) for name, wanted in json.loads(text).get(section, {}).items())
    elif path.endswith("pyproject.toml"):
        yield from _of_pyproject(tomllib.loads(text))
    elif path.endswith("Cargo.toml"):
        for name, wanted in tomllib.loads(text).get("dependencies", {}).items():
            yield name, str(wanted.get("version", "") if isinstance(wanted, dict) else wanted)
    elif path.endswith("go.mod"):
        yield from _GO.findall(text)
    else:
        yield from _required(text.splitlines())


def _of_pyproject(read: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    project = read.get("project", {})
    extras = [line for lines in project.get("optional-dependencies", {}).values() for line in lines]
    groups = [line for lines in read.get("dependency-groups", {}).values() for line in lines if isinstance(line, str)]
    yield from _required([*project.get("dependencies", ()), *extras, *groups])
    for name, wanted in read.get("tool", {}).get("poetry", {}).get("dependencies", {}).items():
        if name != "python":
            yield name.lower(), str(wanted.get("version", "") if isinstance(wanted, dict) else wanted)


def _required(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        if match := _REQUIREMENT.match(line):
            yield re.sub(r"[-_.]+", "-", match[1]).lower(), match[2].strip()


def _major(wanted: str) -> str:
    """Of the first version that is named: 2 for >=2.11,<3; upper bounds alone say nothing."""
    bounds = [part.strip() for part in wanted.split(",") if part.strip() and not part.strip().startswith(("<", "!"))]
    found = _MAJOR.search(bounds[0]) if bounds else None
    return found[0] if found else ""
