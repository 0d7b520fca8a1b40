"""Why a run did not succeed: what failed, what was tried, what is there all the same, and how to go on. Pure."""

from ostinato.domain.base import Fact
from ostinato.domain.by_agents import agent_lines, by_agent
from ostinato.domain.diagnosis import Diagnosis
from ostinato.domain.execution import StepResult, StepState
from ostinato.domain.explanation import Advice, why
from ostinato.domain.figures import recommendations
from ostinato.domain.gates import Finding, GateResult, failed_gates, unproven_gates
from ostinato.domain.pipeline import Outcome
from ostinato.domain.report import Recovered, Snapshot, Stop, Todo
from ostinato.domain.request import headline

MOST = 50
"""Failures, and lines of one kind."""
SHOWN = 10


class Broken(Fact):
    """One thing that failed for good: a step or a gate."""

    kind: str
    """step, gate or run."""
    id: str
    name: str
    message: str
    error_class: str = ""
    severity: str = ""
    code: str = ""
    because: str = ""
    """The line that says so."""
    details: str = ""
    findings: tuple[Finding, ...] = ()
    executions: int = 1
    by_agent: tuple[str, ...] = ()
    """Who did it and what became of its turns, where that was a coding agent."""
    tried: tuple[Recovered, ...] = ()
    """What recovery did about it, in order."""
    recommendation: str = ""


class Partial(Fact):
    """What is there all the same."""

    step: str
    name: str
    summary: str = ""
    commit: str = ""


class FailureReport(Fact):
    outcome: Outcome
    headline: str
    """The failure that matters most, in one line."""
    failures: tuple[Broken, ...] = ()
    blocked: tuple[str, ...] = ()
    """Steps that never started because of them."""
    partial: tuple[Partial, ...] = ()
    branch: str = ""
    head: str = ""
    """Where the partial results are."""
    recommendations: tuple[str, ...] = ()
    go_on: tuple[Advice, ...] = ()


def failure_report(snapshot: Snapshot) -> FailureReport | None:
    """Of a run that ended otherwise than completed; None of any other."""
    if snapshot.outcome is None or snapshot.outcome is Outcome.COMPLETED:
        return None
    failures = (*_steps(snapshot), *(_of_gate(gate) for gate in _gates(snapshot)), *_of_stop(snapshot.stop))[:MOST]
    publication = snapshot.publication
    return FailureReport(
        outcome=snapshot.outcome,
        headline=_headline(snapshot, failures),
        failures=failures,
        blocked=tuple(todo.id for todo in snapshot.todos if todo.state is StepState.BLOCKED)[:MOST],
        partial=_partial(snapshot),
        branch=publication.branch if publication else "",
        head=snapshot.head,
        recommendations=_recommended(snapshot, failures),
        go_on=why(snapshot).advice,
    )


def failure_lines(report: FailureReport) -> list[str]:
    """As Markdown, without its title; also what the terminal shows."""
    lines = [report.headline]
    for broken in report.failures:
        lines += ["", *_broken_lines(broken)]
    if report.blocked:
        lines += ["", f"Never started because of that: {', '.join(report.blocked[:SHOWN])}{_more(len(report.blocked))}"]
    if report.partial:
        where = f" on `{report.branch}`" if report.branch else ""
        lines += ["", f"Done all the same{where}:", ""]
        lines += [_partial_line(part) for part in report.partial[:SHOWN]]
    if report.go_on:
        lines += ["", "How to go on:", "", *(f"- `{advice.command}`: {advice.effect}" for advice in report.go_on)]
    return lines


def _broken_lines(broken: Broken) -> list[str]:
    kind = f" [{broken.error_class}: {broken.code}, {broken.severity}]" if broken.error_class else ""
    lines = [f"- **{broken.name}** ({broken.kind}){kind}: {headline(broken.message, 300)}"]
    if broken.because and broken.because not in broken.message:
        lines.append(f"  - because: {headline(broken.because, 200)}")
    lines += [f"  - {finding}" for finding in broken.findings[:SHOWN]]
    lines += [f"  - {line}" for line in broken.by_agent]
    lines += [f"  - tried: {entry.strategy}, {entry.result}" for entry in broken.tried]
    return [*lines, f"  - to do: {broken.recommendation}"] if broken.recommendation else lines


def _partial_line(part: Partial) -> str:
    at = f" at `{part.commit[:12]}`" if part.commit else ""
    return f"- {part.name}{at}" + (f": {headline(part.summary, 120)}" if part.summary else "")


def _steps(snapshot: Snapshot) -> tuple[Broken, ...]:
    results = {result.step_id: result for result in snapshot.results}
    failed = [todo for todo in snapshot.todos if todo.state is StepState.FAILED]
    return tuple(_of_step(todo, results[todo.id], snapshot) for todo in failed if todo.id in results)


def _of_step(todo: Todo, result: StepResult, snapshot: Snapshot) -> Broken:
    failure, agent = result.failure, by_agent(todo, result)
    found: Diagnosis | None = failure.diagnosis if failure else None
    return Broken(
        kind="step",
        id=result.step_id,
        name=todo.name,
        message=failure.message if failure else result.summary,
        error_class=found.error_class if found else "",
        severity=found.severity if found else "",
        code=found.code if found else (failure.kind if failure else ""),
        because=found.because if found else "",
        details=failure.details if failure else "",
        findings=result.findings,
        executions=todo.execution,
        by_agent=tuple(agent_lines(agent)) if agent else (),
        tried=tuple(entry for entry in snapshot.recoveries if entry.step == result.step_id)[:MOST],
        recommendation=(failure.recommendation if failure else "") or (found.cure if found else ""),
    )


def _gates(snapshot: Snapshot) -> tuple[GateResult, ...]:
    return (*failed_gates(snapshot.gates), *unproven_gates(snapshot.gates))


def _of_gate(gate: GateResult) -> Broken:
    return Broken(
        kind="gate",
        id=gate.gate,
        name=gate.gate,
        message=gate.message,
        error_class="gate_failure" if gate.status == "fail" else "",
        severity=gate.severity,
        code=gate.code,
        details=gate.details,
        findings=gate.introduced,
        recommendation=gate.recommendation,
    )


def _of_stop(stop: Stop | None) -> tuple[Broken, ...]:
    """What failed of the run itself: its workspace, its plan, its gates' worktree."""
    if stop is None or stop.diagnosis is None:
        return ()
    found = stop.diagnosis
    broken = Broken(
        kind="run",
        id="run",
        name="the run itself",
        message=stop.message,
        error_class=found.error_class,
        severity=found.severity,
        code=found.code,
        because=found.because,
        recommendation=stop.cure,
    )
    return (broken,)


def _headline(snapshot: Snapshot, failures: tuple[Broken, ...]) -> str:
    if snapshot.stop:
        return snapshot.stop.message
    if not failures:
        return f"The run ended {snapshot.outcome}."
    rest = f", and {len(failures) - 1} more" if len(failures) > 1 else ""
    return f"{failures[0].name}: {headline(failures[0].message, 200)}{rest}"


def _partial(snapshot: Snapshot) -> tuple[Partial, ...]:
    names = {todo.id: todo.name for todo in snapshot.todos if todo.state is StepState.SUCCEEDED}
    latest = {result.step_id: result for result in snapshot.results}
    done = (result for result in latest.values() if result.step_id in names)
    return tuple(
        Partial(step=result.step_id, name=names[result.step_id], summary=result.summary, commit=result.commit)
        for result in done
    )[:MOST]


def _recommended(snapshot: Snapshot, failures: tuple[Broken, ...]) -> tuple[str, ...]:
    cures = [f"{broken.id}: {broken.recommendation}" for broken in failures if broken.recommendation]
    return tuple(dict.fromkeys((*recommendations(snapshot), *cures)))[:MOST]


def _more(count: int) -> str:
    return f" and {count - SHOWN} more" if count > SHOWN else ""
