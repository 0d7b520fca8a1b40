"""What gates object to goes back to work, at most three times, before the run is called failed."""

from collections.abc import Sequence

from temporalio import workflow

from ostinato.domain.execution import StepState
from ostinato.domain.gates import GateResult, failed_gates
from ostinato.domain.ids import StepId
from ostinato.domain.pipeline import Phase, Trigger
from ostinato.domain.plan import Step
from ostinato.domain.recovering.classes import StrategyName
from ostinato.domain.recovering.diagnosing import FailureFacts, classify_failure
from ostinato.domain.recovering.refining import fix_of_gates, fixes_made
from ostinato.domain.report import Recovered
from ostinato.durable.groups import extend_plan
from ostinato.durable.record import RunRecord
from ostinato.durable.staffing import can_hand_over, last_session


def refine(record: RunRecord, verdicts: Sequence[GateResult]) -> bool:
    """Whether a step was added that is to correct it: then the plan goes on."""
    steps = record.steps.plan.steps
    fix = None
    if not _gave_up(record):
        fix = fix_of_gates(verdicts, steps, may_hand_over=can_hand_over(record), continues=last_session(record))
    if fix is None:
        return False
    failing = failed_gates(verdicts)
    note = "; ".join(f"{verdict.gate}: {verdict.message}" for verdict in failing)[:500]
    record.move(Trigger.STEP_FAILED, Phase.RECOVERING, note=note)
    record.recoveries.extend(_told(fix, verdict) for verdict in failing)
    extend_plan(record, (fix,), by="gates", after=steps[-1].id, note=note)
    record.move(Trigger.RECOVERED, Phase.EXECUTING)
    return True


def _gave_up(record: RunRecord) -> bool:
    """The last fix itself did not succeed."""
    made = fixes_made(record.steps.plan.steps)
    last = record.steps.states.get(StepId(f"fix-{made}")) if made else None
    return last is not None and last is not StepState.SUCCEEDED


def _told(fix: Step, verdict: GateResult) -> Recovered:
    diagnosis = classify_failure(FailureFacts(code=verdict.code, message=verdict.message), now=workflow.now())
    return Recovered(
        step=fix.id,
        error_class=diagnosis.error_class,
        severity=verdict.severity,
        strategy=StrategyName.ITERATIVE_REFINEMENT,
        result=f"{verdict.gate}: {verdict.message}"[:300],
        code=verdict.code,
        signature=diagnosis.signature,
        execution=1,
        at=workflow.now(),
    )
