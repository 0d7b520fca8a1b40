"""One prompt, start to end, with an agent of the Agent Client Protocol: the requests are the SDK's, the judgement ours."""

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from acp import schema
from acp.connection import Connection
from acp.exceptions import RequestError
from acp.meta import AGENT_METHODS, CLIENT_METHODS, PROTOCOL_VERSION
from pydantic import BaseModel

from ostinato.adapters.agents.acp_ends import of_stop
from ostinato.adapters.agents.acp_permissions import answer
from ostinato.adapters.agents.acp_sessions import SpentBefore, model_option, served
from ostinato.adapters.agents.acp_updates import Heard
from ostinato.adapters.agents.judging import AUTH_REQUIRED, of_error
from ostinato.adapters.agents.port import AgentTask
from ostinato.adapters.agents.provider_errors import Judged
from ostinato.adapters.agents.reading import inner, objects, read_object, words
from ostinato.adapters.processes import ProcessEnd, Streamed
from ostinato.domain.agents import AgentEnd, AgentEvent, EndKind, EventKind, LimitKind
from ostinato.domain.agents.described import AcpRules

METHOD_NOT_FOUND = -32601
LAST_ANSWERS_S = 1.0
"""For what was heard and is still being looked at when the agent's process has ended."""
_ABOUT_US = schema.Implementation(name="ostinato", version="1")
_CANCELLED = {"outcome": {"outcome": "cancelled"}}


class Conversation:
    """Parser and talk of one invocation."""

    def __init__(self, task: AgentTask, rules: AcpRules, *, model: str = "") -> None:
        self.finished = False
        self.session_lost = False
        """The one that was to be resumed is not to be had any more: only a new one helps."""
        self._task = task
        self._rules = rules
        self._model = model
        self._heard = Heard(tree=task.tree)
        self._spent = SpentBefore(task.private)
        self._session_id = ""
        self._judged: Judged | None = None
        self._is_ending = False
        self._inbox: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()

    def begin(self, running: Streamed, tell: Callable[[AgentEvent], None]) -> None:
        self._running = running
        self._tell = tell
        self._connection = Connection(self._asked, _Wire(running, self._inbox))
        self._talking = asyncio.create_task(self._talk(), name="a turn of an agent")

    def feed(self, line: str) -> Iterable[AgentEvent]:
        """Updates are heard here, in their order; all else is the connection's."""
        message = read_object(line)
        if message is None:
            return ()
        if message.get("method") == CLIENT_METHODS["session_update"]:
            events = self._heard.take(inner(message, "params") or {})
            if any(event.kind is EventKind.USAGE for event in events):
                self._spent.note(self._session_id, self._heard.cost_usd)
            return events
        self._inbox.put_nowait(message)
        return (AgentEvent(kind=EventKind.OTHER),)

    def ask_to_end(self) -> None:
        """Requests for permission that are still open, or come now, count as taken back."""
        self._is_ending = True
        if not self._heard.listening or self.finished:
            self._running.hush()
            return
        params = _plain(schema.CancelNotification(session_id=self._session_id))
        self._cancelling = asyncio.ensure_future(
            self._connection.send_notification(AGENT_METHODS["session_cancel"], params)
        )

    async def leave(self) -> None:
        self._inbox.put_nowait(None)
        try:
            await asyncio.wait({self._talking}, timeout=LAST_ANSWERS_S)
        finally:
            self._talking.cancel()
            await self._connection.close()
        await asyncio.wait({self._talking})
        if not self._talking.cancelled():
            self._talking.result()

    def end(self, exit: ProcessEnd, limit: LimitKind | None) -> AgentEnd:
        judged = self._judged or _unanswered(exit)
        return AgentEnd(
            kind=judged.kind,
            message=judged.message,
            status=judged.status,
            until=judged.until,
            limit=judged.limit,
            session_id=self._session_id,
            answer=self._heard.answer,
            use=self._heard.finish(None),
            turns=self._heard.turns,
        )

    async def _talk(self) -> None:
        try:
            self._judged = await self._turn()
        except RequestError as error:
            self._judged = of_error(error.code, str(error), error.data, now=datetime.now(UTC), otherwise=EndKind.CRASH)
        except ConnectionError:
            pass  # Its process has ended, or is being ended: that is judged by how.
        finally:
            self.finished = True
            self._running.hush()

    async def _turn(self) -> Judged:
        about = await self._ask("initialize", _greeting())
        version = inner(about, "protocolVersion")
        if version != PROTOCOL_VERSION:
            problem = f"it speaks version {version} of the protocol, and version {PROTOCOL_VERSION} is spoken here"
            return Judged(kind=EndKind.MISSING, message=problem)
        if self._rules.authenticate:
            await self._ask("authenticate", schema.AuthenticateRequest(method_id=self._rules.authenticate))
        if refused := await self._open(about):
            return refused
        self._tell(AgentEvent(kind=EventKind.STARTED, session_id=self._session_id))
        self._heard.listening = True
        prompt = [schema.TextContentBlock(type="text", text=self._task.prompt)]
        said = await self._ask("session_prompt", schema.PromptRequest(session_id=self._session_id, prompt=prompt))
        self._tell(AgentEvent(kind=EventKind.USAGE, use=self._heard.finish(said)))
        return self._of_stop(words(inner(said, "stopReason")))

    def _of_stop(self, reason: str) -> Judged:
        """An agent may say that all is well after its model has failed: what it told beside that counts."""
        trouble = self._heard.trouble
        judged = of_stop(reason)
        if judged.kind is not EndKind.DONE or trouble is None:
            return judged
        return of_error(None, trouble.message, trouble.raw, now=datetime.now(UTC), otherwise=EndKind.PROVIDER)

    async def _open(self, about: Any) -> Judged | None:
        servers, left_out = served(self._task.servers, about)
        for name in left_out:
            self._tell(
                AgentEvent(kind=EventKind.FAILED, text=f"it cannot use the server {name}: its kind is not known")
            )
        try:
            session = await self._session(about, servers)
        except RequestError as error:
            if error.code == AUTH_REQUIRED:
                return Judged(kind=EndKind.AUTH, message=_login(about, str(error)))
            if not self._task.session_id:
                raise
            return self._lost(f"its session {self._task.session_id} cannot be resumed: {error}")
        if session is None:
            return self._lost("it cannot resume sessions")
        self._session_id = self._task.session_id or words(inner(session, "sessionId"))
        self._heard.spent_before_usd = max(self._heard.spent_before_usd, self._spent.of(self._session_id))
        await self._set_up(session)
        return None

    async def _session(self, about: Any, servers: Sequence[schema.McpServerStdio | schema.HttpMcpServer]) -> Any:
        """None where one is to be resumed, and it has no way to."""
        cwd, known = str(self._task.tree), self._task.session_id
        given = [*servers]
        if not known:
            return await self._ask("session_new", schema.NewSessionRequest(cwd=cwd, mcp_servers=given))
        can_load = bool(inner(about, "agentCapabilities", "loadSession"))
        if inner(about, "agentCapabilities", "sessionCapabilities", "resume") is not None:
            request = schema.ResumeSessionRequest(cwd=cwd, session_id=known, mcp_servers=given)
            try:
                return await self._ask("session_resume", request) or {}
            except RequestError as error:
                if error.code != METHOD_NOT_FOUND or not can_load:
                    raise
        if can_load:
            loading = schema.LoadSessionRequest(cwd=cwd, session_id=known, mcp_servers=given)
            return await self._ask("session_load", loading) or {}
        return None

    def _lost(self, message: str) -> Judged:
        self.session_lost = True
        return Judged(kind=EndKind.CRASH, message=message)

    async def _set_up(self, session: Any) -> None:
        """What it refuses is told, and its own choice stays."""
        id = self._session_id
        if self._rules.mode:
            await self._try("session_set_mode", schema.SetSessionModeRequest(session_id=id, mode_id=self._rules.mode))
        chosen = model_option(session, self._model) | self._rules.options
        for option, value in chosen.items():
            request = schema.SetSessionConfigOptionSelectRequest(session_id=id, config_id=option, value=value)
            await self._try("session_set_config_option", request)

    async def _try(self, method: str, request: BaseModel) -> None:
        try:
            await self._ask(method, request)
        except RequestError as error:
            self._tell(
                AgentEvent(kind=EventKind.FAILED, text=f"{AGENT_METHODS[method]}: {error}", code=str(error.code))
            )

    async def _ask(self, method: str, request: BaseModel) -> Any:
        return await self._connection.send_request(AGENT_METHODS[method], _plain(request))

    async def _asked(self, method: str, params: Any, is_notification: bool) -> Any:
        """By the agent."""
        if is_notification:
            return None
        if method != CLIENT_METHODS["session_request_permission"]:
            raise RequestError.method_not_found(method)
        return self._permission(params)

    def _permission(self, params: Any) -> Mapping[str, Any]:
        call = inner(params, "toolCall")
        if self._is_ending or not isinstance(call, Mapping):
            return _CANCELLED
        options, task = objects(inner(params, "options")), self._task
        verdict = answer(call, options, task.allowed, tree=task.tree, servers=tuple(task.servers))
        if verdict.denied:
            self._tell(AgentEvent(kind=EventKind.DENIED, text=verdict.denied, call_id=words(call.get("toolCallId"))))
        if not verdict.option_id:
            return _CANCELLED
        return {"outcome": {"outcome": "selected", "optionId": verdict.option_id}}


class _Wire:
    """What the SDK calls a transport: messages out to the process, and in from whoever feeds."""

    def __init__(self, running: Streamed, inbox: "asyncio.Queue[dict[str, Any] | None]") -> None:
        self._running = running
        self._inbox = inbox

    async def send(self, message: dict[str, Any]) -> None:
        self._running.say(json.dumps(message, ensure_ascii=True, separators=(",", ":")).encode() + b"\n")

    async def receive(self) -> dict[str, Any] | None:
        return await self._inbox.get()

    async def close(self) -> None:
        pass


def _greeting() -> schema.InitializeRequest:
    """No files and no terminals of ours: agents have their own, and their supervisor watches those."""
    return schema.InitializeRequest(
        protocol_version=PROTOCOL_VERSION, client_capabilities=schema.ClientCapabilities(), client_info=_ABOUT_US
    )


def _plain(request: BaseModel) -> dict[str, Any]:
    return request.model_dump(mode="json", by_alias=True, exclude_none=True)


def _unanswered(exit: ProcessEnd) -> Judged:
    complaint = next((line.strip() for line in reversed(exit.tail.splitlines()) if line.strip()), "")
    judged = of_error(None, complaint, None, now=datetime.now(UTC), otherwise=EndKind.CRASH)
    message = "its process ended before its answer" + (f": {complaint[:300]}" if complaint else "")
    return Judged(kind=judged.kind, message=message, status=judged.status, until=judged.until)


def _login(about: Any, message: str) -> str:
    methods = ", ".join(words(method.get("id")) for method in objects(inner(about, "authMethods")))
    return f"{message}: it knows the ways {methods}" if methods else message
