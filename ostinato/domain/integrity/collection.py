"""Which files and names the test runner of a project collects, by its configuration at the base."""

import fnmatch
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from ostinato.domain.integrity.flat import flattened

PYTEST_FILES = ("pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg")
_OUT = frozenset(("build", "dist", "node_modules", "venv", "__pycache__", "site-packages"))
_OTHERS = re.compile(
    r"""(?x) (^|/)( [^/]+_test\.go | [^/]+\.(test|spec)\.[cm]?[jt]sx? | __tests__/.+\.[cm]?[jt]sx?
    | [^/]*Tests?\.(java|kt) | [^/]*IT\.java ) $"""
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    files: tuple[str, ...] = ("test_*.py", "*_test.py", "test*.py")
    functions: tuple[str, ...] = ("test",)
    classes: tuple[str, ...] = ("Test",)
    folders: tuple[str, ...] = ()
    """Where it looks; empty: everywhere."""

    def takes_file(self, path: str) -> bool:
        """Python only; whether the runner would collect from it."""
        parts = PurePosixPath(path).parts
        if any(part in _OUT or part.startswith(".") for part in parts[:-1]):
            return False
        inside = not self.folders or any(path == folder or path.startswith(f"{folder}/") for folder in self.folders)
        return inside and any(fnmatch.fnmatchcase(parts[-1], pattern) for pattern in self.files)

    def takes_name(self, name: str, kinds: Sequence[str]) -> bool:
        return any(name.startswith(kind) or fnmatch.fnmatchcase(name, kind) for kind in kinds)


def collection_of(files: Mapping[str, str]) -> Collection:
    """From the texts of the runner's configuration files."""
    default = Collection()
    for path in PYTEST_FILES:
        found = flattened(path, files.get(path, ""))
        said = {key.removeprefix("pytest."): value for key, value in found.items() if key.startswith("pytest.")}
        if said:
            return Collection(
                files=_words(said.get("python_files")) or default.files,
                functions=_words(said.get("python_functions")) or default.functions,
                classes=_words(said.get("python_classes")) or default.classes,
                folders=tuple(
                    word.strip("/").removeprefix("./")
                    for word in _words(said.get("testpaths"))
                    if "*" not in word and word != "."
                ),
            )
    return default


def is_test_file(path: str, collection: Collection) -> bool:
    return (path.endswith(".py") and collection.takes_file(path)) or _OTHERS.search(path) is not None


def _words(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(value.split())
    return tuple(str(item) for item in value) if isinstance(value, list | tuple) else ()
