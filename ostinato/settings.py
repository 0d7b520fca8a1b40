"""Environment and configuration files → one frozen Settings, read once.

Precedence: command line, environment, the repository's `.ostinato/config.toml`, the user's `config.toml`, default.
"""

from __future__ import annotations  # help pages read this module's tables and must not wait for the models' imports

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ostinato.adapters.home import Home
    from ostinato.domain.errors import Problem

INTERACTIONS: Final = ("minimal", "checkpoint", "collaborative")
LOG_LEVELS: Final = ("debug", "info", "warning", "error")
POST_GATES: Final = ("tests", "lint", "types", "security")
COMMANDS: Final = ("test", "lint", "format", "types")
MAX_PARALLEL: Final = 50
DEFAULT_PARALLEL: Final = 5
REPOSITORY_CONFIG: Final = ".ostinato/config.toml"

VARIABLES: Final[Mapping[str, str]] = {
    "OSTINATO_HOME": "where runtime state lives (default: the platform's state directory)",
    "OSTINATO_INTERACTION": "minimal, checkpoint or collaborative (default: minimal)",
    "OSTINATO_MAX_PARALLEL": f"steps of one run at the same time, 1 to {MAX_PARALLEL} (default: {DEFAULT_PARALLEL})",
    "OSTINATO_LOG_LEVEL": "debug, info, warning or error (default: info)",
    "OSTINATO_UI_URL": "address of Temporal's Web UI, for links (default: the embedded server's)",
    "TEMPORAL_ADDRESS": "a Temporal server to use (default: an embedded one); all of Temporal's own settings apply",
}
"""Every environment variable that the program reads, as help and documentation show it."""


Loaded = TypeVar("Loaded")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What environment and the user's file say; None where neither says anything."""

    home: Home
    interaction: str | None = None
    max_parallel: int | None = None
    log_level: str = "info"
    ui_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositorySettings:
    """What a repository's `.ostinato/config.toml` says; None where it says nothing."""

    interaction: str | None = None
    max_parallel: int | None = None
    commands: Mapping[str, tuple[str, ...]]
    post_gates: tuple[str, ...] | None = None


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Raises UserError with every bad value of environment and file at once."""
    from ostinato.adapters.home import Home

    problems: list[Problem] = []
    source = user_config(environ)
    document = _read(source, problems)
    reader = _Reader(document, str(source), problems)
    reader.only({"home", "interaction", "max_parallel", "log_level", "ui_url"}, {})
    interaction = _choice(environ, "OSTINATO_INTERACTION", INTERACTIONS, problems)
    parallel = _parallel(environ.get("OSTINATO_MAX_PARALLEL", ""), "OSTINATO_MAX_PARALLEL", problems)
    level = _choice(environ, "OSTINATO_LOG_LEVEL", LOG_LEVELS, problems)
    settings = Settings(
        home=Home(_home_root(environ.get("OSTINATO_HOME") or reader.text("home"))),
        interaction=interaction or reader.choice("interaction", INTERACTIONS),
        max_parallel=parallel if parallel is not None else reader.parallel("max_parallel"),
        log_level=level or reader.choice("log_level", LOG_LEVELS) or "info",
        ui_url=(environ.get("OSTINATO_UI_URL") or reader.text("ui_url") or "").rstrip("/"),
    )
    return _checked(settings, problems)


def load_repository_settings(root: Path) -> RepositorySettings:
    """Raises UserError with every problem of the file; a missing file says nothing."""
    problems: list[Problem] = []
    source = root / REPOSITORY_CONFIG
    reader = _Reader(_read(source, problems), str(source), problems)
    reader.only(set(), {"run": {"interaction", "max_parallel"}, "commands": set(COMMANDS), "gates": {"post"}})
    settings = RepositorySettings(
        interaction=reader.choice("run.interaction", INTERACTIONS),
        max_parallel=reader.parallel("run.max_parallel"),
        commands={name: argv for name in COMMANDS if (argv := reader.argv(f"commands.{name}"))},
        post_gates=reader.choices("gates.post", POST_GATES),
    )
    return _checked(settings, problems)


def _checked(settings: Loaded, problems: list[Problem]) -> Loaded:
    from ostinato.domain.errors import UserError

    if problems:
        raise UserError(problems)
    return settings


def user_config(environ: Mapping[str, str]) -> Path:
    base = environ.get("XDG_CONFIG_HOME") or ""
    return (Path(base) if base else Path.home() / ".config") / "ostinato" / "config.toml"


def _home_root(chosen: str | None) -> Path:
    if chosen:
        return Path(chosen).expanduser().absolute()
    from platformdirs import user_state_path

    return user_state_path("ostinato", appauthor=False)


def ensure_home(home: Home) -> Home:
    """Create it and try to write; raises UserError home_unwritable with the cure."""
    from ostinato.domain.errors import UserError

    probe = home.root / ".writable"
    try:
        home.root.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise UserError.of(
            "home_unwritable",
            "OSTINATO_HOME",
            f"cannot write to {home.root}: {error.strerror or error}",
            "Make the folder writable, or name another one: OSTINATO_HOME=~/somewhere ostinato …",
        ) from error
    return home


def _read(source: Path, problems: list[Problem]) -> dict[str, Any]:
    try:
        return tomllib.loads(source.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError) as error:
        problems.append(_problem(str(source), f"cannot be read: {error}", "Make it a readable UTF-8 file"))
    except tomllib.TOMLDecodeError as error:
        problems.append(_problem(str(source), f"is not TOML: {error}", "Correct the line that is named"))
    return {}


def _problem(field: str, message: str, cure: str) -> Problem:
    from ostinato.domain.errors import Problem

    return Problem(code="setting_invalid", field=field, message=message, cure=cure)


def _choice(environ: Mapping[str, str], name: str, allowed: tuple[str, ...], problems: list[Problem]) -> str | None:
    value = environ.get(name) or None
    if value is not None and value not in allowed:
        problems.append(_problem(name, f"{value!r} is not allowed", f"Use one of: {', '.join(allowed)}"))
    return value


def _parallel(value: object, field: str, problems: list[Problem]) -> int | None:
    if value in (None, ""):
        return None
    if (
        not isinstance(value, bool)
        and str(value).isascii()
        and str(value).isdigit()
        and 1 <= int(str(value)) <= MAX_PARALLEL
    ):
        return int(str(value))
    problems.append(_problem(field, f"{value!r} is not allowed", f"Use a number from 1 to {MAX_PARALLEL}"))
    return None


@dataclass(frozen=True, slots=True)
class _Reader:
    """Typed access to a TOML document; whatever does not fit is added to the problems."""

    document: Mapping[str, Any]
    source: str
    problems: list[Problem]

    def only(self, keys: set[str], tables: Mapping[str, set[str]]) -> None:
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
        return _parallel(self.value(name), f"{self.source}: {name}", self.problems)

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

    def _unknown(self, name: str, known: set[str]) -> None:
        self._wrong(name, "is not known here", f"Use one of: {', '.join(sorted(known))}")

    def _wrong(self, name: str, message: str, cure: str) -> None:
        self.problems.append(_problem(f"{self.source}: {name}", message, cure))
