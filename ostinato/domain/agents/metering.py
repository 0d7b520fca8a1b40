"""What a model's answer came to, read from the wire while it passes by. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ostinato.domain.agents.server_events import EventReader
from ostinato.domain.agents.wires import Wire
from ostinato.domain.budget.amounts import Usage

MOST_BODY_BYTES: Final = 32 * 1024 * 1024
_TELLING: Final = (b'"usage', b'"error"', b"response.failed", b'"message_stop"', b"[DONE]", b'"finishReason"')
"""Only events with one of these are worth reading."""


@dataclass(slots=True, kw_only=True)
class Meter:
    """Of one answer: an event stream, or a JSON document."""

    wire: Wire
    is_stream: bool
    model: str = ""
    """As the answer names it."""
    error: Mapping[str, Any] | None = None
    """That came in the middle of a stream."""
    reasoning: int = 0
    _counts: dict[str, int] = field(default_factory=dict)
    _is_final: bool = False
    _events: EventReader = field(default_factory=EventReader)
    _body: bytearray = field(default_factory=bytearray)

    def feed(self, piece: bytes) -> None:
        if self.is_stream:
            for data in self._events.feed(piece):
                self._event(data)
        elif len(self._body) <= MOST_BODY_BYTES:
            self._body += piece

    def end(self) -> None:
        """It came to its end, whole."""
        if self.is_stream:
            for data in self._events.end():
                self._event(data)
        else:
            self._document(bytes(self._body))
        self._is_final = self._is_final or (bool(self._counts) and self.wire is not Wire.ANTHROPIC)

    @property
    def usage(self) -> Usage | None:
        """None: it never said what it came to."""
        return self._usage() if self._is_final else None

    @property
    def partial(self) -> Usage | None:
        """What is known of the prompt where the answer was cut."""
        return self._usage() if self._counts else None

    def _usage(self) -> Usage:
        return _READERS[self.wire](self._counts)

    def _event(self, data: bytes) -> None:
        if not any(word in data for word in _TELLING):
            return
        try:
            event = json.loads(data)
        except ValueError:
            return
        if isinstance(event, dict):
            self._read(event)

    def _document(self, data: bytes) -> None:
        try:
            found = json.loads(data)
        except (ValueError, RecursionError):
            return
        for document in found if isinstance(found, list) else [found]:
            if isinstance(document, dict):
                self._read(document)
        self._is_final = bool(self._counts)

    def _read(self, event: Mapping[str, Any]) -> None:
        inner = event.get("message" if self.wire is Wire.ANTHROPIC else "response")
        holder = inner if isinstance(inner, Mapping) else event
        usage = holder.get("usage") or holder.get("usageMetadata")
        if isinstance(usage, Mapping):
            self._counts.update(_flat(usage))
            self.reasoning = max(self.reasoning, *(self._counts.get(name, 0) for name in _REASONING))
        self.model = str(holder.get("model") or holder.get("modelVersion") or self.model)
        error = holder.get("error")
        self.error = error if isinstance(error, Mapping) else self.error
        self._is_final = self._is_final or (bool(self._counts) and self._ends(event))

    def _ends(self, event: Mapping[str, Any]) -> bool:
        match self.wire:
            case Wire.ANTHROPIC:
                return event.get("type") in ("message_delta", "message_stop", "message")
            case Wire.GEMINI:
                return any(
                    isinstance(each, Mapping) and each.get("finishReason") for each in event.get("candidates") or ()
                )
            case Wire.OPENAI_CHAT | Wire.OPENAI_RESPONSES:
                return True


_REASONING: Final = (
    "completion_tokens_details.reasoning_tokens", "output_tokens_details.reasoning_tokens", "thoughtsTokenCount",
)  # fmt: skip


def _flat(usage: Mapping[str, Any]) -> dict[str, int]:
    """Counts by name, those within by `outer.inner`; what is null or no number says nothing."""
    found: dict[str, int] = {}
    for name, value in usage.items():
        if isinstance(value, Mapping):
            found.update({f"{name}.{inner}": count for inner, count in _flat(value).items()})
        elif isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            found[name] = value
    return found


def _anthropic(counts: Mapping[str, int]) -> Usage:
    return Usage(
        tokens_in=counts.get("input_tokens", 0),
        cached_read=counts.get("cache_read_input_tokens", 0),
        cache_write=counts.get("cache_creation_input_tokens", 0),
        tokens_out=counts.get("output_tokens", 0),
    )


def _openai(counts: Mapping[str, int], prompt: str, answer: str) -> Usage:
    """The cached tokens are among those of the prompt."""
    whole = counts.get(prompt, 0)
    read = min(counts.get(f"{prompt}_details.cached_tokens", 0), whole)
    written = min(counts.get(f"{prompt}_details.cache_write_tokens", 0), whole - read)
    return Usage(
        tokens_in=whole - read - written, cached_read=read, cache_write=written, tokens_out=counts.get(answer, 0)
    )


def _gemini(counts: Mapping[str, int]) -> Usage:
    """Thoughts are apart from the candidates, and paid like them."""
    whole = counts.get("promptTokenCount", 0) + counts.get("toolUsePromptTokenCount", 0)
    read = min(counts.get("cachedContentTokenCount", 0), whole)
    out = counts.get("candidatesTokenCount", 0) + counts.get("thoughtsTokenCount", 0)
    return Usage(tokens_in=whole - read, cached_read=read, tokens_out=out)


_READERS: Final = {
    Wire.ANTHROPIC: _anthropic,
    Wire.OPENAI_CHAT: lambda counts: _openai(counts, "prompt_tokens", "completion_tokens"),
    Wire.OPENAI_RESPONSES: lambda counts: _openai(counts, "input_tokens", "output_tokens"),
    Wire.GEMINI: _gemini,
}
