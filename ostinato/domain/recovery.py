"""What to do about a failure. Pure: failure and history in, one decision out."""

from dataclasses import dataclass

from ostinato.domain.execution import FailureKind, StepOutcome, StepResult
from ostinato.domain.plan import Step

BACKOFF_S = (1.0, 2.0, 4.0)
"""Retry delays (features, F9)."""
BACKOFF_CAP_S = 30.0
_HOPELESS = (
    FailureKind.NOT_TRUSTED,
    FailureKind.MISSING_COMMAND,
    FailureKind.ENVIRONMENT_MISSING,
    FailureKind.ABORTED,
    FailureKind.SECRET,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Run the step once more, as its next execution, after a pause."""

    after_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AskPerson:
    """Nobody knows whether the effect happened: a person decides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUp:
    """The result stands."""


Remedy = Retry | AskPerson | GiveUp


def decide(step: Step, result: StepResult, *, executions: int, jitter: float) -> Remedy:
    """`executions` counts those so far, this one included; `jitter` is 0 to 1 and adds up to a tenth."""
    if result.outcome is StepOutcome.UNKNOWN:
        return AskPerson()
    if result.outcome is not StepOutcome.FAILED or result.failure is None or result.failure.kind in _HOPELESS:
        return GiveUp()
    if executions >= step.max_attempts:
        return GiveUp()
    pause = BACKOFF_S[min(executions - 1, len(BACKOFF_S) - 1)]
    return Retry(after_s=min(pause * (1 + jitter / 10), BACKOFF_CAP_S))
