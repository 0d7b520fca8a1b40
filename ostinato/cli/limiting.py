"""From --max-tokens, --max-usd and the settings to what a run may spend."""

from argparse import Namespace

from ostinato.cli.defining import Problems
from ostinato.domain.budget.amounts import parse_tokens, parse_usd
from ostinato.limits import TOKENS_CURE, USD_CURE, BudgetSettings


def spending_of(arguments: Namespace, problems: Problems) -> BudgetSettings:
    """What the command line says; a trigger's says nothing of it."""
    max_tokens, max_usd = getattr(arguments, "max_tokens", None), getattr(arguments, "max_usd", None)
    tokens = None if max_tokens is None else parse_tokens(max_tokens)
    micro_usd = None if max_usd is None else parse_usd(max_usd)
    if max_tokens is not None and tokens is None:
        problems.add("tokens_invalid", "--max-tokens", f"{max_tokens!r} is no number of tokens", TOKENS_CURE)
    if max_usd is not None and micro_usd is None:
        problems.add("usd_invalid", "--max-usd", f"{max_usd!r} is no amount of dollars", USD_CURE)
    return BudgetSettings(max_tokens=tokens, max_micro_usd=micro_usd)


def limits_of(said: BudgetSettings, user: BudgetSettings, repository: BudgetSettings) -> dict[str, int | str | None]:
    """Options of the run: the command line first, else the stricter of both files; the day's limit is theirs alone."""
    files = user.stricter(repository)
    return {
        "max_tokens": files.max_tokens if said.max_tokens is None else said.max_tokens,
        "max_micro_usd": files.max_micro_usd if said.max_micro_usd is None else said.max_micro_usd,
        "daily_micro_usd": files.daily_micro_usd,
        "on_red": files.on_red,
    }
