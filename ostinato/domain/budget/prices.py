"""What models cost, and what a call came to. Prices are data; a model that is not in the table has none. Pure."""

import re
from collections.abc import Mapping

from pydantic import AwareDatetime

from ostinato.domain.base import Fact
from ostinato.domain.budget.amounts import Amount, Count, Usage

_MILLION = 1_000_000
_TYPE_PROMPT, _TYPE_ANSWER = 600, 200
_DRAFT_PROMPT, _DRAFT_ANSWER, _DRAFT_CALLS = 18_000, 8_000, 3
"""As the adapters ask: the answers' lengths and the number of calls are their limits, the prompts' a large project's."""
_DATED = re.compile(r"-(?:20\d{6}|20\d\d-\d\d-\d\d|latest)$")


class Price(Fact):
    """Micro-dollars for a million tokens."""

    input: Count
    output: Count
    cached_read: Count
    cache_write: Count

    def of(self, usage: Usage) -> int:
        """Micro-dollars, rounded up: a fraction that is dropped a thousand times is a sum."""
        parts = (
            usage.tokens_in * self.input,
            usage.cached_read * self.cached_read,
            usage.cache_write * self.cache_write,
            usage.tokens_out * self.output,
        )
        return -(-sum(parts) // _MILLION)


DEAREST = Price(input=30_000_000, output=180_000_000, cached_read=30_000_000, cache_write=30_000_000)
"""Stands in where a table says nothing of models that it does not know."""


class PriceTable(Fact):
    """Prices by `provider:model`, and when and where they were read."""

    prices: dict[str, Price] = {}
    unknown: Price = DEAREST
    """What the calls of a model without a price are estimated by: rather too much than too little."""
    as_of: str = ""
    sources: dict[str, str] = {}
    """Provider → where its prices were read."""
    overridden: tuple[str, ...] = ()
    """Models whose price the user said."""

    def price(self, model: str) -> Price | None:
        """Of the model itself, else of its undated name; None where neither is known."""
        return self.prices.get(model) or self.prices.get(_DATED.sub("", model))

    def terms(self, model: str) -> "Terms":
        return Terms(model=model, price=self.price(model), unknown=self.unknown)

    def overlaid(self, other: "PriceTable", *, unknown: Price | None) -> "PriceTable":
        """With another's prices before one's own."""
        return self.model_copy(
            update={
                "prices": {**self.prices, **other.prices},
                "unknown": unknown or self.unknown,
                "overridden": tuple(other.prices),
            }
        )


class Terms(Fact):
    """What the calls of one model cost; small, so that it travels with what is asked."""

    model: str
    price: Price | None = None
    unknown: Price = DEAREST

    @property
    def estimating(self) -> Price:
        return self.price or self.unknown


class Cost(Fact):
    """Micro-dollars that are known, and what is reckoned with where they are not."""

    known: int | None = None
    estimate: Count = 0

    @property
    def counted(self) -> int:
        """Unknown is never nothing."""
        return self.estimate if self.known is None else self.known


def cost_of(usage: Usage | None, terms: Terms, *, estimate: int = 0) -> Cost:
    """Known where both the usage and the price are; else the `estimate` of the lease counts, or what is reckoned."""
    if usage is None:
        return Cost(estimate=estimate)
    return Cost(known=terms.price.of(usage) if terms.price else None, estimate=estimate or terms.estimating.of(usage))


def estimate_of(terms: Terms, *, prompt_tokens: int, max_tokens: int, requests: int = 1) -> Amount:
    """The most that so many calls can be expected to come to: nothing cached, every answer as long as it may be."""
    usage = Usage(tokens_in=prompt_tokens * requests, tokens_out=max_tokens * requests, requests=requests)
    return Amount(tokens=usage.tokens, micro_usd=terms.estimating.of(usage), requests=requests)


def estimate_of_type(terms: Terms, text_tokens: int = 3_000) -> Amount:
    """One short question about what kind of work a request is."""
    return estimate_of(terms, prompt_tokens=_TYPE_PROMPT + text_tokens, max_tokens=_TYPE_ANSWER)


def estimate_of_draft(terms: Terms) -> Amount:
    """A plan, and the repairs that may be asked for."""
    return estimate_of(terms, prompt_tokens=_DRAFT_PROMPT, max_tokens=_DRAFT_ANSWER, requests=_DRAFT_CALLS)


def expected_of_planning(terms: Terms, *, asks_type: bool, drafts: bool) -> Amount:
    """What a run may spend before its plan stands. Nothing spends after that as yet."""
    typed = estimate_of_type(terms) if asks_type else Amount()
    return typed + (estimate_of_draft(terms) if drafts else Amount())


def amount_of(usage: Usage, cost: Cost) -> Amount:
    """As it is settled."""
    return Amount(tokens=usage.tokens, micro_usd=cost.counted, requests=usage.requests)


class Spend(Fact):
    """What became of one lease, as it is kept for good; the history's word on it."""

    lease_id: str
    run_id: str
    what: str = ""
    model: str = ""
    estimate: Amount = Amount()
    usage: Usage | None = None
    """None: it began, and nobody ever said what it came to."""
    known_micro_usd: int | None = None
    at: AwareDatetime

    @property
    def amount(self) -> Amount | None:
        """What it came to; None where nobody knows, and the estimate counts."""
        if self.usage is None:
            return None
        cost = Cost(known=self.known_micro_usd, estimate=self.estimate.micro_usd)
        return amount_of(self.usage, cost)


def latest_spends(spends: "tuple[Spend, ...] | list[Spend]") -> Mapping[str, Spend]:
    """One for each lease: what was settled, before what only began."""
    found: dict[str, Spend] = {}
    for each in sorted(spends, key=lambda spend: spend.usage is not None):
        found[each.lease_id] = each
    return found
