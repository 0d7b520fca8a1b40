"""Lock files against the manifests that they were made from: what can be told from their texts alone. Pure."""

import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from ostinato.domain.base import Fact

Document = Mapping[str, Any]
_NAME = re.compile(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
_GO_REQUIRES = re.compile(r"^\s*(?:require\s+)?([\w.~/-]+\.[\w.~/-]+)\s+(v\S+)", re.MULTILINE)
_NODE_SECTIONS = ("dependencies", "devDependencies", "optionalDependencies")


class Stale(Fact):
    """A lock file that was not made from the manifest as it is now, or that there is no manifest for."""

    lock: str
    why: str
    cure: str


def stale_locks(files: Mapping[str, str]) -> tuple[Stale, ...]:
    """Of one folder, by the texts of its files. A file that cannot be read, or says too little, is passed by."""
    return tuple(found for kind in _KINDS if (found := _judged(kind, files)) is not None)


def declared_by_python(files: Mapping[str, str]) -> frozenset[str]:
    """Normalised names of everything that pyproject.toml and requirement files ask for, in any group."""
    document = _toml(files.get("pyproject.toml", "")) or {}
    listed = (line for name, text in files.items() if name.startswith("requirements") for line in text.splitlines())
    return frozenset(filter(None, map(_name, (*_python_lines(document, everything=True), *listed))))


class _Kind(NamedTuple):
    manifest: str
    lock: str
    missing: Callable[[str, str], Iterable[str] | None]
    """Of the texts of both: what is asked for and not locked as asked; None where it cannot be told."""
    cure: str


def _judged(kind: _Kind, files: Mapping[str, str]) -> Stale | None:
    lock, manifest = files.get(kind.lock), files.get(kind.manifest)
    if lock is None:
        return None
    if manifest is None:
        return Stale(lock=kind.lock, why=f"there is no {kind.manifest} that it belongs to", cure="Remove it")
    try:
        missing = list(dict.fromkeys(kind.missing(manifest, lock) or ()))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    if not missing:
        return None
    more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
    why = f"it is older than {kind.manifest}, which asks for {', '.join(missing[:3])}{more}"
    return Stale(lock=kind.lock, why=why, cure=f"Make it anew: {kind.cure}")


def _toml(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return None


def _name(line: str) -> str:
    found = _NAME.match(line)
    return re.sub(r"[-_.]+", "-", found[1]).lower() if found else ""


def _python_lines(document: Document, *, everything: bool = False) -> Iterator[str]:
    project = document.get("project", {})
    yield from project.get("dependencies", ())
    for group in project.get("optional-dependencies", {}).values():
        yield from group
    if everything:
        for group in document.get("dependency-groups", {}).values():
            yield from (line for line in group if isinstance(line, str))
        for section in _poetry_sections(document):
            yield from section


def _poetry_sections(document: Document) -> Iterator[Document]:
    poetry = document.get("tool", {}).get("poetry", {})
    yield from (poetry.get("dependencies", {}), poetry.get("dev-dependencies", {}))
    yield from (group.get("dependencies", {}) for group in poetry.get("group", {}).values())


def _of_packages(lock: str) -> frozenset[str]:
    """Of uv.lock, poetry.lock, pdm.lock and Cargo.lock alike."""
    return frozenset(_name(package["name"]) for package in tomllib.loads(lock).get("package", ()))


def _python_missing(manifest: str, lock: str) -> Iterator[str]:
    document, locked = tomllib.loads(manifest), _of_packages(lock)
    itself = _name(document.get("project", {}).get("name", ""))
    wanted = [*_python_lines(document), *(name for section in _poetry_sections(document) for name in section)]
    return (name for line in wanted if (name := _name(line)) not in (*locked, itself, "python", ""))


def _cargo_missing(manifest: str, lock: str) -> Iterator[str]:
    document, locked = tomllib.loads(manifest), _of_packages(lock)
    for section in ("dependencies", "dev-dependencies", "build-dependencies"):
        for name, said in document.get(section, {}).items():
            package = said.get("package", name) if isinstance(said, dict) else name
            if _name(package) not in locked:
                yield package


def _npm_missing(manifest: str, lock: str) -> Iterator[str]:
    """The lock file repeats what the manifest asked for."""
    asked, kept = json.loads(manifest), json.loads(lock).get("packages", {}).get("")
    for section in _NODE_SECTIONS if kept is not None else ():
        before = kept.get(section, {})
        yield from (
            f"{name} {version}" for name, version in asked.get(section, {}).items() if before.get(name) != version
        )


def _yarn_missing(manifest: str, lock: str) -> Iterator[str]:
    asked = json.loads(manifest)
    for section in _NODE_SECTIONS:
        yield from (name for name in asked.get(section, {}) if not re.search(rf"(?m)^.*{re.escape(name)}@", lock))


def _pnpm_missing(manifest: str, lock: str) -> Iterator[str]:
    asked = json.loads(manifest)
    for section in _NODE_SECTIONS:
        named = (rf"(?m)^\s+'?{re.escape(name)}'?:" for name in asked.get(section, {}))
        yield from (
            name for name, wanted in zip(asked.get(section, {}), named, strict=True) if not re.search(wanted, lock)
        )


def _go_missing(manifest: str, lock: str) -> Iterator[str]:
    replaced = re.findall(r"^\s*(?:replace\s+)?(\S+)(?:\s+v\S+)?\s+=>", manifest, re.MULTILINE)
    for module, version in _GO_REQUIRES.findall(manifest):
        if module not in replaced and f"{module} {version}" not in lock:
            yield f"{module} {version}"


_KINDS = (
    _Kind("pyproject.toml", "uv.lock", _python_missing, "uv lock"),
    _Kind("pyproject.toml", "poetry.lock", _python_missing, "poetry lock"),
    _Kind("pyproject.toml", "pdm.lock", _python_missing, "pdm lock"),
    _Kind("package.json", "package-lock.json", _npm_missing, "npm install --package-lock-only"),
    _Kind("package.json", "yarn.lock", _yarn_missing, "yarn install"),
    _Kind("package.json", "pnpm-lock.yaml", _pnpm_missing, "pnpm install --lockfile-only"),
    _Kind("Cargo.toml", "Cargo.lock", _cargo_missing, "cargo generate-lockfile"),
    _Kind("go.mod", "go.sum", _go_missing, "go mod tidy"),
)
LOCK_FILES = frozenset(name for kind in _KINDS for name in (kind.manifest, kind.lock))
