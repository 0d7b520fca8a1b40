"""The worker process of a home: one at a time, found again by later commands."""

import json
import os
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final, TextIO

import ostinato
from ostinato.adapters.atomic import locked, make_folder, read_json_object, try_lock, write_atomically
from ostinato.adapters.home import Home
from ostinato.adapters.pids import ProcessIdentity, identify_self
from ostinato.adapters.temporal.detached import log_tail, start_detached, stop_process, wait_until
from ostinato.domain.errors import ExternalError

GRACEFUL_SHUTDOWN_S: Final = 20.0
"""How long a stopping worker lets activities finish; less than a stop waits, which is less than a container's grace."""
STOP_LIMIT_S: Final = 30.0
READY_LIMIT_S: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerInfo:
    pid: int
    started: float
    log_path: str
    ready: bool = False
    """It polls its queues."""
    address: str = ""
    """The Temporal server it works for."""
    version: str = ostinato.__version__

    @property
    def identity(self) -> ProcessIdentity:
        return ProcessIdentity(pid=self.pid, started=self.started)


class WorkerLock:
    """Held by the worker process for as long as it lives; the system lets go of it, even after a kill."""

    def __init__(self, home: Home, stream: TextIO) -> None:
        self._home = home
        self._stream = stream

    def release(self) -> None:
        """At the end of a drained worker: its record goes, and the next one may start."""
        _record(self._home).unlink(missing_ok=True)
        self._stream.close()


def worker_command() -> list[str]:
    """Run as a script: its own folder comes first on the import path, whoever else owns a package `workflows`."""
    package = Path(ostinato.__file__).resolve().parent
    for script in (package / "_app" / "worker.py", package.parent / "worker.py"):
        if script.is_file():
            return [sys.executable, str(script)]
    raise ExternalError(
        f"worker.py was found neither beside {package} nor in it. Install ostinato again", code="worker_missing"
    )


def ensure_worker(home: Home, *, address: str = "") -> WorkerInfo:
    """Start the worker, or find the one that runs; returns when it polls. Safe to ask from several processes at once.

    A worker of another version, or one that works for another server than `address`, is drained and replaced.
    """
    with locked(home.worker / "start.lock"):
        running = worker_status(home)
        if running is not None and not _is_current(running, address):
            stop_process(running.identity, STOP_LIMIT_S)
            running = None
        identity = running.identity if running else _start(home)
        return _wait_until_ready(home, identity)


def worker_status(home: Home) -> WorkerInfo | None:
    """The running worker, which may not be ready yet."""
    value = read_json_object(_record(home))
    try:
        info = WorkerInfo(**value) if value else None
    except TypeError:
        return None
    return info if info is not None and info.identity.is_alive else None


def stop_worker(home: Home, timeout_s: float = STOP_LIMIT_S) -> bool:
    """Let it drain, then kill it; False when none was running."""
    running = worker_status(home)
    if running is not None:
        stop_process(running.identity, timeout_s)
    return running is not None


def hold_worker_lock(home: Home) -> WorkerLock:
    """Called by the worker when it starts; keep the result until the process ends."""
    stream = try_lock(home.worker / "lock")
    if stream is None:
        running = worker_status(home)
        name = f" (process {running.pid})" if running else ""
        raise ExternalError(
            f"Another worker{name} already serves {home.root}. Stop it with `ostinato down`, or set OSTINATO_HOME "
            "to a folder of this worker's own",
            code="worker_running",
        )
    me = identify_self()
    _write(home, WorkerInfo(pid=me.pid, started=me.started, log_path=str(worker_log(home))))
    return WorkerLock(home, stream)


def mark_ready(home: Home, *, address: str = "") -> None:
    """Called by the worker once it polls."""
    me = identify_self()
    info = WorkerInfo(pid=me.pid, started=me.started, log_path=str(worker_log(home)))
    _write(home, replace(info, ready=True, address=address))


def worker_log(home: Home) -> Path:
    return home.worker / "worker.log"


def _start(home: Home) -> ProcessIdentity:
    env = {name: value for name, value in os.environ.items() if name not in ("PYTHONSAFEPATH", "PYTHONPATH")}
    env["OSTINATO_HOME"] = str(home.root.resolve())
    return start_detached(worker_command(), cwd=make_folder(home.worker), log=worker_log(home), env=env)


def _wait_until_ready(home: Home, started: ProcessIdentity) -> WorkerInfo:
    def is_settled() -> bool:
        status = worker_status(home)
        return (status is not None and status.ready) or not started.is_alive

    wait_until(is_settled, READY_LIMIT_S)
    status = worker_status(home)
    if status is not None and status.ready:
        return status
    what = "did not become ready" if started.is_alive else "ended before it was ready"
    stop_process(started, STOP_LIMIT_S)
    log = worker_log(home)
    raise ExternalError(
        f"The worker {what}. Run `ostinato doctor`, or `ostinato worker` to see it in the foreground. "
        f"End of {log}:\n{log_tail(log)}",
        code="worker_not_started",
    )


def _is_current(running: WorkerInfo, address: str) -> bool:
    if running.version != ostinato.__version__:
        return False
    return not (address and running.address) or address == running.address


def _write(home: Home, info: WorkerInfo) -> None:
    write_atomically(_record(home), json.dumps(asdict(info)))


def _record(home: Home) -> Path:
    return home.worker / "worker.json"
