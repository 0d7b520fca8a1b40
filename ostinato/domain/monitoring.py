"""A run as a person reads it in the Temporal Web UI: Markdown made from a snapshot."""

from ostinato.domain.decisions import Decision
from ostinato.domain.execution import StepState
from ostinato.domain.gates import GateResult
from ostinato.domain.pipeline import Phase
from ostinato.domain.report import Snapshot, Todo
from ostinato.domain.request import headline

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
GATE_MARK = {"pass": "✔", "warn": "⚠", "fail": "✘", "skipped": "⤼"}


def details_markdown(snapshot: Snapshot) -> str:
    """Phase, todos, gates and pending decisions; under 20 KB."""
    phase = f"{snapshot.outcome}" if snapshot.outcome else f"{snapshot.phase}"
    parts = [f"**{phase}**{' · paused' if snapshot.paused else ''} · {snapshot.percent} %"]
    if snapshot.doing and snapshot.phase is not Phase.ENDED:
        parts.append(snapshot.doing)
    if snapshot.stop:
        parts.append(f"> {snapshot.stop.message}" + (f"\n>\n> {snapshot.stop.cure}" if snapshot.stop.cure else ""))
    parts.extend(_decision(snapshot, decision) for decision in snapshot.pending_decisions)
    if snapshot.todos:
        parts.append("### Steps\n\n" + "\n".join(_todo(todo) for todo in snapshot.todos[:60]))
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
