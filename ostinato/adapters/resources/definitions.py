"""How the servers that a run was given are started, with the values of this machine: for an agent's ears alone."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ostinato.adapters.processes import environment_secrets
from ostinato.adapters.resources.discovery import MAX_SERVER_FILE
from ostinato.adapters.resources.documents import one_line
from ostinato.adapters.resources.places import USER_SERVERS
from ostinato.adapters.resources.trees import Tree
from ostinato.domain.resources import Activated, Origin, Resource

REPOSITORY_SERVERS = ".mcp.json"
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    servers: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """By name, as .mcp.json has them, every variable with its value."""
    left_out: tuple[str, ...] = ()
    """Each with its reason."""
    secrets: tuple[str, ...] = ()
    """Values that must never be kept."""


async def served(
    activated: Sequence[Activated],
    believed: Sequence[Resource],
    *,
    repository: Tree,
    user: Tree | None,
    environ: Mapping[str, str],
) -> Served:
    """Of those that are still as they were chosen, and that may be believed: a server is a program."""
    files = {
        Origin.REPOSITORY: await _entries(repository, REPOSITORY_SERVERS),
        Origin.USER: await _entries(user, USER_SERVERS) if user is not None else {},
    }
    known = {each.name: each for each in believed}
    made, left_out, secrets = dict[str, Mapping[str, object]](), list[str](), set[str]()
    for wanted in activated:
        resource = known.get(wanted.name)
        entry = files.get(resource.origin, {}).get(wanted.name) if resource is not None else None
        if resource is None or entry is None or (wanted.digest and wanted.digest != resource.digest):
            left_out.append(f"the MCP server {wanted.name} is not there any more, or is another one by now")
            continue
        missing = sorted({name for name, default in _variables(entry) if name not in environ and default is None})
        if missing:
            left_out.append(f"the MCP server {wanted.name} was not started: {', '.join(missing)} is not set here")
            continue
        filled = _filled(entry, environ)
        made[wanted.name] = filled
        secrets |= {environ[name] for name, _ in _variables(entry) if name in environ}
        secrets |= set(environment_secrets({**_texts(filled.get("env")), **_texts(filled.get("headers"))}))
    return Served(servers=made, left_out=tuple(left_out), secrets=tuple(sorted(secrets)))


async def _entries(tree: Tree, path: str) -> dict[str, Any]:
    await tree.find(lambda found: found == path)
    text = (await tree.read([path], MAX_SERVER_FILE)).get(path)
    try:
        told = json.loads(text) if isinstance(text, str) else {}
    except (ValueError, RecursionError):
        return {}
    servers = told.get("mcpServers") if isinstance(told, dict) else None
    return {one_line(name, 80): each for name, each in servers.items()} if isinstance(servers, dict) else {}


def _filled(value: Any, environ: Mapping[str, str]) -> Any:
    match value:
        case str():
            return _VARIABLE.sub(lambda found: environ.get(found[1], found[2] or ""), value)
        case dict():
            return {name: _filled(inner, environ) for name, inner in value.items()}
        case list():
            return [_filled(inner, environ) for inner in value]
        case _:
            return value


def _variables(value: Any) -> Iterator[tuple[str, str | None]]:
    match value:
        case str():
            yield from ((found[1], found[2]) for found in _VARIABLE.finditer(value))
        case dict():
            for inner in value.values():
                yield from _variables(inner)
        case list():
            for inner in value:
                yield from _variables(inner)
        case _:
            pass


def _texts(value: Any) -> dict[str, str]:
    return {str(name): str(inner) for name, inner in value.items()} if isinstance(value, dict) else {}
