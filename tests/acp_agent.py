"""A small agent of the Agent Client Protocol, with no model behind it: its prompt is what it does, a word a line.

`edit PATH TEXT`, `ask KIND WHAT`, `say TEXT`, `think TEXT`, `cost USD`, `hang`, `crash`, `leave CODE`, `child` (a process
in a session of its own), `flood N`, `stop REASON`, `limit`, `auth`, `overflow`, `quiet_failure` (ends well, and says of
its failure only beside the protocol), `odd` (an update that no version has), `again N` (the same tool call so many times).
"""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any, cast

import acp
from acp import schema

SESSIONS = Path(os.environ.get("HOME", ".")) / "sessions"
USAGE = schema.Usage(input_tokens=900, output_tokens=100, cached_read_tokens=50, total_tokens=1050)


class MiniAgent:
    def __init__(self) -> None:
        self.cancelled = asyncio.Event()
        self.cwd = Path()
        self.calls = 0

    def on_connect(self, conn: acp.Client) -> None:
        self.client = conn

    async def initialize(self, protocol_version: int, **kwargs: Any) -> schema.InitializeResponse:
        version = int(os.environ.get("MINI_VERSION", protocol_version))
        resumes = {"resume": schema.SessionResumeCapabilities()} if "MINI_RESUMES" in os.environ else {}
        return schema.InitializeResponse(
            protocol_version=version,
            agent_capabilities=schema.AgentCapabilities(
                load_session="MINI_LOADS" in os.environ, session_capabilities=schema.SessionCapabilities(**resumes)
            ),
            auth_methods=[schema.AuthMethodAgent(id="login", name="Log in")],
        )

    async def new_session(self, cwd: str, **kwargs: Any) -> schema.NewSessionResponse:
        if "MINI_LOCKED" in os.environ:
            raise acp.RequestError.auth_required()
        self.cwd = Path(cwd)
        SESSIONS.mkdir(parents=True, exist_ok=True)
        (SESSIONS / "s-1").write_text(json.dumps(sorted(server.name for server in kwargs.get("mcp_servers") or ())))
        return schema.NewSessionResponse(session_id="s-1")

    async def load_session(self, cwd: str, session_id: str, **kwargs: Any) -> schema.LoadSessionResponse:
        self._find(session_id)
        self.cwd = Path(cwd)
        await self.client.session_update(session_id, acp.update_agent_message_text("told long ago"))
        await self.client.session_update(session_id, _cost(0.25))
        return schema.LoadSessionResponse()

    async def resume_session(self, cwd: str, session_id: str, **kwargs: Any) -> schema.ResumeSessionResponse:
        self._find(session_id)
        self.cwd = Path(cwd)
        return schema.ResumeSessionResponse()

    async def cancel(self, session_id: str, **kwargs: Any) -> None:
        self.cancelled.set()

    async def prompt(self, session_id: str, prompt: list[Any], **kwargs: Any) -> schema.PromptResponse:
        reason = "end_turn"
        for line in prompt[0].text.splitlines():
            word, _, rest = line.strip().partition(" ")
            reason = await getattr(self, f"do_{word}")(session_id, rest) or reason
            if self.cancelled.is_set():
                reason = "cancelled"
                break
        return schema.PromptResponse(stop_reason=reason, usage=USAGE)

    async def do_edit(self, session_id: str, rest: str) -> None:
        path, _, text = rest.partition(" ")
        (self.cwd / path).write_text(text)
        await self._tool(session_id, f"edit {path}", "edit", str(self.cwd / path), text)

    async def do_again(self, session_id: str, rest: str) -> None:
        for _ in range(int(rest)):
            await self._tool(session_id, "ls", "execute", "", "a.py")

    async def do_ask(self, session_id: str, rest: str) -> None:
        kind, _, what = rest.partition(" ")
        options = [("yes", "allow_once"), ("always", "allow_always"), ("no", "reject_once")]
        answered = await self.client.request_permission(
            session_id=session_id,
            tool_call=schema.ToolCallUpdate(
                tool_call_id="p-1", kind=kind, title=what, raw_input={"command": what} if kind == "execute" else None
            ),
            options=[schema.PermissionOption(option_id=id, name=id, kind=kind) for id, kind in options],
        )
        outcome = getattr(answered.outcome, "option_id", "cancelled")
        await self.do_say(session_id, f"[{outcome}]")

    async def do_say(self, session_id: str, rest: str) -> None:
        await self.client.session_update(session_id, acp.update_agent_message_text(rest))

    async def do_think(self, session_id: str, rest: str) -> None:
        await self.client.session_update(session_id, acp.update_agent_thought_text(rest))

    async def do_cost(self, session_id: str, rest: str) -> None:
        await self.client.session_update(session_id, _cost(float(rest)))

    async def do_flood(self, session_id: str, rest: str) -> None:
        for number in range(int(rest)):
            await self.client.session_update(session_id, acp.update_agent_message_text(f"{number} "))

    async def do_odd(self, session_id: str, rest: str) -> None:
        odd = {"sessionId": session_id, "update": {"sessionUpdate": "weather", "sky": ["blue"]}}
        print(json.dumps({"jsonrpc": "2.0", "method": "session/update", "params": odd}), flush=True)
        print("and a line that is none", flush=True)

    async def do_quiet_failure(self, session_id: str, rest: str) -> None:
        failed = {"sessionUpdate": "session_info_update", "_meta": {"codex": {"error": json.loads(rest)}}}
        params = {"sessionId": session_id, "update": failed}
        print(json.dumps({"jsonrpc": "2.0", "method": "session/update", "params": params}), flush=True)

    async def do_hang(self, session_id: str, rest: str) -> None:
        await self.cancelled.wait()

    async def do_deaf(self, session_id: str, rest: str) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            signal.pause()

    async def do_child(self, session_id: str, rest: str) -> None:
        if os.fork() == 0:
            os.setsid()
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            while True:
                signal.pause()

    async def do_crash(self, session_id: str, rest: str) -> None:
        print(rest or "panic: out of paper", file=sys.stderr, flush=True)
        os._exit(3)

    async def do_stop(self, session_id: str, rest: str) -> str:
        return rest

    async def do_limit(self, session_id: str, rest: str) -> None:
        data = {"errorKind": "rate_limit", "message": f"You've hit your limit. {rest}"}
        raise acp.RequestError(-32603, "Internal error", data)

    async def do_auth(self, session_id: str, rest: str) -> None:
        raise acp.RequestError(401, "invalid x-api-key")

    async def do_overflow(self, session_id: str, rest: str) -> None:
        data = {
            "errorName": "APIError",
            "statusCode": 400,
            "message": "prompt is too long: 210000 tokens > 200000 maximum",
        }
        raise acp.RequestError.internal_error(data)

    async def _tool(self, session_id: str, title: str, kind: Any, path: str, text: str) -> None:
        self.calls += 1
        id = f"c-{self.calls}"
        places = [schema.ToolCallLocation(path=path)] if path else None
        await self.client.session_update(session_id, acp.start_tool_call(id, title, kind=kind, locations=places))
        await self.client.session_update(session_id, acp.update_tool_call(id, status="completed", raw_output=text))

    def _find(self, session_id: str) -> None:
        if not (SESSIONS / session_id).exists():
            raise acp.RequestError.resource_not_found(session_id)


def _cost(amount: float) -> schema.UsageUpdate:
    return schema.UsageUpdate(
        session_update="usage_update", used=700, size=200_000, cost=schema.Cost(amount=amount, currency="USD")
    )


if __name__ == "__main__":
    asyncio.run(acp.run_agent(cast(acp.Agent, MiniAgent()), use_unstable_protocol=True))
