"""One at a time, over processes: for what git itself does not order."""

import asyncio
import contextlib
import fcntl
from collections.abc import AsyncIterator
from pathlib import Path


@contextlib.asynccontextmanager
async def locked(path: Path) -> AsyncIterator[None]:
    with path.open("w") as file:
        await _wait_for(file.fileno())
        yield


async def _wait_for(descriptor: int) -> None:
    """Polled, so that a cancelled caller leaves no thread behind that takes the lock later."""
    while True:
        if _take(descriptor):
            return
        await asyncio.sleep(0.02)


def _take(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
