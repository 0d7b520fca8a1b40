"""Exit codes: part of the contract, documented and tested."""

from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ostinato.domain.report import Stop


class Exit(IntEnum):
    OK = 0
    FAILED = 1
    USAGE = 2
    BUG = 3
    WAITING = 4
    UNREACHABLE = 5
    BUDGET = 6
    CANCELLED = 7
    DEGRADED = 8
    INTERRUPTED = 130


MEANING = {
    Exit.OK: "completed",
    Exit.FAILED: "failed, rolled back, or a gate said no",
    Exit.USAGE: "usage or bad input",
    Exit.BUG: "a bug of ours (writes a report file)",
    Exit.WAITING: "waiting for a person (--no-input)",
    Exit.UNREACHABLE: "Temporal is not reachable, or no worker answers",
    Exit.BUDGET: "stopped by its budget",
    Exit.CANCELLED: "cancelled, rejected, aborted or terminated",
    Exit.DEGRADED: "finished with non-critical failures",
    Exit.INTERRUPTED: "interrupted",
}

_OF_OUTCOME = {
    "completed": Exit.OK,
    "degraded": Exit.DEGRADED,
    "failed": Exit.FAILED,
    "rolled_back": Exit.FAILED,
    "cancelled": Exit.CANCELLED,
}
_UNREACHABLE = ("temporal_", "server_", "worker_")


def of_outcome(outcome: str | None) -> Exit:
    """A run that has not ended is waited for by nobody: 4."""
    return Exit.WAITING if outcome is None else _OF_OUTCOME[outcome]


def of_run(outcome: str | None, stop: "Stop | None") -> Exit:
    """As `of_outcome`, told apart where the budget ended it."""
    return Exit.BUDGET if outcome is not None and stop is not None and stop.code == "budget" else of_outcome(outcome)


def of_error(error: BaseException) -> Exit:
    from ostinato.domain.errors import ExternalError, UserError

    if isinstance(error, UserError):
        return Exit.USAGE
    if isinstance(error, ExternalError):
        return Exit.UNREACHABLE if error.code.startswith(_UNREACHABLE) else Exit.FAILED
    return Exit.BUG
