from typing import Any

import pytest

from ostinato.domain.budget.amounts import Amount
from ostinato.domain.budget.ledger import Ledger
from ostinato.domain.budget.reporting import part_of_step
from ostinato.domain.execution import FailureKind, StepOutcome, StepState
from ostinato.domain.gates import Status
from ostinato.domain.pipeline import Outcome, Phase, Transition, Trigger
from ostinato.domain.report import Snapshot, Stop, is_proven, judge_outcome
from ostinato.domain.rules import classify
from ostinato.domain.wire import markdown_report, report_json
from tests.builders import a_finding, a_gate, a_plan, a_result, a_snapshot, a_step, a_todo, at

CONTRACT = [
    "run_id",
    "request",
    "outcome",
    "phase",
    "branch",
    "base_commit",
    "head_commit",
    "classification",
    "strategy",
    "plan",
    "steps",
    "gates",
    "decisions",
    "recoveries",
    "checkpoints",
    "budget",
    "metrics",
    "artifacts",
    "recommendations",
]


def an_ended_run(**fields: Any) -> Snapshot:
    moves = [
        Transition(source=source, trigger=trigger, target=target, at=at(second))
        for source, trigger, target, second in (
            (Phase.ANALYZING, Trigger.CLASSIFIED, Phase.PLANNING, 1),
            (Phase.PLANNING, Trigger.PLANNED, Phase.PREFLIGHT, 2),
            (Phase.PREFLIGHT, Trigger.GATES_PASSED, Phase.ACTIVATING, 3),
            (Phase.ACTIVATING, Trigger.ACTIVATED, Phase.EXECUTING, 4),
            (Phase.EXECUTING, Trigger.STEPS_FINISHED, Phase.VALIDATING, 14),
            (Phase.VALIDATING, Trigger.VALIDATED, Phase.COMPLETING, 20),
        )
    ]
    given: dict[str, Any] = {
        "phase": Phase.ENDED,
        "outcome": Outcome.COMPLETED,
        "head": "c0ffee",
        "classification": classify("fix the lint errors"),
        "plan": a_plan(a_step("a"), a_step("b"), a_step("c", "a", "b"), max_parallel=2),
        "todos": (a_todo("a", 4, 8), a_todo("b", 4, 10), a_todo("c", 10, 14)),
        "results": (a_result("a", evidence="sha256:1"), a_result("b"), a_result("c")),
        "gates": (a_gate(),),
        "transitions": tuple(moves),
        "ended_at": at(21),
    }
    return a_snapshot(**{**given, **fields})


def test_the_report_has_every_field_of_the_contract() -> None:
    report = report_json(an_ended_run())

    assert set(CONTRACT) <= set(report)
    assert report["artifacts"] == {"step:a": "sha256:1"}
    assert report["plan"]["waves"] == [["a", "b"], ["c"]]


def test_a_run_that_has_only_begun_has_a_report_too() -> None:
    report = report_json(a_snapshot())

    assert report["metrics"]["parallelization_gain_pct"] is None
    assert markdown_report(a_snapshot()).startswith("# fix the lint errors")


def test_phases_are_measured_by_their_transitions() -> None:
    figures = report_json(an_ended_run())["metrics"]

    assert (figures["planning_s"], figures["execution_s"], figures["validation_s"]) == (4, 10, 6)
    assert figures["duration_s"] == 21


def test_parallelism_is_measured_against_the_work_and_the_bound() -> None:
    figures = report_json(an_ended_run())["metrics"]

    assert figures["parallelization_gain_pct"] == pytest.approx(28.6)
    assert figures["makespan_lower_bound_s"] == 10
    assert figures["parallel_efficiency_pct"] == 100
    assert figures["steps_saved"] == 1


def test_a_failed_gate_comes_first_in_what_to_do() -> None:
    gates = (a_gate("lint", Status.WARN, recommendation="later"), a_gate("tests", Status.FAIL, recommendation="now"))

    said = report_json(an_ended_run(gates=gates, outcome=Outcome.FAILED))["recommendations"]

    assert said == ["tests: now", "lint: later"]


def test_the_markdown_names_steps_gates_and_new_findings() -> None:
    gate = a_gate("lint", Status.FAIL, introduced=(a_finding(),))

    text = markdown_report(an_ended_run(gates=(gate,)))

    assert "## Steps" in text
    assert "a.py: F401 unused" in text


@pytest.mark.parametrize("state", [StepState.FAILED, StepState.BLOCKED])
def test_a_step_that_failed_is_never_called_completed(state: StepState) -> None:
    assert judge_outcome(stop=None, states=[StepState.SUCCEEDED, state], gates=[]) is Outcome.DEGRADED


def test_a_gate_that_could_not_judge_degrades() -> None:
    gate = a_gate(status=Status.SKIPPED, unproven=True)

    assert judge_outcome(stop=None, states=[], gates=[gate]) is Outcome.DEGRADED


def test_a_stop_says_the_outcome() -> None:
    stop = Stop(outcome=Outcome.CANCELLED, code="rejected", message="no")

    assert judge_outcome(stop=stop, states=[], gates=[]) is Outcome.CANCELLED


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, ""),
        ({"outcome": Outcome.FAILED}, "the run ended failed"),
        ({"gates": ()}, "no gate judged"),
        ({"gates": (a_gate(status=Status.FAIL),)}, "gates failed: tests"),
        ({"head": "other"}, "gates judged another commit"),
        ({"gates": (a_gate(), a_gate("lint", Status.SKIPPED, unproven=True))}, "could not judge: lint"),
    ],
)
def test_only_the_commit_that_its_gates_passed_is_proven(fields: dict[str, Any], reason: str) -> None:
    assert reason in is_proven(an_ended_run(**fields))
    assert bool(reason) == bool(is_proven(an_ended_run(**fields)))


def test_a_failed_step_shows_its_failure() -> None:
    failure = {"kind": FailureKind.TIMEOUT, "message": "too slow", "recommendation": "raise it"}
    results = (a_result("a", StepOutcome.FAILED, failure=failure),)

    report = report_json(an_ended_run(results=results))

    assert report["steps"][0]["error"]["message"] == "too slow"
    assert "a: raise it" in report["recommendations"]


def test_the_report_tells_what_each_part_cost_and_each_step() -> None:
    ledger = Ledger()
    for lease, what, tokens in (("a", "plan", 980), ("b", part_of_step("lint"), 500), ("c", part_of_step("lint"), 20)):
        amount = Amount(tokens=tokens, micro_usd=2 * tokens, requests=1)
        ledger, _ = ledger.grant(lease, amount, at(0), what=what)
        ledger = ledger.settle(lease, amount, at(1))

    report = report_json(a_snapshot(spending=ledger, todos=(a_todo(),)))

    assert (report["steps"][0]["tokens"], report["steps"][0]["cost_usd"]) == (520, 0.00104)
    parts = report["budget"]["parts"]
    assert [(part["what"], part["tokens"]) for part in parts] == [("plan", 980), ("step lint", 520)]
    assert "- plan: 980 tokens, $0.00196" in markdown_report(a_snapshot(spending=ledger))
