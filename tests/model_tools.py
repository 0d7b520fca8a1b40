"""What a request offers, and the tool that an agent has for what a script wants. No server in here."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.model_answers import SHELLS, WRITES, Call, Json

_CWD = re.compile(
    r"(?:[Ww]orking directory(?: is)?:?\s*`?|<cwd>|Workspace Directories:\*{0,2}\s*-\s*)(/[^\s`<]+)"
)  # as agents tell their model where they are


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a request says, whatever its wire."""

    tools: Mapping[str, Json]
    turn: int
    text: str


_FILLERS = ("No response requested.", "API Error")


def asked_of(wire: str, body: Json) -> Asked:
    messages = body.get("messages") or body.get("contents") or body.get("input") or []
    messages = [{"role": "user", "content": messages}] if isinstance(messages, str) else messages
    turn, before = 0, False
    for message in messages:
        mine = _is_answer(message) and not _is_filler(message)
        turn, before = turn + (mine and not before), mine
    return Asked(tools=dict(_tools(wire, body)), turn=turn, text="\n".join(_texts(body)))


def _is_answer(message: Json) -> bool:
    calls = ("function_call", "custom_tool_call", "local_shell_call", "reasoning")
    return message.get("role") in ("assistant", "model") or message.get("type") in calls


def _is_filler(message: Json) -> bool:
    """What an agent puts into a session itself where a turn was cut off or failed: no answer of a model."""
    return any(text.startswith(_FILLERS) for text in _texts(message.get("content")))


def _texts(value: object) -> list[str]:
    match value:
        case str():
            return [value]
        case list():
            return [text for each in value for text in _texts(each)]
        case dict():
            return [text for name, each in value.items() if name not in ("tools", "signature") for text in _texts(each)]
        case _:
            return []


def _tools(wire: str, body: Json) -> list[tuple[str, Json]]:
    """Name and schema; Codex nests the tools of its servers in namespaces."""
    found: list[tuple[str, Json]] = []
    for tool in body.get("tools") or []:
        if wire == "gemini":
            found += ((f["name"], f.get("parametersJsonSchema") or f.get("parameters") or {})
                      for f in tool.get("functionDeclarations") or [])  # fmt: skip
        elif tool.get("type") == "namespace":
            space = tool["name"]
            found += ((f"{space}__{sub['name']}", {**(sub.get("parameters") or {}), "x-space": space, "x-name": sub["name"]})
                      for sub in tool.get("tools") or [])  # fmt: skip
        else:
            inner = tool.get("function") or tool
            schema = inner.get("input_schema") or inner.get("parameters") or {}
            found.append((inner.get("name") or inner.get("type"), {**schema, "x-type": tool.get("type")}))
    return found


def call_of(action: Json, asked: Asked) -> Call:
    name, given = _wanted(action, asked)
    schema = asked.tools.get(name, {})
    if "x-space" in schema:
        return Call(name=schema["x-name"], input=given, namespace=schema["x-space"])
    if isinstance(given, dict):
        properties = schema.get("properties") or {}
        missing = (name for name in schema.get("required") or () if name not in given)
        given = {**given, **{name: _filler(properties.get(name) or {}) for name in missing}}
    return Call(name=name, input=given)


def _filler(schema: Json) -> Any:
    if schema.get("enum"):
        return schema["enum"][0]
    return {"boolean": False, "number": 60, "integer": 60, "array": [], "object": {}}.get(
        schema.get("type", ""), "scripted"
    )


def _wanted(action: Json, asked: Asked) -> tuple[str, Any]:
    if "tool" in action:
        return action["tool"], action.get("input", {})
    if "mcp" in action:
        fitting = (name for name in asked.tools if name.endswith(action["mcp"]))
        return next(fitting, action["mcp"]), action.get("input", {})
    if "write" in action:
        return _writing(action["write"], action["content"], asked)
    return _running(action["run"], asked)


def _writing(path: str, content: str, asked: Asked) -> tuple[str, Any]:
    cwd = next(iter(_CWD.findall(asked.text)), "").rstrip("/.,")
    absolute = path if path.startswith("/") or not cwd else f"{cwd}/{path}"
    name = next((name for name in WRITES if name in asked.tools), "")
    if name:
        return name, {"filePath" if name == "write" else "file_path": absolute, "content": content}
    if editor := next((name for name in ("file_editor", "str_replace_editor") if name in asked.tools), ""):
        return editor, {"command": "create", "path": absolute, "file_text": content}
    if "apply_patch" in asked.tools:
        lines = "\n".join(f"+{line}" for line in content.rstrip("\n").split("\n"))
        patch = f"*** Begin Patch\n*** Add File: {path}\n{lines}\n*** End Patch"
        schema = asked.tools["apply_patch"]
        named = "patchText" if "patchText" in (schema.get("properties") or {}) else "input"
        return "apply_patch", patch if schema.get("x-type") == "custom" else {named: patch}
    quoted = content.replace("'", "'\\''")
    return _running(f"mkdir -p \"$(dirname '{path}')\" && printf '%s' '{quoted}' > '{path}'", asked)


def _running(command: str, asked: Asked) -> tuple[str, Any]:
    name = next((name for name in SHELLS if name in asked.tools), "Bash")
    properties = asked.tools.get(name, {}).get("properties") or {}
    if "cmd" in properties:
        return name, {"cmd": command}
    is_list = (properties.get("command") or {}).get("type") == "array"
    return name, {"command": ["bash", "-lc", command] if is_list else command}
