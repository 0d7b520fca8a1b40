from typing import Any

import pytest

from ostinato.domain.durations import (
    MAX_SAMPLES,
    Samples,
    expectation,
    expected_s,
    identified,
    identity_of,
    kind_of,
    signature_of,
    weighted_median,
    with_expectations,
)
from ostinato.domain.plan import GroupAction, Scope, Step
from tests.builders import a_plan, a_step


def a_command(line: str = "pytest -q", step_id: str = "test", **fields: Any) -> Step:
    return a_step(step_id, action={"kind": "command", "shell": line}, **fields)


def a_group(step_id: str = "each", *body: Step) -> Step:
    return a_step(step_id, action={"kind": "group", "items": "files", "body": body or (a_command(),)})


def a_part(prefix: str, **fields: Any) -> Step:
    return a_command(step_id=f"{prefix}test", scope=Scope(prefix=prefix), **fields)


def test_without_any_sample_a_step_keeps_its_own_expectation() -> None:
    found = expectation(a_step(expected_s=12), Samples())

    assert (found.seconds, found.because) == (12, "prior")


def test_three_successes_of_the_same_step_say_alone_how_long_it_takes() -> None:
    step = a_step(expected_s=100)

    found = expectation(step, Samples(steps={identity_of(step): (4.0, 5.0, 6.0)}))

    assert (found.seconds, found.because) == (5.0, "history of this repository (3 runs)")


def test_one_success_moves_the_expectation_a_third_of_the_way() -> None:
    step = a_step(expected_s=4)

    found = expectation(step, Samples(steps={identity_of(step): (10.0,)}))

    assert (found.seconds, found.because) == (6.0, "history of this repository (1 run)")


def test_a_new_step_takes_as_long_as_its_tool_took_in_this_repository() -> None:
    here = {"tool:lint.check": (8.0, 8.0, 8.0)}
    anywhere = {"tool:lint.check": (90.0, 90.0, 90.0)}

    found = expectation(a_step(), Samples(kinds_here=here, kinds=anywhere))

    assert (found.seconds, found.because) == (8.0, "same tool in this repository (3 runs)")


def test_a_new_repository_learns_from_the_others() -> None:
    found = expectation(a_command(), Samples(kinds={"run:pytest": (30.0, 30.0, 30.0)}))

    assert (found.seconds, found.because) == (30.0, "same program in any repository (3 runs)")


def test_few_samples_of_a_narrow_level_lean_on_the_broader_one() -> None:
    step = a_command()
    samples = Samples(steps={identity_of(step): (20.0, 20.0)}, kinds={"run:pytest": (10.0,) * 5})

    assert expected_s(step, samples) == 15.0


def test_what_a_person_expects_is_not_moved_by_other_steps_of_the_kind() -> None:
    step = a_command("make release", expected_s=300)
    others = Samples(kinds={"run:make": (1.0,) * 9}, kinds_here={"run:make": (1.0,) * 9})
    own = Samples(steps={identity_of(step): (200.0,) * 3})

    assert (expected_s(step, others), expected_s(step, own)) == (300, 200)


@pytest.mark.parametrize("step", [
    a_step(action={"kind": "ask", "question": "Go on?"}, expected_s=900),
    a_step(action={"kind": "agent", "prompt": "Write it"}, expected_s=900),
    a_step(expected_s=0),
])  # fmt: skip
def test_steps_of_people_and_steps_that_take_no_time_stay_as_they_are(step: Step) -> None:
    samples = Samples(steps={identity_of(step): (5.0,) * 5}, kinds={kind_of(step): (5.0,) * 5})

    assert expected_s(step, samples) == step.expected_s


def test_one_slow_run_does_not_move_the_median() -> None:
    assert weighted_median((2.0, 300.0, 2.1, 2.0, 1.9)) == 2.0


def test_a_lasting_change_is_followed_within_a_few_runs() -> None:
    assert weighted_median((9.0,) * 5 + (2.0,) * 15) == 9.0


def test_only_the_newest_successes_count() -> None:
    assert weighted_median((1.0,) * MAX_SAMPLES + (50.0,) * 1000) == 1.0


def test_a_learned_expectation_is_never_zero() -> None:
    step = a_step()

    assert expected_s(step, Samples(steps={identity_of(step): (0.0,) * 5})) == 0.01


def test_the_signature_follows_what_is_done_and_not_how_it_is_called() -> None:
    step = a_step(action={"kind": "tool", "tool": "format", "args": {"paths": ["a"], "x": 1}})
    renamed = a_step("other", name="Else", action={"kind": "tool", "tool": "format", "args": {"x": 1, "paths": ["a"]}})
    elsewhere = a_step(action={"kind": "tool", "tool": "format", "args": {"paths": ["b"]}})

    assert signature_of(step) == signature_of(renamed) != signature_of(elsewhere)


def test_the_signature_of_an_agent_is_its_name_alone() -> None:
    one, other = (a_step(action={"kind": "agent", "agent": "coder", "prompt": text}) for text in ("Do", "Do it again"))

    assert signature_of(one) == signature_of(other)


def test_no_text_of_a_command_is_kept_in_its_signature() -> None:
    signature = signature_of(a_command("deploy --token hunter2"))

    assert "hunter2" not in signature
    assert signature.startswith("run:deploy#")


@pytest.mark.parametrize(("line", "kind"), [
    ("CI=1 /usr/bin/pytest -q", "run:pytest"),
    ("python3.12 -m pytest tests", "run:pytest"),
    ("python setup.py", "run:python"),
    ("echo 'never closed", "run:echo"),
    ("A=1", "run:sh"),
])  # fmt: skip
def test_commands_of_one_program_are_of_one_kind(line: str, kind: str) -> None:
    assert kind_of(a_command(line)) == kind


def test_the_parts_of_a_group_share_their_history() -> None:
    assert identity_of(a_part("each-0-")) == identity_of(a_part("each-17-"))
    assert identity_of(a_part("each-0-")) != identity_of(a_command())


def test_a_group_is_planned_with_what_its_parts_took_before() -> None:
    nested = a_group("outer", a_group("inner"))
    samples = Samples(steps={identity_of(a_part("outer-3-inner-1-")): (33.0,) * 3})

    plan, _ = with_expectations(a_plan(nested), samples)

    outer = plan.steps[0].action
    assert isinstance(outer, GroupAction)
    inner = outer.body[0].action
    assert isinstance(inner, GroupAction)
    assert inner.body[0].expected_s == 33.0


def test_the_history_is_asked_for_the_bodies_of_groups_too() -> None:
    names = [identity.name for _, identity in identified(a_plan(a_group("each", a_group("of"))))]

    assert names == ["each", "each-*-of", "each-*-of-*-test"]


def test_the_plan_says_where_each_expectation_came_from() -> None:
    known, unknown = a_step("known"), a_step("unknown", action={"kind": "tool", "tool": "format"})

    plan, found = with_expectations(a_plan(known, unknown), Samples(steps={identity_of(known): (7.0,) * 12}))

    assert [step.expected_s for step in plan.steps] == [7.0, 5.0]
    assert [it.because for it in found.values()] == ["history of this repository (12 runs)", "prior"]
