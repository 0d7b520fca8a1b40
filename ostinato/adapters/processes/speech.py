"""What is said to a command while it runs: into its standard input, and never in the way of the event loop."""

import asyncio
import os


class Speech:
    """Opened by `open_speech`, closed by whoever opened it."""

    def __init__(self, heard_at: int, transport: asyncio.WriteTransport) -> None:
        self.heard_at = heard_at
        """The end that the command reads: ours until `hand_over`."""
        self._transport = transport
        self._handed_over = False

    def say(self, data: bytes) -> None:
        """Kept for as long as the command does not read; dropped once it cannot."""
        if not self._transport.is_closing():
            self._transport.write(data)

    def hush(self) -> None:
        """End-of-file, after all that was said."""
        self._transport.close()

    def hand_over(self) -> None:
        """The command has its own: with ours closed, its death is noticed."""
        if not self._handed_over:
            os.close(self.heard_at)
            self._handed_over = True

    def close(self) -> None:
        self.hand_over()
        if not self._transport.is_closing() or self._transport.get_write_buffer_size():
            self._transport.abort()


async def open_speech() -> Speech:
    heard_at, said_at = os.pipe()
    end = os.fdopen(said_at, "wb", buffering=0)
    try:
        transport, _ = await asyncio.get_running_loop().connect_write_pipe(asyncio.BaseProtocol, end)
    except BaseException:
        end.close()
        os.close(heard_at)
        raise
    return Speech(heard_at, transport)
