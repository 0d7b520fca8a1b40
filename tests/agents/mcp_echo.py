"""A server of the Model Context Protocol with one tool, on standard input and output."""

import json
import sys
from typing import Any

TOOL = {"name": "echo", "description": "Says it back.", "inputSchema": {"type": "object", "properties": {}}}


def _result(method: str, params: dict[str, Any]) -> dict[str, Any]:
    match method:
        case "initialize":
            return {
                "protocolVersion": params["protocolVersion"],
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "echo", "version": "1"},
            }
        case "tools/list":
            return {"tools": [TOOL]}
        case "tools/call":
            return {"content": [{"type": "text", "text": f"echo of {json.dumps(params.get('arguments'))}"}]}
        case _:
            return {}


for line in sys.stdin:
    asked = json.loads(line)
    if "id" in asked:
        answer = {"jsonrpc": "2.0", "id": asked["id"], "result": _result(asked["method"], asked.get("params") or {})}
        print(json.dumps(answer), flush=True)
