"""Gates that judge while steps run."""

import pytest

from ostinato.domain.execution import StepState
from ostinato.domain.gates import Severity, Stage, Status
from ostinato.domain.midway import exceeded, judge_error_rate, judge_progress, judge_resources
from ostinato.domain.precautions import Limits, Usage

OK, BAD = StepState.SUCCEEDED, StepState.FAILED


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (Limits(), ""),
        (Limits(memory_bytes=99), "memory"),
        (Limits(processes=3), "processes"),
        (Limits(disk_bytes=9), "disk"),
        (Limits(memory_bytes=100, processes=4, disk_bytes=10), ""),
    ],
)
def test_the_limit_that_is_passed_is_named(limits: Limits, expected: str) -> None:
    assert exceeded(Usage(memory_bytes=100, processes=4, disk_bytes=10), limits) == expected


@pytest.mark.parametrize(
    ("used", "status", "code"),
    [(50, Status.PASS, "resources_passed"), (85, Status.WARN, "limit_near"), (101, Status.FAIL, "limit_memory")],
)
def test_resources_are_judged_by_their_limit(used: int, status: Status, code: str) -> None:
    verdict = judge_resources("build", Usage(memory_bytes=used), Limits(memory_bytes=100))

    assert (verdict.stage, verdict.status, verdict.code) == (Stage.MID, status, code)
    assert (verdict.severity is Severity.CRITICAL) == (status is Status.FAIL)


@pytest.mark.parametrize(
    ("signatures", "status", "code"),
    [
        ((), Status.PASS, "progress_passed"),
        (("a", "b"), Status.PASS, "progress_passed"),
        (("a", "a"), Status.WARN, "progress_slow"),
        (("a", "b", "a", "a"), Status.FAIL, "no_progress"),
        (("a", "b", "a", "b"), Status.FAIL, "loop"),
    ],
)
def test_progress_is_judged_by_the_signatures_of_failures(
    signatures: tuple[str, ...], status: Status, code: str
) -> None:
    verdict = judge_progress("build", signatures)

    assert (verdict.gate, verdict.status, verdict.code) == ("progress", status, code)


@pytest.mark.parametrize(
    ("states", "status"),
    [
        ([BAD, BAD], Status.PASS),
        ([OK] * 9 + [BAD], Status.PASS),
        ([OK] * 3 + [BAD] * 2, Status.WARN),
        ([OK] * 3 + [BAD] * 6, Status.FAIL),
        ([StepState.RUNNING] * 9 + [BAD], Status.PASS),
    ],
)
def test_the_error_rate_is_of_steps_that_ended(states: list[StepState], status: Status) -> None:
    assert judge_error_rate(states).status is status


def test_peaks_are_kept_one_by_one() -> None:
    peak = Usage(memory_bytes=5, processes=1).most(Usage(memory_bytes=3, processes=2))

    assert peak == Usage(memory_bytes=5, processes=2)
