"""A run goes on from what was done: what is kept, and what is pending again."""

from typing import Any

import pytest

from ostinato.domain.continuation import (
    Continuation,
    again,
    at_checkpoint,
    find_checkpoint,
    reopened,
    retry_problem,
    with_continuation,
)
from ostinato.domain.errors import UserError
from ostinato.domain.execution import StepOutcome, StepState
from ostinato.domain.ids import StepId
from ostinato.domain.pipeline import Outcome, Phase, Transition, Trigger
from ostinato.domain.plan import GroupAction, Merge
from ostinato.domain.report import Changed, Snapshot, Stop
from ostinato.domain.workspace import Checkpoint
from ostinato.durable.continuing import restored
from tests.builders import NOON, a_gate, a_plan, a_project, a_result, a_run, a_snapshot, a_step, a_todo
from tests.fakes.world import a_workspace

A, B, C = StepId("a"), StepId("b"), StepId("c")
PLAN = a_plan(a_step("a"), a_step("b", "a"), a_step("c"))


def point(index: int, step: str | None, commit: str) -> Checkpoint:
    return Checkpoint(id=f"{index}-{step or 'start'}", step_id=StepId(step) if step else None, commit=commit, at=NOON)


def a_done_run(**fields: Any) -> Snapshot:
    """All three steps are done, with a commit each."""
    given: dict[str, Any] = {
        "phase": Phase.ENDED,
        "outcome": Outcome.COMPLETED,
        "plan": PLAN,
        "project": a_project(),
        "workspace": a_workspace("run-1", "q"),
        "head": "cccc",
        "transitions": (
            Transition(at=NOON, source=Phase.ACTIVATING, trigger=Trigger.ACTIVATED, target=Phase.EXECUTING),
        ),
        "todos": tuple(a_todo(name) for name in "abc"),
        "results": tuple(a_result(name, commit=name * 4) for name in "abc"),
        "checkpoints": (point(0, None, "0000"), point(1, "a", "aaaa"), point(2, "b", "bbbb"), point(3, "c", "cccc")),
    }
    return a_snapshot(**{**given, **fields})


def states(snapshot: Snapshot) -> dict[str, str]:
    return {todo.id: todo.state.value for todo in snapshot.todos}


@pytest.mark.parametrize("name", ["2-b", "b", "bbbb"])
def test_a_checkpoint_is_found_by_id_by_step_and_by_commit(name: str) -> None:
    assert find_checkpoint(a_done_run(), name).commit == "bbbb"


def test_of_several_checkpoints_of_a_step_the_last_is_meant() -> None:
    snapshot = a_done_run(checkpoints=(point(0, "a", "0000"), point(1, "a", "1111")))

    assert find_checkpoint(snapshot, "a").commit == "1111"


def test_an_unknown_checkpoint_is_refused_with_those_there_are() -> None:
    with pytest.raises(UserError) as refused:
        find_checkpoint(a_done_run(), "nonsense")

    assert refused.value.code == "checkpoint_unknown"
    assert "0-start, 1-a, 2-b, 3-c" in refused.value.problems[0].cure


def test_back_at_a_checkpoint_what_came_later_is_pending_as_a_new_execution() -> None:
    done = a_done_run()

    was = at_checkpoint(done, find_checkpoint(done, "a"))

    assert states(was) == {"a": "succeeded", "b": "pending", "c": "pending"}
    assert [todo.execution for todo in was.todos] == [1, 2, 2]
    assert (was.head, [result.step_id for result in was.results], len(was.checkpoints)) == ("aaaa", ["a"], 2)


def test_what_depends_on_work_that_is_taken_back_is_done_again_too() -> None:
    plan = a_plan(a_step("a"), a_step("look", "a"))
    done = a_done_run(
        plan=plan,
        todos=(a_todo("a"), a_todo("look")),
        results=(a_result("a", commit="aaaa"), a_result("look")),
        checkpoints=(point(0, None, "0000"), point(1, "a", "aaaa")),
    )

    was = at_checkpoint(done, done.checkpoints[0])

    assert states(was) == {"a": "pending", "look": "pending"}


def test_a_retry_without_a_choice_takes_up_whatever_did_not_succeed() -> None:
    failed = a_done_run(
        todos=(a_todo("a"), a_todo("b", state=StepState.FAILED), a_todo("c", state=StepState.BLOCKED, start=None)),
        results=(a_result("a"), a_result("b", StepOutcome.FAILED)),
    )

    found = reopened(failed, ())

    assert states(found) == {"a": "succeeded", "b": "pending", "c": "pending"}
    assert [todo.execution for todo in found.todos] == [1, 2, 1]
    assert [result.step_id for result in found.results] == ["a"]


def test_a_chosen_step_is_run_again_with_what_depends_on_it() -> None:
    assert states(reopened(a_done_run(), [A])) == {"a": "pending", "b": "pending", "c": "succeeded"}


@pytest.mark.parametrize(("by_a_person", "state"), [(True, "skipped"), (False, "pending")])
def test_what_a_person_left_out_stays_out(by_a_person: bool, state: str) -> None:
    change = Changed(at=NOON, by="ada", kind="skip", step=B)
    todos = (a_todo("a"), a_todo("b", state=StepState.SKIPPED), a_todo("c"))
    done = a_done_run(todos=todos, changes=(change,) if by_a_person else ())

    assert states(reopened(done, [A]))["b"] == state
    assert states(reopened(done, [B]))["b"] == "pending"


def test_a_run_that_is_taken_up_again_has_not_ended() -> None:
    ended = a_done_run(
        stop=Stop(outcome=Outcome.FAILED, code="step_failed", message="no"),
        paused=True,
        gates=(a_gate("git", stage="pre"), a_gate("tests")),
    )

    found = reopened(ended, ())

    assert (found.outcome, found.stop, found.ended_at, found.paused) == (None, None, None, False)
    assert [gate.gate for gate in found.gates] == ["git"]


def test_a_step_that_never_began_keeps_its_number() -> None:
    assert again(a_todo(start=None)).execution == 1
    assert again(a_todo(failures=2, conflicts=1)).model_dump(include={"execution", "failures", "conflicts"}) == {
        "execution": 2,
        "failures": 0,
        "conflicts": 0,
    }


@pytest.mark.parametrize(
    ("snapshot", "chosen", "code"),
    [
        (a_done_run(), (), ""),
        (a_done_run(), ("b",), ""),
        (a_done_run(), ("nobody",), "step_unknown"),
        (a_snapshot(), (), "retry_too_early"),
    ],
)
def test_a_run_can_go_on_or_it_says_why_not(snapshot: Snapshot, chosen: tuple[StepId, ...], code: str) -> None:
    found = retry_problem(snapshot, chosen)

    assert (found.code if found else "") == code


def test_a_continuation_travels_with_the_request_and_leaves_it_as_it_was() -> None:
    request, continuation = a_run(trusted=True), Continuation(reason="retry", snapshot=a_snapshot())

    start = with_continuation(request, continuation)

    assert (start.request, start.continuation) == (request, continuation)


def test_what_was_said_of_a_step_that_was_left_out_is_still_said() -> None:
    left_out = a_todo("c", start=None, end=None, state=StepState.SKIPPED, note="left out by ada")
    was = a_snapshot(plan=PLAN, todos=(a_todo("a"), a_todo("b"), left_out))

    record = restored(a_run(), Continuation(reason="size", snapshot=was))

    assert record.snapshot().todos[2].note == "left out by ada"


def a_run_with_a_group() -> Snapshot:
    """a, then a group in which the first success counted, then c."""
    group = a_step("b", "a", action=GroupAction(items="[1, 2]", body=(a_step("part"),), merge=Merge(strategy="first")))
    plan = a_plan(a_step("a"), group, a_step("b-0", "a", group="b"), a_step("b-1", "a", group="b"), a_step("c", "b"))
    todos = (a_todo("a"), a_todo("b"), a_todo("b-0"), a_todo("b-1", state=StepState.CANCELLED), a_todo("c"))
    points = (point(0, None, "0000"), point(1, "a", "aaaa"), point(2, "b-0", "bbbb"))
    return a_done_run(plan=plan, todos=todos, results=(), checkpoints=points)


def test_parts_that_a_group_did_without_are_not_run_by_a_retry() -> None:
    done = a_run_with_a_group()

    assert states(reopened(done, ())) == states(done)


def test_a_group_whose_part_is_taken_back_is_done_again_with_what_waits_for_it() -> None:
    done = a_run_with_a_group()

    was = at_checkpoint(done, done.checkpoints[1])

    assert states(was) == {"a": "succeeded"} | dict.fromkeys(("b", "b-0", "b-1", "c"), "pending")


def test_a_chosen_group_is_run_again_with_its_parts() -> None:
    assert states(reopened(a_run_with_a_group(), [B]))["b-0"] == "pending"


def test_what_steps_were_seen_writing_is_claimed_by_the_next_execution_too() -> None:
    went_on = Continuation(reason="size", snapshot=a_done_run(workspace=None), claimed={A: ("src/app.py",)})

    again = restored(a_run(), Continuation.model_validate_json(went_on.model_dump_json()))

    assert again.steps.claims.seen == {A: ("src/app.py",)}
