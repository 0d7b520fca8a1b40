"""A scripted model on loopback: Anthropic Messages, OpenAI Chat and Responses, Gemini; no model behind it.

In a test: `async with ModelServer({"happy": {"turns": [...]}}) as model: model.base("happy")`.
As a process: `python -m tests.model_server SCRIPTS.json [--port N] [--log FILE]` prints `READY http://127.0.0.1:PORT`.

A script is data: `{"turns": [TURN, ...], "side": TEXT, "when": TEXT, "no_tools": bool}`. It is chosen by the address
(`/s/NAME/...`), else by the key that the agent sends (`NAME`), else by the first script whose `when` is part of what was
asked, else it is the one named `default`, else the first. The turn is the number of answers of the model that the request
holds, so retries, resumed sessions and parallel agents get the right one; the last turn repeats for ever. Requests without
tools (titles, summaries) get `side` and are not counted, unless the script says `no_tools`.

A turn: `{"text", "thinking", "actions": [...], "usage": {input, output, cache_read, cache_write, reasoning}, "stop", "fault"}`.
Actions: `{"write": PATH, "content"}`, `{"run": COMMAND}`, `{"mcp": NAME_ENDING, "input"}`, `{"tool": NAME, "input"}`; each
becomes a call of the tool that this agent really offers. `stop`: refusal, max_tokens.
A fault: `{"kind": KIND, "times": N}` (always, without times) of the kinds: `status` (status, headers, message, code, after_s:
adds reset headers of every provider that many seconds ahead), `hang`, `disconnect`, `malformed`, `html`; while streaming:
`drip` (delay_s before each event), `stall` (for ever, after N events), `cut` (after N events; in the middle where nothing streams).
"""

import argparse
import asyncio
import contextlib
import json
import re
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType

from tests.model_answers import Answer, Json, error_body, events, framed, whole
from tests.model_tools import Asked, asked_of, call_of

_DEFAULT: Json = {"turns": [{"text": "Nothing is scripted."}]}
_GEMINI = re.compile(r"/models/([^/:]+):(\w+)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One request, in the order of arrival."""

    wire: str
    path: str
    headers: Mapping[str, str]
    body: Json
    script: str
    turn: int
    """-1: a side request."""

    @property
    def key(self) -> str:
        """That it came with."""
        bearer = self.headers.get("authorization", "").removeprefix("Bearer ")
        return self.headers.get("x-api-key") or self.headers.get("x-goog-api-key") or bearer


@dataclass(slots=True)
class ModelServer:
    """Listens while it is entered."""

    scripts: Mapping[str, Json] = field(default_factory=dict)
    port: int = 0
    log: Path | None = None
    requests: list[Recorded] = field(default_factory=list)
    _served: Counter[tuple[str, int]] = field(default_factory=Counter)
    _server: asyncio.Server | None = None
    _tasks: "set[asyncio.Task[None]]" = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def base(self, script: str) -> str:
        """The base URL under which an agent meets this script."""
        return f"{self.url}/s/{script}"

    async def __aenter__(self) -> "ModelServer":
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port, limit=64 * 1024 * 1024)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._talk(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                while await self._exchange(reader, writer):
                    pass
        finally:
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection stays open."""
        method, target, headers = _head(await reader.readuntil(b"\r\n\r\n"))
        raw = await _read_body(reader, headers, writer)
        path, script = _split(target.partition("?")[0])
        if method != "POST":
            await _send_json(writer, 200, _models() if path.rstrip("/").endswith("/models") else {})
            return True
        body = json.loads(raw or b"{}")
        wire = _wire(path, body)
        asked = asked_of(wire, body)
        name, said = self._chosen(script, headers, asked)
        counting = "count" in path.rsplit("/", 1)[-1]
        main = bool(asked.tools) or bool(said.get("no_tools"))
        turn = min(asked.turn, len(said["turns"]) - 1) if main and not counting else -1
        self._record(Recorded(wire=wire, path=path, headers=headers, body=body, script=name, turn=turn))
        if counting or not wire:
            count = {"input_tokens": len(raw) // 4, "totalTokens": len(raw) // 4}
            await _send_json(writer, 200 if counting else 404, count)
            return True
        scripted = said["turns"][turn] if turn >= 0 else {"text": said.get("side", "A scripted title")}
        return await self._answer(writer, wire, body, scripted, (name, turn), asked, raw)

    def _chosen(self, script: str, headers: Mapping[str, str], asked: Asked) -> tuple[str, Json]:
        key = Recorded(wire="", path="", headers=headers, body={}, script="", turn=0).key
        named = (name for name in (script, key) if name in self.scripts)
        fitting = (name for name, said in self.scripts.items() if said.get("when") and said["when"] in asked.text)
        rest = ("default", *self.scripts)
        name = next((name for name in (*named, *fitting, *rest) if name in self.scripts), "")
        return name, self.scripts.get(name, _DEFAULT)

    def _record(self, recorded: Recorded) -> None:
        self.requests.append(recorded)
        if self.log is not None:
            line = {"wire": recorded.wire, "path": recorded.path, "script": recorded.script, "turn": recorded.turn}
            with self.log.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps({**line, "key": recorded.key, "body": recorded.body}) + "\n")

    async def _answer(
        self,
        writer: asyncio.StreamWriter,
        wire: str,
        body: Json,
        scripted: Json,
        place: tuple[str, int],
        asked: Asked,
        raw: bytes,
    ) -> bool:
        self._served[place] += 1
        fault = scripted.get("fault") or {}
        fault = fault if self._served[place] <= fault.get("times", 10**9) else {}
        if fault and await _failed(writer, wire, body, fault):
            return str(fault["kind"]) == "status"
        calls = tuple(call_of(action, asked) for action in scripted.get("actions", ()))
        reckoned = {"input": len(raw) // 4, "output": 20 + len(json.dumps([call.input for call in calls])) // 4}
        answer = Answer(
            id=f"{sum(self._served.values()):06d}",
            model=str(body.get("model") or "scripted"),
            text=scripted.get("text", ""),
            thinking=scripted.get("thinking", ""),
            calls=calls,
            stop=scripted.get("stop", ""),
            usage={**reckoned, **scripted.get("usage", {})},
        )
        if body.get("stream"):
            return await _stream(writer, wire, events(wire, answer, body), fault)
        if fault.get("kind") == "cut":
            await _send_half(writer, whole(wire, answer))
            return False
        await _send_json(writer, 200, whole(wire, answer))
        return True


# HTTP


def _head(raw: bytes) -> tuple[str, str, dict[str, str]]:
    first, *lines = raw.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    pairs = (line.split(":", 1) for line in lines if ":" in line)
    return method, target, {name.strip().lower(): value.strip() for name, value in pairs}


async def _read_body(reader: asyncio.StreamReader, headers: Mapping[str, str], writer: asyncio.StreamWriter) -> bytes:
    if headers.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    if "chunked" not in headers.get("transfer-encoding", "").lower():
        return await reader.readexactly(int(headers.get("content-length") or 0))
    parts: list[bytes] = []
    while size := int((await reader.readline()).split(b";")[0], 16):
        parts.append((await reader.readexactly(size + 2))[:-2])
    await reader.readline()
    return b"".join(parts)


async def _send_json(
    writer: asyncio.StreamWriter, status: int, document: object, headers: Mapping[str, str] | None = None
) -> None:
    await _send(writer, status, "application/json", json.dumps(document).encode(), headers)


async def _send(
    writer: asyncio.StreamWriter, status: int, kind: str, data: bytes, headers: Mapping[str, str] | None = None
) -> None:
    said = {"content-type": kind, "content-length": str(len(data)), "request-id": "req_scripted", **(headers or {})}
    lines = "".join(f"{name}: {value}\r\n" for name, value in said.items())
    writer.write(f"HTTP/1.1 {status} Scripted\r\n{lines}\r\n".encode() + data)
    await writer.drain()


async def _send_half(writer: asyncio.StreamWriter, document: object) -> None:
    data = json.dumps(document).encode()
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(data))
    writer.write(data[: len(data) // 2])
    await writer.drain()


async def _stream(writer: asyncio.StreamWriter, wire: str, found: Sequence[Json | str], fault: Json) -> bool:
    head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n"
    writer.write(f"{head}request-id: req_scripted\r\ntransfer-encoding: chunked\r\n\r\n".encode())
    for number, event in enumerate(found):
        kind, after = fault.get("kind"), fault.get("after", 3)
        if kind == "drip":
            await asyncio.sleep(fault.get("delay_s", 0.2))
        if kind == "stall" and number == after:
            await asyncio.sleep(fault.get("seconds", 3600))
        if kind == "cut" and number >= after:
            return False
        data = framed(wire, event)
        writer.write(b"%x\r\n%s\r\n" % (len(data), data))
        await writer.drain()
    writer.write(b"0\r\n\r\n")
    await writer.drain()
    return True


async def _failed(writer: asyncio.StreamWriter, wire: str, body: Json, fault: Json) -> bool:
    """Whether the fault is the whole answer."""
    match fault["kind"]:
        case "status":
            status = fault["status"]
            message = fault.get("message", f"scripted: HTTP {status}")
            document = error_body(wire, status, message, fault.get("code"))
            await _send_json(writer, status, document, _fault_headers(fault))
        case "hang":
            await asyncio.sleep(fault.get("seconds", 3600))
        case "malformed" if body.get("stream"):
            data = b'event: message_start\ndata: {"type": "mess\n\ndata: <html>oops</html>\n\n'
            await _send(writer, 200, "text/event-stream", data)
        case "malformed":
            await _send(writer, 200, "application/json", b'{"id": "x", "content": [')
        case "html":
            await _send(writer, 502, "text/html", b"<html><body>502 Bad Gateway</body></html>")
        case "disconnect":
            pass
        case _:
            return False
    return True


def _fault_headers(fault: Json) -> dict[str, str]:
    said = {name: str(value) for name, value in fault.get("headers", {}).items()}
    if "after_s" not in fault:
        return said
    seconds = int(fault["after_s"])
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=seconds)
    written = until.isoformat().replace("+00:00", "Z")
    return {
        "retry-after": str(seconds),
        "anthropic-ratelimit-requests-reset": written,
        "anthropic-ratelimit-unified-reset": str(int(until.timestamp())),
        "x-ratelimit-reset-requests": f"{seconds}s",
        **said,
    }


# What was asked


def _split(path: str) -> tuple[str, str]:
    match = re.match(r"^/s/([^/]+)(/.*)$", path)
    return (match[2], match[1]) if match else (path, "")


def _wire(path: str, body: Json) -> str:
    """Empty: of none."""
    if match := _GEMINI.search(path):
        body["model"], body["stream"] = match[1], match[2] == "streamGenerateContent"
        return "gemini"
    endings = {"/messages": "anthropic", "/messages/count_tokens": "anthropic"}
    endings |= {"/chat/completions": "openai-chat", "/responses": "openai-responses"}
    return next((wire for ending, wire in endings.items() if path.endswith(ending)), "")


def _models() -> Json:
    ids = ("scripted", "claude-opus-4-8", "gpt-5.5")
    listed = [{"id": name, "object": "model", "type": "model", "display_name": name, "created": 1} for name in ids]
    return {"object": "list", "has_more": False, "data": listed, "models": []}


async def _serve(scripts: Mapping[str, Json], port: int, log: Path | None) -> None:
    async with ModelServer(scripts, port=port, log=log) as server:
        print(f"READY {server.url}", flush=True)
        await asyncio.Event().wait()


def main(argv: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scripts", type=Path, help="JSON: script by name")
    parser.add_argument("--port", type=int, default=0, help="0: any that is free")
    parser.add_argument("--log", type=Path, help="one JSON line for each request")
    options = parser.parse_args(argv)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(json.loads(options.scripts.read_text("utf-8")), options.port, options.log))


if __name__ == "__main__":
    main(sys.argv[1:])
