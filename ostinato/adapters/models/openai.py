"""Chat completions as OpenAI and many servers that are compatible with it offer them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ostinato.adapters.models.posting import RefusedError, answer_invalid, count, post_json
from ostinato.domain.language_model import Completion

BASE_URL = "https://api.openai.com/v1"
_MOST_TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAIModel:
    model: str
    key: str = field(default="", repr=False)
    """A server of one's own may want none."""
    base_url: str = BASE_URL

    @property
    def name(self) -> str:
        return f"openai:{self.model}"

    async def complete(
        self,
        prompt: str,
        *,
        system: str = "",
        max_tokens: int = 1024,
        timeout_s: float = 60.0,
        schema: Mapping[str, Any] | None = None,
    ) -> Completion:
        asked = [{"role": "system", "content": system}] if system else []
        document: dict[str, Any] = {
            "model": self.model,
            "max_tokens": max_tokens,
            "temperature": 0,
            "messages": [*asked, {"role": "user", "content": prompt}],
        }
        if schema is not None:
            wanted = {"name": "answer", "schema": dict(schema), "strict": True}
            document["response_format"] = {"type": "json_schema", "json_schema": wanted}
        url = f"{self.base_url.rstrip('/')}/chat/completions"
        answer = await self._posted(url, document, timeout_s)
        text = _text(answer.get("choices"))
        if text is None:
            raise answer_invalid(url, "it holds no message")
        usage = answer.get("usage")
        details = usage.get("prompt_tokens_details") if isinstance(usage, dict) else None
        prompted, cached = count(usage, "prompt_tokens"), count(details, "cached_tokens")
        return Completion(
            text=text,
            tokens_in=max(prompted - cached, 0),
            tokens_out=count(usage, "completion_tokens"),
            cached_read=min(cached, prompted),
        )

    async def _posted(self, url: str, document: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        """Reasoning models refuse two parameters that all others want; told so, they are asked again without."""
        headers = {"authorization": f"Bearer {self.key}"} if self.key else {}
        for _ in range(_MOST_TRIES - 1):
            try:
                return await post_json(url, document, headers=headers, timeout_s=timeout_s, key=self.key)
            except RefusedError as refused:
                adapted = _adapted(document, refused)
                if adapted is None:
                    raise
                document = adapted
        return await post_json(url, document, headers=headers, timeout_s=timeout_s, key=self.key)


def _adapted(document: Mapping[str, Any], refused: RefusedError) -> dict[str, Any] | None:
    if refused.status != 400:
        return None
    if "max_completion_tokens" in refused.detail and "max_tokens" in document:
        kept = {name: value for name, value in document.items() if name != "max_tokens"}
        return {**kept, "max_completion_tokens": document["max_tokens"]}
    if "temperature" in refused.detail and "temperature" in document:
        return {name: value for name, value in document.items() if name != "temperature"}
    return None


def _text(choices: object) -> str | None:
    first = choices[0] if isinstance(choices, list) and choices else None
    message = first.get("message") if isinstance(first, dict) else None
    content = message.get("content") if isinstance(message, dict) else None
    return content if isinstance(content, str) else None
