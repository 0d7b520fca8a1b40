"""Read a repository's configuration files without believing them: what is broken becomes a note."""

import configparser
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_LARGEST_BYTES = 2 * 1024 * 1024
_TARGET = re.compile(r"^([A-Za-z0-9_][\w.-]*)\s*:(?![=:])", re.MULTILINE)


@dataclass(slots=True, kw_only=True)
class Reader:
    """Reads files of one tree; collects a note for each that could not be understood."""

    tree: Path
    notes: list[str] = field(default_factory=list)

    def has(self, name: str) -> bool:
        return (self.tree / name).is_file()

    def text(self, name: str) -> str:
        """Empty when the file is missing, too big or no text."""
        path = self.tree / name
        try:
            if not path.is_file():
                return ""
            if path.stat().st_size > _LARGEST_BYTES:
                self.notes.append(f"{name} is too big to be read as configuration")
                return ""
            return path.read_text(encoding="utf-8-sig")
        except (OSError, ValueError) as problem:
            self.notes.append(f"{name} could not be read: {problem}")
            return ""

    def toml(self, name: str) -> dict[str, Any]:
        try:
            return tomllib.loads(self.text(name))
        except (tomllib.TOMLDecodeError, RecursionError) as problem:
            self.notes.append(f"{name} is not valid TOML and was ignored: {problem}")
            return {}

    def ini(self, name: str) -> dict[str, dict[str, str]]:
        parser = configparser.RawConfigParser(strict=False)
        try:
            parser.read_string(self.text(name))
        except configparser.Error as problem:
            self.notes.append(f"{name} is not valid and was ignored: {str(problem).splitlines()[0]}")
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
