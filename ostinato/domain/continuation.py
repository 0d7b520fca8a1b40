"""A run goes on from what was done: after its history grew, after a failure, from a checkpoint, or back to one."""

from collections.abc import Collection
from typing import Literal

from ostinato.domain.base import Fact
from ostinato.domain.errors import Problem, UserError
from ostinato.domain.execution import StepState
from ostinato.domain.ids import StepId
from ostinato.domain.pipeline import Phase
from ostinato.domain.report import Snapshot, Todo
from ostinato.domain.request import RunRequest
from ostinato.domain.workspace import Checkpoint

_GOOD = (StepState.SUCCEEDED, StepState.SKIPPED)


class ShardState(Fact):
    """A child workflow that carries steps."""

    name: str
    given: int = 0
    """Steps it was given so far."""
    carrying: tuple[str, ...] = ()
    """`<step>/<execution>` of what it has not brought back."""


class Rollback(Fact):
    """Back to a checkpoint: at once, only some files, or step by step with a question before each."""

    checkpoint: str
    files: tuple[str, ...] = ()
    progressive: bool = False
    by: str = "unknown"
    note: str = ""


class Continuation(Fact):
    """Everything a new execution needs to go on where another one was."""

    reason: Literal["size", "retry", "fork", "rollback"]
    snapshot: Snapshot
    follows: str = ""
    """The workflow execution that this one continues."""
    shards: tuple[ShardState, ...] = ()
    claimed: dict[StepId, tuple[str, ...]] = {}
    """Paths beyond their claims that steps were seen writing."""
    retried: tuple[StepId, ...] = ()
    """Steps that are to run again."""
    rollback: Rollback | None = None
    by: str = ""


class RunInput(RunRequest):
    """What the run's workflow takes: a request, and where it goes on from if it does."""

    continuation: Continuation | None = None

    @property
    def request(self) -> RunRequest:
        return RunRequest(**{name: getattr(self, name) for name in RunRequest.model_fields})


def with_continuation(request: RunRequest, continuation: Continuation) -> RunInput:
    fields = {name: getattr(request, name) for name in RunRequest.model_fields}
    return RunInput(**fields, continuation=continuation)


def find_checkpoint(snapshot: Snapshot, name: str) -> Checkpoint:
    """By id, by step, or by a unique prefix of its commit; the last of several of the same step. UserError else."""
    points = snapshot.checkpoints
    by_id = [point for point in points if point.id == name]
    by_step = [point for point in points if point.step_id == name]
    by_commit = [point for point in points if len(name) >= 4 and point.commit.startswith(name)]
    for found in (by_id, by_step):
        if found:
            return found[-1]
    if len({point.commit for point in by_commit}) == 1:
        return by_commit[-1]
    raise UserError.of(
        "checkpoint_unknown",
        "CHECKPOINT",
        f"run {snapshot.run_id} has no checkpoint {name!r}",
        f"It has: {', '.join(point.id for point in points) or 'none'}",
    )


def at_checkpoint(snapshot: Snapshot, point: Checkpoint) -> Snapshot:
    """The run as it was there: what came later is pending again, as an execution of its own."""
    kept = snapshot.checkpoints[: snapshot.checkpoints.index(point) + 1]
    undone = _undone(snapshot, kept)
    return snapshot.model_copy(
        update={
            "head": point.commit,
            "checkpoints": kept,
            "todos": tuple(again(todo, fresh=True) if todo.id in undone else todo for todo in snapshot.todos),
            "results": tuple(result for result in snapshot.results if result.step_id not in undone),
        }
    )


def reopened(snapshot: Snapshot, chosen: Collection[StepId]) -> Snapshot:
    """Failed, blocked and cancelled steps, or the chosen ones with what depends on them, are pending again."""
    wanted = _with_dependents(snapshot, chosen) if chosen else _unfinished(snapshot)
    return snapshot.model_copy(
        update={
            "phase": Phase.EXECUTING,
            "outcome": None,
            "stop": None,
            "ended_at": None,
            "paused": False,
            "publication": None,
            "gates": tuple(gate for gate in snapshot.gates if gate.stage == "pre"),
            "todos": tuple(again(todo) if todo.id in wanted else todo for todo in snapshot.todos),
            "results": tuple(result for result in snapshot.results if result.step_id not in wanted),
        }
    )


def next_execution(state: StepState, execution: int, *, began: bool, fresh: bool = False) -> int:
    """Of a step that is to run again. One that was stopped goes on as the same: what it recorded meanwhile counts.

    `fresh`: it does not, since the step will start from another checkpoint.
    """
    return execution + (began and (fresh or state is not StepState.CANCELLED))


def again(todo: Todo, *, fresh: bool = False) -> Todo:
    """Pending, as its next execution."""
    began = todo.started_at is not None
    agent = {"working": "", "assigned": "", "level": 0} if fresh else {}
    return todo.model_copy(
        update={
            "state": StepState.PENDING,
            "execution": next_execution(todo.state, todo.execution, began=began, fresh=fresh),
            "failures": 0,
            "conflicts": 0,
            "history": (),
            "form": "",
            "started_at": None,
            "ended_at": None,
            "retry_at": None,
            "checkout": None,
            "slot": "",
            "note": "",
            "why": "",
            "anew": False,
            "admitted": 0,
            "lease": None,
            **agent,
        }
    )


def retry_problem(snapshot: Snapshot, chosen: Collection[StepId]) -> Problem | None:
    """Why this run cannot go on."""
    if snapshot.plan is None or snapshot.workspace is None or snapshot.project is None:
        return Problem(
            code="retry_too_early",
            field="RUN",
            message="the run ended before it had a plan",
            cure="Start it again with `ostinato run`",
        )
    if not any(move.target is Phase.EXECUTING for move in snapshot.transitions):
        return Problem(
            code="retry_too_early",
            field="RUN",
            message="the run ended before its plan was checked and approved",
            cure="Start it again with `ostinato run`",
        )
    known = {step.id for step in snapshot.plan.steps}
    if unknown := [name for name in chosen if name not in known]:
        return Problem(
            code="step_unknown",
            field="STEP",
            message=f"the plan has no step {unknown[0]!r}",
            cure=f"Name one of: {', '.join(known)}",
        )
    return None


def _unfinished(snapshot: Snapshot) -> set[StepId]:
    """Parts that a group which succeeded did without are not missing."""
    good = {todo.id for todo in snapshot.todos if todo.state in _GOOD}
    for step in snapshot.plan.steps if snapshot.plan else ():  # parts come behind their group
        if step.group in good:
            good.add(step.id)
    return {todo.id for todo in snapshot.todos if todo.id not in good}


def _with_dependents(snapshot: Snapshot, chosen: Collection[StepId]) -> set[StepId]:
    """Those chosen, what needs them, and whatever else never came to an end; what a person left out stays out.

    A group goes with its parts: with all of them where it was chosen, else with those that did not succeed.
    """
    assert snapshot.plan is not None
    steps = snapshot.plan.steps
    dead = {todo.id for todo in snapshot.todos if todo.state not in _GOOD}
    wanted = {*chosen, *_unfinished(snapshot)}
    growing = True
    while growing:
        more = {step.id for step in steps if wanted.intersection(step.needs)}
        more |= {step.id for step in steps if step.group in chosen or (step.group in wanted and step.id in dead)}
        more |= {StepId(step.group) for step in steps if step.group and step.id in wanted}
        growing = not more <= wanted
        wanted |= more
    return wanted - (_left_out(snapshot) - set(chosen))


def _left_out(snapshot: Snapshot) -> set[StepId]:
    """By a person, and not by a condition."""
    last = {change.step: change.kind for change in snapshot.changes if change.kind in ("skip", "retry")}
    return {todo.id for todo in snapshot.todos if todo.state is StepState.SKIPPED and last.get(todo.id) == "skip"}


def _undone(snapshot: Snapshot, kept: Collection[Checkpoint]) -> set[StepId]:
    """What was committed after the checkpoints that are kept, and everything behind it."""
    held = {point.step_id for point in kept}
    later = {point.step_id for point in snapshot.checkpoints if point.step_id and point.step_id not in held}
    return _with_dependents(snapshot, later) if snapshot.plan else set()
