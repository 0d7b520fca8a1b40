"""Codex: `codex exec`, its native binary, with a CODEX_HOME of the step alone."""

import asyncio
import os
import shlex
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import tomlkit

from ostinato.adapters.agents.codex_events import CodexParser, session_use
from ostinato.adapters.agents.growing import GrowingFiles
from ostinato.adapters.agents.installed import ask_installation, first_set, program
from ostinato.adapters.agents.port import Abilities, AgentTask, Installation, Watched
from ostinato.adapters.agents.resuming import kept_in, not_here
from ostinato.adapters.agents.running import Invocation, run_agent
from ostinato.adapters.processes import ProcessEnd
from ostinato.adapters.unfollowed import files_below, make_folder_below, write_below
from ostinato.domain.agents import AgentEnd, AgentEvent, LimitKind, TokenUse

KEY_VARIABLE = "OSTINATO_MODEL_KEY"
VERSION = "0.169.0"
"""The oldest whose words and files are known here."""
_FOLDER = ".codex"
_HOOK = Path(__file__).with_name("codex_permission.py")
_HOOK_S = 60
_SILENT_STREAM_MS = 180_000
_OFF = ("apps", "plugins", "remote_plugin", "unbounded_connection_retries")
"""What looks things up elsewhere, and what would wait for a network for ever."""
_CACHES = ("UV_CACHE_DIR", "PIP_CACHE_DIR")


@dataclass(frozen=True, slots=True, kw_only=True)
class CodexAgent:
    own_sandbox: bool = True
    """False inside of another sandbox, which cannot hold a second: then nothing of its own keeps it from writing."""

    @property
    def name(self) -> str:
        return "codex"

    @property
    def abilities(self) -> Abilities:
        return Abilities(
            resumes=True,
            takes_base_url=True,
            wire="openai-responses",
            cuts_network=self.own_sandbox,
            reports_tokens=True,
            loads_servers=True,
        )

    async def installation(self, env: Mapping[str, str]) -> Installation:
        path = native(program("codex", env))
        with tempfile.TemporaryDirectory() as folder:
            return await ask_installation(
                self.name,
                path,
                install=f"npm install -g @openai/codex@{VERSION}",
                login=_login(env),
                log_in="Run `codex login`, or set OPENAI_API_KEY",
                folder=Path(folder),
                env=env,
            )

    def sessions(self, task: AgentTask) -> tuple[Path, ...]:
        return kept_in(task, session_files)

    async def run(self, task: AgentTask, watched: Watched) -> AgentEnd:
        """With an empty session id in its end, the session that was asked for is not in the private folder."""
        if task.session_id and not session_files(task.private, task.session_id):
            return not_here(task)
        await asyncio.to_thread(_prepare, task, self.own_sandbox)
        followed = _Followed(parser=CodexParser(tree=task.tree), private=task.private, session_id=task.session_id)
        followed.parser.before = await asyncio.to_thread(followed.skip)
        return await run_agent(invocation_of(task), followed, task, watched)


def session_files(private: Path, session_id: str) -> tuple[Path, ...]:
    """All that another worker needs, at the same places under its own private folder; none: it cannot be resumed."""
    found = files_below(private, Path(_FOLDER, "sessions")) if session_id else ()
    return tuple(private / path for path in found if fnmatchcase(path.name, f"rollout-*-{session_id}.jsonl"))


def native(path: Path | None) -> Path | None:
    """The binary behind the script that npm links: killed, the script would leave it running."""
    if path is None:
        return None
    real = path.resolve()
    if real.suffix != ".js":
        return path
    places = (*real.parents[1].glob("node_modules/@openai/codex-*/vendor/*/bin/codex"),
              *real.parents[2].glob("codex-*/vendor/*/bin/codex"))  # fmt: skip
    return next((place for place in places if os.access(place, os.X_OK)), path)


def invocation_of(task: AgentTask) -> Invocation:
    binary = native(program("codex", task.env)) or Path("codex")
    argv = [str(binary), "exec", "--json", "--skip-git-repo-check", "-C", str(task.tree)]
    argv += [] if task.allowed.takes_any else ["--dangerously-bypass-hook-trust"]
    argv += ["resume", task.session_id] if task.session_id else []
    keys = {KEY_VARIABLE: task.access.api_key} if task.access.base_url else {"CODEX_API_KEY": task.access.api_key}
    return Invocation(
        argv=(*argv, "-"),
        env={
            "HOME": str(task.private),
            "CODEX_HOME": str(task.private / _FOLDER),
            "XDG_CACHE_HOME": str(task.private / ".cache"),
            "TMPDIR": str(task.private / ".tmp"),
            **{name: value for name, value in keys.items() if value},
        },
        stdin=task.prompt.encode(),
    )


def configuration(task: AgentTask, *, own_sandbox: bool = True) -> dict[str, Any]:
    """Its config.toml. A project's own is read by Codex only where a person trusted that project: never here."""
    config: dict[str, Any] = {
        "approval_policy": "never",
        "sandbox_mode": _sandbox(task, own_sandbox),
        "check_for_update_on_startup": False,
        "features": dict.fromkeys(_OFF, False),
        "agents": {"enabled": False},
        "analytics": {"enabled": False},
        "otel": {"exporter": "none"},
        "history": {"persistence": "none"},
        "sandbox_workspace_write": {"network_access": task.allowed.network, "writable_roots": _writable(task)},
        "shell_environment_policy": {
            "inherit": "all",
            "ignore_default_excludes": True,
            "exclude": [KEY_VARIABLE, "CODEX_API_KEY"],
            "set": {"TMPDIR": _scratch(task)},
        },
        "mcp_servers": {name: _server(server) for name, server in task.servers.items()},
    }
    if task.access.model:
        config["model"] = task.access.model
    if task.access.base_url:
        config |= {"model_provider": "ostinato", "model_providers": {"ostinato": _provider(task.access.base_url)}}
    if not task.allowed.takes_any:
        words = (sys.executable, "-I", str(_HOOK), task.allowed.policy.model_dump_json(exclude_defaults=True))
        hook = {"type": "command", "command": shlex.join(words), "timeout": _HOOK_S}
        config["hooks"] = {"PreToolUse": [{"matcher": "^Bash$", "hooks": [hook]}]}
    return config


def _provider(base_url: str) -> dict[str, Any]:
    """A stream is not asked for again by itself: after a 429 Codex would wait in silence for as long as it says."""
    return {
        "name": "Ostinato",
        "base_url": base_url.rstrip("/") if base_url.rstrip("/").endswith("/v1") else f"{base_url.rstrip('/')}/v1",
        "env_key": KEY_VARIABLE,
        "wire_api": "responses",
        "request_max_retries": 4,
        "stream_max_retries": 0,
        "stream_idle_timeout_ms": _SILENT_STREAM_MS,
    }


def _sandbox(task: AgentTask, own_sandbox: bool) -> str:
    if not own_sandbox:
        return "danger-full-access"
    return "workspace-write" if task.allowed.write else "read-only"


def _writable(task: AgentTask) -> list[str]:
    caches = (task.env.get(name, "") for name in _CACHES)
    return [str(task.private / ".cache"), _scratch(task), *(cache for cache in caches if cache)]


def _scratch(task: AgentTask) -> str:
    """Of the commands that it starts; its own is private, since it leaves things there."""
    return task.env.get("TMPDIR") or "/tmp"


def _server(server: Mapping[str, object]) -> dict[str, Any]:
    names = {"headers": "http_headers"}
    known = ("command", "args", "env", "cwd", "url", "headers")
    taken = {names.get(name, name): server[name] for name in known if server.get(name)}
    return {**taken, "required": True, "startup_timeout_sec": 60, "default_tools_approval_mode": "approve"}


def _login(env: Mapping[str, str]) -> str:
    variable = first_set(env, "OPENAI_API_KEY")
    file = _login_file(env)
    return variable or (str(file) if file.is_file() else "")


def _login_file(env: Mapping[str, str]) -> Path:
    home = env.get("CODEX_HOME") or str(Path(env.get("HOME", "/nonexistent")) / _FOLDER)
    return Path(home) / "auth.json"


def _prepare(task: AgentTask, own_sandbox: bool) -> None:
    folder = task.private / _FOLDER
    task.private.mkdir(mode=0o700, parents=True, exist_ok=True)
    for each in (_FOLDER, ".cache", ".tmp"):
        make_folder_below(task.private, Path(each))
    text = tomlkit.dumps(configuration(task, own_sandbox=own_sandbox))
    write_below(task.private, Path(_FOLDER, "config.toml"), text)
    login, link = _login_file(task.env), folder / "auth.json"
    if not task.access.base_url and not task.access.api_key and login.is_file() and not link.exists():
        link.symlink_to(login)


@dataclass(slots=True, kw_only=True)
class _Followed:
    """What it prints, and with each line what it has recorded by then."""

    parser: CodexParser
    private: Path
    session_id: str
    rollout: GrowingFiles = field(init=False)

    def __post_init__(self) -> None:
        self.rollout = GrowingFiles(folder=self.private, find=lambda: session_files(self.private, self.session_id))

    def skip(self) -> TokenUse:
        """What is there already is of earlier invocations: what those used."""
        return session_use(self.rollout.lines())

    @property
    def finished(self) -> bool:
        return self.parser.finished

    def feed(self, line: str) -> Iterable[AgentEvent]:
        for event in self.parser.feed(line):
            self.session_id = event.session_id or self.session_id
            yield event
        for record in self.rollout.lines():
            yield from self.parser.recorded(record)

    def end(self, exit: ProcessEnd, limit: LimitKind | None) -> AgentEnd:
        for record in self.rollout.lines():
            for _ in self.parser.recorded(record):
                pass
        return self.parser.end(exit, limit)
