"""Models with defaults, for tests that care about one field."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from ostinato.domain.execution import StepOutcome, StepResult, StepState
from ostinato.domain.gates import Finding, GateResult, Observation, Stage, Status
from ostinato.domain.ids import RunId, StepId
from ostinato.domain.pipeline import Phase
from ostinato.domain.plan import Plan, Step, ToolAction
from ostinato.domain.project import ProjectFacts
from ostinato.domain.report import Snapshot, Todo
from ostinato.domain.request import RunOptions, RunRequest

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def a_step(step_id: str = "lint", *after: str, **fields: Any) -> Step:
    given = {"name": step_id.capitalize(), "action": ToolAction(tool="lint.check"), "depends_on": after, **fields}
    return Step.model_validate({"id": step_id, **given})


def a_plan(*steps: Step, **fields: Any) -> Plan:
    return Plan.model_validate({"id": "plan", "steps": steps or (a_step(),), **fields})


def a_run(text: str = "fix the lint errors", **options: Any) -> RunRequest:
    return RunRequest(
        run_id=RunId("run-1"),
        text=text,
        repository="/repository",
        requested_by="ada",
        options=RunOptions.model_validate(options),
    )


def a_project(**fields: Any) -> ProjectFacts:
    return ProjectFacts.model_validate({"commit": "c0ffee", "languages": {"Python": 3}, "files": 5, **fields})


def a_result(step_id: str = "lint", outcome: StepOutcome = StepOutcome.SUCCEEDED, **fields: Any) -> StepResult:
    return StepResult.model_validate({"step_id": step_id, "outcome": outcome, **fields})


def a_todo(step_id: str = "lint", start: float | None = 0, end: float | None = 5, **fields: Any) -> Todo:
    given = {"id": StepId(step_id), "name": step_id, "active": step_id, "state": StepState.SUCCEEDED, **fields}
    times = {name: at(value) for name, value in (("started_at", start), ("ended_at", end)) if value is not None}
    return Todo.model_validate({**given, **times})


def a_finding(rule: str = "F401", **fields: Any) -> Finding:
    return Finding.model_validate({"tool": "ruff", "rule": rule, "path": "a.py", "message": "unused", **fields})


def an_observation(gate: str = "lint", findings: Iterable[Finding] = (), **fields: Any) -> Observation:
    given = {"gate": gate, "commit": "c0ffee", "ran": True, "findings": tuple(findings), **fields}
    return Observation.model_validate(given)


def a_gate(gate: str = "tests", status: Status = Status.PASS, **fields: Any) -> GateResult:
    given = {"gate": gate, "stage": Stage.POST, "status": status, "message": "said", "commit": "c0ffee", **fields}
    return GateResult.model_validate(given)


def a_snapshot(**fields: Any) -> Snapshot:
    given = {"run_id": "run-1", "request": a_run(), "phase": Phase.EXECUTING, "started_at": NOON, **fields}
    return Snapshot.model_validate(given)
