"""The gateway: between agents and their models, on loopback, in the worker's own process."""

import asyncio
import hashlib
import logging
import os
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from ostinato.adapters.atomic import make_folder
from ostinato.adapters.gateway.asking import Providers
from ostinato.adapters.gateway.guarding import Guest, key_of, path_of, stranger
from ostinato.adapters.gateway.ledger import StepLedger
from ostinato.adapters.gateway.passing import Passing
from ostinato.adapters.gateway.serving import Answer, Request, serve_connection
from ostinato.adapters.gateway.tapes import Tape
from ostinato.adapters.gateway.telling import tell, tell_greeting
from ostinato.adapters.gateway.upstreams import Upstream
from ostinato.domain.agents.events import TokenUse
from ostinato.domain.agents.refusals import RefusalKind
from ostinato.domain.agents.troubles import Trouble
from ostinato.domain.agents.wires import Wire, base_urls, is_greeting, route_of, wire_of
from ostinato.domain.base import Fact
from ostinato.domain.budget.amounts import Amount, Limit
from ostinato.domain.budget.prices import PriceTable
from ostinato.domain.errors import InvariantError

log = logging.getLogger(__name__)
_HOST: Final = "127.0.0.1"
_MOST_SOCKET_BYTES: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where it listens."""

    origin: str
    """http://127.0.0.1:PORT"""
    socket: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """What an agent is given: a key of its step alone, and where to ask on each wire that it opens."""

    step: str
    key: str = field(repr=False)
    base_urls: Mapping[Wire, str]
    account: str


class Used(Fact):
    """What a step's agent has used so far, by the wire and not by its word."""

    use: TokenUse
    """What is known; its requests and money are what counts, estimates included."""
    committed: Amount
    """What counts against the caps, requests in flight included."""
    caps: Limit
    in_flight: int = 0
    unknown_count: int = 0
    """Requests of which nobody said what they came to."""
    unpriced_count: int = 0
    stopped: str = ""
    """Why it is asked to end: tokens, money, requests, limited, replay, ledger; empty: nothing."""
    message: str = ""
    """Of that, in words."""
    refused_count: int = 0
    """Requests that the gateway answered itself: an agent that does not stop is to be ended."""
    trouble: Trouble | None = None
    """The provider's last word, where that was an error and nothing has gone well since."""

    @property
    def counted(self) -> TokenUse:
        """What counts, by kind; tokens of which nobody said anything are told as a prompt's."""
        untold = max(0, self.committed.tokens - self.use.tokens)
        counts = {"requests": self.committed.requests, "micro_usd": self.committed.micro_usd}
        return self.use.model_copy(update={"input": self.use.input + untold, **counts})

    @property
    def is_priced(self) -> bool:
        """Whether nothing of it is an estimate."""
        return not (self.in_flight or self.unknown_count or self.unpriced_count)


@dataclass(slots=True, kw_only=True)
class Gateway:
    """Nothing leaves it but what its passes pay for. One event loop; not to be shared between threads."""

    upstreams: Mapping[str, Upstream]
    ledger_folder: Path
    prices: PriceTable
    _passes: dict[str, Passing] = field(default_factory=dict)
    """By the hash of their keys."""
    _limits: dict[str, datetime] = field(default_factory=dict)
    _address: Address | None = None
    _providers: Providers | None = None
    _tasks: "set[asyncio.Task[None]]" = field(default_factory=set)

    @asynccontextmanager
    async def serving(self, *, port: int = 0, socket: Path | None = None) -> AsyncIterator[Address]:
        """`port` 0: any that is free; `socket`: a Unix socket as well. Leaving cuts what is in flight, and settles it."""
        self._providers = Providers.of(self.upstreams.values())
        servers = [await asyncio.start_server(self._connected, _HOST, port)]
        try:
            if socket is not None:
                servers.append(await self._at(socket))
            bound = servers[0].sockets[0].getsockname()[1]
            self._address = Address(origin=f"http://{_HOST}:{bound}", socket=socket)
            yield self._address
        finally:
            for server in servers:
                server.close()
            await self._shut(socket)

    def open(
        self,
        step: str,
        caps: Limit,
        account: str = "",
        *,
        wires: Collection[Wire] = tuple(Wire),
        redact_as: Callable[[str], None] | None = None,
        tape: Tape | None = None,
    ) -> Pass:
        """Goes on where the same step was left, also by a process that is gone; its caps are the newest.

        Its key opens `wires` alone. `redact_as` is told the key. Raises ExternalError gateway_ledger_held, gateway_ledger_broken or home_unwritable.
        """
        if self._address is None:
            raise InvariantError("a pass is opened at a gateway that does not serve")
        known = next((each for each in self._passes.values() if each.step == step), None)
        if known is not None:
            raise InvariantError(f"the pass of {step} is open already")
        ledger = StepLedger.opened(self.ledger_folder, step, caps, account)
        if tape is not None:
            tape.redactor = tape.redactor.knowing([ledger.key, *(each.secret for each in self.upstreams.values())])
        opened = Passing(step=step, account=account, wires=frozenset(wires), ledger=ledger, tape=tape)
        self._passes[_digest(ledger.key)] = opened
        if redact_as is not None:
            redact_as(ledger.key)
        urls = {wire: url for wire, url in base_urls(self._address.origin).items() if wire in opened.wires}
        return Pass(step=step, key=ledger.key, base_urls=urls, account=account)

    def used(self, given: Pass) -> Used:
        """Also while it is at work; raises InvariantError where the pass is closed."""
        opened = self._passes.get(_digest(given.key))
        if opened is None:
            raise InvariantError(f"the pass of {given.step} is closed")
        return _used(opened)

    async def close(self, given: Pass) -> Used:
        """Its key opens nothing any more; what is in flight is cut and settled. The step's file stays: it counts on."""
        opened = self._passes.pop(_digest(given.key), None)
        if opened is None:
            raise InvariantError(f"the pass of {given.step} is closed")
        await opened.cut()
        opened.ledger.close(for_good=True)
        return _used(opened)

    def limit(self, account: str, until: datetime) -> None:
        """Until then nobody asks for this account; of several moments, told here or by the provider, the latest holds."""
        self._limits[account] = max(until, self._limits.get(account, until))

    async def _at(self, socket: Path) -> asyncio.Server:
        """Also where a process that was killed has left one, and where its path is longer than a socket's may be."""
        make_folder(socket.parent)
        socket.unlink(missing_ok=True)
        folder = os.open(socket.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            is_long = len(os.fsencode(socket)) > _MOST_SOCKET_BYTES
            place = Path(f"/proc/self/fd/{folder}") / socket.name if is_long else socket
            server = await asyncio.start_unix_server(self._connected, place)
        finally:
            os.close(folder)
        socket.chmod(0o600)
        return server

    async def _shut(self, socket: Path | None) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for opened in self._passes.values():
            opened.ledger.close(for_good=False)
        self._passes.clear()
        self._address = None
        if self._providers is not None:
            await self._providers.close()
        if socket is not None:
            socket.unlink(missing_ok=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(serve_connection(reader, writer, self._handle))
        self._tasks.add(task)
        task.add_done_callback(self._over)

    def _over(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("gateway_failed", exc_info=error)

    async def _handle(self, request: Request, answer: Answer) -> None:
        path = path_of(request)
        wire = wire_of(path)
        if problem := stranger(request):
            await tell(answer, wire, RefusalKind.HOST, problem)
            return
        if is_greeting(request.method, path):
            await tell_greeting(answer)
            return
        opened = self._passes.get(_digest(key_of(request)))
        if opened is None:
            await tell(
                answer,
                wire,
                RefusalKind.KEY,
                "This key opens nothing at Ostinato's gateway: its step is over, or never was.",
            )
            return
        route = route_of(request.method, path)
        if route is None or route.wire not in opened.wires:
            whom = f" for this key, which is of {', '.join(sorted(opened.wires))}" if route else ""
            problem = f"Ostinato's gateway does not pass {request.method} {path}{whom}."
            await tell(answer, wire, RefusalKind.PLACE, problem)
            return
        assert self._providers is not None
        guest = Guest(request=request, answer=answer, route=route, until=self._until(opened.account))
        await opened.pass_on(
            guest,
            upstream=self.upstreams[wire.provider],
            providers=self._providers,
            prices=self.prices,
            on_limit=self._limited,
        )

    def _until(self, account: str) -> datetime | None:
        """Later than now."""
        until = self._limits.get(account)
        return until if until is not None and until > datetime.now(UTC) else None

    def _limited(self, account: str, until: datetime | None) -> None:
        if until is not None:
            self.limit(account, until)


def _used(opened: Passing) -> Used:
    standing = opened.ledger.standing
    return Used(
        use=standing.use,
        committed=standing.committed,
        caps=standing.caps,
        in_flight=len(standing.leases),
        unknown_count=standing.unknown_count,
        unpriced_count=standing.unpriced_count,
        stopped=opened.stopped,
        message=opened.message,
        refused_count=opened.refused_count,
        trouble=opened.trouble,
    )


def _digest(key: str) -> str:
    """Keys are compared by what tells nothing of how much was right."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()
