"""What is open for one step: its ledger, its tape, and why it was stopped."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from ostinato.adapters.gateway.asking import CUT, UNSENT, Providers
from ostinato.adapters.gateway.exchange import Exchange, Reply, UnansweredError, reply_from, reply_of
from ostinato.adapters.gateway.guarding import Guest, query_of
from ostinato.adapters.gateway.ledger import StepLedger
from ostinato.adapters.gateway.tapes import MismatchError, Tape, TapeMode
from ostinato.adapters.gateway.telling import tell
from ostinato.adapters.gateway.upstreams import Upstream
from ostinato.domain.agents.fingerprints import Fingerprint
from ostinato.domain.agents.passes import refused_words
from ostinato.domain.agents.refusals import RefusalKind
from ostinato.domain.agents.troubles import Trouble, TroubleKind
from ostinato.domain.agents.wires import Asked, CallKind, Wire, asked_of, document_of
from ostinato.domain.budget.amounts import Amount
from ostinato.domain.budget.prices import PriceTable
from ostinato.domain.errors import ExternalError

Limited = Callable[[str, datetime | None], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Taping:
    """Of one exchange."""

    place: Path
    asked: Fingerprint


@dataclass(slots=True, kw_only=True)
class Passing:
    step: str
    account: str
    wires: frozenset[Wire]
    ledger: StepLedger
    tape: Tape | None = None
    stopped: str = ""
    message: str = ""
    refused_count: int = 0
    trouble: Trouble | None = None
    _tasks: "set[asyncio.Task[None]]" = field(default_factory=set)

    async def cut(self) -> None:
        """Whatever is in flight; it is settled then."""
        for task in tuple(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def pass_on(
        self, guest: Guest, *, upstream: Upstream, providers: Providers, prices: PriceTable, on_limit: Limited
    ) -> None:
        """Answers in any case, unless it is cut."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            if refusal := self._refusal(guest):
                await self._stop(guest, *refusal)
                return
            path = f"{guest.route.path}{query_of(guest.request)}"
            method = guest.request.method
            asked = Sent(
                guest=guest,
                path=path,
                prices=prices,
                ask=lambda: reply_of(providers.asked(upstream, method, path, guest.request)),
                on_trouble=lambda trouble: self._troubled(trouble, on_limit),
                secret=upstream.secret,
            )
            await (self._look(asked) if guest.route.kind is CallKind.LOOK else self._exchange(asked))
        finally:
            self._tasks.discard(task)

    def _refusal(self, guest: Guest) -> tuple[RefusalKind, str] | None:
        if not guest.request.is_whole:
            return RefusalKind.LARGE, "The request is larger than Ostinato's gateway takes."
        if guest.request.header(b"content-encoding") not in ("", "identity"):
            return RefusalKind.SHAPE, "Ostinato's gateway takes requests that are not compressed."
        if guest.until is not None and guest.route.kind is not CallKind.LOOK:
            return (
                RefusalKind.LIMITED,
                f"This account is at its limit until {guest.until.isoformat(timespec='seconds')}.",
            )
        return None

    async def _exchange(self, sent: "Sent") -> None:
        guest = sent.guest
        document = document_of(guest.request.body)
        asked = asked_of(guest.route, document, guest.request.body)
        terms = sent.prices.terms(asked.priced_as)
        estimate = asked.estimate(terms) if guest.route.kind is CallKind.ASK else Amount(requests=1)
        if lacking := self.ledger.standing.lacking(estimate):
            words = refused_words(self.ledger.standing, lacking, estimate)
            await self._stop(guest, RefusalKind.CAP, words, why=lacking)
            return
        try:
            ask, taping = self._tape(sent, document, asked)
        except MismatchError as error:
            await self._stop(guest, RefusalKind.MISMATCH, error.message, why="replay")
            return
        exchange = Exchange(
            ledger=self.ledger,
            asked=asked,
            terms_of=sent.prices.terms,
            estimate=estimate,
            ask=ask,
            answer=guest.answer,
            on_trouble=sent.on_trouble,
            secret=sent.secret,
            keeps=taping is not None,
        )
        try:
            await self._run(exchange, guest)
        finally:
            self._keep(exchange, taping, sent.path)

    async def _run(self, exchange: Exchange, guest: Guest) -> None:
        before, self.trouble = self.trouble, None
        try:
            await exchange.run()
        except UnansweredError as error:
            self.trouble = before
            words = f"The provider cannot be reached: {error}."
            await tell(guest.answer, guest.route.wire, RefusalKind.UPSTREAM, words)
        except ConnectionError:
            raise
        except OSError as error:
            await self._stop(guest, RefusalKind.LEDGER, f"What is spent cannot be written down: {error}.", why="ledger")

    def _tape(
        self, sent: "Sent", document: dict[str, object], asked: Asked
    ) -> tuple[Callable[[], AbstractAsyncContextManager[Reply]], Taping | None]:
        """Whom to ask: the provider, or the recording of it. Raises MismatchError."""
        tape = self.tape
        if tape is None:
            return sent.ask, None
        place = tape.place(sent.guest.route, asked)
        taping = Taping(place=place, asked=tape.fingerprint(document, asked))
        if tape.mode is TapeMode.RECORD:
            return sent.ask, taping
        taped = tape.replayed(place, taping.asked)
        return lambda: reply_from(taped), None

    def _keep(self, exchange: Exchange, taping: Taping | None, path: str) -> None:
        if self.tape is None or taping is None:
            return
        try:
            self.tape.record(taping.place, exchange.taped(path, taping.asked))
        except (OSError, ExternalError) as error:
            self.message = f"The recording has a gap: {error}"

    async def _look(self, sent: "Sent") -> None:
        """Costs nothing. A replay knows of no models."""
        answer, wire = sent.guest.answer, sent.guest.route.wire
        if self.tape is not None and self.tape.mode is TapeMode.REPLAY:
            await tell(answer, wire, RefusalKind.PLACE, "A replay has no list of models.")
            return
        try:
            async with sent.ask() as reply:
                await answer.begin(reply.status, reply.headers)
                async for piece in reply.pieces:
                    await answer.send(piece)
                await answer.end()
        except (*UNSENT, *CUT) as error:
            if answer.has_begun:
                answer.cut()
            else:
                await tell(answer, wire, RefusalKind.UPSTREAM, f"The provider cannot be reached: {error}.")

    async def _stop(self, guest: Guest, kind: RefusalKind, message: str, *, why: str = "") -> None:
        self.stopped = why or (kind.value if kind is RefusalKind.LIMITED else self.stopped)
        self.message = message
        if kind is RefusalKind.LIMITED:  # in place of the provider's own word
            self.trouble = Trouble(kind=TroubleKind.RATE_LIMIT, status=429, message=message, until=guest.until)
        self.refused_count += 1
        await tell(guest.answer, guest.route.wire, kind, message, until=guest.until)

    def _troubled(self, trouble: Trouble, on_limit: Limited) -> None:
        self.trouble = trouble
        if trouble.is_of_account:
            on_limit(self.account, trouble.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A request on its way."""

    guest: Guest
    path: str
    prices: PriceTable
    ask: Callable[[], AbstractAsyncContextManager[Reply]]
    on_trouble: Callable[[Trouble], None]
    secret: str
