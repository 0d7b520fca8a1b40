"""Anthropic's Messages."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ostinato.adapters.models.posting import answer_invalid, count, post_json
from ostinato.domain.language_model import Completion

BASE_URL = "https://api.anthropic.com"
_VERSION = "2023-06-01"
_TOOL = "answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnthropicModel:
    model: str
    key: str = field(repr=False)
    base_url: str = BASE_URL

    @property
    def name(self) -> str:
        return f"anthropic:{self.model}"

    async def complete(
        self,
        prompt: str,
        *,
        system: str = "",
        max_tokens: int = 1024,
        timeout_s: float = 60.0,
        schema: Mapping[str, Any] | None = None,
    ) -> Completion:
        document: dict[str, Any] = {
            "model": self.model,
            "max_tokens": max_tokens,
            "temperature": 0,
            "messages": [{"role": "user", "content": prompt}],
        }
        if system:
            document["system"] = system
        if schema is not None:
            document["tools"] = [{"name": _TOOL, "description": "Give the answer", "input_schema": dict(schema)}]
            document["tool_choice"] = {"type": "tool", "name": _TOOL}
        url = f"{self.base_url.rstrip('/')}/v1/messages"
        headers = {"anthropic-version": _VERSION} | ({"x-api-key": self.key} if self.key else {})
        answer = await post_json(url, document, headers=headers, timeout_s=timeout_s, key=self.key)
        text = _text(answer.get("content"), wants_object=schema is not None)
        if text is None:
            raise answer_invalid(url, "it holds no content of the kind that was asked for")
        usage = answer.get("usage")
        return Completion(
            text=text,
            tokens_in=count(usage, "input_tokens"),
            tokens_out=count(usage, "output_tokens"),
            cached_read=count(usage, "cache_read_input_tokens"),
            cache_write=count(usage, "cache_creation_input_tokens"),
        )


def _text(content: object, *, wants_object: bool) -> str | None:
    blocks = [each for each in content if isinstance(each, dict)] if isinstance(content, list) else []
    if wants_object:
        given = next((each.get("input") for each in blocks if each.get("type") == "tool_use"), None)
        return json.dumps(given) if isinstance(given, dict) else None
    texts = [each["text"] for each in blocks if each.get("type") == "text" and isinstance(each.get("text"), str)]
    return "".join(texts) if texts else None
