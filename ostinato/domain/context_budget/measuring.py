"""How full a session is, by the tokens of what was really selected and of what a step is really given. Pure."""

from ostinato.domain.budget.context import WINDOW_TOKENS, ContextBalance
from ostinato.domain.relevance import StepContext, as_markdown
from ostinato.domain.resources import Activation
from ostinato.domain.tokens import estimated_tokens


def context_balance(
    activation: Activation | None,
    context: StepContext | None,
    *,
    prompt_tokens: int = 0,
    system_tokens: int = 0,
    window: int = WINDOW_TOKENS,
) -> ContextBalance:
    """`prompt_tokens`: what else a step is asked with; `system_tokens`: what the agent itself begins with."""
    read = activation.context_tokens if activation else 0
    return ContextBalance(
        window=window,
        system=system_tokens,
        dynamic=activation.tokens if activation else 0,
        working=read + tokens_of_context(context) + prompt_tokens,
    )


def tokens_of_context(context: StepContext | None) -> int:
    return estimated_tokens(as_markdown(context)) if context else 0
