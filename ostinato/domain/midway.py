"""Gates that judge while steps run: progress, error rate, and what a step's processes use. Pure."""

from collections import Counter
from collections.abc import Sequence
from typing import Literal

from ostinato.domain.execution import StepState
from ostinato.domain.gates import GateResult, Severity, Stage, Status
from ostinato.domain.precautions import Limits, Usage

LOOP_LENGTH = 3
"""The same failure so often is no progress (features, F7)."""
NEAR = 0.8
"""Of a limit: worth a warning."""
MIN_ENDED = 5
"""Fewer ended executions say nothing about a rate."""
ERROR_RATE_WARNS = 0.3
ERROR_RATE_FAILS = 0.6

Resource = Literal["memory", "disk", "processes"]


def exceeded(usage: Usage, limits: Limits) -> Resource | Literal[""]:
    """The first limit that is passed."""
    return next((name for name, used, limit in _used(usage, limits) if used > limit), "")


def judge_resources(step: str, usage: Usage, limits: Limits) -> GateResult:
    shares: dict[str, float] = {name: used / limit for name, used, limit in _used(usage, limits)}
    worst = max(shares, key=lambda name: shares[name], default="")
    said = f"{step} uses {usage.memory_bytes / 2**20:.0f} MB in {usage.processes} processes"
    if worst and shares[worst] > 1:
        return _verdict(
            "resources", Status.FAIL, f"limit_{worst}", f"{said}: over its limit of {worst}",
            f"Raise `limits.{worst}` of the step, or split it", Severity.CRITICAL,
        )  # fmt: skip
    if worst and shares[worst] >= NEAR:
        near = f"{said}: {shares[worst]:.0%} of its limit of {worst}"
        return _verdict("resources", Status.WARN, "limit_near", near, f"Raise `limits.{worst}` before it fails")
    return _verdict("resources", Status.PASS, "resources_passed", said)


def judge_progress(step: str, signatures: Sequence[str]) -> GateResult:
    """By the signatures of the step's failures so far, the oldest first."""
    counts = Counter(signature for signature in signatures if signature)
    signature, most = counts.most_common(1)[0] if counts else ("", 0)
    if most >= LOOP_LENGTH:
        said = f"{step} failed {most} times in the same way: {signature}"
        return _verdict("progress", Status.FAIL, "no_progress", said, "Change the step, or what it works on")
    if _alternates(signatures):
        said = f"{step} goes back and forth between two failures: {signature}"
        return _verdict("progress", Status.FAIL, "loop", said, "The cure of one brings back the other: change the step")
    if most > 1:
        return _verdict("progress", Status.WARN, "progress_slow", f"{step} failed twice in the same way: {signature}")
    return _verdict("progress", Status.PASS, "progress_passed", f"{step}: {len(signatures)} failures, none twice")


def judge_error_rate(states: Sequence[StepState]) -> GateResult:
    """Steps that failed for good, of all that ended."""
    failed = sum(1 for state in states if state is StepState.FAILED)
    ended = failed + sum(1 for state in states if state is StepState.SUCCEEDED)
    if ended < MIN_ENDED:
        return _verdict("error_rate", Status.PASS, "error_rate_passed", f"{failed} of {ended} steps failed")
    said, rate = f"{failed} of {ended} steps failed ({failed / ended:.0%})", failed / ended
    if rate > ERROR_RATE_FAILS:
        cure = "Something common is wrong: see what the failures share with `ostinato report`"
        return _verdict("error_rate", Status.FAIL, "error_rate_high", said, cure)
    if rate > ERROR_RATE_WARNS:
        return _verdict("error_rate", Status.WARN, "error_rate_raised", said)
    return _verdict("error_rate", Status.PASS, "error_rate_passed", said)


def _used(usage: Usage, limits: Limits) -> tuple[tuple[Resource, int, int], ...]:
    rows: tuple[tuple[Resource, int, int | None], ...] = (
        ("memory", usage.memory_bytes, limits.memory_bytes),
        ("processes", usage.processes, limits.processes),
        ("disk", usage.disk_bytes, limits.disk_bytes),
    )
    return tuple((name, used, limit) for name, used, limit in rows if limit is not None)


def _alternates(signatures: Sequence[str]) -> bool:
    """a, b, a, b."""
    last = signatures[-4:]
    return len(last) == 4 and last[0] == last[2] != last[1] == last[3]


def _verdict(
    gate: str, status: Status, code: str, message: str, recommendation: str = "", severity: Severity = Severity.MAJOR
) -> GateResult:
    return GateResult(
        gate=gate,
        stage=Stage.MID,
        status=status,
        code=code,
        message=message,
        recommendation=recommendation,
        severity=severity,
    )
