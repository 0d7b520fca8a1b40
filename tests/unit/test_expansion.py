import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostinato.domain.errors import UserError
from ostinato.domain.execution import StepOutcome, StepResult, StepState
from ostinato.domain.expansion import (
    added_steps,
    contribution_problems,
    expand_group,
    group_output,
    joined,
    judge_group,
    part_state,
    parts_of,
    reduce_step,
    shared_values,
    variables_of,
    waiting_for,
)
from ostinato.domain.ids import StepId
from ostinato.domain.inputs import with_inputs
from ostinato.domain.plan import (
    CommandAction,
    GroupAction,
    Merge,
    Plan,
    Scope,
    SharedValue,
    Step,
    ToolAction,
    find_cycle,
)

DONE, FAILED, SKIPPED, RUNNING = StepState.SUCCEEDED, StepState.FAILED, StepState.SKIPPED, StepState.RUNNING


def a_step(key: str, run: str = "true", **fields: Any) -> Step:
    return Step(id=StepId(key), **{"name": key, "action": CommandAction(shell=run), **fields})


def a_group(*body: Step, items: str = "inputs.files", **fields: Any) -> Step:
    group = GroupAction(items=items, body=body or (a_step("only", "lint {{ item }}"),), **fields)
    return Step(id=StepId("each"), name="each", action=group, priority=2)


def a_result(key: str, outcome: StepOutcome = StepOutcome.SUCCEEDED, **output: Any) -> StepResult:
    return StepResult(step_id=StepId(key), outcome=outcome, output=output)


def results(*listed: StepResult) -> dict[StepId, StepResult]:
    return {result.step_id: result for result in listed}


def shell(step: Step) -> str:
    assert isinstance(step.action, CommandAction)
    return step.action.shell


def test_each_item_has_a_step_of_its_own() -> None:
    first, second = expand_group(a_group(), ["a b.py", "c.py"])

    assert (first.id, second.id) == ("each-0", "each-1")
    assert (shell(first), shell(second)) == ("lint 'a b.py'", "lint c.py")
    assert (first.group, first.critical, first.priority) == ("each", False, 2)


def test_a_body_of_several_steps_keeps_its_own_order() -> None:
    body = (a_step("look"), a_step("fix", "fix {{ item.path }} {{ index }}", depends_on=("look", "elsewhere")))

    look, fix = expand_group(a_group(*body), [{"path": "a.py"}])

    assert (look.id, fix.id, look.depends_on, fix.depends_on) == ("each-0-look", "each-0-fix", (), ("each-0-look",))
    assert shell(fix) == "fix a.py 0"


def test_a_body_without_a_list_is_made_once_and_sees_its_inputs() -> None:
    tool = a_step("b", action=ToolAction(tool="lint.fix", args={"paths": ["{{ inputs.at }}"], "n": "{{ inputs.n }}"}))
    group = a_group(a_step("a", "echo {{ inputs.at }}"), tool, items="", inputs={"at": "{{ steps.x.at }}", "n": 3})

    first, second = expand_group(with_inputs(group, variables={"steps": {"x": {"at": "it's {{ here }}"}}}), None)

    assert (first.id, second.id) == ("each-a", "each-b")
    assert shell(with_inputs(first, {})) == """echo 'it'"'"'s {{ here }}'"""
    assert with_inputs(second, {}).action.args == {"paths": ["it's {{ here }}"], "n": 3}  # type: ignore[union-attr]


def test_names_paths_and_held_things_of_a_part_are_its_own() -> None:
    body = a_step("only", name="Fix {{ item }}", writes=("{{ item }}/**",), holds=("port {{ index }}",))

    (made,) = expand_group(a_group(body), ["src"])

    assert (made.name, made.writes, made.holds) == ("Fix src", ("src/**",), ("port 0",))


def test_an_inner_group_sees_the_item_of_the_outer_one() -> None:
    inner = GroupAction(items="item.files", name="file", body=(a_step("x", "cp {{ item.to }} {{ file }} {{ index }}"),))
    body = (a_step("list"), a_step("in", action=inner))
    (_, group) = expand_group(a_group(*body), [{"to": "lib", "files": ["a", "b"]}])

    _, second = expand_group(group, ["a", "b"])

    assert (second.id, shell(second)) == ("each-0-in-1", "cp lib b 1")
    assert second.scope is not None
    assert (second.scope.prefix, second.scope.outer) == ("each-0-in-1-", ("each-0-",))


@pytest.mark.parametrize(
    ("group", "items", "code"),
    [
        (a_group(), list(range(1001)), "group_items"),
        (a_group(*(a_step(f"s{n}") for n in range(6))), list(range(900)), "group_items"),
        (a_group(a_step("a" * 60), a_step("b")), [1], "group_id"),
        (a_group(), [1, 2, 3, 4], "group_id"),
    ],
)
def test_parts_that_do_not_fit_are_refused_with_the_name_of_the_group(group: Step, items: list[int], code: str) -> None:
    with pytest.raises(UserError, match=r"steps\.each") as caught:
        expand_group(group, items, taken={"each-3"})

    assert caught.value.code == code


def test_groups_nest_five_levels_deep() -> None:
    group = a_group()
    for _ in range(4):
        group = a_group(a_step("only"), a_step("in", action=group.action))
    for _ in range(4):
        _, group = expand_group(group, ["x"])

    (last,) = expand_group(group, ["x"])

    assert last.scope is not None
    with pytest.raises(UserError, match="more than 5 levels"):
        expand_group(last.model_copy(update={"action": group.action}), ["x"])


@given(st.integers(0, 40), st.lists(st.sampled_from("abcde"), unique=True, min_size=1), st.randoms())
def test_whatever_is_made_has_ids_of_its_own_and_no_circle(count: int, names: list[str], chance: random.Random) -> None:
    body = [
        a_step(name, depends_on=tuple(n for n in names[:at] if chance.random() < 0.5)) for at, name in enumerate(names)
    ]

    made = expand_group(a_group(*body), list(range(count)))

    known = {step.id for step in made}
    assert len(known) == len(made) == count * len(names)
    assert all(name in known for step in made for name in step.depends_on)
    assert not find_cycle({step.id: step.depends_on for step in made})


def test_the_reducing_step_sees_what_the_parts_left() -> None:
    group = a_group(reduce=a_step("r", "echo {{ parts }}"))

    step = reduce_step(group, {"parts": [{"n": 1}, None]})

    assert (step.id, step.group, shell(step)) == ("each-reduce", "each", """echo '[{"n": 1}, null]'""")
    assert variables_of(a_plan(), {}, step)["parts"] == [{"n": 1}, None]


@pytest.mark.parametrize(
    ("merge", "states", "verdict"),
    [
        (Merge(), [DONE, RUNNING], (False, False, ())),
        (Merge(), [DONE, SKIPPED], (True, True, ())),
        (Merge(), [DONE, FAILED], (True, False, ())),
        (Merge(), [], (True, True, ())),
        (Merge(strategy="any"), [FAILED, DONE], (True, True, ())),
        (Merge(strategy="any"), [FAILED, FAILED], (True, False, ())),
        (Merge(strategy="first"), [RUNNING, DONE, FAILED, RUNNING], (True, True, (0, 3))),
        (Merge(strategy="first"), [FAILED, RUNNING], (False, False, ())),
        (Merge(strategy="first"), [FAILED, FAILED], (True, False, ())),
        (Merge(strategy="first"), [SKIPPED, SKIPPED], (True, True, ())),
        (Merge(strategy="quorum", count=2), [DONE, RUNNING, DONE], (True, True, (1,))),
        (Merge(strategy="quorum", count=2), [DONE, RUNNING, FAILED], (False, False, ())),
        (Merge(strategy="quorum", count=2), [FAILED, RUNNING, FAILED], (True, False, (1,))),
    ],
)
def test_a_group_is_judged_by_its_parts(merge: Merge, states: list[StepState], verdict: tuple[Any, ...]) -> None:
    found = judge_group(merge, [[state] for state in states])

    assert (found.done, found.succeeded, found.cancel) == verdict
    assert bool(found.reason) == found.done


@pytest.mark.parametrize(
    ("states", "whole"),
    [
        ([DONE, SKIPPED], DONE),
        ([SKIPPED, SKIPPED], SKIPPED),
        ([DONE, StepState.BLOCKED], FAILED),
        ([FAILED, RUNNING], RUNNING),
    ],
)
def test_a_part_is_as_good_as_its_steps(states: list[StepState], whole: StepState) -> None:
    assert part_state(states) is whole


def test_a_group_leaves_what_the_last_steps_of_its_parts_left() -> None:
    group = a_group(a_step("a"), a_step("b", depends_on=("a",)))
    plan = joined(a_plan(group, a_step("end")), expand_group(group, ["x", "y"]), group.id)
    left = results(a_result("each-0-b", n=1), a_result("each-1-b", StepOutcome.FAILED))
    states = {step.id: FAILED if step.id == "each-1-b" else DONE for step in plan.steps}

    output = group_output(plan, left, states, group)

    assert [step.id for step in plan.steps][-2:] == ["each-1-b", "end"]
    assert len(parts_of(plan, group)) == 2
    assert output == {"count": 2, "succeeded": 1, "failed": 1, "parts": [{"n": 1}, {}]}


def test_a_skipped_last_step_leaves_the_word_to_the_one_before() -> None:
    group = a_group(a_step("a"), a_step("b", depends_on=("a",)))
    plan = joined(a_plan(group), expand_group(group, ["x"]), group.id)
    left = results(a_result("each-0-a", n=1), a_result("each-0-b", StepOutcome.SKIPPED))

    output = group_output(plan, left, dict.fromkeys([step.id for step in plan.steps], DONE), group)

    assert output["parts"] == [{"n": 1}]


def test_what_a_group_leaves_is_cut_to_size_and_says_what_is_left_out() -> None:
    group = a_group()
    plan = joined(a_plan(group), expand_group(group, list(range(300))), group.id)
    left = results(*(a_result(f"each-{n}", text="x" * 500) for n in range(300)))

    output = group_output(plan, left, dict.fromkeys([step.id for step in plan.steps], DONE), group)

    assert len(json.dumps(output)) < 18_000
    assert output["left_out"][-1] == 299
    assert len(output["parts"][0]["text"]) == 200


def a_plan(*steps: Step, **fields: Any) -> Plan:
    return Plan(id="p", steps=steps or (a_step("a"),), **fields)


def test_a_step_sees_inputs_results_values_and_its_scope() -> None:
    scope = Scope(prefix="each-0-", names={"item": 7}, outer=("out-1-",))
    when = 'steps.near.n == 1 && steps["far-off"].n == 1 && steps.far_off.n == 1 && values.total > 0'
    step = a_step("each-0-z", "echo {{ steps.up.n }} {{ item }}", scope=scope, when=when)
    plan = a_plan(a_step("far-off"), inputs={"x": 1}, values={"total": SharedValue(merge="sum")})
    left = results(*(a_result(name, n=1, total=2) for name in ("each-0-near", "out-1-up", "far-off", "unused")))

    found = variables_of(plan, left, step)

    assert (found["inputs"], found["values"], found["item"]) == ({"x": 1}, {"total": 2}, 7)
    assert set(found["steps"]) == {"near", "far-off", "far_off", "up"}
    assert found["steps"]["up"]["outcome"] == "succeeded"
    assert shell(with_inputs(step, variables=found)) == "echo 1 7"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{{ steps.a.m }}", "step 'a' left no 'm'. It left: n"),
        ("{{ steps.b.m }}", "step 'b' left no output"),
        ("{{ item.x }}", "'item' has no 'x'"),
        ("{{ values.v }}", "'values' has no 'v'"),
    ],
)
def test_a_reference_without_a_value_says_what_there_is(text: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        with_inputs(a_step("z", text), variables={"steps": {"a": {"n": 1}}, "item": 3, "values": {}})


MERGES: dict[str, Any] = {
    "append": [1, 2, 1, 3], "union": [1, 2, 3], "sum": 4, "max": 3, "min": 1, "last": [1, 3],
}  # fmt: skip


@given(st.permutations(["a", "b", "c", "d"]))
def test_shared_values_do_not_depend_on_who_finished_first(order: list[str]) -> None:
    left: dict[str, dict[str, Any]] = {
        **{name: {"append": v, "union": v, "last": v} for name, v in {"a": [1, 2], "b": [1, 3]}.items()},
        **{name: {"sum": v, "max": v, "min": v} for name, v in {"c": 1, "d": 3}.items()},
    }
    plan = a_plan(*map(a_step, "abcd"), values={name: SharedValue(merge=name) for name in MERGES})

    assert shared_values(plan, results(*(a_result(name, **left[name]) for name in order))) == MERGES


def test_a_value_of_a_wrong_type_is_left_out_and_told() -> None:
    plan = a_plan(a_step("a"), a_step("b"), values={"total": SharedValue(merge="sum")})
    left = results(a_result("a", total="many"), a_result("b", total=2))

    assert shared_values(plan, left) == {"total": 2}
    assert [problem.field for result in left.values() for problem in contribution_problems(plan, result)] == [
        "steps.a.total"
    ]


def test_shared_values_are_bounded_and_failed_steps_add_nothing() -> None:
    plan = a_plan(*map(a_step, "abc"), values={"files": SharedValue()})
    left = results(
        a_result("a", StepOutcome.FAILED, files=["no"]),
        a_result("b", files=["x" * 9000]),
        a_result("c", files="y" * 9000),
    )

    assert shared_values(plan, left) == {"files": ["x" * 9000]}


def test_a_result_can_add_steps_that_wait_for_those_of_the_plan() -> None:
    plan = a_plan(a_step("my-scan"), inputs={"at": "src"})
    raw = [
        {"id": "fix", "run": "fix {{ inputs.at }} {{ steps.my_scan.n }}"},
        {"id": "check", "tool": "lint.check", "depends_on": ["fix", "my-scan"], "when": "steps.fix.exit_code == 0"},
    ]

    fix, check = added_steps(raw, plan, StepId("my-scan"))

    assert (shell(fix), fix.depends_on) == ("fix src {{ steps.my_scan.n }}", ("my-scan",))
    assert check.depends_on == ("fix", "my-scan")


def test_what_a_part_adds_belongs_to_the_part() -> None:
    group = a_group(a_step("look"), a_step("end"))
    plan = joined(a_plan(group), expand_group(group, ["x y"]), group.id)
    raw = [{"id": "a", "run": "fix {{ item }} {{ steps.look.n }}"}, {"id": "b", "run": "true", "depends_on": ["a"]}]

    first, second = added_steps(raw, plan, StepId("each-0-look"))

    assert (first.id, first.group, first.depends_on) == ("each-0-a", "each", ("each-0-look",))
    assert (second.id, second.depends_on, second.critical) == ("each-0-b", ("each-0-a",), False)
    assert shell(first) == "fix 'x y' {{ steps.look.n }}"


def test_every_mistake_of_added_steps_is_named() -> None:
    raw = [
        {"id": "a", "run": "true"},
        {"id": "b", "run": "x {{ steps.c.y }}", "depends_on": ["nobody"], "whn": ""},
        {"id": "c", "workflow": "other.yaml"},
        {"id": "d", "tool": "nope", "when": "stps.a.x", "depends_on": ["e"]},
        {"id": "e", "run": "true", "depends_on": ["d", "nobody"]},
    ]

    with pytest.raises(UserError) as caught:
        added_steps(raw, a_plan())

    assert {(problem.code, problem.field) for problem in caught.value.problems} == {
        ("step_duplicate", "steps[0].id"),
        ("field_unknown", "steps[1].whn"),
        ("workflow_missing", "steps[2].workflow"),
        ("tool_unknown", "steps[3].tool"),
        ("condition_name", "steps[3].when"),
        ("dependency_unknown", "steps[4].depends_on[1]"),
        ("dependency_cycle", "steps[3].depends_on"),
    }


@pytest.mark.parametrize("raw", [None, [], "x", {"id": "a"}, [{"id": f"s{n}", "run": "true"} for n in range(201)]])
def test_only_lists_of_one_to_two_hundred_steps_are_added(raw: object) -> None:
    with pytest.raises(UserError, match="1 to 200"):
        added_steps(raw, a_plan())


def test_the_first_added_steps_wait_for_the_one_that_adds_them_and_say_why() -> None:
    added = (a_step("a"), a_step("b", depends_on=(StepId("a"),)), a_step("c", depends_on=(StepId("think"),)))

    made = waiting_for(a_step("think"), added)

    assert [[found.because for found in step.implied] for step in made] == [["think adds it"], [], []]
    assert made[0].needs == ("think",)
