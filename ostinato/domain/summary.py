"""The report as Markdown, for people."""

from ostinato.domain.execution import StepResult
from ostinato.domain.figures import metrics, recommendations
from ostinato.domain.gates import GateResult
from ostinato.domain.monitoring import GATE_MARK, MARK
from ostinato.domain.report import Snapshot, Todo
from ostinato.domain.request import headline


def markdown_report(snapshot: Snapshot) -> str:
    """Request, outcome, steps, gates, decisions and what to do next."""
    parts = [f"# {headline(snapshot.request.text)}", _opening(snapshot)]
    if snapshot.stop:
        parts.append(f"> {snapshot.stop.message}")
    if snapshot.todos:
        parts.append("## Steps\n\n" + "\n".join(_todo(todo) for todo in snapshot.todos))
    parts.extend(_found(snapshot, result) for result in snapshot.results if result.findings)
    if snapshot.gates:
        rows = "\n".join(_gate(gate) for gate in snapshot.gates)
        parts.append(f"## Gates\n\n| gate | verdict | says |\n|---|---|---|\n{rows}")
        parts.extend(_introduced(gate) for gate in snapshot.gates if gate.introduced)
    answered = [decision for decision in snapshot.decisions if decision.answer]
    if answered:
        lines = (
            f"- {item.question} → **{item.answer.option}** by {item.answer.by}" for item in answered if item.answer
        )
        parts.append("## Decisions\n\n" + "\n".join(lines))
    if snapshot.notes:
        parts.append("## Notes\n\n" + "\n".join(f"- {note}" for note in snapshot.notes))
    if said := recommendations(snapshot):
        parts.append("## Next\n\n" + "\n".join(f"- {line}" for line in said))
    return "\n\n".join(parts) + "\n"


def _opening(snapshot: Snapshot) -> str:
    figures = metrics(snapshot)
    lines = [f"- run: `{snapshot.run_id}`", f"- outcome: **{snapshot.outcome or snapshot.phase}**"]
    if found := snapshot.classification:
        lines.append(f"- {found.task_type}, {found.complexity}, risk {found.risk} (confidence {found.confidence:.2f})")
    if snapshot.publication:
        lines.append(f"- branch: `{snapshot.publication.branch}` at `{snapshot.publication.commit[:12]}`")
    if figures["duration_s"] is not None:
        lines.append(f"- took {figures['duration_s']:.1f} s, of it {figures['execution_s']:.1f} s in steps")
    if figures["parallelization_gain_pct"]:
        lines.append(f"- steps side by side saved {figures['parallelization_gain_pct']:.0f} % of their time")
    return "\n".join(lines)


def _todo(todo: Todo) -> str:
    note = f" — {headline(todo.note, 160)}" if todo.note else ""
    return f"- {MARK[todo.state]} {todo.name} ({todo.state}){note}"


def _found(snapshot: Snapshot, result: StepResult) -> str:
    """What a step's tool says about the code; all of it is in the evidence."""
    name = next((todo.name for todo in snapshot.todos if todo.id == result.step_id), result.step_id)
    lines = [f"- {finding}" for finding in result.findings]
    if result.findings_count > len(result.findings):
        rest = result.findings_count - len(result.findings)
        lines.append(f"- and {rest} more: `ostinato logs {snapshot.run_id} {result.step_id}`")
    return f"### {name}\n\n" + "\n".join(lines)


def _gate(gate: GateResult) -> str:
    message = headline(gate.message, 160).replace("|", "\\|")
    return f"| {gate.gate} ({gate.stage}) | {GATE_MARK[gate.status]} {gate.status} | {message} |"


def _introduced(gate: GateResult) -> str:
    return f"### New in {gate.gate}\n\n" + "\n".join(f"- {finding}" for finding in gate.introduced)
