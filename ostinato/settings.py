"""Environment and configuration files → one frozen Settings, read once.

Precedence: command line, environment, the repository's `.ostinato/config.toml`, the user's `config.toml`, default.
"""

from __future__ import annotations  # help pages read this module's tables and must not wait for the models' imports

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ostinato.limits import BUDGET_KEYS, UNLIMITED, BudgetSettings, read_budget

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from ostinato.adapters.home import Home
    from ostinato.domain.custom_gates import CustomGate
    from ostinato.domain.errors import Problem
    from ostinato.domain.permissions import Policy

INTERACTIONS: Final = ("minimal", "checkpoint", "collaborative")
LOG_LEVELS: Final = ("debug", "info", "warning", "error")
POST_GATES: Final = ("tests", "lint", "types", "security", "performance")
COMMANDS: Final = ("test", "lint", "format", "types", "build", "benchmark")
MAX_PARALLEL: Final = 50
DEFAULT_PARALLEL: Final = 5
TAKEOVER_AFTER_S: Final = 120
MAX_TAKEOVER_S: Final = 86_400
KEEP_DAYS: Final = 30
MAX_DAYS: Final = 36_500
REPOSITORY_CONFIG: Final = ".ostinato/config.toml"

VARIABLES: Final[Mapping[str, str]] = {
    "OSTINATO_HOME": "where runtime state lives (default: the platform's state directory)",
    "OSTINATO_INTERACTION": "minimal, checkpoint or collaborative (default: minimal)",
    "OSTINATO_MAX_PARALLEL": f"steps of one run at the same time, 1 to {MAX_PARALLEL} (default: {DEFAULT_PARALLEL})",
    "OSTINATO_MAX_TOKENS": "the most tokens that one run may spend, such as 200k (default: any)",
    "OSTINATO_MAX_USD": "the most dollars that one run may spend, such as 2.50 (default: any)",
    "OSTINATO_CHECKPOINT_REMOTE": "a git repository that receives each run's commits after every step (default: none)",
    "OSTINATO_TAKEOVER_AFTER": f"seconds of a worker's silence until another takes its run over (default: {TAKEOVER_AFTER_S})",
    "OSTINATO_PAYLOADS": "folder for payloads too big for a history, shared by homes (default: in OSTINATO_HOME)",
    "OSTINATO_LLM": "a language model that names types which are a guess and drafts plans: anthropic:MODEL or openai:MODEL (default: none)",
    "ANTHROPIC_API_KEY": "the key for anthropic:MODEL; never stored or logged (OPENAI_API_KEY for openai:MODEL)",
    "ANTHROPIC_BASE_URL": "another address for anthropic:MODEL (default: the provider's)",
    "OPENAI_API_KEY": "the key for openai:MODEL; a server of your own may want none",
    "OPENAI_BASE_URL": "another address for openai:MODEL, with its /v1 (default: the provider's)",
    "OSTINATO_LOG_LEVEL": "debug, info, warning or error (default: info)",
    "OSTINATO_UI_URL": "address of Temporal's Web UI, for links (default: the embedded server's)",
    "TEMPORAL_ADDRESS": "a Temporal server to use (default: an embedded one); all of Temporal's own settings apply",
}
"""Every environment variable that the program reads, as help and documentation show it."""


USER_KEYS: Final = frozenset(
    (
        "home",
        "interaction",
        "max_parallel",
        "log_level",
        "ui_url",
        "checkpoint_remote",
        "takeover_after",
        "payloads",
        "llm",
    )
)
NETWORK: Final = ("allow", "deny")
POLICY_KEYS: Final = frozenset(("write", "deny_write", "commands", "deny_commands", "network"))
RUN_KEYS: Final = frozenset(("interaction", "max_parallel", "checkpoint_remote", "takeover_after"))
_SIZE: Final = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}

Loaded = TypeVar("Loaded")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What environment and the user's file say; None where neither says anything."""

    home: Home
    interaction: str | None = None
    max_parallel: int | None = None
    log_level: str = "info"
    ui_url: str = ""
    checkpoint_remote: str = ""
    takeover_after_s: float | None = None
    keep_days: float | None = None
    """Of [gc]: how long what finished runs left is kept."""
    max_bytes: int | None = None
    """Of [gc]: the most that artifacts may take."""
    llm: str = ""
    """A language model as `provider:model`; its key comes from the environment only."""
    budget: BudgetSettings = UNLIMITED
    policy: Policy | None = None
    """What every run of this user may do; None where the file does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositorySettings:
    """What a repository's `.ostinato/config.toml` says; None where it says nothing."""

    interaction: str | None = None
    max_parallel: int | None = None
    checkpoint_remote: str = ""
    takeover_after_s: float | None = None
    commands: Mapping[str, tuple[str, ...]]
    post_gates: tuple[str, ...] | None = None
    custom_gates: tuple[CustomGate, ...] = ()
    budget: BudgetSettings = UNLIMITED
    policy: Policy | None = None
    """What runs in this repository may do; the stricter of it and the user's counts."""


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Raises UserError with every bad value of environment and file at once."""
    from ostinato.adapters.home import Home

    problems: list[Problem] = []
    source = user_config(environ)
    document = _read(source, problems)
    reader = _Reader(document, str(source), problems)
    reader.only(USER_KEYS, {"gc": {"keep_days", "max_size"}, "budget": BUDGET_KEYS, "policy": POLICY_KEYS})
    interaction = _choice(environ, "OSTINATO_INTERACTION", INTERACTIONS, problems)
    parallel = _parallel(environ.get("OSTINATO_MAX_PARALLEL", ""), "OSTINATO_MAX_PARALLEL", problems)
    level = _choice(environ, "OSTINATO_LOG_LEVEL", LOG_LEVELS, problems)
    after = _seconds(environ.get("OSTINATO_TAKEOVER_AFTER", ""), "OSTINATO_TAKEOVER_AFTER", problems)
    payloads = environ.get("OSTINATO_PAYLOADS") or reader.text("payloads")
    settings = Settings(
        home=Home(
            _home_root(environ.get("OSTINATO_HOME") or reader.text("home")),
            Path(payloads).expanduser().absolute() if payloads else None,
        ),
        interaction=interaction or reader.choice("interaction", INTERACTIONS),
        max_parallel=parallel if parallel is not None else reader.parallel("max_parallel"),
        log_level=level or reader.choice("log_level", LOG_LEVELS) or "info",
        ui_url=(environ.get("OSTINATO_UI_URL") or reader.text("ui_url") or "").rstrip("/"),
        checkpoint_remote=environ.get("OSTINATO_CHECKPOINT_REMOTE") or reader.text("checkpoint_remote") or "",
        takeover_after_s=after if after is not None else reader.seconds("takeover_after"),
        keep_days=reader.days("gc.keep_days"),
        max_bytes=reader.size("gc.max_size"),
        llm=_llm(environ.get("OSTINATO_LLM") or reader.text("llm") or "", problems),
        budget=read_budget(document, str(source), problems, environ),
        policy=reader.policy(),
    )
    return _checked(settings, problems)


def load_repository_settings(root: Path) -> RepositorySettings:
    """Raises UserError with every problem of the file; a missing file says nothing."""
    problems: list[Problem] = []
    source = root / REPOSITORY_CONFIG
    reader = _Reader(_read(source, problems), str(source), problems)
    reader.only(
        set(),
        {
            "run": RUN_KEYS,
            "commands": set(COMMANDS),
            "gates": {"post", "custom"},
            "budget": BUDGET_KEYS,
            "policy": POLICY_KEYS,
        },
    )
    settings = RepositorySettings(
        interaction=reader.choice("run.interaction", INTERACTIONS),
        max_parallel=reader.parallel("run.max_parallel"),
        checkpoint_remote=reader.text("run.checkpoint_remote") or "",
        takeover_after_s=reader.seconds("run.takeover_after"),
        commands={name: argv for name in COMMANDS if (argv := reader.argv(f"commands.{name}"))},
        post_gates=reader.choices("gates.post", POST_GATES),
        custom_gates=reader.custom_gates(),
        budget=read_budget(reader.document, str(source), problems),
        policy=reader.policy(),
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


def _llm(value: str, problems: list[Problem]) -> str:
    if value and not re.fullmatch(r"(anthropic|openai):\s*\S.*", value):
        problems.append(
            _problem("OSTINATO_LLM", f"{value!r} is no language model", "Use anthropic:MODEL or openai:MODEL")
        )
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


def _seconds(value: object, field: str, problems: list[Problem]) -> float | None:
    if value in (None, ""):
        return None
    try:
        found = float("nan") if isinstance(value, bool) else float(str(value))
    except ValueError:
        found = float("nan")
    if 1 <= found <= MAX_TAKEOVER_S:
        return found
    problems.append(_problem(field, f"{value!r} is not allowed", f"Use seconds from 1 to {MAX_TAKEOVER_S:,}"))
    return None


def parse_size(text: str) -> int | None:
    """Bytes of 500M, 5G or 1048576, binary units; None when it is no size."""
    match = re.fullmatch(r"([0-9]{1,15}) ?([KMGT]?)B?", text.strip().upper().replace("IB", "B"))
    return int(match[1]) * _SIZE[match[2]] if match else None


@dataclass(frozen=True, slots=True)
class _Reader:
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
        return _parallel(self.value(name), f"{self.source}: {name}", self.problems)

    def seconds(self, name: str) -> float | None:
        return _seconds(self.value(name), f"{self.source}: {name}", self.problems)

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
        self.problems.append(_problem(f"{self.source}: {name}", message, cure))
