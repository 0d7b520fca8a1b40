"""How a turn ended, as the gateway saw it: what a provider said there comes before what an agent makes of it."""

from collections.abc import Mapping
from datetime import UTC, datetime

from ostinato.adapters.gateway import Used
from ostinato.domain.agents import AgentEnd, EndKind, LimitKind
from ostinato.domain.agents.accounts import SHORT, AccountLimit
from ostinato.domain.agents.troubles import TroubleKind

LIMITED = "limited"
"""The gateway answers in place of a provider whose account is at its limit; how long, its trouble says."""
UNWRITTEN = "ledger"
"""What is spent cannot be written down, so nothing may be: its message says why."""
_CAPS: Mapping[str, LimitKind] = {
    "tokens": LimitKind.TOKENS,
    "money": LimitKind.MONEY,
    "requests": LimitKind.REQUESTS,
}
_TROUBLES: Mapping[TroubleKind, EndKind] = {
    TroubleKind.RATE_LIMIT: EndKind.RATE_LIMIT,
    TroubleKind.QUOTA: EndKind.RATE_LIMIT,
    TroubleKind.AUTH: EndKind.AUTH,
    TroubleKind.CONTEXT_OVERFLOW: EndKind.CONTEXT_OVERFLOW,
}


def is_stopped(used: Used | None, now: datetime | None = None) -> bool:
    """Whether the turn cannot come to anything any more: its lease is used up, or its account is limited for long."""
    if used is None:
        return False
    if used.stopped and used.stopped != LIMITED:
        return True
    trouble = used.trouble
    return (
        trouble is not None
        and trouble.is_of_account
        and (trouble.until is None or trouble.until - (now or datetime.now(UTC)) > SHORT)
    )


def by_account(end: AgentEnd, limit: AccountLimit | None) -> AgentEnd:
    """A turn that was ended since its account met a limit elsewhere parks as if it had met it itself."""
    if limit is None or end.kind is not EndKind.INTERRUPTED:
        return end
    update = {"kind": EndKind.RATE_LIMIT, "message": limit.because, "until": None if limit.is_guess else limit.until}
    return end.model_copy(update=update)


def by_wire(end: AgentEnd, used: Used | None) -> AgentEnd:
    """The same where the agent got over it, or the gateway saw nothing."""
    if used is None or end.kind in (EndKind.DONE, EndKind.MISSING):
        return end
    if used.stopped in _CAPS:
        update = {"kind": EndKind.LIMIT, "limit": _CAPS[used.stopped], "message": used.message}
        return end.model_copy(update=update)
    if used.stopped == UNWRITTEN:
        return end.model_copy(update={"kind": EndKind.CRASH, "message": used.message, "exit_code": None})
    trouble = used.trouble
    if trouble is None or trouble.kind not in _TROUBLES:
        return end
    return end.model_copy(
        update={
            "kind": _TROUBLES[trouble.kind],
            "message": trouble.message or end.message,
            "until": trouble.until or end.until,
            "status": trouble.status or end.status,
        }
    )
