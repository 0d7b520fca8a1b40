"""A run as text. Pure: a snapshot and the time in, lines out."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from rich.console import Group, RenderableType
from rich.text import Text

from ostinato.cli.printable import printable
from ostinato.cli.steprows import NOTE_CELLS, span, step_changes, step_lines, trouble_lines
from ostinato.domain.budget.amounts import NOTHING, told, told_usd
from ostinato.domain.budget.reporting import part_costs
from ostinato.domain.budget.zones import Zone
from ostinato.domain.by_agents import ByAgent, agent_lines, by_agents
from ostinato.domain.decisions import Decision
from ostinato.domain.execution import StepResult
from ostinato.domain.explanation import Advice, Explanation, answers
from ostinato.domain.failure_report import failure_report
from ostinato.domain.gates import GateResult, Level
from ostinato.domain.monitoring import GATE_MARK
from ostinato.domain.pipeline import Outcome
from ostinato.domain.report import Snapshot
from ostinato.domain.request import headline

GATE_STYLE = {"pass": "good", "warn": "careful", "fail": "bad", "skipped": "careful"}
OUTCOME_STYLE = {
    Outcome.COMPLETED: "good",
    Outcome.DEGRADED: "careful",
    Outcome.FAILED: "bad",
    Outcome.CANCELLED: "careful",
    Outcome.ROLLED_BACK: "bad",
}
BAR_CELLS = 24
SHOWN_FINDINGS = 5
SHOWN_FAILURES = 5
SHOWN_PARTS = 8
SHOWN_AGENTS = 12


def elapsed_s(snapshot: Snapshot, now: datetime) -> float:
    return max(0.0, ((snapshot.ended_at or now) - snapshot.started_at).total_seconds())


def run_view(snapshot: Snapshot, now: datetime, *, ui_link: str = "") -> Group:
    """The whole picture: header, steps, gates, questions, notes."""
    blocks = [header(snapshot, now)]
    blocks += [step_lines(snapshot, now), trouble_lines(snapshot), [gate_line(gate) for gate in snapshot.gates]]
    blocks += [question(snapshot, decision) for decision in snapshot.pending_decisions if not snapshot.outcome]
    if snapshot.outcome:
        blocks += [_found(snapshot, result) for result in snapshot.results if result.findings]
        blocks += [_introduced(gate) for gate in snapshot.gates if gate.introduced]
        blocks += [agent_view(snapshot, each) for each in by_agents(snapshot)[:SHOWN_AGENTS]]
        blocks.append(_failures(snapshot))
    blocks += [_spent(snapshot), _ending(snapshot)]
    if ui_link:
        blocks.append([Text(f"  {ui_link}", style="quiet")])
    return spaced(blocks)


def _spent(snapshot: Snapshot) -> list[Text]:
    """Nothing where nothing was spent and nothing is limited; what each part came to once the run has ended."""
    if snapshot.spending is None:
        return []
    balance = snapshot.spending.balance()
    if balance.committed.is_nothing and not balance.limit.is_set:
        return []
    limits = [
        told_usd(most) if name == "money" else f"{most:,} {name}" for name, _, most in balance.limit.pairs(NOTHING)
    ]
    unsure = ", partly estimated" if balance.unknown_count else ""
    of = f" of {' and '.join(limits)}" if limits else ""
    style = {Zone.GREEN: "quiet", Zone.YELLOW: "careful", Zone.RED: "bad"}[balance.zone]
    leased = "" if balance.promised.is_nothing else f", {told_usd(balance.promised.micro_usd)} more leased"
    first = Text(f"  spent      {told(balance.spent)}{unsure}{leased}{of} ({balance.zone})", style=style)
    parts = part_costs(snapshot.spending.leases.values()) if snapshot.outcome else []
    wide = max((len(part.what) for part in parts[:SHOWN_PARTS]), default=0) + 1
    lines = [Text(f"    {printable(part.what):<{max(wide, 9)}}{part}", style="quiet") for part in parts[:SHOWN_PARTS]]
    return [first, *lines, *(Text(f"    {each}", style="quiet") for each in snapshot.eased[:SHOWN_PARTS])]


def agent_view(snapshot: Snapshot, found: ByAgent) -> list[Text]:
    """What an agent did of a step, turn by turn."""
    lines = [Text(f"    {printable(line)}", style="quiet") for line in agent_lines(found)]
    where = Text(f"    to read it: ostinato logs {snapshot.run_id} {found.step}", style="quiet")
    return [Text(f"  {printable(found.name)}", style="title"), *lines, *([where] if found.turns else [])]


def _found(snapshot: Snapshot, result: StepResult) -> list[Text]:
    """The first of a step's findings, and where the others are."""
    name = next((todo.name for todo in snapshot.todos if todo.id == result.step_id), str(result.step_id))
    more = result.findings_count - len(result.findings[:SHOWN_FINDINGS])
    rest = [Text(f"    … {more} more: ostinato logs {snapshot.run_id} {result.step_id}", style="quiet")] if more else []
    shown = sorted(result.findings, key=lambda finding: list(Level)[::-1].index(finding.level))[:SHOWN_FINDINGS]
    return [Text(f"  {name}", style="title"), *(Text(f"    {printable(str(finding))}") for finding in shown), *rest]


def _failures(snapshot: Snapshot) -> list[Text]:
    """What failed for good, of which class, what was tried and what to do; gates have lines of their own."""
    found = failure_report(snapshot)
    lines = []
    for broken in [it for it in found.failures if it.kind != "gate"][:SHOWN_FAILURES] if found else []:
        kind = f"  {broken.error_class}: {broken.code}, {broken.severity}" if broken.error_class else ""
        lines.append(Text.assemble(("  ✘ ", "bad"), (printable(broken.name), "title"), (kind, "careful")))
        lines.append(Text(f"    {headline(printable(broken.message), 200)}"))
        if broken.tried:
            tried = ", ".join(entry.strategy for entry in broken.tried)
            lines.append(Text(f"    tried: {printable(tried)}", style="quiet"))
        if broken.recommendation:
            lines.append(Text(f"    → {printable(broken.recommendation)}"))
    return lines


def _introduced(gate: GateResult) -> list[Text]:
    shown = [Text(f"    {printable(str(finding))}") for finding in gate.introduced[:SHOWN_FINDINGS]]
    return [Text(f"  new in {gate.gate}", style="bad"), *shown]


def spaced(blocks: Iterable[list[Text]]) -> Group:
    """Blocks with an empty line between; empty ones vanish."""
    lines: list[RenderableType] = []
    for block in blocks:
        if block:
            lines += [Text(""), *block] if lines else block
    return Group(*lines)


def header(snapshot: Snapshot, now: datetime) -> list[Text]:
    state = snapshot.outcome or snapshot.phase
    style = OUTCOME_STYLE[snapshot.outcome] if snapshot.outcome else "active"
    first = Text.assemble((snapshot.run_id, "title"), "  ", (state, style))
    if snapshot.paused and not snapshot.outcome:
        first.append("  paused", "careful")
    time = span(elapsed_s(snapshot, now))
    if not snapshot.outcome:
        first.append_text(Text.assemble("  ", *_bar(snapshot.percent), f" {snapshot.percent} %"))
        time += f" of about {span(snapshot.expected_s)}" if snapshot.expected_s else ""
    first.append(f"  {time}", "quiet")
    where = Text(f"  {headline(printable(snapshot.request.text), 90)}")
    where.append(f"   {_short(snapshot.request.repository)}", "quiet")
    doing = [Text(f"  {printable(snapshot.doing)}", style="active")] if snapshot.doing and not snapshot.outcome else []
    parked = [
        Text(f"  ⏳ {printable(str(quota))}", style="careful") for quota in snapshot.quotas if not snapshot.outcome
    ]
    return [first, where, *doing, *parked]


def _bar(percent: int) -> tuple[tuple[str, str], tuple[str, str]]:
    full = round(BAR_CELLS * percent / 100)
    return ("━" * full, "active"), ("╌" * (BAR_CELLS - full), "quiet")


def _short(path: str) -> str:
    home = str(Path.home())
    return printable("~" + path[len(home) :] if path.startswith(home + "/") else path)


def gate_line(gate: GateResult) -> Text:
    style = GATE_STYLE[gate.status]
    line = Text.assemble("  ", (GATE_MARK[gate.status], style), " ", (f"{gate.gate:<14}", "title"))
    line.append(f"{gate.stage:<5}", "quiet")
    message = headline(printable(gate.message), NOTE_CELLS)
    line.append(message, style if gate.status in ("fail", "warn") else "")
    return line.append(f"  → {headline(printable(gate.recommendation), NOTE_CELLS)}", "quiet") if _tells(gate) else line


def _tells(gate: GateResult) -> bool:
    return bool(gate.recommendation) and gate.status != "pass"


def question(snapshot: Snapshot, decision: Decision) -> list[Text]:
    """A decision with the exact commands that answer it."""
    lines = [Text.assemble(("  ⏳ Waiting for you: ", "careful"), (printable(decision.question), "title"))]
    lines += [Text(f"     {printable(line)}", style="quiet") for line in decision.context.splitlines()[:12]]
    if decision.worktree:
        lines.append(Text.assemble("     worktree  ", (printable(decision.worktree), "command")))
    return [*lines, *advice_lines(answers(snapshot, decision))]


def advice_lines(advice: Iterable[Advice]) -> list[Text]:
    listed = tuple(advice)
    width = max((len(item.command) for item in listed), default=0)
    return [
        Text.assemble("     ", (f"{item.command:<{width}}", "command"), ("   " + printable(item.effect), "quiet"))
        for item in listed
    ]


def _ending(snapshot: Snapshot) -> list[Text]:
    parked = [str(quota) for quota in snapshot.quotas]
    notes = [note for note in snapshot.notes if not any(note.endswith(said) for said in parked)]
    lines = [Text(f"  · {printable(note)}", style="quiet") for note in notes[-5:]]
    if snapshot.stop:
        lines.append(Text(f"  ✘ {printable(snapshot.stop.message)}", style="bad"))
        lines += [Text(f"    → {printable(snapshot.stop.cure)}")] if snapshot.stop.cure else []
    if snapshot.publication and snapshot.publication.branch:
        branch = snapshot.publication
        lines.append(Text.assemble("  branch  ", (branch.branch, "title"), (f"  {branch.commit[:12]}", "quiet")))
        if not branch.pushed and branch.message:
            lines.append(Text(f"  ✘ {printable(branch.message)}", style="bad"))
    return lines


def explanation_view(run_id: str, found: Explanation) -> Group:
    first = [Text.assemble((run_id, "title"), "  ", printable(found.because))]
    first += [Text(f"  {printable(line)}", style="quiet") for line in found.details]
    notes = [Text(f"  · {printable(note)}", style="quiet") for note in found.notes]
    return spaced([first, advice_lines(found.advice), notes])


def changes(before: Snapshot | None, after: Snapshot) -> list[str]:
    """What happened between two looks, as plain lines for logs."""
    lines = [f"{after.phase}"] if before is None or before.phase is not after.phase else []
    lines += step_changes(before, after)
    seen = {(gate.gate, gate.stage, gate.commit) for gate in before.gates} if before else set()
    lines += [
        f"{GATE_MARK[gate.status]} gate {gate.gate}: {printable(gate.message)}"
        for gate in after.gates
        if (gate.gate, gate.stage, gate.commit) not in seen
    ]
    known = {decision.id for decision in before.decisions} if before else set()
    for decision in after.pending_decisions:
        if decision.id not in known:
            lines += [line.plain.rstrip() for line in question(after, decision)]
    told = before.notes if before else ()
    return [*lines, *(f"· {printable(note)}" for note in after.notes if note not in told)]
