"""Bytes in from the thread that carries a command's output, lines out to the event loop, and no flood in between."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable

LONGEST_LINE_BYTES = 32 * 1024 * 1024
"""A longer line is cut there: whoever reads it sees that it is no JSON any more."""
_MOST_WAITING_BYTES = 8 * 1024 * 1024
"""Of lines that nobody has taken yet: the command is held up then, as by any full pipe."""
_BATCH_LINES, _BATCH_BYTES = 200, 1024 * 1024
"""Handed out at once, so that a flood leaves the event loop its turns."""


class Lines:
    """One thread feeds, the loop in which this was made takes."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._arrived = asyncio.Event()
        self._partial = bytearray()
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._room = threading.Condition()
        self._closed = False

    def feed(self, data: bytes) -> None:
        first, *rest = data.split(b"\n")
        self._grow(first)
        for piece in rest:
            self._put(bytes(self._partial))
            self._partial.clear()
            self._grow(piece)

    def wake(self) -> None:
        """From any thread: there is something to look at."""
        try:
            self._loop.call_soon_threadsafe(self._arrived.set)
        except RuntimeError:
            pass  # The loop is closed: nobody reads any more.

    def close(self) -> None:
        """Nobody reads any more: the command is not held up, what it still says is dropped."""
        with self._room:
            self._closed = True
            self._room.notify_all()

    async def wait(self, timeout_s: float) -> None:
        try:
            async with asyncio.timeout(timeout_s):  # wait_for() of Python 3.11 may swallow a cancellation
                await self._arrived.wait()
        except TimeoutError:
            return
        self._arrived.clear()

    def take(self) -> list[str]:
        taken: list[bytes] = []
        size = 0
        with self._room:
            while self._waiting and len(taken) < _BATCH_LINES and size < _BATCH_BYTES:
                taken.append(self._waiting.popleft())
                size += len(taken[-1])
            self._bytes -= size
            self._room.notify_all()
            if self._waiting:
                self._arrived.set()
        return [line.decode("utf-8", "replace") for line in taken]

    def take_last(self) -> list[str]:
        """What no newline ended. Only once nothing is fed any more."""
        last, self._partial = bytes(self._partial), bytearray()
        return [last.decode("utf-8", "replace")] if last else []

    def _grow(self, piece: bytes) -> None:
        self._partial += piece[: LONGEST_LINE_BYTES - len(self._partial)]

    def _put(self, line: bytes) -> None:
        with self._room:
            while self._bytes >= _MOST_WAITING_BYTES and not self._closed:
                self._room.wait()
            if self._closed:
                return
            self._waiting.append(line)
            self._bytes += len(line)
        self.wake()


class Chosen:
    """Passes on the lines that are to be kept, whole, as bytes."""

    def __init__(self, write: Callable[[bytes], object], omit: Callable[[bytes], bool]) -> None:
        self._write = write
        self._omit = omit
        self._partial = bytearray()

    def feed(self, data: bytes) -> None:
        if b"\n" not in data and len(self._partial) < LONGEST_LINE_BYTES:
            self._partial += data
            return
        *lines, rest = (bytes(self._partial) + data).split(b"\n")
        self._partial = bytearray(rest)
        if kept := [line + b"\n" for line in lines if not self._omit(line)]:
            self._write(b"".join(kept))
        if len(self._partial) >= LONGEST_LINE_BYTES:
            self.flush()

    def flush(self) -> None:
        last, self._partial = bytes(self._partial), bytearray()
        if last and not self._omit(last):
            self._write(last)
