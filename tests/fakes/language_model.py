"""A language model that answers from a script, and a server on loopback that speaks both real protocols from one."""

import asyncio
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ostinato.domain.errors import ExternalError
from ostinato.domain.language_model import Completion


@dataclass(frozen=True)
class Says:
    text: str
    tokens_in: int = 7
    tokens_out: int = 3
    cached_read: int = 0


@dataclass(frozen=True)
class Refuses:
    status: int = 500
    detail: str = "overloaded"


@dataclass(frozen=True)
class Hangs:
    """Until the caller has had enough."""


@dataclass(frozen=True)
class Garbles:
    """Answers with something that is no answer."""


Line = Says | Refuses | Hangs | Garbles


@dataclass
class FakeModel:
    script: list[Line]
    name: str = "fake:scripted"
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Prompt and system of every call."""

    async def complete(
        self,
        prompt: str,
        *,
        system: str = "",
        max_tokens: int = 1024,
        timeout_s: float = 60.0,
        schema: Mapping[str, Any] | None = None,
    ) -> Completion:
        self.asked.append((prompt, system))
        line = self.script.pop(0)
        if isinstance(line, Hangs):
            try:
                await asyncio.wait_for(asyncio.Event().wait(), timeout_s)
            except TimeoutError:
                raise ExternalError(
                    f"{self.name} did not answer within {timeout_s:g} s", code="model_timeout"
                ) from None
        if isinstance(line, Refuses):
            raise ExternalError(f"{self.name} refused with HTTP {line.status}: {line.detail}", code="model_refused")
        if isinstance(line, Says):
            return Completion(
                text=line.text, tokens_in=line.tokens_in, tokens_out=line.tokens_out, cached_read=line.cached_read
            )
        raise ExternalError(f"{self.name} answered nonsense", code="model_answer_invalid")


@dataclass
class Provider:
    """What the scripted server was sent."""

    url: str
    script: list[Line]
    received: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list)
    """Path, headers in lower case, document."""
    released: threading.Event = field(default_factory=threading.Event)


@contextmanager
def provider(script: list[Line], port: int = 0) -> Iterator[Provider]:
    """On a free port, unless one is given."""
    found = Provider(url="", script=script)

    class Speaks(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            document = json.loads(self.rfile.read(int(self.headers["content-length"])))
            found.received.append((self.path, {k.lower(): v for k, v in self.headers.items()}, document))
            line = found.script.pop(0)
            if isinstance(line, Hangs):
                found.released.wait(30)
                return
            self._send(*_rendered(line, self.path, document))

        def _send(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Tests are quiet."""

    with ThreadingHTTPServer(("127.0.0.1", port), Speaks) as server:
        found.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield found
        finally:
            found.released.set()
            server.shutdown()
            thread.join()


def _rendered(line: Says | Refuses | Garbles, path: str, document: Mapping[str, Any]) -> tuple[int, bytes]:
    match line:
        case Refuses():
            return line.status, json.dumps({"error": {"message": line.detail}}).encode()
        case Garbles():
            return 200, b'{"content": 3, "choices": "none"}'
        case Says():
            said = _messages(line, document) if path.endswith("/v1/messages") else _chat(line)
            return 200, json.dumps(said).encode()


def _messages(line: Says, document: Mapping[str, Any]) -> dict[str, Any]:
    is_object = "tool_choice" in document
    block = {"type": "tool_use", "input": json.loads(line.text)} if is_object else {"type": "text", "text": line.text}
    usage = {
        "input_tokens": line.tokens_in,
        "output_tokens": line.tokens_out,
        "cache_read_input_tokens": line.cached_read,
    }
    return {"content": [block], "usage": usage}


def _chat(line: Says) -> dict[str, Any]:
    usage = {
        "prompt_tokens": line.tokens_in + line.cached_read,
        "completion_tokens": line.tokens_out,
        "prompt_tokens_details": {"cached_tokens": line.cached_read},
    }
    return {"choices": [{"message": {"role": "assistant", "content": line.text}}], "usage": usage}
