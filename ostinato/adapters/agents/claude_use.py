"""What an invocation of Claude Code used: tallied while it runs, settled by what it says at its end."""

from dataclasses import dataclass, field
from typing import Any

from ostinato.adapters.agents.reading import inner, micro_usd, whole
from ostinato.domain.agents import TokenUse


@dataclass(slots=True)
class Tally:
    """By message, since one message comes as several events that repeat its figures."""

    spent_before: int | None = 0
    """Micro-dollars of the session's earlier invocations, which the agent's total includes; None: not known."""
    _messages: dict[str, TokenUse] = field(default_factory=dict)
    _settled: TokenUse | None = None

    @property
    def use(self) -> TokenUse:
        if self._settled is not None:
            return self._settled
        return _sum(list(self._messages.values()))

    def began(self, message_id: str, usage: Any) -> bool:
        """Whether the message is a new one."""
        if not message_id or message_id in self._messages or not isinstance(usage, dict):
            return False
        self._messages[message_id] = _reported(usage)
        return True

    def grew(self, message_id: str, usage: Any) -> None:
        """Figures of a message that ends are its last; what they leave out was said when it began."""
        if not isinstance(usage, dict):
            return
        message_id = message_id or next(reversed(self._messages), "")
        before, now = self._messages.get(message_id, TokenUse(requests=1)), _reported(usage)
        names = ("input", "output", "cache_read", "cache_write", "reasoning")
        self._messages[message_id] = before.model_copy(
            update={name: getattr(now, name) or getattr(before, name) for name in names}
        )

    def settle(self, result: Any) -> None:
        """By model where that is said: it includes what subagents and side requests used."""
        requests = len(self._messages)
        models = inner(result, "model_usage_since_last_result")
        if isinstance(models, dict):
            before = self._settled or TokenUse()
            parts = [before, *(_of_model(each) for each in models.values())]
            self._settled = _sum(parts).model_copy(update={"requests": requests})
            return
        total = micro_usd(inner(result, "total_cost_usd"))
        known = total is not None and self.spent_before is not None
        spent = max((total or 0) - (self.spent_before or 0), 0) if known else None
        tallied, said = self.use, _reported(inner(result, "usage"))
        most = said if said.tokens > tallied.tokens else tallied
        self._settled = most.model_copy(update={"requests": requests, "micro_usd": spent})


def _reported(usage: Any) -> TokenUse:
    return TokenUse(
        input=whole(inner(usage, "input_tokens")),
        output=whole(inner(usage, "output_tokens")),
        cache_read=whole(inner(usage, "cache_read_input_tokens")),
        cache_write=whole(inner(usage, "cache_creation_input_tokens")),
        reasoning=whole(inner(usage, "output_tokens_details", "thinking_tokens")),
        requests=1,
    )


def _of_model(usage: Any) -> TokenUse:
    return TokenUse(
        input=whole(inner(usage, "inputTokens")),
        output=whole(inner(usage, "outputTokens")),
        cache_read=whole(inner(usage, "cacheReadInputTokens")),
        cache_write=whole(inner(usage, "cacheCreationInputTokens")),
        reasoning=whole(inner(usage, "thinkingTokens")),
        micro_usd=micro_usd(inner(usage, "costUSD")),
    )


def _sum(parts: list[TokenUse]) -> TokenUse:
    spent = [part.micro_usd for part in parts if part.micro_usd is not None]
    return TokenUse(
        input=sum(part.input for part in parts),
        output=sum(part.output for part in parts),
        cache_read=sum(part.cache_read for part in parts),
        cache_write=sum(part.cache_write for part in parts),
        reasoning=sum(part.reasoning for part in parts),
        requests=sum(part.requests for part in parts),
        micro_usd=sum(spent) if spent else None,
    )
