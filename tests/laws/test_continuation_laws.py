"""What one execution of the workflow knows, the next one knows too."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ostinato.domain.continuation import Continuation, reopened
from ostinato.domain.execution import STATE_OF, StepOutcome, StepState
from ostinato.domain.pipeline import Phase
from ostinato.domain.report import Snapshot
from ostinato.domain.schedule import Schedule
from ostinato.durable.continuing import restored
from ostinato.durable.record import Progress, RunRecord
from tests.builders import NOON, a_result, a_run, at
from tests.laws.schedules import ENDS, any_plans

OUTCOME_OF = {state: outcome for outcome, state in STATE_OF.items() if outcome is not StepOutcome.UNKNOWN}


@st.composite
def records(draw: st.DrawFn) -> RunRecord:
    """A run in the middle of its steps."""
    record = RunRecord(request=a_run(), started_at=NOON, phase=Phase.EXECUTING, head="c0ffee")
    plan = draw(any_plans())
    record.schedule = Schedule.of(plan)
    for step_id in draw(st.lists(st.sampled_from([step.id for step in plan.steps]), unique=True)):
        state = draw(st.sampled_from([*ENDS, StepState.RUNNING, StepState.WAITING]))
        if record.steps.states[step_id] is not StepState.PENDING:
            continue
        record.progress[step_id] = draw(_progress(over=state.is_over))
        if state.is_over:
            record.steps.move(step_id, StepState.RUNNING)
            record.results[step_id] = a_result(step_id, OUTCOME_OF[state], execution=record.of(step_id).execution)
            record.steps.settle(step_id, state)
        else:
            record.steps.move(step_id, state)
    return record


BY_AGENT: dict[str, Any] = {
    "agent": "claude",
    "why": "it failed",
    "anew": True,
    "level": 2,
    "admitted": 1,
    "without": ("server docs", "skill testing"),
    "instead": ("docs-mirror",),
}


@st.composite
def _progress(draw: st.DrawFn, *, over: bool) -> Progress:
    return Progress(
        execution=draw(st.integers(1, 4)),
        failures=draw(st.integers(0, 3)),
        conflicts=draw(st.integers(0, 2)),
        started_at=at(draw(st.integers(0, 50))),
        ended_at=at(60) if over else None,
        retry_at=None if over else draw(st.none() | st.just(at(70))),
        slot="" if over else draw(st.sampled_from(["", "w1"])),
        note=draw(st.sampled_from(["", "waiting for a person"])),
        **(BY_AGENT if draw(st.booleans()) else {}),
    )


@given(records())
def test_a_record_that_travelled_says_the_same(record: RunRecord) -> None:
    again = restored(record.request, _travelled(record.snapshot()))

    assert again.snapshot() == record.snapshot()
    assert again.steps.states == record.steps.states
    assert list(again.steps.active) == [name for name in again.steps.states if again.steps.states[name].is_active]


@given(records())
def test_travelling_twice_is_travelling_once(record: RunRecord) -> None:
    once = restored(record.request, _travelled(record.snapshot()))
    twice = restored(record.request, _travelled(once.snapshot()))

    assert twice.progress == once.progress
    assert twice.snapshot() == once.snapshot()


@given(records())
def test_a_run_that_is_taken_up_again_has_everything_before_it_that_did_not_succeed(record: RunRecord) -> None:
    was = record.snapshot()

    again = restored(record.request, Continuation(reason="size", snapshot=reopened(was, ())))

    good = {todo.id for todo in was.todos if todo.state in (StepState.SUCCEEDED, StepState.SKIPPED)}
    assert {name for name, state in again.steps.states.items() if state is StepState.PENDING} == set(
        again.steps.states
    ) - good
    assert again.results.keys() <= good


def _travelled(snapshot: Snapshot) -> Continuation:
    """Through JSON, as it does in a history."""
    return Continuation.model_validate_json(Continuation(reason="size", snapshot=snapshot).model_dump_json())
