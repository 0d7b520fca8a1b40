"""What was decided about a failure, as the run's record and its report tell it."""

from temporalio import workflow

from ostinato.domain.diagnosis import Diagnosis
from ostinato.domain.plan import Step
from ostinato.domain.recovering.strategies import (
    Escalate,
    FallbackAgent,
    McpFallback,
    Resequence,
    Retry,
    SkillBypass,
    Strategy,
    WaitForReset,
)
from ostinato.domain.report import Recovered
from ostinato.durable.record import RunRecord


def tell(record: RunRecord, step: Step, diagnosis: Diagnosis, strategy: Strategy) -> None:
    record.recoveries.append(
        Recovered(
            step=step.id,
            error_class=diagnosis.error_class,
            severity=diagnosis.severity,
            strategy=strategy.name,
            result=_told(strategy),
            code=diagnosis.code,
            signature=diagnosis.signature,
            execution=record.of(step.id).execution,
            at=workflow.now(),
        )
    )


def _told(strategy: Strategy) -> str:
    match strategy:
        case Retry(after_s=after_s):
            return f"after {after_s:.1f} s"
        case WaitForReset(until=until, is_guess=is_guess):
            return f"until {until:%Y-%m-%d %H:%M:%S} UTC" + (", a guess" if is_guess else "")
        case Resequence():
            return "redone on the new head"
        case FallbackAgent(agent=agent):
            return f"by {agent}"
        case McpFallback(without=server, instead=other):
            return f"without {server}" + (f", with {other}" if other else "")
        case SkillBypass(skill=skill):
            return f"without {skill}"
        case Escalate(because=because):
            return because
        case _:
            return ""
