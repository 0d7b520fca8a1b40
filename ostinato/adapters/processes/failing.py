"""How a command failed, as data for those who decide: what is known of its end, and its diagnosis."""

from dataclasses import dataclass
from datetime import datetime

from ostinato.adapters.processes.spec import ProcessEnd
from ostinato.adapters.zones import find_zone, own_zone
from ostinato.domain.execution import Failure, FailureKind
from ostinato.domain.recovering.diagnosing import FailureFacts, classify_failure
from ostinato.domain.request import headline

DETAILS_CHARS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    kind: FailureKind
    message: str
    recommendation: str = ""


def failure_of(end: ProcessEnd, *, line: str, timeout_s: float, now: datetime) -> Failure:
    """Of a command that did not succeed. `line`: what was run."""
    told = _told(end, line, timeout_s)
    facts = FailureFacts(
        kind=told.kind if told.kind is not FailureKind.EXIT_STATUS else None,
        message=told.message,
        output=end.tail,
        exit_code=end.exit_code,
        signal=end.signal,
        timed_out=end.timed_out,
        missing=end.missing,
        out_of_memory=end.out_of_memory,
        exceeded=end.exceeded,
        disk_free_bytes=end.disk_free_bytes,
    )
    diagnosis = classify_failure(facts, now=now, zone=own_zone(), zones=find_zone)
    return Failure(
        kind=told.kind,
        message=told.message,
        details=end.tail[-DETAILS_CHARS:],
        recommendation=told.recommendation or diagnosis.cure,
        diagnosis=diagnosis,
    )


def _told(end: ProcessEnd, line: str, timeout_s: float) -> _Told:
    if end.exceeded:
        used = f"{end.peak.memory_bytes / 2**20:.0f} MB, {end.peak.processes} processes"
        return _Told(
            kind=FailureKind.RESOURCES, message=f"it went over its limit of {end.exceeded} ({used}) and was killed"
        )
    if end.timed_out:
        return _Told(
            kind=FailureKind.TIMEOUT, message=f"it did not end within {timeout_s:g} s; its processes were stopped"
        )
    if end.missing:
        return _Told(kind=FailureKind.MISSING_COMMAND, message=f"no such command: {headline(line, 100)}")
    how = f"exit status {end.exit_code}" if end.exit_code is not None else f"ended by signal {end.signal}"
    last = next((text.strip() for text in reversed(end.tail.splitlines()) if text.strip()), "")
    return _Told(kind=FailureKind.EXIT_STATUS, message=f"{how}: {last}"[:400])
