"""The wires that models are asked over: which one a path speaks, and what a request is about. Pure."""

import json
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from ostinato.domain.base import Fact
from ostinato.domain.budget.amounts import Amount
from ostinato.domain.budget.prices import Terms, estimate_of

ANSWER_TOKENS: Final = 8_000
"""The longest answer that is reckoned with: agents ask for room for 32,000 tokens and use a few hundred."""
_ENCODED_TOKENS: Final = 1_600
"""Of an image, however many characters its encoding has."""
_LONG = 2_000
_ENCODED = re.compile(rb"[A-Za-z0-9+/=_-]+")


class Wire(StrEnum):
    ANTHROPIC = "anthropic"
    OPENAI_CHAT = "openai-chat"
    OPENAI_RESPONSES = "openai-responses"
    GEMINI = "gemini"

    @property
    def provider(self) -> str:
        """As the price table names it, and as its addresses begin."""
        return self.value.partition("-")[0]

    @property
    def of_provider(self) -> "frozenset[Wire]":
        """All that are spoken with its provider, with the same key."""
        return frozenset(wire for wire in Wire if wire.provider == self.provider)


class CallKind(StrEnum):
    ASK = "ask"
    """Costs tokens."""
    COUNT = "count"
    """Costs nothing, and can be asked for ever."""
    LOOK = "look"
    """Reads what models there are."""


class Route(Fact):
    """Where a request goes."""

    wire: Wire
    kind: CallKind
    path: str
    """Beneath the provider's base URL."""
    model: str = ""
    """Where the path names it."""
    streams: bool | None = None
    """None: the body says."""


_ROUTES: Final = (
    (Wire.ANTHROPIC, CallKind.ASK, "POST", r"/v1/messages"),
    (Wire.ANTHROPIC, CallKind.COUNT, "POST", r"/v1/messages/count_tokens"),
    (Wire.ANTHROPIC, CallKind.LOOK, "GET", r"/v1/models(?:/[\w.:@-]+)?"),
    (Wire.OPENAI_CHAT, CallKind.ASK, "POST", r"/chat/completions"),
    (Wire.OPENAI_RESPONSES, CallKind.ASK, "POST", r"/responses(?:/compact)?"),
    (Wire.OPENAI_RESPONSES, CallKind.COUNT, "POST", r"/responses/input_tokens"),
    (Wire.OPENAI_CHAT, CallKind.LOOK, "GET", r"/models(?:/[\w.:@-]+)?"),
    (Wire.GEMINI, CallKind.ASK, "POST", r"/v1(?:beta|alpha)?/models/(?P<model>[\w.@-]+):(?P<verb>generateContent)"),
    (Wire.GEMINI, CallKind.ASK, "POST", r"/v1(?:beta|alpha)?/models/(?P<model>[\w.@-]+):(?P<verb>streamGenerateContent)"),
    (Wire.GEMINI, CallKind.COUNT, "POST", r"/v1(?:beta|alpha)?/models/(?P<model>[\w.@-]+):countTokens"),
    (Wire.GEMINI, CallKind.LOOK, "GET", r"/v1(?:beta|alpha)?/models(?:/[\w.@-]+)?"),
)  # fmt: skip
_COMPILED: Final = tuple((wire, kind, method, re.compile(pattern)) for wire, kind, method, pattern in _ROUTES)
_PREFIXES: Final = {"anthropic": "/anthropic", "openai": "/openai/v1", "gemini": "/gemini"}


def base_urls(origin: str) -> Mapping[Wire, str]:
    """What an agent is told, for each wire, where a gateway listens at `origin`."""
    return {wire: f"{origin.rstrip('/')}{_PREFIXES[wire.provider]}" for wire in Wire}


def route_of(method: str, path: str) -> Route | None:
    """None: nothing that an agent needs."""
    provider, rest = _split(path)
    for wire, kind, verb, pattern in _COMPILED:
        if wire.provider == provider and verb == method and (match := pattern.fullmatch(rest)):
            named = match.groupdict()
            streams = named["verb"].startswith("stream") if "verb" in named else None
            return Route(wire=wire, kind=kind, path=rest, model=named.get("model") or "", streams=streams)
    return None


def wire_of(path: str) -> Wire:
    """In whose form an error is told, also for a path that leads nowhere."""
    provider, rest = _split(path)
    if provider == "openai":
        return Wire.OPENAI_RESPONSES if rest.startswith("/responses") else Wire.OPENAI_CHAT
    return Wire.GEMINI if provider == "gemini" else Wire.ANTHROPIC


def is_greeting(method: str, path: str) -> bool:
    """Whether somebody is there."""
    provider, rest = _split(path)
    return method in ("GET", "HEAD") and (path == "/" or (bool(provider) and rest in ("", "/")))


def _split(path: str) -> tuple[str, str]:
    for provider, prefix in _PREFIXES.items():
        if path == prefix or path.startswith(f"{prefix}/"):
            return provider, path[len(prefix) :]
    return "", path


class Asked(Fact):
    """What a request to a model is about, as far as it can be read."""

    wire: Wire
    model: str = ""
    streams: bool = False
    has_tools: bool = False
    prompt_tokens: int = 0
    """An estimate: no tokenizer is at hand."""
    answer_tokens: int = ANSWER_TOKENS
    """At most, as far as that is reckoned with."""

    def estimate(self, terms: Terms) -> Amount:
        """Nothing cached, and a long answer."""
        return estimate_of(terms, prompt_tokens=self.prompt_tokens, max_tokens=self.answer_tokens)

    @property
    def priced_as(self) -> str:
        """As the price table names the model."""
        return f"{self.wire.provider}:{self.model}"


def asked_of(route: Route, document: Mapping[str, Any], body: bytes) -> Asked:
    """`document` is the body read as JSON, empty where it is none."""
    inner = document.get("generationConfig") if route.wire is Wire.GEMINI else document
    said = inner if isinstance(inner, Mapping) else {}
    names = ("max_tokens", "max_completion_tokens", "max_output_tokens", "maxOutputTokens")
    most = next((said[name] for name in names if isinstance(said.get(name), int)), ANSWER_TOKENS)
    streams = bool(document.get("stream")) if route.streams is None else route.streams
    return Asked(
        wire=route.wire,
        model=route.model or str(document.get("model") or ""),
        streams=streams,
        has_tools=bool(document.get("tools")),
        prompt_tokens=prompt_tokens(body),
        answer_tokens=max(0, min(most, ANSWER_TOKENS)),
    )


def prompt_tokens(body: bytes) -> int:
    """Rather too many: three and a half characters a token; images by number, not by length."""
    long = (text for text in body.split(b'"') if len(text) >= _LONG)
    encoded = [len(text) for text in long if _ENCODED.fullmatch(text, len(text) - _LONG)]
    return (len(body) - sum(encoded)) * 2 // 7 + len(encoded) * _ENCODED_TOKENS


def document_of(body: bytes) -> dict[str, Any]:
    """Empty where it is no JSON object."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
