"""What settings say of budgets: [budget] of both files, and the environment."""

from __future__ import annotations  # help pages read the settings and must not wait for the models' imports

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ostinato.domain.errors import Problem

BUDGET_KEYS: Final = frozenset(("max_tokens", "max_usd", "daily_usd", "on_red"))
ON_RED: Final = ("ask", "stop")
TOKENS_CURE: Final = "Write a whole number above 0, such as 200000, 200k or 2M"
USD_CURE: Final = "Write dollars, such as 5 or 0.25"
_VARIABLES: Final = {"max_tokens": "OSTINATO_MAX_TOKENS", "max_usd": "OSTINATO_MAX_USD"}


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetSettings:
    """None where nothing is said, and then nothing is limited."""

    max_tokens: int | None = None
    """Of one run."""
    max_micro_usd: int | None = None
    """Of one run."""
    daily_micro_usd: int | None = None
    """Of all runs of a repository on one UTC day."""
    on_red: Literal["ask", "stop"] | None = None

    def stricter(self, other: BudgetSettings) -> BudgetSettings:
        """The lower of each limit; stopping before asking."""
        said = [each for each in (self.on_red, other.on_red) if each is not None]
        return BudgetSettings(
            max_tokens=_lower(self.max_tokens, other.max_tokens),
            max_micro_usd=_lower(self.max_micro_usd, other.max_micro_usd),
            daily_micro_usd=_lower(self.daily_micro_usd, other.daily_micro_usd),
            on_red="stop" if "stop" in said else (said[0] if said else None),
        )


UNLIMITED: Final = BudgetSettings()


def read_budget(
    document: Mapping[str, object], place: str, problems: list[Problem], environ: Mapping[str, str] | None = None
) -> BudgetSettings:
    """Of the table [budget]; variables of the environment come before it. What does not fit is added to the problems."""
    table = document.get("budget")
    said: dict[str, tuple[str, object]] = {}
    for name, value in table.items() if isinstance(table, dict) else ():
        said[name] = (f"{place}: budget.{name}", value)
    for name, variable in _VARIABLES.items():
        if environ and environ.get(variable):
            said[name] = (variable, environ[variable])
    on_red = said.get("on_red", ("", None))
    if on_red[1] not in (None, *ON_RED):
        problems.append(_problem(on_red[0], f"{on_red[1]!r} is not allowed", f"Use one of: {', '.join(ON_RED)}"))
    return BudgetSettings(
        max_tokens=_tokens(said.get("max_tokens"), problems),
        max_micro_usd=_usd(said.get("max_usd"), problems),
        daily_micro_usd=_usd(said.get("daily_usd"), problems),
        on_red="ask" if on_red[1] == "ask" else "stop" if on_red[1] == "stop" else None,
    )


def _tokens(said: tuple[str, object] | None, problems: list[Problem]) -> int | None:
    from ostinato.domain.budget.amounts import parse_tokens

    if said is None:
        return None
    found = None if isinstance(said[1], bool | float) else parse_tokens(str(said[1]))
    if found is None:
        problems.append(_problem(said[0], f"{said[1]!r} is no number of tokens", TOKENS_CURE))
    return found


def _usd(said: tuple[str, object] | None, problems: list[Problem]) -> int | None:
    from ostinato.domain.budget.amounts import parse_usd

    if said is None:
        return None
    found = None if isinstance(said[1], bool) else parse_usd(str(said[1]))
    if found is None:
        problems.append(_problem(said[0], f"{said[1]!r} is no amount of dollars", USD_CURE))
    return found


def _lower(first: int | None, second: int | None) -> int | None:
    said = [each for each in (first, second) if each is not None]
    return min(said) if said else None


def _problem(field: str, message: str, cure: str) -> Problem:
    from ostinato.domain.errors import Problem

    return Problem(code="setting_invalid", field=field, message=message, cure=cure)
