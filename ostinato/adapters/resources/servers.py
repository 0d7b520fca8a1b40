"""MCP servers from `.mcp.json` and `~/.claude.json`: how each is reached. Values of variables and headers are never kept."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from ostinato.adapters.resources.documents import one_line
from ostinato.adapters.resources.markdown import digest_of, notice
from ostinato.domain.errors import Problem
from ostinato.domain.redaction import Redactor
from ostinato.domain.resources import Cost, Kind, Origin, Resource, cost_of

ASSUMED_TOKENS = 2_500
"""Of a server's tools, which it tells only when it runs: ten of them, 250 tokens each."""
MAX_SERVERS = 100
_TRANSPORTS = ("stdio", "http", "sse", "streamable-http", "ws")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(:-[^}]*)?\}")
_SECRET = re.compile(r"token|secret|passw|api[-_]?key|auth|credential|private", re.IGNORECASE)


def read_servers(path: str, text: str, origin: Origin) -> tuple[list[Resource], list[Problem], list[Problem]]:
    """The servers, the broken ones, and what is odd about the others."""
    try:
        told = json.loads(text)
    except json.JSONDecodeError as refused:
        said = f"this is not JSON: {refused.msg[:1].lower()}{refused.msg[1:]}"
        return [], [notice(path, "json_invalid", said, "Correct the text at this place", refused.lineno)], []
    except (RecursionError, ValueError):
        return [], [notice(path, "json_invalid", "this is not JSON", "Write it anew")], []
    servers = told.get("mcpServers") if isinstance(told, dict) else None
    if servers is None and origin is Origin.USER:
        return [], [], []  # that file is there for much else
    if not isinstance(servers, dict):
        cure = 'Write {"mcpServers": {"a-name": {"command": "…"}}}'
        return [], [notice(path, "server_invalid", "it has no object mcpServers", cure, 1)], []
    made, broken, odd = list[Resource](), list[Problem](), list[Problem]()
    for name, entry in list(servers.items())[:MAX_SERVERS]:
        line = _line_of(text, name)
        wrong = _wrong(entry)
        if wrong:
            said = f"server {one_line(name, 80)!r}: {wrong[0]}"
            broken.append(notice(path, "server_invalid", said, wrong[1], line))
        else:
            made.append(_server(one_line(name, 80), entry, path, line, origin))
            odd += _oddities(name, entry, path, line)
    return made, broken, odd


def _wrong(entry: object) -> tuple[str, str] | None:
    """What is wrong, and the cure."""
    if not isinstance(entry, dict):
        return "it is no object", 'Give it a "command", or a "type" and a "url"'
    kind = entry.get("type", "http" if "url" in entry and "command" not in entry else "stdio")
    if kind not in _TRANSPORTS:
        return f"there is no type {str(kind)[:40]!r}", f"Use one of: {', '.join(_TRANSPORTS)}"
    needed = "command" if kind == "stdio" else "url"
    if not isinstance(entry.get(needed), str) or not entry[needed].strip():
        return f"{needed} is missing", f'Give it a "{needed}"'
    arguments = entry.get("args", [])
    if not isinstance(arguments, list) or not all(isinstance(each, str) for each in arguments):
        return "args is no list of texts", 'Write it as ["-y", "a-package"]'
    for field in ("env", "headers"):
        if not isinstance(entry.get(field, {}), dict):
            return f"{field} is no object", 'Write it as {"NAME": "${NAME}"}'
    if needed == "url" and not _VARIABLE.search(entry["url"]) and urlsplit_or_none(entry["url"]) is None:
        return "url is no address", "Begin it with https://"
    return None


def _server(name: str, entry: Mapping[str, Any], path: str, line: int | None, origin: Origin) -> Resource:
    """What starts it or where it is, as words; the names of its variables."""
    reach = _reach(entry)
    needed = sorted(set(_variables(entry)))
    given = sorted({*entry.get("env", {}), *entry.get("headers", {})})
    text = "\n".join(
        (reach, *([f"needs {', '.join(needed)}"] if needed else []), *([f"sets {', '.join(given)}"] if given else []))
    )
    cost = cost_of(name, reach, "")
    return Resource(
        kind=Kind.SERVER,
        name=name,
        description=reach,
        text=one_line(text.replace("\n", "; ")).replace("; ", "\n") + "\n",
        origin=origin,
        path=path,
        line=line,
        cost=Cost(name=cost.name, description=cost.description, full=cost.description + ASSUMED_TOKENS, assumed=True),
        digest=digest_of(json.dumps(entry, sort_keys=True, default=str)),
        fields={"transport": _transport(entry), "needs": ", ".join(needed), "sets": ", ".join(given)},
    )


def _transport(entry: Mapping[str, Any]) -> str:
    return str(entry.get("type") or ("stdio" if "command" in entry else "http"))


def _reach(entry: Mapping[str, Any]) -> str:
    if _transport(entry) != "stdio":
        return one_line(f"{_transport(entry)} {_address(entry['url'])}", 300)
    words = [entry["command"], *_arguments(entry.get("args", []))]
    return one_line(Redactor().text(" ".join(words)), 300)


def _arguments(arguments: list[str]) -> Iterator[str]:
    """Without what follows an option that is named like a secret."""
    is_secret = False
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if is_secret and not argument.startswith("-"):
            yield _names_only(argument)
        elif equals and _SECRET.search(name):
            yield f"{name}={_names_only(value)}"
        else:
            yield _address(argument) if "://" in argument else argument
        is_secret = argument.startswith("-") and not equals and bool(_SECRET.search(argument))


def _names_only(value: str) -> str:
    return value if _VARIABLE.fullmatch(value) else "[hidden]"


def _address(url: str) -> str:
    """Without user, password and query, which can be secrets."""
    parts = urlsplit_or_none(url)
    if parts is None:
        return _VARIABLE.sub(r"${\1}", url) if _VARIABLE.search(url) else "[hidden]"
    place = parts.netloc.rpartition("@")[2]
    return _VARIABLE.sub(r"${\1}", f"{parts.scheme}://{place}{parts.path}")


def urlsplit_or_none(url: str) -> Any:
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return parts if parts.scheme and parts.netloc else None


def _variables(value: object) -> Iterator[str]:
    """Names that it needs from its environment; those with a default are marked."""
    if isinstance(value, str):
        yield from (f"{name} (has a default)" if default else name for name, default in _VARIABLE.findall(value))
    elif isinstance(value, dict):
        yield from (name for each in value.values() for name in _variables(each))
    elif isinstance(value, list):
        yield from (name for each in value for name in _variables(each))


def _oddities(name: str, entry: Mapping[str, Any], path: str, line: int | None) -> Iterator[Problem]:
    for field in ("env", "headers"):
        plain = [
            one_line(key, 80)
            for key, value in entry.get(field, {}).items()
            if _SECRET.search(key) and isinstance(value, str) and value and not _VARIABLE.search(value)
        ]
        if plain:
            said = f"server {one_line(name, 80)!r}: {', '.join(plain)} stands in the file as it is"
            yield notice(path, "server_secret", said, f"Write ${{{_variable(plain[0])}}} and set it outside", line)
    if "type" not in entry and "command" not in entry:
        said = f"server {one_line(name, 80)!r}: it has no type; http is assumed"
        yield notice(path, "server_type", said, 'Add "type": "http"', line)


def _variable(key: str) -> str:
    return re.sub(r"\W+", "_", key).upper()


def _line_of(text: str, name: str) -> int | None:
    start = max(text.find('"mcpServers"'), 0)
    found = re.compile(rf"{re.escape(json.dumps(name, ensure_ascii=False))}\s*:").search(text, start)
    return text.count("\n", 0, found.start()) + 1 if found else None
