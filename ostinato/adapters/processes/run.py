"""Runs commands: `run_supervised` for steps, with output kept as an artifact; `run_quiet` for short calls of our own."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ostinato.adapters.artifacts import ArtifactStore, ArtifactWriter
from ostinato.adapters.processes.launch import Ending, Order, Supervised
from ostinato.adapters.processes.spec import TAIL_CHARS, ProcessEnd, ProcessSpec, Quick
from ostinato.adapters.processes.strays import MARKER_VARIABLE, kill_strays
from ostinato.adapters.processes.usage import Meter, free_bytes, oom_kills
from ostinato.domain.errors import ExternalError
from ostinato.domain.midway import Resource
from ostinato.domain.precautions import Usage
from ostinato.domain.redaction import Redactor

_PROGRESS_INTERVAL_S = 0.5
_PROGRESS_CHARS = 300
_QUICK_GRACE_S = 1.0
_SUPERVISOR_SLACK_S = 20.0
"""More than a supervisor takes to give up on what cannot be killed."""
_KILLED = 128 + 9
"""SIGKILL, as a shell tells it of its child, or our own reading of a signal."""
_MIB = 1024 * 1024
_HARD_LIMIT = 2
_HARD_LIMIT_SLACK_BYTES = 256 * _MIB
"""What is asked for and not yet used counts against the hard limit, which holds between two looks; the stated limit is
what is really used."""


async def run_supervised(
    spec: ProcessSpec,
    *,
    artifacts: ArtifactStore,
    redactor: Redactor,
    on_progress: Callable[[str], None] | None = None,
) -> ProcessEnd:
    """How the command ended, whatever its end was; on cancellation its whole tree is gone before the error goes on.

    `on_progress` gets the last line of output, redacted, at most twice a second, in the caller's context.
    """
    order = order_of(spec)
    sink = artifacts.writer(redactor)
    try:
        watch = Watch()
        supervised = Supervised(order, sink.write)
        tick = None if on_progress is None else _progress(sink, on_progress)
        ending, timed_out = await _end_of_supervised(supervised, spec, tick, watch)
        watch.ended = time.monotonic()
        output_ref = await asyncio.to_thread(sink.close)
    finally:
        sink.discard()
    return end_of(spec, ending, watch, sink, output_ref, timed_out=timed_out)


def end_of(
    spec: ProcessSpec,
    ending: Ending,
    watch: "Watch",
    sink: ArtifactWriter,
    output_ref: str,
    *,
    timed_out: bool = False,
    tail: str = "",
) -> ProcessEnd:
    """All that is known of a supervised command's end. `tail`: instead of the sink's."""
    return ProcessEnd(
        exit_code=ending.exit_code,
        signal=ending.signal,
        timed_out=timed_out,
        missing=ending.missing,
        duration_s=(watch.ended or time.monotonic()) - watch.started,
        tail=tail or sink.tail(TAIL_CHARS),
        output_ref=output_ref,
        output_bytes=sink.size,
        survivors=ending.survivors,
        exceeded=watch.exceeded,
        peak=watch.peak,
        out_of_memory=as_shell(ending) == _KILLED and not watch.exceeded and oom_kills() > watch.killed_before,
        disk_free_bytes=None if as_shell(ending) == 0 else free_bytes(spec.cwd),
    )


def order_of(spec: ProcessSpec, stdin: bytes | int | None = None) -> Order:
    memory = spec.limits.memory_bytes
    return Order(
        argv=spec.argv,
        cwd=spec.cwd,
        env={**spec.env, MARKER_VARIABLE: spec.marker} if spec.marker else spec.env,
        grace_s=spec.grace_s,
        memory_bytes=0 if memory is None else _HARD_LIMIT * memory + _HARD_LIMIT_SLACK_BYTES,
        stdin=stdin,
        wrappers=spec.wrappers,
    )


async def run_quiet(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    timeout_s: float = 60,
    stdin: bytes | None = None,
    max_output: int = 8 * _MIB,
) -> Quick:
    """The outcome of a short command. More output than `max_output` is an error: half an answer misleads."""
    stdout, stderr = bytearray(), bytearray()
    order = Order(argv=tuple(argv), cwd=cwd, env=env, grace_s=_QUICK_GRACE_S, stdin=stdin)
    supervised = Supervised(order, _bounded(stdout, max_output), _bounded(stderr, max_output))
    ending, timed_out = await _end_of(supervised, timeout_s=timeout_s, grace_s=_QUICK_GRACE_S)
    if max(len(stdout), len(stderr)) > max_output:
        raise ExternalError(f"{argv[0]} wrote more than {max_output:,} bytes in {cwd}.", code="output_too_large")
    return Quick(
        exit_code=124 if timed_out else as_shell(ending),
        stdout=stdout.decode("utf-8", "replace"),
        stderr=stderr.decode("utf-8", "replace"),
        raw=bytes(stdout),
    )


def as_shell(ending: Ending) -> int:
    if ending.exit_code is not None:
        return ending.exit_code
    return 128 + (ending.signal or 0)


def _bounded(buffer: bytearray, limit: int) -> Callable[[bytes], None]:
    """Takes one byte more than the limit, to tell that there was more."""

    def take(data: bytes) -> None:
        buffer.extend(data[: limit + 1 - len(buffer)])

    return take


def _progress(sink: ArtifactWriter, on_progress: Callable[[str], None]) -> Callable[[], None]:
    seen = 0
    shown = ""

    def tick() -> None:
        nonlocal seen, shown
        if sink.size == seen:
            return
        seen = sink.size
        lines = [line.strip() for line in sink.tail(_PROGRESS_CHARS).splitlines()]
        last = next((line for line in reversed(lines) if line), "")
        if last and last != shown:
            shown = last
            on_progress(last)

    return tick


@dataclass(slots=True)
class Watch:
    """What was seen of a command's processes."""

    exceeded: Resource | Literal[""] = ""
    peak: Usage = field(default_factory=Usage)
    started: float = field(default_factory=time.monotonic)
    ended: float = 0.0
    killed_before: int = field(default_factory=oom_kills)


async def _end_of_supervised(
    supervised: Supervised, spec: ProcessSpec, tick: Callable[[], None] | None, watch: Watch
) -> tuple[Ending, bool]:
    """Where even the supervisor was killed, what it watched is found by its marker."""
    watching = asyncio.create_task(watch_limits(supervised, spec, watch))
    try:
        ending = await _end_of(supervised, timeout_s=spec.timeout_s, grace_s=spec.grace_s, tick=tick)
    finally:
        watching.cancel()
        await asyncio.wait((watching,))
        if supervised.is_lost:
            kill_strays(spec.marker)
    if not watching.cancelled():
        watching.result()
    return ending


async def watch_limits(supervised: Supervised, spec: ProcessSpec, watch: Watch) -> None:
    """Kills the tree when it passes a limit. Its end is then the command's end."""
    meter = await asyncio.to_thread(Meter, supervised.pid, spec.cwd, spec.limits)
    while not supervised.ended.done():
        await asyncio.sleep(meter.interval_s)
        passed = await asyncio.to_thread(meter.look)
        watch.peak = meter.peak
        if passed:
            watch.exceeded = passed
            await asyncio.to_thread(meter.kill)
            supervised.stop()
            return


async def _end_of(
    supervised: Supervised, *, timeout_s: float, grace_s: float, tick: Callable[[], None] | None = None
) -> tuple[Ending, bool]:
    """How it ended, and whether it had to be stopped for its time."""
    ended = asyncio.wrap_future(supervised.ended)
    try:
        await _wait(ended, timeout_s, tick)
        timed_out = not ended.done()
        if timed_out:
            await stop_supervised(supervised, ended, grace_s)
    except BaseException:
        await stop_supervised(supervised, ended, grace_s)
        raise
    return ended.result(), timed_out


async def _wait(ended: "asyncio.Future[Ending]", timeout_s: float, tick: Callable[[], None] | None) -> None:
    deadline = time.monotonic() + timeout_s
    while not ended.done() and (remaining_s := deadline - time.monotonic()) > 0:
        await asyncio.wait((ended,), timeout=remaining_s if tick is None else min(remaining_s, _PROGRESS_INTERVAL_S))
        if tick is not None:
            tick()


async def stop_supervised(supervised: Supervised, ended: "asyncio.Future[Ending]", grace_s: float) -> None:
    supervised.stop()
    cancelled = await _despite_cancellation(ended, grace_s + _SUPERVISOR_SLACK_S)
    if not ended.done():
        supervised.abandon()
        cancelled |= await _despite_cancellation(ended, _SUPERVISOR_SLACK_S)
    if cancelled:
        raise asyncio.CancelledError


async def _despite_cancellation(ended: "asyncio.Future[Ending]", limit_s: float) -> bool:
    """Waits for the end, and says whether somebody tried to cancel the waiting."""
    cancelled = False
    deadline = time.monotonic() + limit_s
    while not ended.done() and (remaining_s := deadline - time.monotonic()) > 0:
        try:
            await asyncio.wait((ended,), timeout=remaining_s)
        except asyncio.CancelledError:
            cancelled = True
    return cancelled
