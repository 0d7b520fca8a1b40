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
from ostinato.reading import MAX_PARALLEL, Reader, parallel_of, seconds_of, setting_problem
from ostinato.staff import AGENT_CURE, described_in, staff_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ostinato.adapters.home import Home
    from ostinato.domain.agents.described import DescribedAgent
    from ostinato.domain.custom_gates import CustomGate
    from ostinato.domain.errors import Problem
    from ostinato.domain.permissions import Policy

INTERACTIONS: Final = ("minimal", "checkpoint", "collaborative")
LOG_LEVELS: Final = ("debug", "info", "warning", "error")
POST_GATES: Final = ("tests", "lint", "types", "security", "performance")
SWITCH: Final = ("on", "off")
COMMANDS: Final = ("test", "lint", "format", "types", "build", "benchmark")
DEFAULT_PARALLEL: Final = 5
TAKEOVER_AFTER_S: Final = 120
KEEP_DAYS: Final = 30
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
    "OSTINATO_AGENTS": "coding agents that steps are given to, such as claude,codex:MODEL (default: none, a person is asked)",
    "OSTINATO_SANDBOX": "on: coding agents run enclosed by bubblewrap, without a network; or off (default: off)",
    "OSTINATO_TAPE": "record:FOLDER keeps what agents and their models said, replay:FOLDER answers from it (default: neither)",
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
        "use_agents",
        "agents",
        "sandbox",
    )
)
POLICY_KEYS: Final = frozenset(("write", "deny_write", "commands", "deny_commands", "network"))
RUN_KEYS: Final = frozenset(("interaction", "max_parallel", "checkpoint_remote", "takeover_after"))

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
    use_agents: tuple[str, ...] = ()
    """Coding agents that steps may be given to, as NAME or NAME:MODEL."""
    agents: tuple[DescribedAgent, ...] = ()
    """Of [agents.NAME]: those that the user describes."""
    tape: tuple[str, Path] | None = None
    """record or replay, and the folder of what agents and their models said."""
    sandbox: bool = False
    """Coding agents run enclosed, or not at all."""
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
    agents: tuple[DescribedAgent, ...] = ()
    """Of [agents.NAME]: those that the repository describes; nobody uses them without trust."""
    budget: BudgetSettings = UNLIMITED
    policy: Policy | None = None
    """What runs in this repository may do; the stricter of it and the user's counts."""


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Raises UserError with every bad value of environment and file at once."""
    from ostinato.adapters.home import Home

    problems: list[Problem] = []
    source = user_config(environ)
    document = _read(source, problems)
    reader = Reader(document, str(source), problems)
    reader.only(USER_KEYS, {"gc": {"keep_days", "max_size"}, "budget": BUDGET_KEYS, "policy": POLICY_KEYS})
    interaction = _choice(environ, "OSTINATO_INTERACTION", INTERACTIONS, problems)
    parallel = parallel_of(environ.get("OSTINATO_MAX_PARALLEL", ""), "OSTINATO_MAX_PARALLEL", problems)
    level = _choice(environ, "OSTINATO_LOG_LEVEL", LOG_LEVELS, problems)
    after = seconds_of(environ.get("OSTINATO_TAKEOVER_AFTER", ""), "OSTINATO_TAKEOVER_AFTER", problems)
    sandbox = _choice(environ, "OSTINATO_SANDBOX", SWITCH, problems) or reader.choice("sandbox", SWITCH)
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
        use_agents=_use_agents(environ, reader, problems),
        agents=described_in(document, str(source), problems),
        sandbox=sandbox == "on",
        tape=_tape(environ.get("OSTINATO_TAPE", ""), problems),
        budget=read_budget(document, str(source), problems, environ),
        policy=reader.policy(),
    )
    return _checked(settings, problems)


def load_repository_settings(root: Path) -> RepositorySettings:
    """Raises UserError with every problem of the file; a missing file says nothing."""
    problems: list[Problem] = []
    source = root / REPOSITORY_CONFIG
    reader = Reader(_read(source, problems), str(source), problems)
    reader.only(
        {"agents"},
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
        agents=described_in(reader.document, str(source), problems),
        budget=read_budget(reader.document, str(source), problems),
        policy=reader.policy(),
    )
    return _checked(settings, problems)


def _tape(said: str, problems: list[Problem]) -> tuple[str, Path] | None:
    if not said:
        return None
    mode, _, folder = said.partition(":")
    if mode not in ("record", "replay") or not folder:
        cure = "Write record:FOLDER or replay:FOLDER, or unset it"
        problems.append(setting_problem("OSTINATO_TAPE", f"{said!r} is not allowed", cure))
        return None
    return mode, Path(folder).expanduser().absolute()


def _use_agents(environ: Mapping[str, str], reader: Reader, problems: list[Problem]) -> tuple[str, ...]:
    if said := environ.get("OSTINATO_AGENTS", "").strip():
        return staff_of(said.split(","), "OSTINATO_AGENTS", problems)
    listed = reader.value("use_agents")
    if not isinstance(listed, list | None) or not all(isinstance(name, str) for name in listed or ()):
        problems.append(setting_problem(f"{reader.source}: use_agents", f"{listed!r} is not allowed", AGENT_CURE))
        return ()
    return staff_of(listed or (), f"{reader.source}: use_agents", problems)


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
        problems.append(setting_problem(str(source), f"cannot be read: {error}", "Make it a readable UTF-8 file"))
    except tomllib.TOMLDecodeError as error:
        problems.append(setting_problem(str(source), f"is not TOML: {error}", "Correct the line that is named"))
    return {}


def _choice(environ: Mapping[str, str], name: str, allowed: tuple[str, ...], problems: list[Problem]) -> str | None:
    value = environ.get(name) or None
    if value is not None and value not in allowed:
        problems.append(setting_problem(name, f"{value!r} is not allowed", f"Use one of: {', '.join(allowed)}"))
    return value


def _llm(value: str, problems: list[Problem]) -> str:
    if value and not re.fullmatch(r"(anthropic|openai):\s*\S.*", value):
        problems.append(
            setting_problem("OSTINATO_LLM", f"{value!r} is no language model", "Use anthropic:MODEL or openai:MODEL")
        )
    return value
