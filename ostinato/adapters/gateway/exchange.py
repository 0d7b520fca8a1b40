"""One request to a model, from its lease to its settlement."""

import json
import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import httpcore

from ostinato.adapters.gateway.asking import CUT, UNSENT, headers_by_name, returned_headers
from ostinato.adapters.gateway.ledger import StepLedger
from ostinato.adapters.gateway.serving import Answer, Pairs
from ostinato.adapters.gateway.tapes import UNANSWERED, Taped
from ostinato.domain.agents.fingerprints import Fingerprint
from ostinato.domain.agents.metering import Meter
from ostinato.domain.agents.passes import Settled
from ostinato.domain.agents.troubles import Trouble, trouble_of
from ostinato.domain.agents.wires import Asked
from ostinato.domain.budget.amounts import Amount, Usage
from ostinato.domain.budget.prices import Terms, amount_of, cost_of

_MOST_ERROR_BYTES: Final = 1024 * 1024
_KEPT_HEADERS: Final = ("content-type", "retry-after", "retry-after-ms", "x-should-retry")


@dataclass(slots=True, kw_only=True)
class Reply:
    """Of the provider, or of a tape."""

    status: int
    headers: Pairs
    by_name: Mapping[str, str]
    pieces: AsyncIterator[bytes]


Ask = Callable[[], AbstractAsyncContextManager[Reply]]


class UnansweredError(Exception):
    """Nothing came back; the client is to be told."""


@dataclass(slots=True, kw_only=True)
class Exchange:
    """Costs nothing until it is sent, and an estimate until somebody says what it came to."""

    ledger: StepLedger
    asked: Asked
    terms_of: Callable[[str], Terms]
    """By the model's name in the price table."""
    estimate: Amount
    ask: Ask
    answer: Answer
    on_trouble: Callable[[Trouble], None]
    secret: str = ""
    """Never in what an agent is told, also where the provider repeats it in an error."""
    keeps: bool = False
    """The answer, for a tape."""
    _meter: Meter | None = None
    _kept: bytearray = field(default_factory=bytearray)
    _reply: Reply | None = None
    _is_whole: bool = False
    _is_unsent: bool = False

    async def run(self) -> None:
        """Also a cancelled one is settled. Raises UnansweredError, and OSError where no lease can be written."""
        number = await self.ledger.lease(self.estimate, self.asked.model)
        cost = _unknown(number, self.estimate) if self.estimate.tokens else _nothing(number)
        try:
            async with self.ask() as reply:
                self._reply = reply
                if reply.status >= 400:
                    cost = _nothing(number)
                await self._relay(reply)
        except UNSENT as error:
            cost, self._is_unsent = _nothing(number), True
            raise UnansweredError(_words(error)) from error
        except CUT as error:
            if not self.answer.has_begun:
                raise UnansweredError(_words(error)) from error
            self.answer.cut()
        finally:
            self.ledger.settle(self._cost(number) or cost)

    def taped(self, path: str, asked: Fingerprint) -> Taped:
        """What came back, as far as it did."""
        if self._reply is None:
            return Taped(path=path, fingerprint=asked, is_cut=not self._is_unsent)
        return Taped(
            path=path,
            status=self._reply.status,
            headers={name: value for name, value in self._reply.by_name.items() if _is_kept(name)},
            fingerprint=asked,
            body=self._kept.decode("utf-8", "replace"),
            is_cut=not self._is_whole,
        )

    async def _relay(self, reply: Reply) -> None:
        if reply.status >= 400:
            await self._relay_error(reply)
            return
        is_stream = reply.by_name.get("content-type", "").startswith("text/event-stream")
        self._meter = meter = Meter(wire=self.asked.wire, is_stream=is_stream)
        read = _reading(reply.by_name.get("content-encoding", ""))
        await self.answer.begin(reply.status, reply.headers)
        async for piece in reply.pieces:
            plain = read(piece)
            meter.feed(plain)
            if self.keeps:
                self._kept += plain
            await self.answer.send(piece)
        meter.end()
        self._is_whole = True
        if meter.error is not None:
            self.on_trouble(trouble_of(0, {}, json.dumps({"error": dict(meter.error)}), now=datetime.now(UTC)))
        await self.answer.end()

    async def _relay_error(self, reply: Reply) -> None:
        body = bytearray()
        async for piece in reply.pieces:
            body += piece
            if len(body) > _MOST_ERROR_BYTES:
                raise httpcore.RemoteProtocolError("an error of more than a megabyte")
        if self.secret:
            body = body.replace(self.secret.encode(), b"[redacted]")
        self._kept, self._is_whole = body, True
        text = _reading(reply.by_name.get("content-encoding", ""))(bytes(body)).decode("utf-8", "replace")
        self.on_trouble(trouble_of(reply.status, reply.by_name, text, now=datetime.now(UTC)))
        headers = [(name, value) for name, value in reply.headers if name.lower() != b"content-length"]
        await self.answer.begin(reply.status, [*headers, (b"content-length", b"%d" % len(body))])
        await self.answer.send(bytes(body))
        await self.answer.end()

    def _cost(self, number: int) -> Settled | None:
        """By what the answer said; of one that was cut, its prompt and a long answer. None: it said nothing."""
        meter = self._meter
        if meter is None or meter.partial is None:
            return None
        terms = self.terms_of(self.asked.priced_as)
        if terms.price is None and meter.model:
            terms = self.terms_of(f"{self.asked.wire.provider}:{meter.model}")
        usage = meter.usage
        if usage is not None:
            amount = amount_of(usage, cost_of(usage, terms))
            return Settled(
                number=number, amount=amount, usage=usage, reasoning=meter.reasoning, priced=terms.price is not None
            )
        longest = max(meter.partial.tokens_out, self.asked.answer_tokens)
        reckoned = meter.partial.model_copy(update={"tokens_out": longest})
        return _unknown(number, amount_of(reckoned, cost_of(reckoned, terms)))


def _unknown(number: int, amount: Amount) -> Settled:
    return Settled(number=number, amount=amount, priced=False)


def _nothing(number: int) -> Settled:
    """What was refused, or never arrived, is a request and costs nothing."""
    return Settled(number=number, amount=Amount(requests=1), usage=Usage())


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _is_kept(name: str) -> bool:
    return name in _KEPT_HEADERS or "ratelimit" in name


def _reading(encoding: str) -> Callable[[bytes], bytes]:
    """Of an answer that is compressed though nobody asked for that; what cannot be read is not metered."""
    if encoding in ("", "identity"):
        return lambda data: data
    if encoding not in ("gzip", "deflate"):
        return lambda data: b""
    unpacking = zlib.decompressobj(zlib.MAX_WBITS | 32)

    def read(data: bytes) -> bytes:
        try:
            return unpacking.decompress(data)
        except zlib.error:
            return b""

    return read


@asynccontextmanager
async def reply_of(response: AbstractAsyncContextManager[httpcore.Response]) -> AsyncIterator[Reply]:
    """As the provider gives it."""
    async with response as found:
        yield Reply(
            status=found.status,
            headers=returned_headers(found),
            by_name=headers_by_name(found),
            pieces=found.aiter_stream(),
        )


@asynccontextmanager
async def reply_from(taped: Taped) -> AsyncIterator[Reply]:
    """As it was recorded: event by event, and cut where it was cut."""
    if taped.status == UNANSWERED:
        lost = httpcore.RemoteProtocolError if taped.is_cut else httpcore.ConnectError
        raise lost("nothing came back when it was recorded")
    headers = [(name.encode(), value.encode("latin-1", "replace")) for name, value in taped.headers.items()]
    yield Reply(status=taped.status, headers=headers, by_name=taped.headers, pieces=_pieces(taped))


async def _pieces(taped: Taped) -> AsyncIterator[bytes]:
    *events, last = taped.body.split("\n\n")
    for event in events:
        yield f"{event}\n\n".encode()
    yield last.encode()
    if taped.is_cut:
        raise httpcore.RemoteProtocolError("it was cut when it was recorded")
