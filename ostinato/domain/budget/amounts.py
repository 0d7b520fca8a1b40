"""Tokens, money and requests as whole numbers. Pure."""

import re
from typing import Annotated, Final

from pydantic import Field

from ostinato.domain.base import Fact

USD: Final = 1_000_000
"""Micro-dollars in a dollar."""
MOST_USD: Final = 1_000_000
MOST_TOKENS: Final = 10**12
_USD = re.compile(r"\$?([0-9]{1,7})(?:\.([0-9]{1,6}))?")

Count = Annotated[int, Field(ge=0)]


class Usage(Fact):
    """Tokens of model calls as the provider counts them; each token stands in one place only."""

    tokens_in: Count = 0
    """Prompt tokens that were neither read from a cache nor written to one."""
    cached_read: Count = 0
    cache_write: Count = 0
    tokens_out: Count = 0
    requests: Count = 1

    @property
    def tokens(self) -> int:
        return self.tokens_in + self.cached_read + self.cache_write + self.tokens_out

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            tokens_in=self.tokens_in + other.tokens_in,
            cached_read=self.cached_read + other.cached_read,
            cache_write=self.cache_write + other.cache_write,
            tokens_out=self.tokens_out + other.tokens_out,
            requests=self.requests + other.requests,
        )


class Amount(Fact):
    """What a call costs, or several."""

    tokens: Count = 0
    micro_usd: Count = 0
    requests: Count = 0

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(
            tokens=self.tokens + other.tokens,
            micro_usd=self.micro_usd + other.micro_usd,
            requests=self.requests + other.requests,
        )

    @property
    def is_nothing(self) -> bool:
        return not (self.tokens or self.micro_usd or self.requests)


NOTHING: Final = Amount()


class Limit(Fact):
    """The most that may be spent; None: as much as it takes."""

    tokens: Count | None = None
    micro_usd: Count | None = None
    requests: Count | None = None

    @property
    def is_set(self) -> bool:
        return any(value is not None for value in (self.tokens, self.micro_usd, self.requests))

    def lacking(self, amount: Amount) -> str:
        """The first of tokens, money and requests that the amount exceeds; empty where it fits."""
        return next((name for name, used, most in self.pairs(amount) if used > most), "")

    def pairs(self, amount: Amount) -> tuple[tuple[str, int, int], ...]:
        """Name, amount and limit of each that is limited."""
        sides = (
            ("tokens", amount.tokens, self.tokens),
            ("money", amount.micro_usd, self.micro_usd),
            ("requests", amount.requests, self.requests),
        )
        return tuple((name, used, most) for name, used, most in sides if most is not None)

    def share(self, amount: Amount) -> float:
        """Of the limit that is nearest to its end, 0 to 1 and beyond; a limit of nothing is used up."""
        return max((used / most if most else 1.0 for _, used, most in self.pairs(amount)), default=0.0)


def total(amounts: "tuple[Amount, ...] | list[Amount]") -> Amount:
    return sum(amounts, NOTHING)


def parse_usd(text: str) -> int | None:
    """Micro-dollars of 5, 0.25 or $12.50, exactly; None where it is no such amount."""
    match = _USD.fullmatch(text.strip())
    if match is None:
        return None
    value = int(match[1]) * USD + int((match[2] or "").ljust(6, "0"))
    return value if value <= MOST_USD * USD else None


def parse_tokens(text: str) -> int | None:
    """200000, 200_000, 200k or 2M; None where it is no such number."""
    match = re.fullmatch(r"([0-9][0-9_,]{0,18})([kKmM]?)", text.strip())
    if match is None:
        return None
    value = int(match[1].replace("_", "").replace(",", "")) * {"": 1, "k": 1_000, "m": 1_000_000}[match[2].lower()]
    return value if 0 < value <= MOST_TOKENS else None


def told_usd(micro_usd: int) -> str:
    """$12.50; small amounts with as many places as they need."""
    dollars, rest = divmod(micro_usd, USD)
    places = f"{rest:06d}".rstrip("0").ljust(2, "0")
    return f"${dollars:,}.{places}"


def told(amount: Amount) -> str:
    calls = f"{amount.requests:,} call{'s' * (amount.requests != 1)}"
    return f"{amount.tokens:,} tokens, {told_usd(amount.micro_usd)}, {calls}"
