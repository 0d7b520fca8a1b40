"""The report as Markdown, for people."""

from ostinato.domain.budget.amounts import NOTHING, told, told_usd
from ostinato.domain.budget.reporting import part_costs
from ostinato.domain.by_agents import ByAgent, agent_lines, by_agents
from ostinato.domain.execution import StepResult, StepState
from ostinato.domain.failure_report import failure_lines, failure_report
from ostinato.domain.figures import metrics, recommendations
from ostinato.domain.gates import GateResult
from ostinato.domain.monitoring import GATE_MARK, MARK, SHOWN_WHOLE
from ostinato.domain.report import Changed, Conflict, Snapshot, Todo
from ostinato.domain.request import headline
from ostinato.domain.waiting import counts, counts_text

MOST = 50
"""Lines of one kind."""


def markdown_report(snapshot: Snapshot) -> str:
    """Request, outcome, steps, gates, decisions and what to do next."""
    parts = [f"# {headline(snapshot.request.text)}", _opening(snapshot)]
    if snapshot.stop:
        parts.append(f"> {snapshot.stop.message}")
    if failed := failure_report(snapshot):
        parts.append("## Why\n\n" + "\n".join(failure_lines(failed)))
    if snapshot.todos:
        parts.append("## Steps\n\n" + "\n".join(_steps(snapshot)))
    if told := [line for each in by_agents(snapshot)[:MOST] for line in _by_agent(snapshot, each)]:
        parts.append("## Agents\n\n" + "\n".join(told))
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
    if snapshot.conflicts:
        parts.append("## Conflicts\n\n" + "\n".join(_conflict(conflict) for conflict in snapshot.conflicts[:MOST]))
    if snapshot.changes:
        parts.append("## Changes of the plan\n\n" + "\n".join(_change(change) for change in snapshot.changes[:MOST]))
    if spent := _spent(snapshot):
        parts.append("## Budget\n\n" + "\n".join(spent))
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
    if figures["conflicts"]:
        lines.append(f"- {figures['conflicts']} conflicts between steps side by side")
    if figures["takeovers"]:
        lines.append(f"- taken over by another worker {figures['takeovers']} times")
    if figures["parallelization_gain_pct"]:
        lines.append(f"- steps side by side saved {figures['parallelization_gain_pct']:.0f} % of their time")
    return "\n".join(lines)


def _steps(snapshot: Snapshot) -> list[str]:
    """Of a large plan the counts, and the steps that did not end well."""
    if snapshot.is_whole and len(snapshot.todos) <= SHOWN_WHOLE:
        return [_todo(todo) for todo in snapshot.todos]
    unwell = [todo for todo in snapshot.todos if todo.state in (StepState.FAILED, StepState.CANCELLED)]
    return [f"{counts_text(counts(snapshot))}.", "", *(_todo(todo) for todo in unwell[:MOST])]


def _spent(snapshot: Snapshot) -> list[str]:
    """Limits, the sum, each part, and what was taken out of sessions; nothing where nothing was spent."""
    if snapshot.spending is None or (snapshot.spending.balance().spent.is_nothing and not snapshot.eased):
        return []
    balance = snapshot.spending.balance()
    limits = [
        told_usd(most) if name == "money" else f"{most:,} {name}" for name, _, most in balance.limit.pairs(NOTHING)
    ]
    whole = f"- {told(balance.spent)}" + (f" of {' and '.join(limits)}" if limits else "") + f" ({balance.zone})"
    parts = [f"- {part.what}: {part}" for part in part_costs(snapshot.spending.leases.values())]
    return [whole, *parts[:MOST], *(f"- {each}" for each in snapshot.eased[:MOST])]


def _todo(todo: Todo) -> str:
    note = f" — {headline(todo.note, 160)}" if todo.note else ""
    again = f", execution {todo.execution}" if todo.execution > 1 else ""
    after = "".join(f"; after {found.step}: {found.because}" for found in todo.implied[:3])
    indent = "  " if todo.group else ""
    return f"{indent}- {MARK[todo.state]} {todo.name} ({todo.state}{again}){note}{after}"


def _by_agent(snapshot: Snapshot, found: ByAgent) -> list[str]:
    lines = [f"- {found.name}: `ostinato logs {snapshot.run_id} {found.step}`"]
    return [*lines, *(f"  - {line}" for line in agent_lines(found))]


def _conflict(conflict: Conflict) -> str:
    kind = "was seen coming" if conflict.forecast else "was met"
    return f"- `{conflict.step}` in {', '.join(conflict.paths[:5])}: {kind}, {conflict.resolution or 'open'}"


def _change(change: Changed) -> str:
    note = f" — {headline(change.note, 160)}" if change.note else ""
    return f"- {change.at:%Y-%m-%d %H:%M:%S} UTC, {change.by}: {change.kind} `{change.step}`{note}"


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
