"""Why a run did not succeed, told from its facts."""

from datetime import UTC, datetime

from ostinato.domain.execution import FailureKind, StepOutcome, StepState
from ostinato.domain.failure_report import failure_lines, failure_report
from ostinato.domain.gates import Status
from ostinato.domain.pipeline import Outcome
from ostinato.domain.recovering.diagnosing import FailureFacts, classify_failure
from ostinato.domain.report import Recovered, Snapshot
from ostinato.domain.summary import markdown_report
from ostinato.domain.wire import report_json
from tests.builders import a_finding, a_gate, a_result, a_snapshot, a_todo


def a_failed_run() -> Snapshot:
    facts = FailureFacts(
        kind=FailureKind.EXIT_STATUS, exit_code=1, output="cp: error writing 'b': No space left on device"
    )
    diagnosis = classify_failure(facts, now=datetime(2030, 1, 1, tzinfo=UTC))
    failure = {"kind": FailureKind.EXIT_STATUS, "message": "exit status 1", "diagnosis": diagnosis}
    entry = {"error_class": "storage", "severity": "critical", "strategy": "fallback_command", "result": "failed too"}
    return a_snapshot(
        outcome=Outcome.FAILED,
        head="c0ffee",
        todos=(
            a_todo("format"),
            a_todo("copy", state=StepState.FAILED, execution=2),
            a_todo("send", state=StepState.BLOCKED),
        ),
        results=(
            a_result("format", summary="3 files formatted", commit="c0ffee"),
            a_result("copy", StepOutcome.FAILED, failure=failure),
        ),
        recoveries=(Recovered.model_validate({"step": "copy", **entry}),),
    )


def test_it_says_what_failed_why_what_was_tried_and_what_is_there() -> None:
    report = failure_report(a_failed_run())

    assert report is not None
    (broken,) = report.failures
    assert (broken.id, broken.error_class, broken.code, broken.severity) == ("copy", "storage", "disk_full", "critical")
    assert [entry.strategy for entry in broken.tried] == ["fallback_command"]
    assert (report.blocked, [part.step for part in report.partial]) == (("send",), ["format"])
    assert "Free space" in broken.recommendation


def test_it_says_how_to_go_on() -> None:
    report = failure_report(a_failed_run())

    assert report is not None
    assert [advice.command for advice in report.go_on] == ["ostinato logs run-1 copy"]
    assert report.recommendations


def test_a_gate_that_fails_is_a_failure_with_its_findings() -> None:
    gate = a_gate("tests", Status.FAIL, code="tests_failed", introduced=(a_finding(),), recommendation="Fix them")
    report = failure_report(a_snapshot(outcome=Outcome.FAILED, gates=(gate,)))

    assert report is not None
    assert [(broken.kind, broken.code, len(broken.findings)) for broken in report.failures] == [
        ("gate", "tests_failed", 1)
    ]


def test_a_run_that_completed_or_goes_on_has_none() -> None:
    assert failure_report(a_snapshot(outcome=Outcome.COMPLETED)) is None
    assert failure_report(a_snapshot()) is None


def test_every_format_has_it() -> None:
    snapshot = a_failed_run()

    data, text = report_json(snapshot)["failure"], markdown_report(snapshot)

    assert data["failures"][0]["code"] == "disk_full"
    assert "## Why" in text
    assert "No space left on device" in text
    assert "tried: fallback_command, failed too" in text


def test_the_lines_name_what_never_started() -> None:
    report = failure_report(a_failed_run())

    assert report is not None
    assert "Never started because of that: send" in failure_lines(report)
