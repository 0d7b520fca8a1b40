"""What the bearer of one key may use and has used, as its write-ahead file tells it. Immutable and pure."""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from ostinato.domain.agents.events import TokenUse
from ostinato.domain.base import Fact
from ostinato.domain.budget.amounts import NOTHING, Amount, Limit, Usage, told, told_usd, total
from ostinato.domain.errors import ExternalError

NO_USAGE = Usage(requests=0)


class Opened(Fact):
    kind: Literal["opened"] = "opened"
    step: str
    key: str
    """Of the step alone; worth nothing elsewhere."""
    account: str = ""
    caps: Limit = Limit()


class Closed(Fact):
    kind: Literal["closed"] = "closed"


class Leased(Fact):
    """On the disk before its request is sent."""

    kind: Literal["leased"] = "leased"
    number: int
    estimate: Amount
    model: str = ""


class Settled(Fact):
    kind: Literal["settled"] = "settled"
    number: int
    amount: Amount
    """What counts."""
    usage: Usage | None = None
    """None: nobody said, and what counts is an estimate."""
    reasoning: int = 0
    priced: bool = True
    """Else the money is an estimate."""


Line = Annotated[Opened | Closed | Leased | Settled, Field(discriminator="kind")]
_LINE: TypeAdapter[Line] = TypeAdapter(Line)


class Standing(Fact):
    """Leases count by their estimates until they are settled: also those of a process that is gone."""

    opened: Opened | None = None
    is_closed: bool = False
    spent: Amount = NOTHING
    usage: Usage = NO_USAGE
    """Of what is known."""
    reasoning: int = 0
    leases: dict[int, Amount] = {}
    unknown_count: int = 0
    unpriced_count: int = 0
    last: int = 0

    @property
    def caps(self) -> Limit:
        return self.opened.caps if self.opened else Limit()

    @property
    def committed(self) -> Amount:
        return self.spent + total(list(self.leases.values()))

    @property
    def use(self) -> TokenUse:
        """As the events of agents tell it; the money is what counts, estimates included."""
        return TokenUse(
            input=self.usage.tokens_in,
            output=self.usage.tokens_out,
            cache_read=self.usage.cached_read,
            cache_write=self.usage.cache_write,
            reasoning=self.reasoning,
            requests=self.spent.requests,
            micro_usd=self.spent.micro_usd,
        )

    def lacking(self, estimate: Amount) -> str:
        """Which of tokens, money and requests the next request would exceed; empty where it fits."""
        return self.caps.lacking(self.committed + estimate)

    def after(self, line: Line) -> "Standing":
        match line:
            case Opened():
                return self.model_copy(update={"opened": line, "is_closed": False})
            case Closed():
                return self.model_copy(update={"is_closed": True})
            case Leased():
                leases = {**self.leases, line.number: line.estimate}
                return self.model_copy(update={"leases": leases, "last": max(self.last, line.number)})
            case Settled():
                return self._settled(line)

    def _settled(self, line: Settled) -> "Standing":
        """Once: a second word on a lease is not heard."""
        if line.number not in self.leases:
            return self
        return self.model_copy(
            update={
                "leases": {number: each for number, each in self.leases.items() if number != line.number},
                "spent": self.spent + line.amount,
                "usage": self.usage + (line.usage or NO_USAGE),
                "reasoning": self.reasoning + line.reasoning,
                "unknown_count": self.unknown_count + (line.usage is None),
                "unpriced_count": self.unpriced_count + (not line.priced),
            }
        )

    def abandoned(self) -> "Standing":
        """Whoever sent what is still leased is gone: its estimates stand."""
        standing = self
        for number, estimate in self.leases.items():
            standing = standing.after(Settled(number=number, amount=estimate, priced=False))
        return standing


def standing_of(lines: Iterable[str]) -> Standing:
    """Raises ExternalError gateway_ledger_broken: what cannot be read may have been spent."""
    standing = Standing()
    for number, line in enumerate(lines, 1):
        try:
            standing = standing.after(_LINE.validate_json(line))
        except ValidationError as error:
            message = (
                f"line {number} cannot be read ({error.errors()[0]['msg']}), so nobody knows what the step has spent"
            )
            raise ExternalError(message, code="gateway_ledger_broken") from error
    return standing


def refused_words(standing: Standing, lacking: str, estimate: Amount) -> str:
    """For the agent and for a person; no word in it that agents take for a full context or a passing fault."""
    most = {name: most for name, _, most in standing.caps.pairs(NOTHING)}[lacking]
    shown = told_usd(most) if lacking == "money" else f"{most:,} {lacking.removesuffix('s') if most == 1 else lacking}"
    return (
        f"Ostinato stopped this step: it may use {shown}, has used {told(standing.committed)}, "
        f"and the next call may take {told(estimate)}. Do not ask again."
    )
