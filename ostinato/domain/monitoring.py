"""A run as a person reads it in the Temporal Web UI: Markdown made from a snapshot."""

from itertools import islice

from ostinato.domain.decisions import Decision
from ostinato.domain.execution import StepState
from ostinato.domain.gates import GateResult
from ostinato.domain.pipeline import Phase
from ostinato.domain.plan import Step
from ostinato.domain.report import Snapshot, Todo
from ostinato.domain.request import headline
from ostinato.domain.schedule import Schedule

MARK = {
    StepState.PENDING: "◻",
    StepState.PREPARING: "◐",
    StepState.RUNNING: "▶",
    StepState.WAITING: "⏳",
    StepState.SUCCEEDED: "✔",
    StepState.FAILED: "✘",
    StepState.SKIPPED: "⤼",
    StepState.BLOCKED: "⊘",
    StepState.CANCELLED: "⊗",
}
SHOWN_WHOLE = 60
"""A plan of up to so many steps is shown whole."""
SHOWN_OF_MANY = 20
GATE_MARK = {"pass": "✔", "warn": "⚠", "fail": "✘", "skipped": "⤼"}


def worth_showing(schedule: Schedule) -> tuple[Step, ...]:
    """All steps of a plan of ordinary size; of a large one those that are active, then failed ones."""
    if len(schedule.steps) <= SHOWN_WHOLE:
        return schedule.plan.steps
    active = (schedule.steps[name] for name in schedule.active)
    failed: tuple[Step, ...] = ()
    if schedule.count(StepState.FAILED):
        failed = tuple(step for step in schedule.plan.steps if schedule.states[step.id] is StepState.FAILED)
    return tuple(islice((*active, *failed), SHOWN_OF_MANY))


def percent_done(schedule: Schedule) -> int:
    """By the number of steps; 100 only when the run has ended."""
    over = schedule.count(*(state for state in StepState if state.is_over))
    return min(99, 5 + 75 * over // max(1, len(schedule.steps)))


def details_markdown(snapshot: Snapshot, *, percent: int | None = None) -> str:
    """Phase, todos, gates and pending decisions; under 20 KB."""
    percent = snapshot.percent if percent is None else percent
    phase = f"{snapshot.outcome}" if snapshot.outcome else f"{snapshot.phase}"
    parts = [f"**{phase}**{' · paused' if snapshot.paused else ''} · {percent} %"]
    if snapshot.doing and snapshot.phase is not Phase.ENDED:
        parts.append(snapshot.doing)
    if snapshot.stop:
        parts.append(f"> {snapshot.stop.message}" + (f"\n>\n> {snapshot.stop.cure}" if snapshot.stop.cure else ""))
    parts.extend(f"⏳ {quota}" for quota in snapshot.quotas)
    parts.extend(_decision(snapshot, decision) for decision in snapshot.pending_decisions)
    if snapshot.todos:
        parts.append("### Steps\n\n" + "\n".join(_todo(todo) for todo in snapshot.todos[:SHOWN_WHOLE]))
    if snapshot.gates:
        parts.append(
            "### Gates\n\n| gate | | verdict |\n|---|---|---|\n" + "\n".join(_gate(gate) for gate in snapshot.gates)
        )
    parts.extend(f"_{note}_" for note in snapshot.notes[-5:])
    return "\n\n".join(parts)[:20_000]


def _todo(todo: Todo) -> str:
    text = todo.active if todo.state.is_active else todo.name
    note = f" — {headline(todo.note, 120)}" if todo.note else ""
    return f"- {MARK[todo.state]} {text}{note}"


def _gate(gate: GateResult) -> str:
    message = headline(gate.message, 160).replace("|", "\\|")
    return f"| {gate.gate} ({gate.stage}) | {GATE_MARK[gate.status]} | {message} |"


def _decision(snapshot: Snapshot, decision: Decision) -> str:
    options = "\n".join(
        f"  - `ostinato decide {snapshot.run_id} {decision.id} {option.name}` — {option.effect}"
        for option in decision.options
    )
    where = f"\n\nWorktree: `{decision.worktree}`" if decision.worktree else ""
    return f"### Waiting for a person: {decision.question}\n\n{decision.context}{where}\n\n{options}"
