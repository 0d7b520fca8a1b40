"""What was spent, as rows that are only ever added; inside the caller's transaction."""

from datetime import UTC
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from ostinato.adapters.history.tables import SPENDS
from ostinato.domain.budget.amounts import Amount, Usage
from ostinato.domain.budget.prices import Spend, latest_spends

BEGUN = "begun"
SETTLED = "settled"
_USAGE = ("tokens_in", "cached_read", "cache_write", "tokens_out", "requests")


def add_spend(connection: Connection, spend: Spend) -> None:
    stage = BEGUN if spend.usage is None else SETTLED
    key = (SPENDS.c.lease_id == spend.lease_id, SPENDS.c.stage == stage)
    if connection.execute(select(SPENDS.c.stage).where(*key)).first() is None:
        connection.execute(insert(SPENDS), [_row(spend, stage)])


def spends_of(connection: Connection, run_id: str) -> tuple[Spend, ...]:
    """One for each lease, oldest first."""
    rows = connection.execute(select(SPENDS).where(SPENDS.c.run_id == run_id).order_by(SPENDS.c.at, SPENDS.c.lease_id))
    return tuple(latest_spends([_spend(row) for row in rows]).values())


def _row(spend: Spend, stage: str) -> dict[str, Any]:
    return {
        "lease_id": spend.lease_id,
        "stage": stage,
        "run_id": spend.run_id,
        "what": spend.what,
        "model": spend.model,
        "estimated_tokens": spend.estimate.tokens,
        "estimated_micro_usd": spend.estimate.micro_usd,
        "estimated_requests": spend.estimate.requests,
        **{name: getattr(spend.usage, name) if spend.usage else None for name in _USAGE},
        "known_micro_usd": spend.known_micro_usd,
        "at": spend.at.astimezone(UTC),
    }


def _spend(row: Row[Any]) -> Spend:
    usage = {name: getattr(row, name) for name in _USAGE}
    return Spend(
        lease_id=row.lease_id,
        run_id=row.run_id,
        what=row.what,
        model=row.model,
        estimate=Amount(
            tokens=row.estimated_tokens, micro_usd=row.estimated_micro_usd, requests=row.estimated_requests
        ),
        usage=Usage.model_validate(usage) if row.stage == SETTLED else None,
        known_micro_usd=row.known_micro_usd,
        at=row.at if row.at.tzinfo else row.at.replace(tzinfo=UTC),
    )
