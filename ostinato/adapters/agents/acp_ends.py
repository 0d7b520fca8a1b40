"""Why a turn of the Agent Client Protocol stopped."""

from collections.abc import Mapping

from ostinato.adapters.agents.provider_errors import Judged
from ostinato.domain.agents import EndKind, LimitKind

OF_STOP: Mapping[str, Judged] = {
    "end_turn": Judged(kind=EndKind.DONE),
    "max_tokens": Judged(kind=EndKind.GAVE_UP, message="its answer was cut at the most tokens that one may have"),
    "max_turn_requests": Judged(kind=EndKind.LIMIT, message="it used all its turns", limit=LimitKind.TURNS),
    "refusal": Judged(kind=EndKind.REFUSED, message="the model declined"),
    "cancelled": Judged(kind=EndKind.GAVE_UP, message="it cancelled its turn, and nobody had asked it to"),
}


def of_stop(reason: str) -> Judged:
    unknown = Judged(kind=EndKind.GAVE_UP, message=f"it stopped for {reason or 'no reason that it told'}")
    return OF_STOP.get(reason, unknown)
