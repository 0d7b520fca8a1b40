"""What a session of the Agent Client Protocol is opened with, and what it has cost before."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from acp import schema

from ostinato.adapters.agents.reading import inner, objects
from ostinato.adapters.atomic import write_atomically
from ostinato.adapters.unfollowed import read_object_below

Server = schema.McpServerStdio | schema.HttpMcpServer


def served(servers: Mapping[str, Mapping[str, object]], about: Any) -> tuple[list[Server], list[str]]:
    """As the protocol has them, and the names of those that this agent cannot use."""
    takes_http = bool(inner(about, "agentCapabilities", "mcpCapabilities", "http"))
    made = {name: _server(name, stated, takes_http=takes_http) for name, stated in servers.items()}
    return [server for server in made.values() if server], [name for name, server in made.items() if not server]


def _server(name: str, stated: Mapping[str, object], *, takes_http: bool) -> Server | None:
    command, url = stated.get("command"), stated.get("url")
    if isinstance(command, str):
        env = [schema.EnvVariable(name=key, value=value) for key, value in _pairs(stated.get("env"))]
        arguments = stated.get("args")
        words = [str(word) for word in arguments] if isinstance(arguments, list | tuple) else []
        return schema.McpServerStdio(name=name, command=command, args=words, env=env)
    if isinstance(url, str) and takes_http and stated.get("type", "http") == "http":
        headers = [schema.HttpHeader(name=key, value=value) for key, value in _pairs(stated.get("headers"))]
        return schema.HttpMcpServer(type="http", name=name, url=url, headers=headers)
    return None


def _pairs(table: object) -> list[tuple[str, str]]:
    return [(str(key), str(value)) for key, value in table.items()] if isinstance(table, Mapping) else []


def model_option(session: Any, model: str) -> dict[str, str]:
    """The option of a session that chooses this model; empty where it has none, or does not know the model."""
    options = [each for each in objects(inner(session, "configOptions")) if each.get("category") == "model"]
    for option in options if model else ():
        values = [str(value) for value in _values(option)]
        found = [value for value in values if value == model or value.endswith(f"/{model}")]
        if found:
            return {str(option.get("id")): found[0]}
    return {}


def _values(option: Mapping[str, Any]) -> list[Any]:
    groups = objects(option.get("options"))
    return [each.get("value") for group in groups for each in (group, *objects(group.get("options")))]


class SpentBefore:
    """In the step's private folder: what each session has said that it cost, which a resumed one goes on counting from."""

    def __init__(self, private: Path) -> None:
        self._file = private / "acp-spent.json"
        self._known = {**(read_object_below(private, Path(self._file.name)) or {})}

    def of(self, session_id: str) -> float:
        value = self._known.get(session_id)
        return float(value) if isinstance(value, int | float) else 0.0

    def note(self, session_id: str, cost_usd: float | None) -> None:
        if session_id and cost_usd is not None and cost_usd != self._known.get(session_id):
            self._known[session_id] = cost_usd
            write_atomically(self._file, json.dumps(self._known))
