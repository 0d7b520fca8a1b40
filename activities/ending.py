"""What has to be done also where the activity is cancelled meanwhile."""

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any, TypeVar

Out = TypeVar("Out")


async def to_its_end(work: Coroutine[Any, Any, Out]) -> Out:
    """However often it is cancelled; what cancelled it before goes on afterwards."""
    task = asyncio.ensure_future(work)
    while not task.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.shield(task)
    return task.result()
