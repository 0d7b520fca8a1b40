"""The performance gate: a project's benchmark before and after the run, as a ratio of medians. Pure."""

import math
from collections.abc import Sequence
from statistics import median

from ostinato.domain.base import Fact
from ostinato.domain.gates import NOTHING_TO_CHECK, GateResult, Severity, Stage, Status
from ostinato.domain.test_reports.documents import entries, json_table
from ostinato.domain.test_reports.model import ReportError, Unreadable, said

PERFORMANCE = "performance"
WARN_RATIO, FAIL_RATIO = 1.10, 1.30
ROUNDS = 3
_MOST_SHOWN = 20
_MOST_BENCHMARKS = 2_000


class Timing(Fact):
    """One benchmark, measured in turns: before, after, before, after."""

    name: str
    before_s: tuple[float, ...]
    after_s: tuple[float, ...]

    @property
    def ratio(self) -> float:
        return median(self.after_s) / median(self.before_s)

    @property
    def spread(self) -> float:
        """The wider of the two, as a share of its median."""
        return max((max(side) - min(side)) / median(side) for side in (self.before_s, self.after_s))

    @property
    def is_plain(self) -> bool:
        """The change is bigger than what the same code differs by."""
        return self.ratio - 1 > self.spread


class BenchmarkSeen(Fact):
    """What both checkouts have shown, or why nothing was."""

    ran: bool
    base_commit: str = ""
    commit: str = ""
    command: str = ""
    code: str = ""
    message: str = ""
    cure: str = ""
    timings: tuple[Timing, ...] = ()
    evidence: str = ""
    duration_s: float = 0.0


def timings_of(before: Sequence[dict[str, float]], after: Sequence[dict[str, float]]) -> tuple[Timing, ...]:
    """Benchmarks that every round of both sides has; one that the run added or removed has nothing to be compared with."""
    shared = set.intersection(*(set(one) for one in (*before, *after))) if before and after else set()
    found = (
        Timing(name=name, before_s=tuple(one[name] for one in before), after_s=tuple(one[name] for one in after))
        for name in sorted(shared)
    )
    return tuple(timing for timing in found if min(*timing.before_s, *timing.after_s) > 0)


def read_benchmarks(text: str) -> dict[str, float] | Unreadable:
    """pytest-benchmark's JSON: name → median in seconds."""
    try:
        listed = entries(json_table(text)["benchmarks"])
        found = {said(item.get("fullname") or item["name"]): float(item["stats"]["median"]) for item in listed}
    except (ReportError, KeyError, TypeError, ValueError) as problem:
        return Unreadable(report="the report of pytest-benchmark", reason=str(problem))
    if len(found) > _MOST_BENCHMARKS or not all(math.isfinite(value) and value >= 0 for value in found.values()):
        return Unreadable(report="the report of pytest-benchmark", reason="holds figures that are no lengths of time")
    return found


def judge_performance(seen: BenchmarkSeen) -> GateResult:
    """Slower by more than FAIL_RATIO fails, by more than WARN_RATIO warns, when the spread is smaller than the change."""
    if not seen.ran or not seen.timings:
        code = seen.code or NOTHING_TO_CHECK
        return _result(
            seen, Status.SKIPPED, code, f"skipped: {seen.message or 'there is no benchmark'}", seen.cure
        ).model_copy(update={"unproven": code != NOTHING_TO_CHECK})
    slower = sorted((timing for timing in seen.timings if timing.ratio > WARN_RATIO), key=lambda timing: -timing.ratio)
    plain = [timing for timing in slower if timing.is_plain]
    failing = [timing for timing in plain if timing.ratio > FAIL_RATIO]
    if failing:
        return _result(
            seen, Status.FAIL, "performance_worse", f"slower than before: {_named(failing)}",
            "Find what the change made slow; `ostinato diff RUN` shows it",
        )  # fmt: skip
    if plain:
        return _result(
            seen, Status.WARN, "performance_slower", f"slower than before: {_named(plain)}", "See the ratios"
        )
    if slower:
        return _result(
            seen, Status.WARN, "performance_noisy",
            f"may be slower, but the same code differs by as much: {_named(slower)}",
            "Measure on a quieter machine, or make the benchmark longer",
        )  # fmt: skip
    return _result(seen, Status.PASS, "performance_passed", f"not slower: {_named(_slowest(seen.timings))}", "")


def _slowest(timings: Sequence[Timing]) -> list[Timing]:
    return sorted(timings, key=lambda timing: -timing.ratio)


def _named(timings: Sequence[Timing]) -> str:
    listed = ", ".join(f"{timing.name} ×{timing.ratio:.2f} (± {timing.spread:.0%})" for timing in timings[:3])
    return listed + (f" and {len(timings) - 3} more" if len(timings) > 3 else "")


def _result(seen: BenchmarkSeen, status: Status, code: str, message: str, recommendation: str) -> GateResult:
    ordered = _slowest(seen.timings)
    return GateResult(
        gate=PERFORMANCE,
        stage=Stage.POST,
        status=status,
        severity=Severity.MAJOR,
        code=code,
        commit=seen.commit,
        message=message,
        recommendation=recommendation,
        details="\n".join(
            f"{one.name}: {median(one.before_s):.6g} s → {median(one.after_s):.6g} s, ×{one.ratio:.3f} (± {one.spread:.0%})"
            for one in ordered[:_MOST_SHOWN]
        ),
        command=seen.command,
        metrics={"ratio": round(ordered[0].ratio, 4), "benchmarks": len(ordered)} if ordered else {},
        evidence=seen.evidence,
        duration_s=seen.duration_s,
    )
