"""Runs a command that speaks in lines and may be spoken to by signals, under the same supervisor as every other."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from ostinato.adapters.artifacts import ArtifactStore, ArtifactWriter
from ostinato.adapters.processes.launch import Supervised
from ostinato.adapters.processes.lines import Chosen, Lines
from ostinato.adapters.processes.run import Watch, end_of, order_of, stop_supervised, watch_limits
from ostinato.adapters.processes.spec import TAIL_CHARS, ProcessEnd, ProcessSpec
from ostinato.adapters.processes.speech import Speech, open_speech
from ostinato.adapters.processes.strays import kill_strays
from ostinato.domain.redaction import LONGEST_SECRET, Redactor

Omit = Callable[[bytes], bool]
"""Whether a line of standard output is left out of what is kept; it is handed out all the same."""


def _nothing(_line: bytes) -> bool:
    return False


class Streamed:
    """A running command, inside `streaming`."""

    def __init__(
        self, spec: ProcessSpec, stdin: bytes | Speech | None, sink: ArtifactWriter, redactor: Redactor, omit: Omit
    ) -> None:
        self._spec = spec
        self._speech = stdin if isinstance(stdin, Speech) else None
        self._sink = sink
        self._redactor = redactor
        self._lines = Lines()
        self._kept = Chosen(sink.write, omit)
        self._complaints = b""
        self._ref = ""
        self.watch = Watch()
        self.supervised = Supervised(
            order_of(spec, stdin.heard_at if isinstance(stdin, Speech) else stdin), self._said, self._complained
        )
        if self._speech is not None:
            self._speech.hand_over()
        self._ended = asyncio.wrap_future(self.supervised.ended)
        self.supervised.ended.add_done_callback(lambda _: self._lines.wake())

    @property
    def has_ended(self) -> bool:
        """Its lines may not have been taken yet."""
        return self.supervised.ended.done()

    async def lines(self, timeout_s: float) -> list[str] | None:
        """The next lines of standard output. None came within the time: an empty list; it has ended and said all: None."""
        taken = self._lines.take()
        if not taken and not self.has_ended:
            await self._lines.wait(timeout_s)
            taken = self._lines.take()
        if not taken and self.has_ended:
            return self._lines.take() or self._lines.take_last() or None
        return taken

    def signal(self, number: int) -> None:
        """To the command itself, to none of what it started."""
        self.supervised.signal(number)

    def say(self, data: bytes) -> None:
        """Into its standard input. Only where it is spoken to."""
        assert self._speech is not None
        self._speech.say(data)

    def hush(self) -> None:
        """Nothing more is said to it: it sees end-of-file."""
        if self._speech is not None:
            self._speech.hush()

    def end(self) -> ProcessEnd:
        """After `streaming` was left. Its tail is that of standard error, where it wrote there."""
        return end_of(self._spec, self._ended.result(), self.watch, self._sink, self._ref, tail=self._complaints_tail())

    async def close(self) -> None:
        """The whole tree goes, whatever sessions it made for itself: asked, and killed after the grace time."""
        self._lines.close()
        try:
            if not self._ended.done():
                await stop_supervised(self.supervised, self._ended, self._spec.grace_s)
        finally:
            if self.supervised.is_lost:
                kill_strays(self._spec.marker)
        self._kept.flush()
        self._ref = await asyncio.to_thread(self._sink.close)

    def _said(self, data: bytes) -> None:
        self._kept.feed(data)
        self._lines.feed(data)

    def _complained(self, data: bytes) -> None:
        self._sink.write(data)
        self._complaints = (self._complaints + data)[-2 * LONGEST_SECRET :]

    def _complaints_tail(self) -> str:
        return self._redactor.end_of(self._complaints, TAIL_CHARS).decode("utf-8", "replace").strip()


@asynccontextmanager
async def streaming(
    spec: ProcessSpec,
    *,
    artifacts: ArtifactStore,
    redactor: Redactor,
    stdin: bytes | None = None,
    spoken_to: bool = False,
    omit: Omit = _nothing,
) -> AsyncIterator[Streamed]:
    """However this is left, no process of the command is. The time limit is the caller's to watch.

    `spoken_to`: its standard input stays open, for `say`, instead of holding `stdin`.
    """
    sink = artifacts.writer(redactor)
    speech = await open_speech() if spoken_to else None
    try:
        streamed = Streamed(spec, speech or stdin, sink, redactor, omit)
        watching = asyncio.create_task(watch_limits(streamed.supervised, spec, streamed.watch))
        try:
            yield streamed
        finally:
            watching.cancel()
            await streamed.close()
    finally:
        if speech is not None:
            speech.close()
        sink.discard()
