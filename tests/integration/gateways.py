"""A gateway in front of the scripted model, and how an agent would ask it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from ostinato.adapters.gateway import Gateway, Pass, Upstream, upstreams_of
from ostinato.adapters.prices import known_prices
from ostinato.domain.agents.wires import Wire
from tests.model_server import ModelServer

REAL_KEY = "sk-ant-api03-" + "R" * 80 + "-realkeyAA"
TOOLS = [{"name": "Write", "input_schema": {"type": "object"}}]
ASK: dict[str, Any] = {
    "model": "claude-sonnet-4-5",
    "max_tokens": 32_000,
    "tools": TOOLS,
    "messages": [{"role": "user", "content": "go"}],
}


def upstreams(url: str) -> Mapping[str, Upstream]:
    return upstreams_of(
        {
            "ANTHROPIC_BASE_URL": url,
            "ANTHROPIC_API_KEY": REAL_KEY,
            "OPENAI_BASE_URL": f"{url}/v1",
            "OPENAI_API_KEY": "sk-real-openai",
            "GOOGLE_GEMINI_BASE_URL": url,
            "GEMINI_API_KEY": "real-gemini",
        }
    )


def script(*turns: dict[str, Any]) -> dict[str, Any]:
    return {"default": {"turns": list(turns), "no_tools": True}}


def a_turn(**said: Any) -> dict[str, Any]:
    return {"text": "A short answer", "usage": {"input": 100, "output": 20, "cache_read": 1_000}, **said}


@dataclass(slots=True)
class Scene:
    model: ModelServer
    gateway: Gateway

    async def post(self, given: Pass, path: str = "/v1/messages", body: Any = None, **headers: str) -> httpx.Response:
        """As Claude Code asks; a path of another wire begins with its name."""
        async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
            return await client.post(
                self.url(given, path), json=ASK if body is None else body, headers={"x-api-key": given.key, **headers}
            )

    def url(self, given: Pass, path: str) -> str:
        if path.startswith("/"):
            return given.base_urls[Wire.ANTHROPIC] + path
        wire, _, rest = path.partition("/")
        return f"{given.base_urls[Wire(wire)]}/{rest}"


@asynccontextmanager
async def a_scene(
    folder: Path,
    *turns: dict[str, Any],
    socket: Path | None = None,
) -> AsyncIterator[Scene]:
    async with ModelServer(script(*(turns or (a_turn(),)))) as model:
        gateway = Gateway(upstreams=upstreams(model.url), ledger_folder=folder / "ledger", prices=known_prices())
        async with gateway.serving(socket=socket):
            yield Scene(model, gateway)


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not is_so():  # noqa: ASYNC110 - what is waited for is of another process
            await asyncio.sleep(0.01)
