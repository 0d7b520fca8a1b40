from ostinato.domain.execution import Frontier, StepOutcome, StepState
from ostinato.domain.ids import StepId
from ostinato.domain.plan import AgentAction
from tests.builders import a_plan, a_result, a_step

A, B, C = StepId("a"), StepId("b"), StepId("c")


def test_the_longest_remaining_path_starts_first() -> None:
    plan = a_plan(a_step("a", expected_s=5), a_step("b", expected_s=1), a_step("c", "b", expected_s=9))

    assert [step.id for step in Frontier.of(plan).ready(cap=1)] == ["b"]


def test_people_take_no_slot() -> None:
    mind = AgentAction(prompt="think")
    plan = a_plan(a_step("a", action=mind), a_step("b", action=mind), a_step("c"))

    assert len(Frontier.of(plan).ready(cap=1)) == 3


def test_a_failure_blocks_all_that_waits_for_it() -> None:
    frontier = Frontier.of(a_plan(a_step("a"), a_step("b", "a"), a_step("c", "b")))

    settled = frontier.settled(a_result("a", StepOutcome.FAILED))

    assert [settled.states[name] for name in (B, C)] == [StepState.BLOCKED, StepState.BLOCKED]
    assert settled.is_over


def test_a_skipped_step_blocks_nothing() -> None:
    frontier = Frontier.of(a_plan(a_step("a"), a_step("b", "a"))).settled(a_result("a", StepOutcome.SKIPPED))

    assert [step.id for step in frontier.ready(cap=5)] == ["b"]


def test_only_a_critical_failure_is_critical() -> None:
    frontier = Frontier.of(a_plan(a_step("a", critical=False), a_step("b")))

    frontier = frontier.settled(a_result("a", StepOutcome.FAILED))
    assert frontier.critical_failure() is None

    failure = frontier.settled(a_result("b", StepOutcome.FAILED)).critical_failure()
    assert failure is not None
    assert failure.step_id == "b"


def test_after_a_stop_nothing_starts_and_what_runs_goes_on() -> None:
    frontier = Frontier.of(a_plan(a_step("a"), a_step("b"))).moved(A, StepState.RUNNING).stopped()

    assert frontier.ready(cap=5) == ()
    assert frontier.active == ("a",)
