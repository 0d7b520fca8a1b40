"""Processes that outlive the command which started them: the embedded server and the worker."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ostinato.adapters.atomic import make_folder
from ostinato.adapters.pids import ProcessIdentity, identify, send_signal
from ostinato.domain.errors import ExternalError

POLL_S = 0.05
LOG_KEPT_BYTES = 8 * 1024 * 1024


def start_detached(argv: Sequence[str], *, cwd: Path, log: Path, env: Mapping[str, str]) -> ProcessIdentity:
    """In a session of its own, so that Ctrl-C and a closed terminal do not reach it; output is added to the log."""
    make_folder(log.parent)
    _shorten(log)
    with log.open("ab") as output:
        try:
            process = subprocess.Popen(
                argv,
                cwd=cwd,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        except OSError as error:
            raise ExternalError(f"Cannot start {argv[0]}: {error.strerror or error}", code="cannot_start") from error
    identity = identify(process.pid)
    threading.Thread(target=process.wait, daemon=True, name=f"reap-{process.pid}").start()
    return identity or ProcessIdentity(pid=process.pid, started=0.0)


def stop_process(identity: ProcessIdentity, timeout_s: float) -> bool:
    """Asks with SIGTERM, then kills; False when it had to be killed."""
    send_signal(identity, signal.SIGTERM)
    if wait_until(lambda: not identity.is_alive, timeout_s):
        return True
    send_signal(identity, signal.SIGKILL)
    wait_until(lambda: not identity.is_alive, 5.0)
    return False


def wait_until(condition: Callable[[], bool], timeout_s: float) -> bool:
    """False when the time ran out first."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True


def log_tail(log: Path, lines: int = 12) -> str:
    try:
        with log.open("rb") as stream:
            stream.seek(max(0, stream.seek(0, os.SEEK_END) - 8192))
            text = stream.read().decode("utf-8", "replace")
    except OSError:
        return "(no log)"
    return "\n".join(text.strip().splitlines()[-lines:]) or "(the log is empty)"


def _shorten(log: Path) -> None:
    if log.exists() and log.stat().st_size > LOG_KEPT_BYTES:
        log.replace(log.with_suffix(".1.log"))
