"""A TOML document, key by key; what does not fit becomes a problem that names the key and the cure."""

from __future__ import annotations  # help pages read the tables of settings and must not wait for the models' imports

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from ostinato.domain.custom_gates import CustomGate
    from ostinato.domain.errors import Problem
    from ostinato.domain.permissions import Policy

MAX_PARALLEL: Final = 50
MAX_TAKEOVER_S: Final = 86_400
MAX_DAYS: Final = 36_500
NETWORK: Final = ("allow", "deny")
_SIZE: Final = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}


def setting_problem(field: str, message: str, cure: str) -> Problem:
    from ostinato.domain.errors import Problem

    return Problem(code="setting_invalid", field=field, message=message, cure=cure)


def parallel_of(value: object, field: str, problems: list[Problem]) -> int | None:
    if value in (None, ""):
        return None
    if (
        not isinstance(value, bool)
        and str(value).isascii()
        and str(value).isdigit()
        and 1 <= int(str(value)) <= MAX_PARALLEL
    ):
        return int(str(value))
    problems.append(setting_problem(field, f"{value!r} is not allowed", f"Use a number from 1 to {MAX_PARALLEL}"))
    return None


def seconds_of(value: object, field: str, problems: list[Problem]) -> float | None:
    if value in (None, ""):
        return None
    try:
        found = float("nan") if isinstance(value, bool) else float(str(value))
    except ValueError:
        found = float("nan")
    if 1 <= found <= MAX_TAKEOVER_S:
        return found
    problems.append(setting_problem(field, f"{value!r} is not allowed", f"Use seconds from 1 to {MAX_TAKEOVER_S:,}"))
    return None


def parse_size(text: str) -> int | None:
    """Bytes of 500M, 5G or 1048576, binary units; None when it is no size."""
    match = re.fullmatch(r"([0-9]{1,15}) ?([KMGT]?)B?", text.strip().upper().replace("IB", "B"))
    return int(match[1]) * _SIZE[match[2]] if match else None


@dataclass(frozen=True, slots=True)
class Reader:
    """Typed access to a TOML document; whatever does not fit is added to the problems."""

    document: Mapping[str, Any]
    source: str
    problems: list[Problem]

    def only(self, keys: AbstractSet[str], tables: Mapping[str, AbstractSet[str]]) -> None:
        for key, value in self.document.items():
            if key in tables:
                known = tables[key]
                for inner in value if isinstance(value, dict) else {}:
                    if inner not in known:
                        self._unknown(f"{key}.{inner}", known)
                if not isinstance(value, dict):
                    self._wrong(key, "is not a table", f"Write it as [{key}]")
            elif key not in keys:
                self._unknown(key, keys | set(tables))

    def value(self, name: str) -> Any:
        table, _, key = name.rpartition(".")
        scope = self.document.get(table, {}) if table else self.document
        return scope.get(key) if isinstance(scope, dict) else None

    def text(self, name: str) -> str | None:
        value = self.value(name)
        if value is not None and not isinstance(value, str):
            self._wrong(name, "is not a text", 'Write it in quotes: "…"')
            return None
        return value

    def choice(self, name: str, allowed: tuple[str, ...]) -> str | None:
        value = self.value(name)
        if value is not None and value not in allowed:
            self._wrong(name, f"{value!r} is not allowed", f"Use one of: {', '.join(allowed)}")
            return None
        return None if value is None else str(value)

    def choices(self, name: str, allowed: tuple[str, ...]) -> tuple[str, ...] | None:
        value = self.value(name)
        if value is None:
            return None
        if not isinstance(value, list) or any(item not in allowed for item in value):
            self._wrong(name, f"{value!r} is not allowed", f"Use a list of: {', '.join(allowed)}")
            return None
        return tuple(value)

    def parallel(self, name: str) -> int | None:
        return parallel_of(self.value(name), f"{self.source}: {name}", self.problems)

    def seconds(self, name: str) -> float | None:
        return seconds_of(self.value(name), f"{self.source}: {name}", self.problems)

    def days(self, name: str) -> float | None:
        value = self.value(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_DAYS:
            self._wrong(name, f"{value!r} is not allowed", f"Use a number of days from 0 to {MAX_DAYS:,}")
            return None
        return float(value)

    def size(self, name: str) -> int | None:
        value = self.value(name)
        if value is None:
            return None
        if (size := parse_size(str(value))) is None or isinstance(value, bool | float):
            self._wrong(name, f"{value!r} is no size", 'Write it like "500M" or "5G"')
        return size

    def argv(self, name: str) -> tuple[str, ...]:
        """A list is an argv; a text is a shell line."""
        value = self.value(name)
        if isinstance(value, str) and value.strip():
            return ("/bin/sh", "-c", value)
        if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
            return tuple(value)
        if value is not None:
            self._wrong(name, "is neither a text nor a list of texts", 'Write it like: test = ["pytest", "-q"]')
        return ()

    def texts(self, name: str) -> tuple[str, ...] | None:
        value = self.value(name)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in value):
            self._wrong(name, "is not a list of texts", 'Write it like: ["src/**", "tests/**"]')
            return None
        return tuple(value)

    def custom_gates(self) -> tuple[CustomGate, ...]:
        """As definitions write them: [[gates.custom]] with name and run."""
        value = self.value("gates.custom")
        if value is None:
            return ()
        from ostinato.domain.definition.gating import read_custom_gates

        gates, problems = read_custom_gates(value)
        for field, message, cure in problems:
            self._wrong(f"gates.{field}", message, cure)
        return gates

    def policy(self) -> Policy | None:
        """An empty list of what is allowed allows nothing; one that is left out allows everything."""
        if "policy" not in self.document:
            return None
        from ostinato.domain.permissions import Network, Policy

        write, commands = self.texts("policy.write"), self.texts("policy.commands")
        return Policy(
            write=() if write is None else (write,),
            deny_write=self.texts("policy.deny_write") or (),
            commands=() if commands is None else (commands,),
            deny_commands=self.texts("policy.deny_commands") or (),
            network=Network(self.choice("policy.network", NETWORK) or Network.ALLOW),
        )

    def _unknown(self, name: str, known: AbstractSet[str]) -> None:
        self._wrong(name, "is not known here", f"Use one of: {', '.join(sorted(known))}")

    def _wrong(self, name: str, message: str, cure: str) -> None:
        self.problems.append(setting_problem(f"{self.source}: {name}", message, cure))
