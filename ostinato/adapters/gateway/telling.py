"""What the gateway says itself."""

from datetime import UTC, datetime

from ostinato.adapters.gateway.serving import Answer
from ostinato.domain.agents.refusals import RefusalKind, refusal_of
from ostinato.domain.agents.wires import Wire


async def tell(
    answer: Answer, wire: Wire, kind: RefusalKind, message: str, *, until: datetime | None = None
) -> None:  # fmt: skip
    """In the wire's own form."""
    refusal = refusal_of(wire, kind, message, until=until, now=datetime.now(UTC))
    headers = [(name.encode(), value.encode()) for name, value in refusal.headers.items()]
    await answer.begin(refusal.status, [*headers, (b"content-length", b"%d" % len(refusal.body))])
    await answer.send(refusal.body)
    await answer.end()


async def tell_greeting(answer: Answer) -> None:
    await answer.begin(200, [(b"content-length", b"0")])
    await answer.end()
