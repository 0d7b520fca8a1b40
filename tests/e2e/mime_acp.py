"""Plays the scenes of `mime.py` by the Agent Client Protocol: `python mime_acp.py STATE`. It asks before it changes a file."""

import asyncio
import sys
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import acp
from acp import schema

from tests.e2e.mime import next_scene, part_of, play

OPTIONS = [
    schema.PermissionOption(option_id="yes", name="Yes", kind="allow_once"),
    schema.PermissionOption(option_id="no", name="No", kind="reject_once"),
]
USE = schema.Usage(input_tokens=1_000, output_tokens=100, total_tokens=1_100)


class Mime:
    def __init__(self, state: Path) -> None:
        self.state = state
        self.tree = Path()

    def on_connect(self, conn: acp.Client) -> None:
        self.client = conn

    async def initialize(self, protocol_version: int, **kwargs: Any) -> schema.InitializeResponse:
        able = schema.AgentCapabilities(load_session=True)
        return schema.InitializeResponse(protocol_version=protocol_version, agent_capabilities=able)

    async def new_session(self, cwd: str, **kwargs: Any) -> schema.NewSessionResponse:
        self.tree = Path(cwd)
        return schema.NewSessionResponse(session_id=uuid.uuid4().hex)

    async def load_session(self, cwd: str, session_id: str, **kwargs: Any) -> schema.LoadSessionResponse:
        if not (self.state / session_id).exists():
            raise acp.RequestError.resource_not_found(session_id)
        self.tree = Path(cwd)
        return schema.LoadSessionResponse()

    async def prompt(self, session_id: str, prompt: list[Any], **kwargs: Any) -> schema.PromptResponse:
        scene = next_scene(self.state, self._part(session_id, prompt[0].text))
        changed = (*scene.get("write", ()), *scene.get("append", ()), *scene.get("remove", ()))
        if not changed or await self._may_change(session_id, changed):
            await asyncio.to_thread(play, scene, self.tree)
        said = acp.update_agent_message_text(scene.get("says", "It is done."))
        await self.client.session_update(session_id, said)
        return schema.PromptResponse(stop_reason="end_turn", usage=USE)

    async def cancel(self, session_id: str, **kwargs: Any) -> None:
        raise SystemExit(1)

    def _part(self, session_id: str, task: str) -> str:
        """Of a session it is always the same."""
        kept = self.state / session_id
        if not kept.exists():
            kept.write_text(part_of(self.state, task))
        return kept.read_text()

    async def _may_change(self, session_id: str, paths: Iterable[str]) -> bool:
        places = [schema.ToolCallLocation(path=str(self.tree / path)) for path in paths]
        asked = schema.ToolCallUpdate(tool_call_id=uuid.uuid4().hex, kind="edit", title="Change", locations=places)
        answer = await self.client.request_permission(session_id=session_id, tool_call=asked, options=OPTIONS)
        return getattr(answer.outcome, "option_id", "") == "yes"


if __name__ == "__main__":
    asyncio.run(acp.run_agent(cast(acp.Agent, Mime(Path(sys.argv[1])))))
