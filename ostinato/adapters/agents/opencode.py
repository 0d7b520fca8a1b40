"""opencode: `opencode run`, with its configuration and its sessions in the private folder of the step."""

import asyncio
import json
import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ostinato.adapters.agents.denying import as_rules
from ostinato.adapters.agents.installed import ask_installation, first_set, program
from ostinato.adapters.agents.opencode_events import OpencodeParser
from ostinato.adapters.agents.port import Abilities, AgentTask, Allowed, Installation, Watched
from ostinato.adapters.agents.resuming import kept_in, not_here
from ostinato.adapters.agents.running import Invocation, run_agent
from ostinato.adapters.unfollowed import files_below, make_folder_below, open_below, write_below
from ostinato.domain.agents import AgentEnd, EndKind

KEY_VARIABLE = "OSTINATO_MODEL_KEY"
VERSION = "1.18.33"
"""The oldest whose words and files are known here."""
_PROVIDER = "ostinato"
_DATA = Path(".local/share/opencode")
_DATABASE = "opencode.db"
_MOST_DATABASE = 1 << 30
_LOOK_S = 20
_CONFIG = "opencode.json"
_BOTH = 'exec "$0" "$@" 2>&1'
"""Its log tells what its events do not: that it waits for its provider, and what it denied."""
_REQUEST_MS = 240_000
_CONTEXT, _OUTPUT = 200_000, 32_000
"""Of a model that it does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpencodeAgent:
    @property
    def name(self) -> str:
        return "opencode"

    @property
    def abilities(self) -> Abilities:
        return Abilities(
            resumes=True,
            takes_base_url=True,
            wire="openai-chat",
            caps_turns=True,
            reports_tokens=True,
            reports_money=True,
            loads_servers=True,
            names_model="by_address",
        )

    async def installation(self, env: Mapping[str, str]) -> Installation:
        with tempfile.TemporaryDirectory() as folder:
            return await ask_installation(
                self.name,
                program("opencode", env),
                install=f"npm install -g opencode-ai@{VERSION}",
                login=_login(env),
                log_in="Run `opencode auth login`, or set OPENAI_API_KEY",
                folder=Path(folder),
                env=env,
            )

    def sessions(self, task: AgentTask) -> tuple[Path, ...]:
        return kept_in(task, session_files)

    async def run(self, task: AgentTask, watched: Watched) -> AgentEnd:
        """With an empty session id in its end, the session that was asked for is not in the private folder."""
        if task.access.base_url and not task.access.model:
            return AgentEnd(
                kind=EndKind.MISSING, message="opencode cannot be started: no model is named for its provider"
            )
        if task.session_id and not await asyncio.to_thread(session_files, task.private, task.session_id):
            return not_here(task)
        await asyncio.to_thread(_prepare, task)
        return await run_agent(invocation_of(task), OpencodeParser(tree=task.tree), task, watched)


def session_files(private: Path, session_id: str) -> tuple[Path, ...]:
    """All that another worker needs, at the same places under its own private folder. One database holds all sessions."""
    found = [path for path in files_below(private, _DATA) if path.parent == _DATA and path.name.startswith(_DATABASE)]
    try:
        with tempfile.TemporaryDirectory() as folder:
            for path in (path for path in found if not path.name.endswith("-shm")):
                _copy(private, path, Path(folder))
            is_there = session_id and _knows(Path(folder, _DATABASE), session_id)
    except (sqlite3.Error, OSError):
        return ()
    return tuple(private / path for path in found) if is_there else ()


def invocation_of(task: AgentTask) -> Invocation:
    binary = program("opencode", task.env) or Path("opencode")
    argv = ["/bin/sh", "-c", _BOTH, str(binary), "run", "--format", "json", "--pure", "--dir", str(task.tree)]
    argv += ["--print-logs", "--log-level", "INFO"]
    argv += ["--model", _model(task)] if _model(task) else []
    argv += ["--session", task.session_id] if task.session_id else []
    private = task.private
    return Invocation(
        argv=tuple(argv),
        leave_s=0.0,  # what its parser ends, it would go on with: by then it asks twenty times a second
        env={
            "HOME": str(private),
            "XDG_CONFIG_HOME": str(private / ".config"),
            "XDG_DATA_HOME": str(private / ".local/share"),
            "XDG_STATE_HOME": str(private / ".local/state"),
            "XDG_CACHE_HOME": str(private / ".cache"),
            "OPENCODE_CONFIG": str(private / _CONFIG),
            "OPENCODE_DISABLE_PROJECT_CONFIG": "1",
            "OPENCODE_DISABLE_AUTOUPDATE": "1",
            "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
            "OPENCODE_DISABLE_SHARE": "1",
            **({"OPENCODE_DISABLE_MODELS_FETCH": "1"} if task.access.base_url else {}),
            **({KEY_VARIABLE: task.access.api_key} if task.access.api_key else {}),
        },
        stdin=task.prompt.encode(),
    )


def configuration(task: AgentTask) -> dict[str, Any]:
    """Its opencode.json. A project's own is not read: it could allow more, and start commands."""
    config: dict[str, Any] = {
        "$schema": "https://opencode.ai/config.json",
        "autoupdate": False,
        "share": "disabled",
        "snapshot": False,
        "instructions": [str(task.tree / "AGENTS.md")],
        "permission": permissions(task),
        "mcp": {name: _server(server) for name, server in task.servers.items()},
    }
    if task.limits.turns is not None:
        config["agent"] = {"build": {"steps": task.limits.turns + 1}}
    if task.access.base_url:
        config |= {
            "small_model": _model(task),
            "enabled_providers": [_PROVIDER],
            "provider": {_PROVIDER: _provider(task)},
        }
    return config


def permissions(task: AgentTask) -> dict[str, Any]:
    """Everything is decided beforehand: what is asked for is denied, since nobody is there to answer."""
    write = "allow" if task.allowed.write else "deny"
    network = "allow" if task.allowed.network else "deny"
    return {
        "*": "allow",
        "edit": write,
        "bash": _commands(task.allowed),
        "webfetch": network,
        "websearch": network,
        "external_directory": "deny",
        "question": "deny",
        "doom_loop": "deny",
        "task": "deny",
    }


def _commands(allowed: Allowed) -> Any:
    """The last rule that fits decides. A single word is a command with any arguments."""
    if allowed.takes_any:
        return "allow"
    patterns = allowed.commands
    open_ended = (pattern if "*" in pattern else f"{pattern} *" for pattern in patterns if " " not in pattern)
    may = {"*": "allow"} if "*" in patterns else {"*": "deny", **dict.fromkeys((*patterns, *open_ended), "allow")}
    denied = dict.fromkeys((rule for pattern in allowed.denied for rule in as_rules(pattern)), "deny")
    return {**{rule: said for rule, said in may.items() if rule not in denied}, **denied}


def _provider(task: AgentTask) -> dict[str, Any]:
    base = task.access.base_url.rstrip("/")
    name = task.access.model
    options = {
        "baseURL": base if base.endswith("/v1") else f"{base}/v1",
        "apiKey": f"{{env:{KEY_VARIABLE}}}",
        "timeout": _REQUEST_MS,
    }
    models = {name: {"name": name, "limit": {"context": _CONTEXT, "output": _OUTPUT}}}
    return {"npm": "@ai-sdk/openai-compatible", "name": "Ostinato", "options": options, "models": models}


def _model(task: AgentTask) -> str:
    """Without a base URL the provider is part of the model's name."""
    return f"{_PROVIDER}/{task.access.model}" if task.access.base_url else task.access.model


def _server(server: Mapping[str, object]) -> dict[str, Any]:
    if server.get("url"):
        return {"type": "remote", "url": server["url"], "headers": server.get("headers") or {}, "enabled": True}
    args = server.get("args")
    command = [server.get("command"), *(args if isinstance(args, list | tuple) else ())]
    return {"type": "local", "command": command, "environment": server.get("env") or {}, "enabled": True}


def _login(env: Mapping[str, str]) -> str:
    variable = first_set(env, "OPENAI_API_KEY")
    file = _login_file(env)
    return variable or (str(file) if file.is_file() else "")


def _login_file(env: Mapping[str, str]) -> Path:
    data = env.get("XDG_DATA_HOME") or str(Path(env.get("HOME", "/nonexistent")) / ".local/share")
    return Path(data) / "opencode" / "auth.json"


def _copy(private: Path, path: Path, folder: Path) -> None:
    with open_below(private, path) as written, (folder / path.name).open("wb") as copy:
        if os.fstat(written.fileno()).st_size > _MOST_DATABASE:
            raise OSError(f"{path} is too big to be looked into")
        shutil.copyfileobj(written, copy)


def _knows(database: Path, session_id: str) -> bool:
    """Of a copy: the agent writes the other, and may put a link in its place at any time."""
    with closing(_opened(database)) as known:
        return known.execute("SELECT 1 FROM session WHERE id = ?", (session_id,)).fetchone() is not None


def _opened(database: Path) -> sqlite3.Connection:
    """Of an agent's making: what it could have put there to run, is not run, or not for long."""
    opened = sqlite3.connect(f"{database.as_uri()}?mode=rw", uri=True, timeout=10)
    opened.execute("PRAGMA trusted_schema = OFF")
    until = time.monotonic() + _LOOK_S
    opened.set_progress_handler(lambda: time.monotonic() > until, 100_000)
    return opened


def _move(task: AgentTask) -> None:
    """It works where its session began, whatever folder it is given, and may not be there any more."""
    open_below(task.private, _DATA / _DATABASE).close()  # it is none of ours behind a link, and nobody is at work there
    with closing(_opened(task.private / _DATA / _DATABASE)) as known, known:
        known.execute("UPDATE session SET directory = ? WHERE id = ?", (str(task.tree.resolve()), task.session_id))


def _prepare(task: AgentTask) -> None:
    task.private.mkdir(mode=0o700, parents=True, exist_ok=True)
    make_folder_below(task.private, _DATA)
    write_below(task.private, Path(_CONFIG), json.dumps(configuration(task), indent=1))
    login, link = _login_file(task.env), task.private / _DATA / "auth.json"
    if not task.access.base_url and login.is_file() and not link.exists():
        link.symlink_to(login)
    if task.session_id:
        _move(task)
