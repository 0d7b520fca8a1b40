"""What a worker is doing, on disk: a restarted worker fails what its predecessor left, so that it is tried at once."""

import base64
import binascii
import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from temporalio import activity
from temporalio.client import AsyncActivityCancelledError, Client
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from ostinato.adapters.atomic import read_json_object, write_atomically
from ostinato.adapters.home import Home
from ostinato.adapters.pids import ProcessIdentity, identify_self
from ostinato.adapters.unreceived import fail_unreceived

LOST_WORKER: Final = "WorkerLost"
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class InFlight:
    """One attempt of an activity."""

    task_token_b64: str
    workflow_id: str
    activity_id: str
    activity_type: str
    attempt: int
    marker: str
    """Names the attempt in the environment of its child processes."""
    pid: int
    pid_started: float

    @property
    def is_lost(self) -> bool:
        return not ProcessIdentity(pid=self.pid, started=self.pid_started).is_alive


def attempt_marker(info: activity.Info) -> str:
    """The same words in the environment of every child process of this attempt; the prefix of no other attempt's."""
    return f"{info.workflow_id}/{info.workflow_run_id}/{info.activity_id}/{info.attempt}/"


def write_record(home: Home, record: InFlight) -> None:
    write_atomically(_path(home, record), json.dumps(asdict(record)))


def remove_record(home: Home, record: InFlight) -> None:
    """Removing twice is fine."""
    _path(home, record).unlink(missing_ok=True)


def lost_records(home: Home) -> list[InFlight]:
    """Records whose worker is dead. A broken file is deleted: the activity's heartbeat time-out still covers it."""
    found = []
    for path in sorted(home.in_flight.glob("*.json")):
        record = _read(path)
        if record is None:
            log.warning("in_flight_record_broken", extra={"path": str(path)})
            path.unlink(missing_ok=True)
        elif record.is_lost:
            found.append(record)
    return found


async def fail_lost(client: Client, home: Home, *, kill_strays: Callable[[str], int]) -> int:
    """Fail what dead workers of this home left or never got, as retryable; returns how many. Child processes go first.

    Call it while holding the worker's lock and before polling. A second call finds nothing.
    """
    lost = lost_records(home)
    for record in lost:
        kill_strays(record.marker)
        await _fail(client, record)
        remove_record(home, record)
    return len(lost) + await fail_unreceived(client, home.queue, error_type=LOST_WORKER)


class InFlightInterceptor(Interceptor):
    """Keeps a record of each activity for as long as it runs."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _Recording(next, self._home)


class _Recording(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, home: Home) -> None:
        super().__init__(next)
        self._home = home

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        info = activity.info()
        if info.is_local:  # re-run with its workflow task; the server does not know it
            return await self.next.execute_activity(input)
        record = _record_of(info)
        write_record(self._home, record)
        try:
            return await self.next.execute_activity(input)
        finally:
            remove_record(self._home, record)


async def _fail(client: Client, record: InFlight) -> None:
    handle = client.get_async_activity_handle(task_token=base64.b64decode(record.task_token_b64))
    error = ApplicationError(f"The worker that ran {record.activity_type} is gone", type=LOST_WORKER)
    try:
        await handle.fail(error)
    except AsyncActivityCancelledError:
        pass
    except RPCError as refusal:
        if refusal.status is not RPCStatusCode.NOT_FOUND:  # NOT_FOUND: it timed out, or its workflow is closed
            raise
    log.info("lost_activity_failed", extra={"workflow_id": record.workflow_id, "activity_id": record.activity_id})


def _record_of(info: activity.Info) -> InFlight:
    me = identify_self()
    return InFlight(
        task_token_b64=base64.b64encode(info.task_token).decode(),
        workflow_id=info.workflow_id or "",
        activity_id=info.activity_id,
        activity_type=info.activity_type,
        attempt=info.attempt,
        marker=attempt_marker(info),
        pid=me.pid,
        pid_started=me.started,
    )


def _read(path: Path) -> InFlight | None:
    value = read_json_object(path)
    try:
        record = InFlight(**value) if value else None
        if record is not None:
            base64.b64decode(record.task_token_b64, validate=True)
    except (TypeError, binascii.Error):
        return None
    return record


def _path(home: Home, record: InFlight) -> Path:
    name = hashlib.sha256(record.task_token_b64.encode()).hexdigest()[:24]
    return home.in_flight / f"{name}.json"
