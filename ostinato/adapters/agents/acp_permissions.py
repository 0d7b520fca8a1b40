"""The answer to an agent that asks for permission: by the declared policy, at once, and never by a person."""

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ostinato.adapters.agents.port import Allowed
from ostinato.adapters.agents.reading import objects
from ostinato.domain.permissions import may_run

_HARMLESS = frozenset(("read", "search", "think"))
_CHANGING = frozenset(("edit", "delete", "move"))
_YES = ("allow_once", "allow_always")
_NO = ("reject_once", "reject_always")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    option_id: str
    """Empty: it offers nothing that fits, and the call is cancelled."""
    denied: str = ""
    """What is not allowed; empty where it is."""


def answer(
    call: Mapping[str, Any],
    options: Sequence[Mapping[str, Any]],
    allowed: Allowed,
    *,
    tree: Path,
    servers: Sequence[str] = (),
) -> Verdict:
    denied = _refusal(call, allowed, tree, servers)
    wanted = _NO if denied else _YES
    chosen = next((str(each["optionId"]) for kind in wanted for each in options if each.get("kind") == kind), "")
    if not denied and not chosen:
        return Verdict(option_id="", denied=f"{_title(call)}: it offers no way to allow it")
    return Verdict(option_id=chosen, denied=denied)


def _refusal(call: Mapping[str, Any], allowed: Allowed, tree: Path, servers: Sequence[str]) -> str:
    kind, title = str(call.get("kind") or "other"), _title(call)
    if kind in _HARMLESS:
        return ""
    if kind in _CHANGING:
        return _refused_change(call, title, allowed, tree)
    if kind == "execute":
        line = _command_line(call)
        return "" if may_start(line, allowed) else f"run {line}"
    if kind == "fetch":
        return "" if allowed.network else f"network: {title}"
    is_open = allowed.write and allowed.network and allowed.takes_any
    is_served = any(f"mcp__{name}__" in title or f"{name}." in title for name in servers)
    return "" if kind != "switch_mode" and (is_open or is_served) else f"{kind}: {title}"


def _refused_change(call: Mapping[str, Any], title: str, allowed: Allowed, tree: Path) -> str:
    named = [each.get("path") for each in objects(call.get("locations"))]
    named += [each.get("path") for each in objects(call.get("content")) if each.get("type") == "diff"]
    if not allowed.write:
        return f"write: {title}"
    outside = [str(path) for path in named if path and not is_inside(str(path), tree)]
    return f"write outside the worktree: {outside[0]}" if outside else ""


def is_inside(path: str, tree: Path) -> bool:
    """By what the path means on the disk: a link out of the tree leads outside."""
    whole = Path(os.path.realpath(tree / path))
    return whole.is_relative_to(os.path.realpath(tree))


def may_start(line: str, allowed: Allowed) -> bool:
    """Every command that the line visibly starts must be allowed."""
    if allowed.takes_any:
        return True
    return bool(line) and may_run(allowed.policy, ("/bin/sh", "-c", line))


def _command_line(call: Mapping[str, Any]) -> str:
    given = call.get("rawInput")
    command = given.get("command") if isinstance(given, Mapping) else None
    if isinstance(command, list) and all(isinstance(word, str) for word in command):
        shell = [word for word in command if word]
        return shell[2] if len(shell) == 3 and shell[1] in ("-c", "-lc") else shlex.join(shell)
    return command if isinstance(command, str) else _title(call).strip("`")


def _title(call: Mapping[str, Any]) -> str:
    return str(call.get("title") or call.get("toolCallId") or "a tool")[:200]
