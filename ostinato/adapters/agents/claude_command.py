"""The command line and environment of Claude Code for one task: its policy is written down, so that nothing is asked."""

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from ostinato.adapters.agents.denying import as_rules
from ostinato.adapters.agents.port import Access, AgentTask, Allowed

_READS = ("Read", "Glob", "Grep", "Skill", "Task", "TodoWrite", "ToolSearch")
_WRITES = ("Edit", "Write", "NotebookEdit")
_NETWORK = ("WebFetch", "WebSearch")
_RETRIES = 3
"""Of its own: who runs it tries again, later and elsewhere, and knows of the account's limits."""
_SETTINGS = "ostinato-settings.json"
_SERVERS = "ostinato-servers.json"
_QUIET = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_TELEMETRY": "1",
    "DISABLE_ERROR_REPORTING": "1",
    "CLAUDE_CODE_DISABLE_AUTO_MEMORY": "1",
    "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS": "1",
    "CLAUDE_CODE_DISABLE_CRON": "1",
    "CLAUDE_CODE_DISABLE_TERMINAL_TITLE": "1",
    "CLAUDE_CODE_MAX_RETRIES": str(_RETRIES),
}


def command_line(program: str, task: AgentTask, session_id: str) -> tuple[str, ...]:
    """The prompt is not on it: that goes by standard input. `write_settings` comes before."""
    limits, access = task.limits, task.access
    argv = [program, "-p", "--output-format", "stream-json", "--verbose", "--include-partial-messages"]
    argv += ["--resume" if task.session_id else "--session-id", session_id]
    argv += ["--permission-mode", "acceptEdits" if task.allowed.write else "dontAsk", "--permission-prompts", "none"]
    argv += ["--tools", ",".join(_tools(task.allowed))]
    argv += ["--setting-sources", "user", "--settings", str(task.private / _SETTINGS), "--strict-mcp-config"]
    if task.servers:
        argv += ["--mcp-config", str(task.private / _SERVERS)]
    if access.model:
        argv += ["--model", access.model]
    if limits.turns is not None:
        argv += ["--max-turns", str(limits.turns)]
    if limits.micro_usd is not None:
        argv += ["--max-budget-usd", f"{max(limits.micro_usd, 1) / 1e6:.6f}"]
    return tuple(argv)


def write_settings(task: AgentTask) -> None:
    """Files of ours in the private folder, since both a policy and a server's environment are more than a line holds."""
    task.private.mkdir(parents=True, exist_ok=True)
    settings = {
        "permissions": {"allow": _rules(task), "deny": _denials(task.allowed)},
        "attribution": {"commit": "", "pr": ""},
        "disableAllHooks": True,
    }
    _write(task.private / _SETTINGS, settings)
    if task.servers:
        _write(task.private / _SERVERS, {"mcpServers": dict(task.servers)})


def environment(task: AgentTask) -> dict[str, str]:
    """On top of the task's own."""
    patience_ms = round(task.limits.idle_s / 2 * 1000)
    return {
        **_QUIET,
        "API_TIMEOUT_MS": str(max(patience_ms, 1000)),
        "HOME": str(task.private),
        **_access(task.access, task.env),
    }


def find_program(command: str, env: Mapping[str, str]) -> str:
    """Its path on the given PATH, else the command as it is."""
    return shutil.which(command, path=env.get("PATH")) or command


def login_folder(env: Mapping[str, str]) -> Path | None:
    """Where the person's own login lies; None where nobody is logged in."""
    folder = Path(env.get("HOME") or "/nonexistent") / ".claude"
    return folder if (folder / ".credentials.json").is_file() else None


def _access(access: Access, env: Mapping[str, str]) -> dict[str, str]:
    """Without a key the person's own login is used where it lies, since a copy of it would not be renewed."""
    found = {"ANTHROPIC_BASE_URL": access.base_url} if access.base_url else {}
    if access.api_key:
        return {**found, "ANTHROPIC_API_KEY": access.api_key}
    folder = login_folder(env)
    return {**found, "CLAUDE_SECURESTORAGE_CONFIG_DIR": str(folder)} if folder else found


def _tools(allowed: Allowed) -> tuple[str, ...]:
    """Those that may be of use at all: with no tool there is nothing to be asked."""
    return (
        *_READS,
        *(_WRITES if allowed.write else ()),
        *(("Bash",) if allowed.commands else ()),
        *(_NETWORK if allowed.network else ()),
    )


def _rules(task: AgentTask) -> list[str]:
    """Writing has none: the mode accepts it in the worktree, and a rule would allow it everywhere."""
    allowed = task.allowed
    named = (pattern if " " in pattern or "*" in pattern else (pattern, f"{pattern} *") for pattern in allowed.commands)
    patterns = [rule for each in named for rule in ((each,) if isinstance(each, str) else each)]
    commands = ["Bash"] if "*" in allowed.commands else [f"Bash({pattern})" for pattern in patterns]
    servers = [f"mcp__{re.sub(r'[^A-Za-z0-9_-]', '_', name)}" for name in task.servers]
    return [*commands, *(_NETWORK if allowed.network else ()), *servers]


def _denials(allowed: Allowed) -> list[str]:
    """It holds them against each command of a line; a single word is a program, with whatever arguments and folder."""
    return [f"Bash({rule})" for pattern in allowed.denied for rule in as_rules(pattern)]


def _write(path: Path, value: object) -> None:
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(json.dumps(value, indent=1, sort_keys=True), encoding="utf-8")
