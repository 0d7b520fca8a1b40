"""Read a repository's configuration files without believing them: what is broken becomes a note."""

import configparser
import json
import os
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

_LARGEST_BYTES = 2 * 1024 * 1024
_LARGEST_YAML_BYTES = 256 * 1024
_COMMENTED = re.compile(r'("(?:\\.|[^"\\])*(?:"|\Z))|//[^\n]*|/\*.*?(?:\*/|\Z)', re.DOTALL)
_TRAILING_COMMA = re.compile(r'("(?:\\.|[^"\\])*(?:"|\Z))|,(?=\s*[}\]])')
_HALF_CHARACTER = re.compile(r"\\u[dD][89a-fA-F]")
_NAMESPACE = re.compile(r"\{[^}]*\}")
_TARGET = re.compile(r"^([A-Za-z0-9_][\w.-]*)\s*:(?![=:])", re.MULTILINE)


@dataclass(slots=True, kw_only=True)
class Reader:
    """Reads files of one tree; collects a note for each that could not be understood."""

    tree: Path
    notes: list[str] = field(default_factory=list)
    folder: str = ""
    """Of this reader in the repository, with a slash at its end; empty at its root."""
    top: Path | None = None
    """The repository, where `tree` is a folder of it."""

    real_top: str = field(init=False, default="")

    def __post_init__(self) -> None:
        self.real_top = os.path.realpath(self.top or self.tree).rstrip(os.sep)

    def below(self, folder: str) -> "Reader":
        """A reader of one folder; its notes are this one's."""
        if folder == ".":
            return self
        return Reader(tree=self.tree / folder, notes=self.notes, folder=f"{folder}/", top=self.tree)

    def note(self, name: str, problem: str) -> None:
        self.notes.append(f"{self.folder}{name} {problem}")

    def has(self, name: str) -> bool:
        return (self.tree / name).is_file()

    def text(self, name: str, largest: int = _LARGEST_BYTES) -> str:
        """Empty when the file is missing, too big, no text, or a link that leads out of the repository."""
        path = self.tree / name
        try:
            if not path.is_file():
                return ""
            if not os.path.realpath(path).startswith(self.real_top + os.sep):
                self.note(name, "is a link out of the repository and was not read")
                return ""
            if path.stat().st_size > largest:
                self.note(name, "is too big to be read as configuration")
                return ""
            return path.read_text(encoding="utf-8-sig")
        except (OSError, RuntimeError, ValueError) as problem:
            self.note(name, f"could not be read: {problem}")
            return ""

    def toml(self, name: str) -> dict[str, Any]:
        try:
            return tomllib.loads(self.text(name))
        except (ValueError, RecursionError) as problem:
            self.note(name, f"is not valid TOML and was ignored: {problem}")
            return {}

    def json(self, name: str) -> dict[str, Any]:
        return self._json(name, self.text(name))

    def jsonc(self, name: str) -> dict[str, Any]:
        """JSON with comments and commas at the end, as tsconfig.json and its like allow."""
        bare = _COMMENTED.sub(r"\1", self.text(name))
        return self._json(name, _TRAILING_COMMA.sub(r"\1", bare))

    def _json(self, name: str, text: str) -> dict[str, Any]:
        try:
            value = json.loads(text) if text.strip() else {}
            if _HALF_CHARACTER.search(text):
                value = json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
        except (ValueError, RecursionError) as problem:
            self.note(name, f"is not valid JSON and was ignored: {problem}")
            return {}
        return self._table(name, value)

    def yaml(self, name: str) -> dict[Any, Any]:
        import yaml

        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        try:
            value = yaml.load(self.text(name, _LARGEST_YAML_BYTES), Loader=loader)
        except (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError, RecursionError) as problem:
            self.note(name, f"is not valid YAML and was ignored: {' '.join(str(problem).split())}")
            return {}
        return self._table(name, value or {})

    def xml(self, name: str) -> ElementTree.Element | None:
        """Without namespaces; None when there is nothing to read. Documents that declare entities are refused."""
        text = self.text(name)
        if not text.strip():
            return None
        if "<!DOCTYPE" in text or "<!ENTITY" in text:
            self.note(name, "declares a document type and was ignored")
            return None
        try:
            root = ElementTree.fromstring(text)
        except (ElementTree.ParseError, ValueError) as problem:
            self.note(name, f"is not valid XML and was ignored: {problem}")
            return None
        for element in root.iter():
            element.tag = _NAMESPACE.sub("", element.tag)
        return root

    def _table(self, name: str, value: Any) -> dict[Any, Any]:
        if isinstance(value, dict):
            return value
        self.note(name, "holds no table and was ignored")
        return {}

    def ini(self, name: str) -> dict[str, dict[str, str]]:
        parser = configparser.RawConfigParser(strict=False)
        try:
            parser.read_string(self.text(name))
        except configparser.Error as problem:
            self.note(name, f"is not valid and was ignored: {str(problem).splitlines()[0]}")
            return {}
        return {section: dict(parser.items(section)) for section in parser.sections()}

    def make_targets(self) -> frozenset[str]:
        text = next((self.text(name) for name in ("GNUmakefile", "makefile", "Makefile") if self.has(name)), "")
        return frozenset(_TARGET.findall(text))


def table(value: Any, *keys: str) -> dict[str, Any]:
    """The nested table under these keys; empty where there is none, whatever is there instead."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def words(value: Any) -> tuple[str, ...]:
    """The strings of a list, or of a text with one a line."""
    if isinstance(value, str):
        value = value.splitlines()
    if not isinstance(value, list | tuple):
        return ()
    return tuple(item.strip() for item in value if isinstance(item, str) and item.strip())
