"""From facts to a diagnosis: exit codes, signals, exceptions, agents' events and what the output says."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Literal

from ostinato.domain.diagnosis import Diagnosis, ErrorClass
from ostinato.domain.execution import FailureKind
from ostinato.domain.recovering.codes import (
    OF_AGENT_ERROR,
    OF_EXCEPTION,
    OF_EXIT,
    OF_KIND,
    OF_SIGNAL,
    OF_STATUS,
    policy_of,
    severity_of,
)
from ostinato.domain.recovering.patterns import CAUSES, CHECKS, find
from ostinato.domain.recovering.resets import Zones, no_zones, reset_of_headers, reset_time

NO_SPACE_BYTES = 4 * 1024 * 1024
"""With less left, what says that the disk is full is believed before anything else."""
MAX_READ = 20_000
"""Characters of output that are looked at: its end."""
_SHELL_SIGNAL = 128
_VOLATILE = (
    (re.compile(r"\x1b\[[0-9;]*m"), ""),
    (re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"), "#"),
    (re.compile(r"0x[0-9a-fA-F]+"), "#"),
    (re.compile(r"(?<![\w.])(?:[A-Za-z]:)?(?:/[\w.@+~-]+)+/(?=[\w.@+~-]+)"), ""),
    (re.compile(r"\b(?=[a-f]*\d)[0-9a-f]{7,64}\b"), "#"),
    (re.compile(r"\d+(?:[.,:]\d+)*"), "#"),
    (re.compile(r"\s+"), " "),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentEvent:
    """What an agent, or its provider, reported as wrong."""

    error: str = ""
    """Its name for it: rate_limit, context_length_exceeded, server_error …"""
    status: int | None = None
    """Of the provider's answer."""
    message: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureFacts:
    """What is known of a failure. Everything is optional: what is not known is left out."""

    kind: FailureKind | None = None
    code: str = ""
    """Where whoever saw it knows what it is: slower, wait_timed_out, insecure, not_permitted …"""
    message: str = ""
    output: str = ""
    """The end of its output, redacted."""
    exit_code: int | None = None
    signal: int | None = None
    timed_out: bool = False
    missing: bool = False
    exception: str = ""
    """Its class name."""
    out_of_memory: bool = False
    """The system said that it killed for memory (a counter of the control group, or the kernel's log)."""
    exceeded: Literal["", "memory", "disk", "processes"] = ""
    """The limit of the step for which its processes were ended."""
    disk_free_bytes: int | None = None
    """Where it wrote, right afterwards."""
    events: tuple[AgentEvent, ...] = ()
    findings_count: int = 0
    """Of a tool that found something to object to."""
    tool: str = ""


Known = tuple[str, str]
"""A code, and what it is known by."""


def classify_failure(facts: FailureFacts, *, now: datetime, zone: tzinfo = UTC, zones: Zones = no_zones) -> Diagnosis:
    """What is certain comes first, then what is said, then what the bare status means."""
    code, because = next(known for known in _readings(facts) if known[0])
    policy = policy_of(code)
    return Diagnosis(
        error_class=policy.error_class,
        severity=severity_of(code),
        code=code,
        cure=policy.cure,
        reset_at=_reset(facts, now, zone, zones) if policy.error_class is ErrorClass.RATE_LIMIT else None,
        signature=signature_of(code, because or facts.message),
        because=because[:300],
    )


def signature_of(code: str, said: str) -> str:
    """The same for the same failure, whatever its numbers, times, addresses and folders were."""
    for pattern, instead in _VOLATILE:
        said = pattern.sub(instead, said)
    return f"{code}: {said.strip()[:160]}"


def _readings(facts: FailureFacts) -> tuple[Known, ...]:
    said = f"{facts.message}\n{facts.output[-MAX_READ:]}"
    return (
        _certain(facts, said),
        _of_events(facts),
        _of_tool(facts),
        find(CHECKS, said),
        find(CAUSES, said),
        _of_exception(facts),
        _of_status(facts),
    )


def _certain(facts: FailureFacts, said: str) -> Known:
    if facts.code:
        return facts.code, facts.message
    if facts.exceeded:
        return f"limit_{facts.exceeded}", f"it went over its limit of {facts.exceeded}"
    if facts.kind is not None and facts.kind in OF_KIND:
        return OF_KIND[facts.kind], facts.message
    if facts.out_of_memory:
        return "out_of_memory", "the system ended it for want of memory"
    if facts.timed_out:
        return "timed_out", facts.message
    if facts.missing:
        return "missing_command", facts.message or _last_line(facts.output)
    is_full = facts.disk_free_bytes is not None and facts.disk_free_bytes < NO_SPACE_BYTES
    code, line = find(CAUSES, said) if is_full else ("", "")
    return (code, line) if code == "disk_full" else ("", "")


def _of_events(facts: FailureFacts) -> Known:
    """The last that says something: what came before it was got over."""
    for event in reversed(facts.events):
        code, line = find(CAUSES, event.message)
        named = OF_AGENT_ERROR.get(event.error) or OF_STATUS.get(event.status or 0, "")
        if code or named:
            is_finer = code in ("context_overflow", "quota_exhausted")
            chosen = code if is_finer or not named else named
            return chosen, event.message or line or event.error or f"status {event.status}"
    return "", ""


_OF_TOOL = {"tests.run": "tests_failed", "lint.check": "lint_failed", "lint.fix": "lint_failed", "format": "format_failed",
            "types.check": "types_failed", "security.scan": "insecure"}  # fmt: skip


def _of_tool(facts: FailureFacts) -> Known:
    code = _OF_TOOL.get(facts.tool, "") if facts.findings_count else ""
    return code, facts.message if code else ""


def _of_exception(facts: FailureFacts) -> Known:
    name = facts.exception.rpartition(".")[2]
    return OF_EXCEPTION.get(name, ""), f"{name}: {facts.message}"


def _of_status(facts: FailureFacts) -> Known:
    """By the bare status: what a shell says of a command inside of it, too."""
    last = _last_line(facts.output) or facts.message
    exit_code = facts.exit_code or 0
    number = facts.signal or (exit_code - _SHELL_SIGNAL if exit_code > _SHELL_SIGNAL else 0)
    if number in OF_SIGNAL:
        return OF_SIGNAL[number], f"ended by signal {number}: {last}"
    if exit_code in OF_EXIT:
        return OF_EXIT[exit_code], last
    if facts.kind is FailureKind.TOOL:
        return "tool_failed", last
    return "exit_status", last


def _reset(facts: FailureFacts, now: datetime, zone: tzinfo, zones: Zones) -> datetime | None:
    for event in reversed(facts.events):
        if found := reset_of_headers(event.headers, now=now) or reset_time(
            event.message, now=now, zone=zone, zones=zones
        ):
            return found
    return reset_time(f"{facts.message}\n{facts.output[-MAX_READ:]}", now=now, zone=zone, zones=zones)


def _last_line(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
