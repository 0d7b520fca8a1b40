"""The one thing a run waits for or failed on, and what to do about it. Pure."""

from ostinato.domain.base import Fact
from ostinato.domain.continuation import retry_problem
from ostinato.domain.decisions import Decision
from ostinato.domain.execution import StepState
from ostinato.domain.gates import GateResult, failed_gates, unproven_gates
from ostinato.domain.pipeline import Outcome, Phase
from ostinato.domain.report import Snapshot, Todo, is_proven

SHOWN = 5


class Advice(Fact):
    """A command to type, and what it does."""

    command: str
    effect: str


class Explanation(Fact):
    code: str
    """working, waiting_for_person, waiting_for_account, paused, no_worker, stopped, step_failed, gate_failed, unproven, completed."""
    because: str
    details: tuple[str, ...] = ()
    advice: tuple[Advice, ...] = ()
    notes: tuple[str, ...] = ()
    """What the run recorded on its way: refused signals, takeovers."""


def why(snapshot: Snapshot, *, is_worker_polling: bool = True) -> Explanation:
    if snapshot.phase is Phase.ENDED or snapshot.outcome is not None:
        found = _why_ended(snapshot)
    elif not is_worker_polling:
        found = no_worker()
    else:
        found = _why_open(snapshot)
    return found.model_copy(update={"notes": snapshot.notes[-SHOWN:]})


def no_worker() -> Explanation:
    return Explanation(
        code="no_worker",
        because="no worker is polling for it: the run waits and loses nothing",
        advice=(Advice(command="ostinato up", effect="start a worker; the run goes on where it is"),),
    )


def _why_open(snapshot: Snapshot) -> Explanation:
    active = [todo for todo in snapshot.todos if todo.state in (StepState.PREPARING, StepState.RUNNING)]
    if snapshot.paused:
        going_on = tuple(f"still going on: {todo.active or todo.name}" for todo in active[:SHOWN])
        return Explanation(
            code="paused",
            because="it is paused: no further step starts",
            details=going_on,
            advice=(Advice(command=f"ostinato resume {snapshot.run_id}", effect="go on"),),
        )
    if snapshot.pending_decisions and not active:
        return _waiting(snapshot, snapshot.pending_decisions[0])
    if snapshot.quotas and not active:
        return _parked(snapshot)
    return _working(snapshot, active)


def _parked(snapshot: Snapshot) -> Explanation:
    """Nobody has to do anything: it goes on by itself, in the same sessions."""
    first = min(snapshot.quotas, key=lambda quota: quota.until)
    watch = Advice(command=f"ostinato watch {snapshot.run_id}", effect="it goes on by itself, in the same session")
    return Explanation(
        code="waiting_for_account",
        because=f"it waits for an account's limit: {first}",
        details=tuple(f"also {quota}" for quota in snapshot.quotas if quota is not first)[:SHOWN],
        advice=(watch,),
    )


def _waiting(snapshot: Snapshot, decision: Decision) -> Explanation:
    where = (f"worktree: {decision.worktree}",) if decision.worktree else ()
    others = len(snapshot.pending_decisions) - 1
    more = (f"{others} more: ostinato decisions {snapshot.run_id}",) if others else ()
    return Explanation(
        code="waiting_for_person",
        because=f"it waits for an answer: {decision.question}",
        details=(*(line for line in decision.context.splitlines() if line.strip()), *where, *more),
        advice=answers(snapshot, decision),
    )


def answers(snapshot: Snapshot, decision: Decision) -> tuple[Advice, ...]:
    """Each option as the command that chooses it."""
    return tuple(
        Advice(command=f"ostinato decide {snapshot.run_id} {decision.id} {option.name}", effect=option.effect)
        for option in decision.options
    )


def _working(snapshot: Snapshot, active: list[Todo]) -> Explanation:
    doing = ", ".join(todo.active or todo.name for todo in active) or snapshot.doing or f"{snapshot.phase}"
    now = [f"{todo.active or todo.name}: {todo.doing}" for todo in active if todo.doing]
    waiting = [f"also waits for an answer: {decision.question}" for decision in snapshot.pending_decisions]
    parked = [f"parked: {quota}" for quota in snapshot.quotas]
    return Explanation(
        code="working",
        because=f"it waits for nothing: {doing}",
        details=(*now[:SHOWN], *waiting, *parked[:SHOWN]),
        advice=(Advice(command=f"ostinato watch {snapshot.run_id}", effect="follow it"),),
    )


def _why_ended(snapshot: Snapshot) -> Explanation:
    if snapshot.stop is not None:
        return _stopped(snapshot)
    if failed := failed_gates(snapshot.gates):
        return _gates(snapshot, "gate_failed", "the gate said no", failed)
    if broken := [todo for todo in snapshot.todos if todo.state in (StepState.FAILED, StepState.BLOCKED)]:
        return _steps(snapshot, broken)
    if unproven := unproven_gates(snapshot.gates):
        return _gates(snapshot, "unproven", "the gate could not judge", unproven)
    return _completed(snapshot)


def _stopped(snapshot: Snapshot) -> Explanation:
    assert snapshot.stop is not None
    failures = [result for result in snapshot.results if result.failure is not None]
    details = [snapshot.stop.cure] if snapshot.stop.cure else []
    details += [f"{it.step_id}: {it.failure.message}" for it in failures[:SHOWN] if it.failure]
    details += [f"{gate.gate}: {gate.message}" for gate in failed_gates(snapshot.gates)[:SHOWN]]
    logs = tuple(_logs(snapshot, result.step_id) for result in failures[:1])
    advice = (*logs, *_ways_on(snapshot))
    return Explanation(code="stopped", because=snapshot.stop.message, details=tuple(details), advice=advice)


def _gates(snapshot: Snapshot, code: str, verb: str, gates: tuple[GateResult, ...]) -> Explanation:
    first = gates[0]
    details = [line for line in first.details.splitlines() if line.strip()][:SHOWN]
    details += [first.recommendation] if first.recommendation else []
    details += [f"also {gate.gate}: {gate.message}" for gate in gates[1:]]
    return Explanation(
        code=code,
        because=f"{verb}: {first.gate}: {first.message}",
        details=tuple(details),
        advice=(
            _logs(snapshot, first.gate),
            Advice(command=f"ostinato diff {snapshot.run_id}", effect="what the run changed"),
        ),
    )


def _steps(snapshot: Snapshot, broken: list[Todo]) -> Explanation:
    first = next((todo for todo in broken if todo.state is StepState.FAILED), broken[0])
    failure = next((it.failure for it in snapshot.results if it.step_id == first.id and it.failure), None)
    details = [failure.recommendation] if failure and failure.recommendation else []
    details += [f"also {todo.state}: {todo.name}" for todo in broken if todo is not first]
    return Explanation(
        code="step_failed",
        because=f"a step failed: {first.name}" + (f": {failure.message}" if failure else ""),
        details=tuple(details),
        advice=(_logs(snapshot, first.id), *_ways_on(snapshot)),
    )


def _completed(snapshot: Snapshot) -> Explanation:
    obstacle = is_proven(snapshot)
    changed = snapshot.workspace is None or snapshot.head not in ("", snapshot.workspace.head)
    merge = Advice(command=f"ostinato merge {snapshot.run_id}", effect="bring its branch into the base branch")
    return Explanation(
        code="completed" if snapshot.outcome is Outcome.COMPLETED else "ended",
        because=f"it waits for nothing: it ended {snapshot.outcome}",
        details=(obstacle,) if obstacle else (),
        advice=(
            *((merge,) if changed and not obstacle else ()),
            Advice(command=f"ostinato report {snapshot.run_id}", effect="what it came to"),
        ),
    )


def _ways_on(snapshot: Snapshot) -> tuple[Advice, ...]:
    """A run that can be taken up again says how."""
    if retry_problem(snapshot, ()) is not None:
        return ()
    return (Advice(command=f"ostinato retry {snapshot.run_id}", effect="go on with what did not succeed"),)


def _logs(snapshot: Snapshot, name: str) -> Advice:
    return Advice(command=f"ostinato logs {snapshot.run_id} {name}", effect="the full output")
