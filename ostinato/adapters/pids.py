"""Process identity: a pid alone may have been given to another process."""

import contextlib
import os
import signal
from dataclasses import dataclass

import psutil

CLOCK_SLACK_S = 2.0
"""Start times are derived from the wall clock, which may have been set since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessIdentity:
    pid: int
    started: float
    """Seconds since the epoch."""

    @property
    def is_alive(self) -> bool:
        """A zombie is dead, and so is a pid that now belongs to another process."""
        try:
            process = psutil.Process(self.pid)
            return (
                process.status() != psutil.STATUS_ZOMBIE and abs(process.create_time() - self.started) < CLOCK_SLACK_S
            )
        except psutil.Error:
            return False


def identify(pid: int) -> ProcessIdentity | None:
    """None when there is no such process."""
    try:
        return ProcessIdentity(pid=pid, started=psutil.Process(pid).create_time())
    except psutil.Error:
        return None


def identify_self() -> ProcessIdentity:
    return ProcessIdentity(pid=os.getpid(), started=psutil.Process().create_time())


def send_signal(identity: ProcessIdentity, number: signal.Signals) -> None:
    """Does nothing when that very process is gone."""
    if identity.is_alive:
        with contextlib.suppress(ProcessLookupError):
            os.kill(identity.pid, number)
