from ostinato.domain.execution import StepState
from ostinato.domain.explanation import why
from ostinato.domain.gates import Status
from ostinato.domain.pipeline import Outcome
from ostinato.domain.report import Stop
from tests.unit.cli_runs import RUN, a_decision, a_failed_step, a_gate, a_run, a_todo, a_waiting_run, an_ended_run


def test_a_run_that_waits_for_a_person_shows_the_question_and_its_answers() -> None:
    found = why(a_waiting_run())

    assert found.code == "waiting_for_person"
    assert "Execute this plan?" in found.because
    assert found.advice[0].command == f"ostinato decide {RUN} approve-plan approve"


def test_work_in_motion_is_told_before_a_question_beside_it() -> None:
    found = why(a_run(decisions=(a_decision(),)))

    assert found.code == "working"
    assert "Fixing lint findings" in found.because
    assert found.details == ("also waits for an answer: Execute this plan?",)


def test_a_paused_run_says_how_to_go_on() -> None:
    found = why(a_run(paused=True))

    assert found.code == "paused"
    assert found.advice[0].command == f"ostinato resume {RUN}"


def test_without_a_worker_nothing_else_matters() -> None:
    found = why(a_run(paused=True), is_worker_polling=False)

    assert found.code == "no_worker"
    assert found.advice[0].command == "ostinato up"


def test_a_stopped_run_gives_its_reason_and_cure() -> None:
    stop = Stop(outcome=Outcome.CANCELLED, code="rejected", message="ada rejected the plan", cure="Start it again")

    found = why(an_ended_run(Outcome.CANCELLED, stop=stop))

    assert (found.code, found.because) == ("stopped", "ada rejected the plan")
    assert "Start it again" in found.details


def test_a_failed_gate_is_named_with_its_evidence() -> None:
    found = why(an_ended_run(Outcome.FAILED, gates=(a_gate("tests", Status.FAIL, message="2 new failing tests"),)))

    assert found.code == "gate_failed"
    assert "tests: 2 new failing tests" in found.because
    assert found.advice[0].command == f"ostinato logs {RUN} tests"


def test_a_failed_step_is_named_before_those_it_blocked() -> None:
    run = a_failed_step(an_ended_run(Outcome.DEGRADED))
    blocked = a_todo("Format", StepState.BLOCKED)

    found = why(run.model_copy(update={"todos": (blocked, *run.todos)}))

    assert found.because == "a step failed: Fix lint: exit status 2"
    assert found.details == ("Read its output", "also blocked: Format")


def test_a_gate_that_could_not_judge_is_no_success() -> None:
    gate = a_gate("types", Status.SKIPPED, message="skipped: environment missing")
    run = an_ended_run(Outcome.DEGRADED, gates=(gate.model_copy(update={"unproven": True}),))

    assert why(run).code == "unproven"


def test_a_completed_run_offers_its_merge() -> None:
    found = why(an_ended_run())

    assert found.code == "completed"
    assert found.advice[0].command == f"ostinato merge {RUN}"


def test_refused_signals_are_shown() -> None:
    assert why(a_run(notes=("signal decide refused: no such decision",))).notes == (
        "signal decide refused: no such decision",
    )
