"""A run's snapshot as rows. Pure."""

from datetime import UTC, datetime
from typing import Any, NamedTuple

from ostinato.domain.durations import identity_of, kind_of
from ostinato.domain.execution import FailureKind, StepResult, StepState
from ostinato.domain.plan import Step
from ostinato.domain.redaction import Redactor
from ostinato.domain.report import Snapshot, Todo
from ostinato.domain.request import headline

Row = dict[str, Any]


class Rows(NamedTuple):
    run: Row
    steps: list[Row]
    attempts: list[Row]


def rows_of(snapshot: Snapshot) -> Rows:
    attempts = {(it.step_id, it.execution, it.attempt): _attempt(snapshot, it) for it in snapshot.results}
    return Rows(run=_run(snapshot), steps=_steps(snapshot), attempts=list(attempts.values()))


def _run(snapshot: Snapshot) -> Row:
    return {
        "id": snapshot.run_id,
        "repository_id": _repository_id(snapshot),
        "repository": snapshot.request.repository,
        "headline": Redactor().text(headline(snapshot.request.text)),
        "task_type": snapshot.classification.task_type if snapshot.classification else "",
        "source": snapshot.plan.source if snapshot.plan else "",
        "outcome": snapshot.outcome or "",
        "stop_code": snapshot.stop.code if snapshot.stop else "",
        "started_at": _utc(snapshot.started_at),
        "ended_at": _utc(snapshot.ended_at),
        "duration_s": _between(snapshot.started_at, snapshot.ended_at),
        "steps": len(snapshot.todos),
        "steps_failed": sum(1 for todo in snapshot.todos if todo.state is StepState.FAILED),
        "conflicts": _conflicts(snapshot),
        "recoveries": len(snapshot.recoveries),
        "decisions": len(snapshot.decisions),
    }


def _steps(snapshot: Snapshot) -> list[Row]:
    latest: dict[str, StepResult] = {it.step_id: it for it in sorted(snapshot.results, key=lambda it: it.execution)}
    todos = {todo.id: todo for todo in snapshot.todos}
    planned = snapshot.plan.steps if snapshot.plan else ()
    return [_step(snapshot, step, todos[step.id], latest.get(step.id)) for step in planned if step.id in todos]


def _step(snapshot: Snapshot, step: Step, todo: Todo, result: StepResult | None) -> Row:
    identity = identity_of(step)
    started, ended = _times(todo, result)
    return {
        "run_id": snapshot.run_id,
        "step_id": step.id,
        "repository_id": _repository_id(snapshot),
        "name": identity.name,
        "signature": identity.signature,
        "kind": kind_of(step),
        "outcome": todo.state,
        "executions": todo.execution,
        "started_at": _utc(started),
        "ended_at": _utc(ended),
        "duration_s": _between(started, ended) if _ran_here(snapshot, started) else None,
        "commit": result.commit if result else "",
    }


def _attempt(snapshot: Snapshot, result: StepResult) -> Row:
    return {
        "run_id": snapshot.run_id,
        "step_id": result.step_id,
        "execution": result.execution,
        "attempt": result.attempt,
        "outcome": result.outcome,
        "failure_kind": result.failure.kind if result.failure else "",
        "agent": result.agent,
        "started_at": _utc(result.started_at),
        "duration_s": _between(result.started_at, result.ended_at),
    }


def _times(todo: Todo, result: StepResult | None) -> tuple[datetime | None, datetime | None]:
    """Of the work itself where it is known: a step as a person follows it also waits, for a worker or a pause."""
    if result is not None and result.started_at is not None and result.ended_at is not None:
        return result.started_at, result.ended_at
    return todo.started_at, todo.ended_at


def _ran_here(snapshot: Snapshot, started: datetime | None) -> bool:
    """Not where the result was taken over from an earlier run, which has counted it."""
    return started is not None and started >= snapshot.started_at


def _conflicts(snapshot: Snapshot) -> int:
    """Those that were dealt with, and those that ended a step."""
    ended = sum(1 for it in snapshot.results if it.failure is not None and it.failure.kind is FailureKind.CONFLICT)
    return ended + sum(1 for it in snapshot.recoveries if it.error_class == FailureKind.CONFLICT)


def _repository_id(snapshot: Snapshot) -> str:
    return snapshot.workspace.repository_id if snapshot.workspace else ""


def _between(start: datetime | None, end: datetime | None) -> float | None:
    return max((end - start).total_seconds(), 0.0) if start and end else None


def _utc(at: datetime | None) -> datetime | None:
    """SQLite keeps no zone."""
    return at.astimezone(UTC) if at else None
