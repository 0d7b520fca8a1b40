"""Gemini CLI: `gemini -o stream-json`, with its settings, its policy and its chats in the private folder of the step.

It works in trusted folders only, and in one it reads the project's own .gemini/settings.json: servers of tools in there
are not started, but its hooks run unless the private folder is one that Gemini CLI takes overriding settings from.
"""

import asyncio
import json
import re
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import tomlkit

from ostinato.adapters.agents.gemini_events import GeminiParser
from ostinato.adapters.agents.growing import GrowingFiles
from ostinato.adapters.agents.installed import ask_installation, first_set, program
from ostinato.adapters.agents.port import Abilities, AgentTask, Installation, Watched
from ostinato.adapters.agents.resuming import kept_in, not_here
from ostinato.adapters.agents.running import Invocation, run_agent
from ostinato.adapters.processes import ProcessEnd
from ostinato.adapters.unfollowed import files_below, make_folder_below, write_below
from ostinato.domain.agents import AgentEnd, AgentEvent, LimitKind

VERSION = "0.61.0"
"""The oldest whose words and files are known here."""
_FOLDER = ".gemini"
_SLUG = "step"
"""Under which it keeps the chats of the worktree, wherever that is."""
_CHATS = Path(_FOLDER, "tmp", _SLUG, "chats")
_ATTEMPTS = 3
_NO_SERVER = "none"
_LOGIN_FILES = ("oauth_creds.json", "google_accounts.json")
_KEYS = ("GEMINI_API_KEY", "GOOGLE_API_KEY")


@dataclass(frozen=True, slots=True, kw_only=True)
class GeminiAgent:
    @property
    def name(self) -> str:
        return "gemini"

    @property
    def abilities(self) -> Abilities:
        return Abilities(
            resumes=True, takes_base_url=True, wire="gemini", caps_turns=True, reports_tokens=True, loads_servers=True
        )

    async def installation(self, env: Mapping[str, str]) -> Installation:
        with tempfile.TemporaryDirectory() as folder:
            return await ask_installation(
                self.name,
                program("gemini", env),
                install=f"npm install -g @google/gemini-cli@{VERSION}",
                login=_login(env),
                log_in="Start `gemini` once and log in, or set GEMINI_API_KEY",
                folder=Path(folder),
                env=env,
            )

    def sessions(self, task: AgentTask) -> tuple[Path, ...]:
        return kept_in(task, session_files)

    async def run(self, task: AgentTask, watched: Watched) -> AgentEnd:
        """With an empty session id in its end, the session that was asked for is not in the private folder."""
        if task.session_id and not session_files(task.private, task.session_id):
            return not_here(task)
        await asyncio.to_thread(_prepare, task)
        followed = _Followed(parser=GeminiParser(tree=task.tree), private=task.private, session_id=task.session_id)
        await asyncio.to_thread(followed.skip)
        return await run_agent(invocation_of(task), followed, task, watched)


def session_files(private: Path, session_id: str) -> tuple[Path, ...]:
    """All that another worker needs, at the same places under its own private folder; none: it cannot be resumed."""
    found = files_below(private, _CHATS) if session_id else ()
    name = f"session-*-{session_id[:8]}.jsonl"
    return tuple(private / path for path in found if path.parent == _CHATS and fnmatchcase(path.name, name))


def invocation_of(task: AgentTask) -> Invocation:
    binary = program("gemini", task.env) or Path("gemini")
    servers = ",".join(task.servers) or _NO_SERVER
    argv = [str(binary), "--output-format", "stream-json", "--approval-mode", "yolo", "--skip-trust"]
    argv += ["--policy", str(task.private / _FOLDER / "policy.toml"), "--allowed-mcp-server-names", servers]
    argv += ["--model", task.access.model] if task.access.model else []
    argv += ["--resume", task.session_id] if task.session_id else []
    base = task.access.base_url.rstrip("/").removesuffix("/v1beta")
    access = {"GEMINI_API_KEY": task.access.api_key, "GOOGLE_GEMINI_BASE_URL": base}
    return Invocation(
        argv=tuple(argv),
        env={
            "HOME": str(task.private),
            "GEMINI_CLI_HOME": str(task.private),
            "GEMINI_CLI_SYSTEM_SETTINGS_PATH": str(task.private / _FOLDER / "overriding.json"),
            "GEMINI_CLI_NO_RELAUNCH": "true",
            "TMPDIR": str(task.private / ".tmp"),
            **{name: value for name, value in access.items() if value},
        },
        stdin=task.prompt.encode(),
    )


def settings(task: AgentTask) -> dict[str, Any]:
    """Its settings.json."""
    by_key = bool(task.access.api_key or first_set(task.env, *_KEYS))
    return {
        "security": {"auth": {"selectedType": "gemini-api-key" if by_key else "oauth-personal"}},
        "general": {"enableAutoUpdate": False, "enableAutoUpdateNotification": False, "maxAttempts": _ATTEMPTS},
        "privacy": {"usageStatisticsEnabled": False},
        "telemetry": {"enabled": False},
        "model": {"maxSessionTurns": task.limits.turns + 1 if task.limits.turns is not None else -1},
        "context": {"fileName": ["AGENTS.md", "GEMINI.md"]},
        "hooksConfig": {"enabled": False},
        "mcpServers": {name: _server(server) for name, server in task.servers.items()},
    }


def rules(task: AgentTask) -> list[dict[str, Any]]:
    """On top of allowing everything; the highest priority that fits decides."""
    allowed, found = task.allowed, []
    if not allowed.write:
        found.append({"toolName": ["write_file", "replace"], "decision": "deny", "priority": 900})
    if not allowed.network:
        found.append({"toolName": ["web_fetch", "google_web_search"], "decision": "deny", "priority": 900})
    if "*" not in allowed.commands:
        found.append({"toolName": "run_shell_command", "commandRegex": ".*", "decision": "deny", "priority": 500})
        may = {"toolName": "run_shell_command", "decision": "allow", "priority": 600}
        found += ({**may, "commandRegex": _regex(pattern)} for pattern in allowed.commands)
    denied = {"toolName": "run_shell_command", "decision": "deny", "priority": 700}
    found += ({**denied, "commandRegex": _anywhere(pattern)} for pattern in allowed.denied)
    return found


def _regex(pattern: str) -> str:
    """Of a whole command line inside of the JSON that the rule is held against. A single word takes any arguments.

    A rule is dropped without a word where a group that repeats something is itself repeated, or may be missing.
    """
    if " " not in pattern and "*" not in pattern:
        return f'{re.escape(pattern)}(?:| .*)"'
    told = ".*".join(re.escape(part) for part in pattern.split("*"))
    return told if pattern.endswith("*") else f'{told}"'


def _anywhere(pattern: str) -> str:
    """It holds the whole line against it: a command may begin wherever a word does. Rather too much than too little."""
    told = ".*".join(re.escape(part) for part in pattern.strip().split("*"))
    end = "" if pattern.endswith("*") else r"(?![\w-])" if " " not in pattern else r"(?=\s*(?:[\";&|)\\]|$))"
    return rf"(?:|.*[^\w.-]){told}{end}"


def _server(server: Mapping[str, object]) -> dict[str, Any]:
    names = {"url": "httpUrl"}
    known = ("command", "args", "env", "cwd", "url", "headers")
    return {**{names.get(name, name): server[name] for name in known if server.get(name)}, "trust": True}


def _login(env: Mapping[str, str]) -> str:
    file = _login_folder(env) / _LOGIN_FILES[0]
    return first_set(env, *_KEYS) or (str(file) if file.is_file() else "")


def _login_folder(env: Mapping[str, str]) -> Path:
    return Path(env.get("GEMINI_CLI_HOME") or env.get("HOME", "/nonexistent")) / _FOLDER


def _prepare(task: AgentTask) -> None:
    folder = task.private / _FOLDER
    task.private.mkdir(mode=0o700, parents=True, exist_ok=True)
    for each in (_CHATS, Path(".tmp")):
        make_folder_below(task.private, each)
    tree = str(task.tree.resolve())
    files = {
        "settings.json": json.dumps(settings(task), indent=1),
        "overriding.json": json.dumps({"hooksConfig": {"enabled": False}}),
        "policy.toml": tomlkit.dumps({"rule": rules(task)} if rules(task) else {}),
        "projects.json": json.dumps({"projects": {tree: _SLUG}}),
        f"tmp/{_SLUG}/.project_root": tree,
    }
    for name, text in files.items():
        write_below(task.private, Path(_FOLDER, name), text)
    own = _login_folder(task.env)
    for name in _LOGIN_FILES if not task.access.base_url and not task.access.api_key else ():
        if (own / name).is_file() and not (folder / name).exists():
            (folder / name).symlink_to(own / name)


@dataclass(slots=True, kw_only=True)
class _Followed:
    """What it prints, and with each line what its chat says by then."""

    parser: GeminiParser
    private: Path
    session_id: str
    chats: GrowingFiles = field(init=False)

    def __post_init__(self) -> None:
        self.chats = GrowingFiles(folder=self.private, find=lambda: session_files(self.private, self.session_id))

    @property
    def finished(self) -> bool:
        return self.parser.finished

    def skip(self) -> None:
        """What is there already is of earlier invocations."""
        for _ in self.chats.lines():
            pass

    def feed(self, line: str) -> Iterable[AgentEvent]:
        for event in self.parser.feed(line):
            self.session_id = event.session_id or self.session_id
            yield event
        for record in self.chats.lines():
            yield from self.parser.recorded(record)

    def end(self, exit: ProcessEnd, limit: LimitKind | None) -> AgentEnd:
        for record in self.chats.lines():
            for _ in self.parser.recorded(record):
                pass
        return self.parser.end(exit, limit)
