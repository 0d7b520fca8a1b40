"""Starts a command under its supervisor and carries its output: one thread per running process, the event loop free."""

import json
import os
import select
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ostinato.domain.errors import ExternalError

_SUPERVISOR = Path(__file__).with_name("supervisor.py")
_CHUNK_BYTES = 64 * 1024
_LATE_OUTPUT_S = 2.0
"""A process of another tree may have been handed our pipe (a container engine's): it is not waited for longer."""

Sink = Callable[[bytes], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str]
    grace_s: float
    memory_bytes: int = 0
    """That each of its processes may have of its own at most: more is refused to it. 0: no limit."""
    stdin: bytes | int | None = None
    """Its whole input, or a descriptor to read it from, which stays the caller's."""
    wrappers: int = 0
    """Processes of a sandbox above the one that passes signals on to the command."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What the supervisor reported: no process of the tree is left but the survivors."""

    exit_code: int | None
    signal: int | None
    missing: bool
    survivors: tuple[int, ...]


class Supervised:
    """A running command. `ended` is done when its processes are gone and its output is carried."""

    def __init__(self, order: Order, stdout: Sink, stderr: Sink | None = None) -> None:
        """Without a sink of its own, standard error joins standard output. Sinks are called from another thread."""
        _check(order)
        self.ended: Future[Ending] = Future()
        self.ended.set_running_or_notify_cancel()
        self._order = order
        self._sinks: dict[int, Sink] = {}
        self._sink_failure: Exception | None = None
        self._stopped = False
        self._ordered = False
        given = [_stdin(order.stdin), self._pipe_to(stdout)]
        given.append(os.dup(given[1]) if stderr is None else self._pipe_to(stderr))
        try:
            self._process = _start(given)
        except OSError as error:
            _close(self._sinks)
            raise ExternalError(f"Cannot start {sys.executable}: {error.strerror}.", code="not_started") from error
        finally:
            _close(given)
        threading.Thread(target=self._carry, args=(given,), daemon=True, name=f"output of {order.argv[0]}").start()

    def stop(self) -> None:
        """Ends the tree: the supervisor sees end-of-file, as it would had this process died."""
        self._stopped = True
        assert self._process.stdin is not None
        self._process.stdin.close()

    def signal(self, number: int) -> None:
        """Tells the command itself, none of what it started. Nothing happens before it is started or after its end."""
        assert self._process.stdin is not None
        if self._ordered:
            with suppress(OSError, ValueError):
                self._process.stdin.write(bytes((number,)))

    def abandon(self) -> None:
        """Kills the supervisor itself, for one that does not answer."""
        self._process.kill()

    @property
    def pid(self) -> int:
        """Of the supervisor: the command's processes are its descendants."""
        return self._process.pid

    @property
    def is_lost(self) -> bool:
        """The supervisor was killed: part of its tree may live."""
        error = self.ended.exception() if self.ended.done() else None
        return isinstance(error, ExternalError) and error.code == "supervisor_lost"

    def _pipe_to(self, sink: Sink) -> int:
        read_end, write_end = os.pipe()
        self._sinks[read_end] = sink
        return write_end

    def _carry(self, given: list[int]) -> None:
        try:
            self._send_order(given)
            report = self._carry_output()
            self._process.wait()
            ending = self._ending(report)
        except Exception as error:
            self._finish(error)
        else:
            self._finish(self._sink_failure or ending)

    def _finish(self, result: Ending | Exception) -> None:
        assert self._process.stdout is not None
        self._process.stdout.close()
        self.stop()
        _close(self._sinks)
        if isinstance(result, Exception):
            self.ended.set_exception(result)
        else:
            self.ended.set_result(result)

    def _send_order(self, given: list[int]) -> None:
        order = self._order
        fields = [
            f"{order.grace_s}",
            str(order.memory_bytes),
            str(order.wrappers),
            *map(str, given),
            str(order.cwd.absolute()),
            str(len(order.argv)),
            *order.argv,
        ]
        fields += [f"{name}={value}" for name, value in order.env.items()]
        payload = os.fsencode("\0".join(fields))
        rest = memoryview(b"%d\n%s" % (len(payload), payload))
        assert self._process.stdin is not None
        with suppress(OSError, ValueError):  # It died or was stopped meanwhile: its report tells.
            while rest:
                rest = rest[self._process.stdin.write(rest) :]
            self._ordered = True

    def _carry_output(self) -> bytes:
        """Until the supervisor has closed its report and all output is read, or nobody of ours writes it any more."""
        assert self._process.stdout is not None
        report_end = self._process.stdout.fileno()
        poll = select.poll()
        open_ends = {report_end, *self._sinks}
        for end in open_ends:
            poll.register(end, select.POLLIN)
        report, deadline = b"", float("inf")
        while open_ends and time.monotonic() < deadline:
            for end, _ in poll.poll(None if report_end in open_ends else 100):
                data = os.read(end, _CHUNK_BYTES)
                if not data:
                    open_ends.discard(end)
                    poll.unregister(end)
                if end != report_end:
                    self._sink(end, data)
                    continue
                report += data
                if not data:
                    deadline = time.monotonic() + _LATE_OUTPUT_S
        return report

    def _sink(self, end: int, data: bytes) -> None:
        """Output is read to its end even when it cannot be kept: a full pipe would hang the child."""
        if data and self._sink_failure is None:
            try:
                self._sinks[end](data)
            except Exception as error:
                self._sink_failure = error

    def _ending(self, report: bytes) -> Ending:
        if not report and self._stopped and self._process.returncode == 0:  # Stopped before it had read its order.
            return Ending(exit_code=None, signal=None, missing=False, survivors=())
        if not report:
            raise ExternalError(
                f"The supervisor of {self._order.argv[0]!r} was killed, and the command's outcome is unknown. "
                "Look for a shortage of memory, then run it again.",
                code="supervisor_lost",
            )
        facts = json.loads(report)
        if facts["failed_at"] == "cwd":
            raise _folder_missing(self._order)
        return Ending(
            exit_code=127 if _is_missing(facts) else facts["exit_code"],
            signal=facts["signal"],
            missing=_is_missing(facts),
            survivors=tuple(facts["survivors"]),
        )


def _is_missing(facts: Mapping[str, object]) -> bool:
    return facts["failed_at"] == "exec" and facts["errno"] in (2, 20)  # ENOENT, ENOTDIR


def _check(order: Order) -> None:
    if not order.cwd.is_dir():
        raise _folder_missing(order)
    if not order.argv or any("\0" in text for text in (*order.argv, *order.env, *order.env.values())):
        raise ExternalError(
            f"The command {list(order.argv)!r:.200} cannot be started: it is empty, or it or its environment holds a NUL.",
            code="command_invalid",
        )


def _folder_missing(order: Order) -> ExternalError:
    return ExternalError(
        f"Cannot run {order.argv[0] if order.argv else ''!r} in {order.cwd}: there is no such folder, or it may not be entered.",
        code="folder_missing",
    )


def _start(given: list[int]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        (sys.executable, "-I", "-S", str(_SUPERVISOR)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=given[2],
        pass_fds=given,
        bufsize=0,
        start_new_session=True,
        env={"LANG": "C.UTF-8"},
        cwd="/",
    )


def _stdin(data: bytes | int | None) -> int:
    """Of data, a file, not a pipe: a child that does not read it blocks nobody."""
    if data is None:
        return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    if isinstance(data, int):
        return os.dup(data)
    if sys.platform == "linux":
        end = os.memfd_create("stdin")
    else:
        with tempfile.TemporaryFile() as file:
            end = os.dup(file.fileno())
    with os.fdopen(os.dup(end), "wb") as copy:
        copy.write(data)
    os.lseek(end, 0, os.SEEK_SET)
    return end


def _close(ends: Mapping[int, object] | list[int]) -> None:
    for end in ends:
        os.close(end)
