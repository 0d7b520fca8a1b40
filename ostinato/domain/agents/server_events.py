"""Server-sent events, read as their bytes pass by: in any pieces, never altered. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

MOST_LINE_BYTES: Final = 16 * 1024 * 1024
"""A longer line is not kept: nothing that is metered has one."""


@dataclass(slots=True)
class EventReader:
    """Feed it what arrives; it gives the data of each event that is complete."""

    _rest: bytearray = field(default_factory=bytearray)
    _data: list[bytes] = field(default_factory=list)
    _is_skipping: bool = False
    _after_return: bool = False

    def feed(self, piece: bytes) -> Iterator[bytes]:
        if self._after_return and piece.startswith(b"\n"):
            piece = piece[1:]
        self._after_return = piece.endswith(b"\r")
        self._rest += piece
        if b"\n" not in piece and b"\r" not in piece:
            self._bound()
            return
        *lines, rest = self._lines()
        self._rest = bytearray(rest)
        for line in lines:
            yield from self._line(line)

    def end(self) -> Iterator[bytes]:
        """The stream is over: what was begun is given as it is."""
        rest, self._rest = bytes(self._rest), bytearray()
        for line in (rest, b""):
            yield from self._line(line)

    def _lines(self) -> list[bytes]:
        text = bytes(self._rest)
        if b"\r" in text:
            text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return text.split(b"\n")

    def _line(self, line: bytes) -> Iterator[bytes]:
        if self._is_skipping:
            self._is_skipping = False
        elif line.startswith(b"data:"):
            self._data.append(line[5:].removeprefix(b" "))
        elif not line and self._data:
            data, self._data = b"\n".join(self._data), []
            yield data

    def _bound(self) -> None:
        if len(self._rest) > MOST_LINE_BYTES:
            self._rest.clear()
            self._is_skipping = True
