"""Why a step has not started, and how many steps are where: for lists that people read. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from ostinato.domain.claims import ClaimBook
from ostinato.domain.execution import StepState
from ostinato.domain.ids import StepId
from ostinato.domain.report import Snapshot, Todo

SATISFIED = (StepState.SUCCEEDED, StepState.SKIPPED)
SHOWN = 5


def waits_for(snapshot: Snapshot) -> dict[StepId, str]:
    """For each step that is pending or blocked, what stands in its way."""
    states = {todo.id: todo.state for todo in snapshot.todos}
    claims = _held(snapshot)
    steps = {step.id: step for step in snapshot.plan.steps} if snapshot.plan else {}
    closed = {quota.account: quota.until for quota in snapshot.quotas}
    said = {}
    for todo in snapshot.todos:
        if todo.state not in (StepState.PENDING, StepState.BLOCKED):
            continue
        if missing := _missing(todo, states):
            said[todo.id] = missing
        elif todo.retry_at is not None:
            said[todo.id] = f"tries again at {todo.retry_at:%H:%M:%S} UTC"
        elif todo.id in steps and (until := closed.get(steps[todo.id].quota)) is not None:
            said[todo.id] = f"waits until the limit of {steps[todo.id].quota} is lifted at {until:%H:%M:%S} UTC"
        elif todo.id in steps and (obstacle := claims.obstacle(steps[todo.id])) is not None:
            said[todo.id] = f"waits for {obstacle.by}: {obstacle.because}"
        elif snapshot.outcome is not None:
            said[todo.id] = "the run has ended"
        else:
            said[todo.id] = "the run is paused" if snapshot.paused else "waits for a free place"
    return said


def counts(snapshot: Snapshot) -> dict[StepState, int]:
    """Of all steps, also where not all of them are here; only states that occur, in their natural order."""
    return _in_order(snapshot.counts if not snapshot.is_whole else count(snapshot.todos))


def count(todos: Iterable[Todo]) -> dict[StepState, int]:
    return _in_order(Counter(todo.state for todo in todos))


def _in_order(found: Mapping[StepState, int]) -> dict[StepState, int]:
    return {state: found[state] for state in StepState if found.get(state)}


def counts_text(found: Mapping[StepState, int]) -> str:
    """12 of 2,000 done, 5 running, 1 failed."""
    total, done = sum(found.values()), found.get(StepState.SUCCEEDED, 0)
    others = [f"{number:,} {state}" for state, number in found.items() if state is not StepState.SUCCEEDED]
    return ", ".join([f"{done:,} of {total:,} done", *others])


def _held(snapshot: Snapshot) -> ClaimBook:
    book = ClaimBook()
    active = {todo.id for todo in snapshot.todos if todo.state.is_active}
    for step in snapshot.plan.steps if snapshot.plan else ():
        if step.id in active:
            book.take(step)
    return book


def _missing(todo: Todo, states: Mapping[StepId, StepState]) -> str:
    because = {found.step: found.because for found in todo.implied}
    names = [
        f"{name} ({because[name]})" if name in because else f"{name}"
        for name in dict.fromkeys((*todo.depends_on, *because))
        if states.get(name) not in SATISFIED
    ]
    return f"waits for {_first(names)}" if names else ""


def _first(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
