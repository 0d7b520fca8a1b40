"""A run as programs and people read it afterwards: the report's JSON and its Markdown."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from ostinato.domain.budget.amounts import USD
from ostinato.domain.budget.judging import limit_of
from ostinato.domain.budget.ledger import Ledger
from ostinato.domain.budget.reporting import budget_report, part_of_step, spent_on
from ostinato.domain.by_agents import agent_json, by_agents
from ostinato.domain.classification import Classification
from ostinato.domain.context_budget.measuring import context_balance
from ostinato.domain.critical_path import critical_path, waves
from ostinato.domain.decisions import Decision
from ostinato.domain.execution import StepResult
from ostinato.domain.failure_report import failure_report
from ostinato.domain.figures import metrics, recommendations, seconds_between
from ostinato.domain.gates import GateResult
from ostinato.domain.ids import StepId
from ostinato.domain.plan import Plan, Step
from ostinato.domain.report import Snapshot, Todo
from ostinato.domain.summary import markdown_report

__all__ = ["action_text", "budget_json", "gate_json", "markdown_report", "plan_json", "report_json"]


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
        "steps": _steps(snapshot),
        "gates": [gate_json(gate) for gate in snapshot.gates],
        "decisions": [_decision(decision) for decision in snapshot.decisions],
        "conflicts": [conflict.model_dump(mode="json") for conflict in snapshot.conflicts],
        "changes": [change.model_dump(mode="json") for change in snapshot.changes],
        "epoch": workspace.epoch if workspace else None,
        "recoveries": [recovery.model_dump(mode="json") for recovery in snapshot.recoveries],
        "failure": failed.model_dump(mode="json") if (failed := failure_report(snapshot)) else None,
        "checkpoints": [
            {"id": point.id, "step": point.step_id, "commit": point.commit, "at": _time(point.at)}
            for point in snapshot.checkpoints
        ],
        "transitions": [move.model_dump(mode="json") for move in snapshot.transitions],
        "quotas": [quota.model_dump(mode="json") for quota in snapshot.quotas],
        "budget": budget_json(snapshot),
        "metrics": metrics(snapshot),
        "artifacts": _artifacts(snapshot),
        "notes": list(snapshot.notes),
        "recommendations": recommendations(snapshot),
        "started_at": _time(snapshot.started_at),
        "ended_at": _time(snapshot.ended_at),
    }


def budget_json(snapshot: Snapshot) -> dict[str, Any]:
    """Limits, use, what is leased, and what each part came to."""
    ledger = snapshot.spending or Ledger(limit=limit_of(snapshot.request.options))
    context = context_balance(snapshot.activation, None) if snapshot.activation else None
    return budget_report(ledger, context, snapshot.eased).model_dump(mode="json")


def plan_json(plan: Plan) -> dict[str, Any]:
    return {
        "id": plan.id,
        "version": plan.version,
        "source": plan.source,
        "definition_sha256": plan.definition_sha256,
        "inputs": plan.inputs,
        "validation_level": plan.validation_level,
        "max_parallel": plan.max_parallel,
        "steps": [
            {
                "id": step.id,
                "name": step.name,
                "depends_on": list(step.depends_on),
                "implied": [found.model_dump() for found in step.implied],
                "action": action_text(step),
                "critical": step.critical,
                "needs_person": step.needs_person,
                "group": step.group or None,
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
        case "choose":
            return f"if:{action.condition}"
        case "group" if action.items:
            return f"for_each:{action.items}"
        case "group":
            return f"workflow:{action.definition}"


def gate_json(gate: GateResult) -> dict[str, Any]:
    return {**gate.model_dump(mode="json"), "commit": gate.commit or None}


def _classification(found: Classification | None) -> dict[str, Any] | None:
    return found.model_dump(mode="json") if found else None


def _latest(results: Sequence[StepResult]) -> dict[StepId, StepResult]:
    return {result.step_id: result for result in sorted(results, key=lambda result: result.execution)}


def _steps(snapshot: Snapshot) -> list[dict[str, Any]]:
    latest, agents = _latest(snapshot.results), {each.step: each for each in by_agents(snapshot)}
    return [
        {**_step(todo, latest.get(todo.id), snapshot.spending), "by_agent": agent_json(agents.get(todo.id))}
        for todo in snapshot.todos
    ]


def _step(todo: Todo, result: StepResult | None, spending: Ledger | None) -> dict[str, Any]:
    spent = spent_on(spending, part_of_step(todo.id))
    return {
        "id": todo.id,
        "name": todo.name,
        "state": todo.state,
        "outcome": result.outcome if result else todo.state,
        "attempts": result.attempt if result else 0,
        "executions": todo.execution,
        "conflicts": todo.conflicts,
        "group": todo.group or None,
        "depends_on": list(todo.depends_on),
        "implied": [found.model_dump() for found in todo.implied],
        "agent": (result.agent if result else "") or todo.agent,
        "commit": (result.commit if result else "") or None,
        "started_at": _time(todo.started_at),
        "ended_at": _time(todo.ended_at),
        "duration_s": seconds_between(todo.started_at, todo.ended_at),
        "tokens": spent.tokens,
        "cost_usd": spent.micro_usd / USD,
        "summary": result.summary if result else todo.note,
        "findings_count": result.findings_count if result else 0,
        "findings": [finding.model_dump(mode="json") for finding in result.findings] if result else [],
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
    turns = {
        f"{kind}:{result.step_id}:{number}": ref
        for result in snapshot.results
        for number, turn in enumerate(result.turns, start=1)
        for kind, ref in (("prompt", turn.prompt), ("transcript", turn.evidence))
        if ref
    }
    return {**steps, **gates, **turns}


def _time(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
