"""A run as programs and people read it afterwards: the report's JSON and its Markdown."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ostinato.domain.classification import Classification
from ostinato.domain.decisions import Decision
from ostinato.domain.execution import StepResult
from ostinato.domain.gates import GateResult, Status
from ostinato.domain.ids import StepId
from ostinato.domain.pipeline import Outcome, Phase
from ostinato.domain.plan import Plan, Step, critical_path, in_order, waves
from ostinato.domain.report import Snapshot, Todo

_PLANNING = (Phase.ANALYZING, Phase.PLANNING, Phase.PREFLIGHT, Phase.ACTIVATING)
_EXECUTION = (Phase.EXECUTING, Phase.RECOVERING, Phase.ESCALATING)


def report_json(snapshot: Snapshot) -> dict[str, Any]:
    """The `data` of `report --json`; every field of the command-line contract."""
    request, workspace, publication = snapshot.request, snapshot.workspace, snapshot.publication
    return {
        "run_id": snapshot.run_id,
        "request": request.text,
        "repository": request.repository,
        "requested_by": request.requested_by,
        "outcome": snapshot.outcome,
        "phase": snapshot.phase,
        "stop": snapshot.stop.model_dump(mode="json") if snapshot.stop else None,
        "branch": publication.branch if publication else None,
        "base_branch": workspace.base_branch if workspace else None,
        "base_commit": workspace.base_commit if workspace else None,
        "head_commit": snapshot.head or None,
        "classification": _classification(snapshot.classification),
        "strategy": snapshot.plan.strategy if snapshot.plan else None,
        "activation": snapshot.activation.model_dump(mode="json") if snapshot.activation else None,
        "plan": plan_json(snapshot.plan) if snapshot.plan else None,
        "steps": [_step(todo, _latest(snapshot.results).get(todo.id)) for todo in snapshot.todos],
        "gates": [gate_json(gate) for gate in snapshot.gates],
        "decisions": [_decision(decision) for decision in snapshot.decisions],
        "recoveries": [recovery.model_dump(mode="json") for recovery in snapshot.recoveries],
        "checkpoints": [
            {"id": point.id, "step": point.step_id, "commit": point.commit, "at": _time(point.at)}
            for point in snapshot.checkpoints
        ],
        "transitions": [move.model_dump(mode="json") for move in snapshot.transitions],
        "budget": {"tokens_limit": None, "tokens_used": 0, "usd_limit": None, "usd_used": 0.0, "zone": "green"},
        "metrics": metrics(snapshot),
        "artifacts": _artifacts(snapshot),
        "notes": list(snapshot.notes),
        "recommendations": recommendations(snapshot),
        "started_at": _time(snapshot.started_at),
        "ended_at": _time(snapshot.ended_at),
    }


def plan_json(plan: Plan) -> dict[str, Any]:
    return {
        "id": plan.id,
        "version": plan.version,
        "source": plan.source,
        "validation_level": plan.validation_level,
        "max_parallel": plan.max_parallel,
        "steps": [
            {
                "id": step.id,
                "name": step.name,
                "depends_on": list(step.depends_on),
                "action": action_text(step),
                "critical": step.critical,
                "needs_person": step.needs_person,
                "expected_s": step.expected_s,
            }
            for step in plan.steps
        ],
        "critical_path": list(critical_path(plan)),
        "waves": [list(wave) for wave in waves(plan)],
        "post_gates": list(plan.post_gates),
        "success_criteria": list(plan.success_criteria),
        "risks": list(plan.risks),
    }


def action_text(step: Step) -> str:
    """What the step does, in one line: tool:lint.fix, run:pytest -q, ask, agent:any."""
    action = step.action
    match action.kind:
        case "tool":
            return f"tool:{action.tool}"
        case "command":
            return f"run:{action.line}"
        case "ask":
            return "ask"
        case "agent":
            return f"agent:{action.agent}"


def gate_json(gate: GateResult) -> dict[str, Any]:
    return {**gate.model_dump(mode="json"), "commit": gate.commit or None}


def metrics(snapshot: Snapshot) -> dict[str, Any]:
    """Computed from facts. Seconds; None where there is nothing to compute from."""
    taken = step_seconds(snapshot.todos)
    gates = [gate for gate in snapshot.gates if gate.status is not Status.SKIPPED]
    return {
        "duration_s": _between(snapshot.started_at, snapshot.ended_at),
        "planning_s": phase_seconds(snapshot, _PLANNING),
        "execution_s": phase_seconds(snapshot, _EXECUTION),
        "validation_s": phase_seconds(snapshot, (Phase.VALIDATING,)),
        **parallelism(snapshot.plan, taken, snapshot.todos),
        "steps_total": len(snapshot.todos),
        "steps_finished": sum(1 for todo in snapshot.todos if todo.state.is_over),
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
    working = {name: s for name, s in taken.items() if not plan.step(name).needs_person}
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
        ends[step.id] = taken.get(step.id, 0.0) + max((ends[name] for name in step.depends_on), default=0.0)
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


def _classification(found: Classification | None) -> dict[str, Any] | None:
    return found.model_dump(mode="json") if found else None


def _latest(results: Sequence[StepResult]) -> dict[StepId, StepResult]:
    return {result.step_id: result for result in sorted(results, key=lambda result: result.execution)}


def _step(todo: Todo, result: StepResult | None) -> dict[str, Any]:
    return {
        "id": todo.id,
        "name": todo.name,
        "state": todo.state,
        "outcome": result.outcome if result else todo.state,
        "attempts": result.attempt if result else 0,
        "executions": todo.execution,
        "agent": (result.agent if result else "") or todo.agent,
        "commit": (result.commit if result else "") or None,
        "started_at": _time(todo.started_at),
        "ended_at": _time(todo.ended_at),
        "duration_s": _between(todo.started_at, todo.ended_at),
        "tokens": 0,
        "cost_usd": 0.0,
        "summary": result.summary if result else todo.note,
        "findings_count": result.findings_count if result else 0,
        "files_changed": result.files_changed if result else 0,
        "warnings": list(result.warnings) if result else [],
        "error": result.failure.model_dump(mode="json") if result and result.failure else None,
    }


def _decision(decision: Decision) -> dict[str, Any]:
    answer = decision.answer
    return {
        "id": decision.id,
        "kind": decision.kind,
        "question": decision.question,
        "options": [option.name for option in decision.options],
        "answer": answer.option if answer else None,
        "by": answer.by if answer else None,
        "note": answer.note if answer else None,
        "autonomous": decision.autonomous,
        "confidence": None,
        "asked_at": _time(decision.asked_at),
        "answered_at": _time(decision.answered_at),
    }


def _artifacts(snapshot: Snapshot) -> dict[str, str]:
    """Name → reference."""
    steps = {f"step:{result.step_id}": result.evidence for result in snapshot.results if result.evidence}
    gates = {f"gate:{gate.gate}": gate.evidence for gate in snapshot.gates if gate.evidence}
    return {**steps, **gates}


def _makespan(todos: Sequence[Todo]) -> float:
    starts = [todo.started_at for todo in todos if todo.started_at]
    ends = [todo.ended_at for todo in todos if todo.ended_at]
    return (max(ends) - min(starts)).total_seconds() if starts and ends else 0.0


def _between(start: datetime | None, end: datetime | None) -> float | None:
    return round((end - start).total_seconds(), 3) if start and end else None


def _time(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
