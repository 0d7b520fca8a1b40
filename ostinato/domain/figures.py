"""Figures over a run, and what follows from them: computed from facts, never stored."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ostinato.domain.critical_path import in_order, waves
from ostinato.domain.gates import Status
from ostinato.domain.ids import StepId
from ostinato.domain.pipeline import Outcome, Phase
from ostinato.domain.plan import Plan
from ostinato.domain.report import Snapshot, Todo

_PLANNING = (Phase.ANALYZING, Phase.PLANNING, Phase.PREFLIGHT, Phase.ACTIVATING)
_EXECUTION = (Phase.EXECUTING, Phase.RECOVERING, Phase.ESCALATING)


def metrics(snapshot: Snapshot) -> dict[str, Any]:
    """Computed from facts. Seconds; None where there is nothing to compute from."""
    taken = step_seconds(snapshot.todos)
    gates = [gate for gate in snapshot.gates if gate.status is not Status.SKIPPED]
    return {
        "duration_s": seconds_between(snapshot.started_at, snapshot.ended_at),
        "planning_s": phase_seconds(snapshot, _PLANNING),
        "execution_s": phase_seconds(snapshot, _EXECUTION),
        "validation_s": phase_seconds(snapshot, (Phase.VALIDATING,)),
        **parallelism(snapshot.plan, taken, snapshot.todos),
        "steps_total": len(snapshot.todos),
        "steps_finished": sum(1 for todo in snapshot.todos if todo.state.is_over),
        "steps_executions": sum(todo.execution for todo in snapshot.todos if todo.started_at),
        "conflicts": sum(1 for conflict in snapshot.conflicts if not conflict.forecast),
        "conflicts_forecast": sum(1 for conflict in snapshot.conflicts if conflict.forecast),
        "takeovers": sum(1 for recovery in snapshot.recoveries if recovery.strategy == "takeover"),
        "gates_total": len(snapshot.gates),
        "gates_passed": sum(1 for gate in gates if gate.status in (Status.PASS, Status.WARN)),
        "findings": sum(result.findings_count for result in snapshot.results),
        "files_changed": sum(result.files_changed for result in snapshot.results),
        "tests": next((dict(gate.metrics) for gate in gates if gate.gate == "tests" and gate.stage == "post"), {}),
    }


def parallelism(plan: Plan | None, taken: Mapping[StepId, float], todos: Sequence[Todo]) -> dict[str, Any]:
    """How much running steps side by side brought, and how much it could have at best.

    Waits for people are left out of the sums, since they take no slot.
    """
    names = ("steps_work_s", "makespan_s", "makespan_lower_bound_s", "parallelization_gain_pct")
    if plan is None or not taken:
        return {**dict.fromkeys((*names, "parallel_efficiency_pct")), "steps_saved": 0}
    people = {step.id for step in plan.steps if step.needs_person}
    working = {name: s for name, s in taken.items() if name not in people}
    total, bound = sum(working.values()), lower_bound_s(plan, working)
    makespan = _makespan([todo for todo in todos if todo.id in working])
    ran = [wave for wave in ([name for name in wave if name in taken] for wave in waves(plan)) if wave]
    return {
        "steps_work_s": round(total, 3),
        "makespan_s": round(makespan, 3),
        "makespan_lower_bound_s": round(bound, 3),
        "parallelization_gain_pct": round(max(0.0, 100 * (total - makespan) / total), 1) if total else 0.0,
        "parallel_efficiency_pct": round(min(100.0, 100 * bound / makespan), 1) if makespan else 100.0,
        "steps_saved": sum(map(len, ran)) - len(ran),
    }


def lower_bound_s(plan: Plan, taken: Mapping[StepId, float]) -> float:
    """No schedule is shorter: the longest chain, and all work shared by the slots."""
    ends: dict[StepId, float] = {}
    for step in in_order(plan):
        ends[step.id] = taken.get(step.id, 0.0) + max((ends[name] for name in step.needs), default=0.0)
    return max(max(ends.values(), default=0.0), sum(taken.values()) / plan.max_parallel)


def step_seconds(todos: Sequence[Todo]) -> dict[StepId, float]:
    return {
        todo.id: (todo.ended_at - todo.started_at).total_seconds()
        for todo in todos
        if todo.started_at is not None and todo.ended_at is not None
    }


def phase_seconds(snapshot: Snapshot, phases: Sequence[Phase]) -> float:
    """Time spent in these phases, by the transitions."""
    since, spent = snapshot.started_at, 0.0
    for move in snapshot.transitions:
        if move.source in phases:
            spent += (move.at - since).total_seconds()
        since = move.at
    return round(spent, 3)


def recommendations(snapshot: Snapshot) -> list[str]:
    """What to do next, the most urgent first, each once."""
    said = [snapshot.stop.cure] if snapshot.stop and snapshot.stop.cure else []
    said += [
        f"{gate.gate}: {gate.recommendation}"
        for gate in sorted(snapshot.gates, key=lambda gate: gate.status is not Status.FAIL)
        if gate.recommendation and gate.status is not Status.PASS
    ]
    said += [
        f"{result.step_id}: {result.failure.recommendation}"
        for result in snapshot.results
        if result.failure and result.failure.recommendation
    ]
    if snapshot.outcome in (Outcome.COMPLETED, Outcome.DEGRADED) and snapshot.publication:
        said.append(f"Look at the change: ostinato diff {snapshot.run_id}")
        said.append(f"Bring it into the base branch: ostinato merge {snapshot.run_id}")
    return list(dict.fromkeys(said))


def seconds_between(start: datetime | None, end: datetime | None) -> float | None:
    return round((end - start).total_seconds(), 3) if start and end else None


def _makespan(todos: Sequence[Todo]) -> float:
    starts = [todo.started_at for todo in todos if todo.started_at]
    ends = [todo.ended_at for todo in todos if todo.ended_at]
    return (max(ends) - min(starts)).total_seconds() if starts and ends else 0.0
