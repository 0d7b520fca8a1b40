from ostinato.domain.critical_path import critical_path, expected_duration_s, waves
from ostinato.domain.plan import plan_problems
from tests.builders import a_plan, a_step


def test_a_cycle_is_named_in_full() -> None:
    (problem,) = plan_problems([a_step("a", "c"), a_step("b", "a"), a_step("c", "b")])

    assert problem.message.endswith("a → c → b → a")


def test_no_steps_are_no_plan() -> None:
    assert [problem.code for problem in plan_problems([])] == ["plan_empty"]


def test_duplicates_and_unknown_dependencies_are_named_together() -> None:
    found = plan_problems([a_step("a"), a_step("a", "z")])

    assert [problem.code for problem in found] == ["step_duplicate", "dependency_unknown"]


def test_the_critical_path_is_the_longest_by_time_and_not_by_steps() -> None:
    plan = a_plan(a_step("a", expected_s=1), a_step("b", "a", expected_s=1), a_step("c", expected_s=9), max_parallel=5)

    assert critical_path(plan) == ("c",)
    assert expected_duration_s(plan) == 9


def test_waves_follow_the_dependencies() -> None:
    assert waves(a_plan(a_step("c", "a", "b"), a_step("a"), a_step("b"))) == (("a", "b"), ("c",))
