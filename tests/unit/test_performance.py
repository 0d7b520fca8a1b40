"""Benchmarks before and after, judged by ratio and spread; gates by a command."""

from pathlib import Path

import pytest

from ostinato.domain.custom_gates import CustomGate, gate_problems, judge_custom
from ostinato.domain.gates import Severity, Status
from ostinato.domain.performance import BenchmarkSeen, Timing, judge_performance, read_benchmarks, timings_of
from ostinato.domain.test_reports import Unreadable
from tests.builders import a_finding, an_observation

REPORT = Path(__file__).parents[1] / "data" / "reports" / "pytest-benchmark" / "report.json"
STEADY = (1.0, 1.01, 1.02)


def a_timing(*after: float, before: tuple[float, ...] = STEADY, name: str = "sum") -> Timing:
    return Timing(name=name, before_s=before, after_s=after)


@pytest.mark.parametrize(
    ("after", "status", "code"),
    [
        ((1.0, 1.02, 1.01), Status.PASS, "performance_passed"),
        ((0.5, 0.5, 0.5), Status.PASS, "performance_passed"),
        ((1.10, 1.11, 1.10), Status.PASS, "performance_passed"),
        ((1.2, 1.21, 1.2), Status.WARN, "performance_slower"),
        ((1.4, 1.41, 1.42), Status.FAIL, "performance_worse"),
        ((0.9, 1.4, 1.6), Status.WARN, "performance_noisy"),
    ],
)
def test_a_ratio_is_judged_as_far_as_its_spread_allows(after: tuple[float, ...], status: Status, code: str) -> None:
    verdict = judge_performance(BenchmarkSeen(ran=True, timings=(a_timing(*after),)))

    assert (verdict.status, verdict.code) == (status, code)


def test_a_noisy_base_convicts_nobody() -> None:
    timing = a_timing(1.5, 1.5, 1.5, before=(0.5, 1.0, 1.4))

    assert judge_performance(BenchmarkSeen(ran=True, timings=(timing,))).code == "performance_noisy"


def test_the_slowest_is_named_first_with_its_figures() -> None:
    timings = (a_timing(1.4, 1.4, 1.4), a_timing(2.0, 2.0, 2.0, name="sort"))

    verdict = judge_performance(BenchmarkSeen(ran=True, timings=timings))

    assert verdict.message.startswith("slower than before: sort ×1.98 (± 2%), sum")
    assert verdict.metrics == {"ratio": 1.9802, "benchmarks": 2}


def test_without_a_benchmark_there_is_nothing_to_check() -> None:
    verdict = judge_performance(BenchmarkSeen(ran=False))

    assert (verdict.status, verdict.code, verdict.unproven) == (Status.SKIPPED, "nothing_to_check", False)


def test_only_benchmarks_of_both_commits_are_compared() -> None:
    timings = timings_of([{"a": 1.0, "old": 1.0}] * 3, [{"a": 2.0, "new": 1.0}] * 3)

    assert [(timing.name, timing.ratio) for timing in timings] == [("a", 2.0)]


def test_the_report_of_pytest_benchmark_is_read() -> None:
    found = read_benchmarks(REPORT.read_text(encoding="utf-8"))

    assert not isinstance(found, Unreadable)
    assert list(found) == ["test_bench.py::test_sum"]
    assert 0 < found["test_bench.py::test_sum"] < 0.001


@pytest.mark.parametrize(
    "text", ["", "[]", '{"benchmarks": [{"name": "a"}]}', '{"benchmarks": [{"name": "a", "stats": {"median": NaN}}]}']
)
def test_a_broken_report_is_not_believed(text: str) -> None:
    assert isinstance(read_benchmarks(text), Unreadable)


@pytest.mark.parametrize(
    ("severity", "status"),
    [
        (Severity.CRITICAL, Status.FAIL),
        (Severity.MAJOR, Status.FAIL),
        (Severity.MINOR, Status.WARN),
        (Severity.INFORMATIONAL, Status.PASS),
    ],
)
def test_the_severity_says_what_a_failed_command_means(severity: Severity, status: Status) -> None:
    gate = CustomGate(name="licences", run="make licences", severity=severity)

    verdict = judge_custom(gate, an_observation("licences", [a_finding()]), an_observation("licences"))

    assert (verdict.status, verdict.severity, verdict.code) == (status, severity, "gate_command_failed")


def test_a_command_that_failed_before_the_run_too_is_inherited() -> None:
    seen = an_observation("licences", [a_finding()])

    verdict = judge_custom(CustomGate(name="licences", run=("make",)), seen, seen)

    assert (verdict.status, verdict.code, verdict.inherited_count) == (Status.PASS, "gate_command_passed", 1)


def test_what_is_wrong_with_gates_is_said_together() -> None:
    gates = (CustomGate(name="tests", run="x"), CustomGate(name="a", run=" "), CustomGate(name="a", run="y"))

    assert len(gate_problems(gates)) == 3
