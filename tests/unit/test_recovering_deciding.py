"""Every class has its strategies, every strategy the conditions under which it applies."""

from datetime import timedelta
from typing import Any

import pytest

from ostinato.domain.diagnosis import Diagnosis, ErrorClass
from ostinato.domain.execution import StepOutcome
from ostinato.domain.gates import Severity
from ostinato.domain.plan import Step
from ostinato.domain.recovering.classes import LIMITS, MEANS, POLICY, RESPONSE_S, Family, StrategyName
from ostinato.domain.recovering.codes import CODES, severity_of
from ostinato.domain.recovering.deciding import Allowance, Failing, Tried, after_rerun, decide, tried
from ostinato.domain.recovering.strategies import (
    Escalate,
    FallbackAgent,
    GiveUp,
    IterativeRefinement,
    McpFallback,
    Relax,
    Resequence,
    Retry,
    RollBack,
    SimplifyAndRetry,
    SkillBypass,
    Strategy,
    TokenOptimization,
    WaitForReset,
)
from tests.builders import NOON, a_step
from tests.resilience import RESILIENCE, Failed, course, equipped

AGENT = {"kind": "agent", "agent": "first", "prompt": "Do it"}


def a_diagnosis(code: str = "exit_status", **fields: Any) -> Diagnosis:
    given = {"error_class": CODES[code].error_class, "severity": severity_of(code), "code": code, **fields}
    return Diagnosis.model_validate({"signature": code, **given})


def a_failing(code: str = "exit_status", step: Step | None = None, **fields: Any) -> Failing:
    return Failing(step=step or a_step(), diagnosis=a_diagnosis(code), now=NOON, **fields)


def decided(failing: Failing, *before: Tried, allowance: Allowance | None = None) -> Strategy:
    return decide(failing, before, allowance or Allowance(), jitter=0)


def was(strategy: StrategyName, signature: str = "other", detail: str = "") -> Tried:
    return Tried(
        error_class=ErrorClass.FAILURE, code="exit_status", signature=signature, strategy=strategy, detail=detail
    )


def test_there_are_sixteen_classes_in_four_families_and_rate_limiting() -> None:
    sizes = {family: sum(1 for policy in POLICY.values() if policy.family is family) for family in Family}

    assert set(POLICY) == set(ErrorClass)
    assert sizes == {**dict.fromkeys(Family, 4), Family.RATE_LIMITING: 1}


def test_every_severity_has_its_response_time_and_every_strategy_its_words_and_limit() -> None:
    assert [RESPONSE_S[severity] for severity in Severity] == [5, 30, 120, None]
    assert set(MEANS) == set(StrategyName)
    assert set(LIMITS) == set(StrategyName) - {StrategyName.ESCALATE, StrategyName.GIVE_UP}


def test_the_table_of_failures_has_every_class() -> None:
    assert [failed.error_class for failed in RESILIENCE] == list(ErrorClass)


@pytest.mark.parametrize("failed", RESILIENCE, ids=lambda failed: str(failed.error_class))
def test_a_failure_of_each_class_takes_its_declared_course(failed: Failed) -> None:
    assert failed.diagnosis.error_class is failed.error_class
    assert course(failed, a_step()) == failed.bare


@pytest.mark.parametrize("failed", RESILIENCE, ids=lambda failed: str(failed.error_class))
def test_a_step_that_states_its_remedies_gets_them_in_order(failed: Failed) -> None:
    assert course(failed, equipped(a_step()), can_refine=True, can_split=True) == failed.equipped


@pytest.mark.parametrize(("failures", "pause"), [(0, 1.0), (1, 2.0), (2, 4.0), (3, 4.0)])
def test_retries_back_off(failures: int, pause: float) -> None:
    failing = a_failing(step=a_step(max_attempts=10))

    assert decided(failing, *[was(StrategyName.RETRY)] * failures) == Retry(after_s=pause)


def test_jitter_adds_up_to_a_tenth() -> None:
    assert decide(a_failing("network_dns"), (), Allowance(), jitter=1) == Retry(after_s=1.1)


def test_what_may_have_had_an_effect_is_not_run_again_unasked() -> None:
    step = a_step(recovery={"kind": "ask"})

    assert isinstance(decided(a_failing("network_dns", step)), GiveUp)


def test_the_same_failure_three_times_ends_the_retries() -> None:
    step = a_step(max_attempts=10)
    again = was(StrategyName.RETRY, "exit_status")

    assert isinstance(decided(a_failing(step=step), again), Retry)
    assert decided(a_failing(step=step), again, again) == GiveUp(because="the same failure 3 times: no progress")


def test_another_failure_is_progress() -> None:
    before = (was(StrategyName.RETRY, "a"), was(StrategyName.RETRY, "b"), was(StrategyName.RETRY, "b"))

    assert isinstance(decided(a_failing(step=a_step(max_attempts=10)), *before), Retry)


def test_an_exhausted_budget_begins_nothing() -> None:
    found = decided(a_failing("network_dns"), allowance=Allowance(is_exhausted=True))

    assert found == GiveUp(because="the budget is used up")


def test_a_passed_deadline_begins_nothing() -> None:
    assert isinstance(decided(a_failing("network_dns"), allowance=Allowance(deadline=NOON)), GiveUp)


def test_a_limit_is_waited_out_until_its_reset() -> None:
    diagnosis = a_diagnosis("rate_limited", reset_at=NOON + timedelta(hours=2))
    failing = Failing(step=a_step(), diagnosis=diagnosis, now=NOON)

    assert decided(failing) == WaitForReset(until=NOON + timedelta(hours=2, seconds=1))


def test_a_limit_without_a_reset_is_waited_for_longer_each_time() -> None:
    before = was(StrategyName.WAIT_FOR_RESET)

    assert decided(a_failing("rate_limited")) == WaitForReset(until=NOON + timedelta(minutes=1), is_guess=True)
    assert decided(a_failing("rate_limited"), before) == WaitForReset(until=NOON + timedelta(minutes=2), is_guess=True)


def test_a_reset_after_the_deadline_is_not_waited_for() -> None:
    allowance = Allowance(deadline=NOON + timedelta(seconds=30))
    failing = a_failing("rate_limited", a_step(action=AGENT), agents=("second",))

    assert decided(failing, allowance=allowance) == FallbackAgent(agent="second")


def test_each_other_agent_is_tried_once() -> None:
    failing = a_failing("agent_failed", a_step(action=AGENT), agents=("second", "third"))
    before = was(StrategyName.FALLBACK_AGENT, detail="second")

    assert decided(failing, before) == FallbackAgent(agent="third")


def test_a_server_that_fails_is_replaced() -> None:
    failing = a_failing("mcp_failed", server="maps", servers=("atlas",))

    assert decided(failing, *[was(StrategyName.RETRY)] * 3) == McpFallback(without="maps", instead="atlas")


def test_a_skill_that_fails_is_left_out() -> None:
    assert decided(a_failing("skill_failed", skill="pdf")) == SkillBypass(skill="pdf")


def test_too_much_context_is_made_smaller_twice_and_then_the_step_is_split() -> None:
    failing = a_failing("context_overflow", a_step(action=AGENT), can_split=True)
    once = was(StrategyName.TOKEN_OPTIMIZATION)

    assert decided(failing) == TokenOptimization(level=1)
    assert decided(failing, once) == TokenOptimization(level=2)
    assert decided(failing, once, once) == SimplifyAndRetry()


def test_what_a_check_found_is_fixed_three_times_at_most() -> None:
    failing = a_failing("tests_failed", can_refine=True)
    before = [was(StrategyName.ITERATIVE_REFINEMENT, f"test {number}") for number in range(3)]

    assert decided(failing, *before[:2]) == IterativeRefinement(number=3)
    assert isinstance(decided(failing, *before), GiveUp)


def test_a_conflict_is_redone_twice_then_a_person_is_asked() -> None:
    before = was(StrategyName.RESEQUENCE, "conflict")

    assert decided(a_failing("conflict"), before) == Resequence()
    assert isinstance(decided(a_failing("conflict"), before, before), Escalate)


def test_a_person_who_says_once_more_gives_it_another_chance() -> None:
    history = after_rerun([was(StrategyName.RESEQUENCE, "conflict")] * 2)

    assert decided(a_failing("conflict"), *history) == Resequence()


def test_an_unknown_outcome_is_put_to_a_person() -> None:
    assert isinstance(decided(a_failing(outcome=StepOutcome.UNKNOWN)), Escalate)


def test_what_was_cancelled_stays_so() -> None:
    assert decided(a_failing("network_dns", outcome=StepOutcome.CANCELLED)) == GiveUp()


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"relax": True}, Relax()),
        ({"on_failure": "roll_back"}, RollBack()),
        ({"on_failure": "ask", "max_attempts": 3}, Escalate(because="the step says so")),
        ({"on_failure": "give_up", "max_attempts": 3}, GiveUp(because="no strategy applies")),
    ],
)
def test_a_step_says_how_it_ends(fields: dict[str, Any], expected: Strategy) -> None:
    assert decided(a_failing(step=a_step(**fields))) == expected


def test_the_detail_of_what_was_tried_is_kept() -> None:
    entry = tried(a_failing("agent_failed"), FallbackAgent(agent="second"))

    assert (entry.strategy, entry.detail, entry.signature) == (StrategyName.FALLBACK_AGENT, "second", "agent_failed")
