"""The write-ahead file of one step: a lease is on the disk before its request is sent, its settlement follows."""

import asyncio
import contextlib
import errno
import fcntl
import hashlib
import logging
import os
import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ostinato.adapters.atomic import make_folder
from ostinato.domain.agents.passes import Closed, Leased, Line, Opened, Settled, Standing, standing_of
from ostinato.domain.budget.amounts import Amount, Limit, Usage
from ostinato.domain.errors import ExternalError

log = logging.getLogger(__name__)
KEY_PREFIX: Final = "ostinato-step-"
_DISK: Final = ThreadPoolExecutor(max_workers=4, thread_name_prefix="gateway-ledger")
"""Its own: elsewhere in the process threads wait for tools."""


@dataclass(slots=True)
class StepLedger:
    """Held by one process at a time, for as long as it is open."""

    path: Path
    standing: Standing
    _number: int
    """Of the open file."""

    @classmethod
    def opened(cls, folder: Path, step: str, caps: Limit, account: str) -> "StepLedger":
        """Goes on where an earlier one ended; what that one had sent and not settled counts by its estimates.

        Raises ExternalError gateway_ledger_held, gateway_ledger_broken or home_unwritable.
        """
        path = make_folder(folder) / f"{hashlib.sha256(step.encode()).hexdigest()[:32]}.jsonl"
        number = _held(path)
        try:
            standing = standing_of(_whole_lines(number)).abandoned()
        except ExternalError as error:
            os.close(number)
            raise ExternalError(f"{path}: {error.message}. Move it away to begin anew", code=error.code) from error
        ledger = cls(path=path, standing=standing, _number=number)
        ledger = cls(path=path, standing=standing, _number=number)
        known = standing.opened if standing.opened and not standing.is_closed else None
        key = known.key if known else KEY_PREFIX + secrets.token_urlsafe(32)
        try:
            ledger._write(Opened(step=step, key=key, account=account, caps=caps))
            os.fsync(number)
        except OSError as error:
            os.close(number)
            raise _unwritable(path, error) from error
        return ledger

    @property
    def key(self) -> str:
        assert self.standing.opened is not None
        return self.standing.opened.key

    async def lease(self, estimate: Amount, model: str) -> int:
        """Returns its number, once it is on the disk; nothing may be sent before."""
        number = self.standing.last + 1
        try:
            self._write(Leased(number=number, estimate=estimate, model=model))
            await asyncio.get_running_loop().run_in_executor(_DISK, os.fdatasync, self._number)
        except BaseException:
            with contextlib.suppress(OSError):
                self.settle(Settled(number=number, amount=Amount(requests=1), usage=Usage()))
            raise
        return number

    def settle(self, line: Settled) -> None:
        """In one short write, so that also a cancelled request is settled. Lost with the machine: the estimate counts."""
        self._write(line)

    def close(self, *, for_good: bool) -> None:
        """`for_good`: the next one has another key, unless that cannot be written down. Never raises; twice is fine."""
        if self._number < 0:
            return
        try:
            if for_good:
                self._write(Closed())
        except OSError as error:
            log.warning("gateway_ledger_unwritable", extra={"path": str(self.path), "reason": str(error)})
        finally:
            number, self._number = self._number, -1
            with contextlib.suppress(OSError):
                os.close(number)

    def _write(self, line: Line) -> None:
        """In memory first: what cannot be written still counts while this process lives."""
        self.standing = self.standing.after(line)
        if self._number >= 0:
            data = line.model_dump_json().encode() + b"\n"
            if (written := os.write(self._number, data)) != len(data):
                os.ftruncate(self._number, os.fstat(self._number).st_size - written)
                raise OSError(errno.ENOSPC, "no room for a whole line", str(self.path))


def _held(path: Path) -> int:
    try:
        number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(number)
        message = f"{path} is held by another process: that one still spends for this step. Wait for its end"
        raise ExternalError(message, code="gateway_ledger_held") from error
    return number


def _unwritable(path: Path, error: OSError) -> ExternalError:
    message = (
        f"Cannot write {path}: {error.strerror or error}. Make it writable, or set OSTINATO_HOME to a folder that is"
    )
    return ExternalError(message, code="home_unwritable")


def _whole_lines(number: int) -> list[str]:
    """Without the half line of a process that was killed while it wrote: what was to be sent after it never was."""
    data = os.pread(number, os.fstat(number).st_size, 0)
    end = data.rfind(b"\n") + 1
    if end < len(data):
        os.ftruncate(number, end)
    return data[:end].decode("utf-8", "replace").splitlines()
