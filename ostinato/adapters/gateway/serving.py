"""HTTP on loopback and on Unix sockets: whole requests in, answers out piece by piece as they come."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

import h11

MOST_BODY_BYTES: Final = 64 * 1024 * 1024
_MOST_HEAD_BYTES: Final = 128 * 1024
_MOST_AHEAD_BYTES: Final = 1024 * 1024
_READ_BYTES: Final = 256 * 1024
IDLE_S: Final = 600.0
"""For which a connection may wait for its next request, or for the rest of one."""
Pairs = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    method: str
    target: str
    """Path and query, as sent."""
    headers: Pairs
    """Names in lower case."""
    body: bytes
    is_whole: bool = True
    """False: it is too large, and the rest was not read."""

    def header(self, name: bytes) -> str:
        return next((value.decode("latin-1") for each, value in self.headers if each == name), "")


@dataclass(slots=True)
class Answer:
    """What goes back; begun at most once."""

    _connection: h11.Connection
    _writer: asyncio.StreamWriter
    has_begun: bool = False

    async def begin(self, status: int, headers: Pairs) -> None:
        self.has_begun = True
        await self._write(h11.Response(status_code=status, headers=list(headers)))

    async def send(self, data: bytes) -> None:
        """At once; waits only for a client that does not read."""
        await self._write(h11.Data(data=data))

    async def end(self) -> None:
        await self._write(h11.EndOfMessage())

    def cut(self) -> None:
        """What was begun will not be finished, and the client is to see that."""
        self._writer.transport.abort()

    async def _write(self, event: h11.Event) -> None:
        data = self._connection.send(event)
        if data:
            self._writer.write(data)
            await self._writer.drain()


Handle = Callable[[Request, Answer], Awaitable[None]]


async def serve_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handle: Handle) -> None:
    """Until either side has enough of it."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=_MOST_HEAD_BYTES)
    try:
        with contextlib.suppress(ConnectionError, TimeoutError, h11.LocalProtocolError):
            while await _exchange(connection, reader, writer, handle):
                connection.start_next_cycle()
    finally:
        with contextlib.suppress(ConnectionError, RuntimeError):
            writer.close()


async def _exchange(
    connection: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handle: Handle
) -> bool:
    """Whether the connection stays open."""
    try:
        request = await _request(connection, reader, writer)
    except h11.RemoteProtocolError as error:
        await _refuse(connection, writer, error.error_status_hint)
        return False
    if request is None:
        return False
    answer = Answer(connection, writer)
    await _while_listening(connection, reader, handle(request, answer))
    return connection.our_state is h11.DONE and connection.their_state is h11.DONE


async def _while_listening(connection: h11.Connection, reader: asyncio.StreamReader, work: Awaitable[None]) -> None:
    """A client that hangs up ends the work for it at once."""
    working = asyncio.ensure_future(work)
    listening = asyncio.ensure_future(_hung_up(connection, reader))
    try:
        await asyncio.wait((working, listening), return_when=asyncio.FIRST_COMPLETED)
    finally:
        await _ended(listening)
        await _ended(working)
    if not working.cancelled():
        working.result()


async def _ended(task: "asyncio.Future[None]") -> None:
    """Cancelled where it still runs, and over in any case."""
    if not task.done():
        task.cancel()
        await asyncio.wait((task,))


async def _hung_up(connection: h11.Connection, reader: asyncio.StreamReader) -> None:
    """What a client sends ahead is kept for later."""
    ahead = 0
    while ahead < _MOST_AHEAD_BYTES:
        try:
            data = await reader.read(_READ_BYTES)
        except ConnectionError:
            return
        connection.receive_data(data)
        if not data:
            return
        ahead += len(data)
    await asyncio.Event().wait()


async def _request(
    connection: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> Request | None:
    """None: there will be no more. Raises TimeoutError, h11.RemoteProtocolError."""
    head: h11.Request | None = None
    body = bytearray()
    while True:
        event = connection.next_event()
        match event:
            case h11.NEED_DATA:
                if connection.they_are_waiting_for_100_continue:
                    writer.write(connection.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
                async with asyncio.timeout(IDLE_S):
                    connection.receive_data(await reader.read(_READ_BYTES))
            case h11.Request():
                head = event
            case h11.Data():
                body += event.data
                if len(body) > MOST_BODY_BYTES and head is not None:
                    return _of(head, b"", is_whole=False)
            case h11.EndOfMessage() if head is not None:
                return _of(head, bytes(body))
            case _:
                return None


def _of(head: h11.Request, body: bytes, *, is_whole: bool = True) -> Request:
    return Request(
        method=head.method.decode("ascii"),
        target=head.target.decode("ascii"),
        headers=list(head.headers),
        body=body,
        is_whole=is_whole,
    )


async def _refuse(connection: h11.Connection, writer: asyncio.StreamWriter, status: int) -> None:
    if connection.our_state in (h11.IDLE, h11.SEND_RESPONSE):
        headers = [(b"content-length", b"0"), (b"connection", b"close")]
        writer.write(connection.send(h11.Response(status_code=status, headers=headers)) or b"")
        await writer.drain()
