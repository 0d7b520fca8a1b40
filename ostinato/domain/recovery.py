"""What to do about a failure. Pure: failure and history in, one decision out."""

from dataclasses import dataclass

from ostinato.domain.execution import FailureKind, StepOutcome, StepResult
from ostinato.domain.plan import Step

BACKOFF_S = (1.0, 2.0, 4.0)
"""Retry delays (features, F9)."""
BACKOFF_CAP_S = 30.0
MAX_CONFLICT_REDOS = 2
"""After so many a person is asked."""
_HOPELESS = (
    FailureKind.NOT_TRUSTED,
    FailureKind.MISSING_COMMAND,
    FailureKind.ENVIRONMENT_MISSING,
    FailureKind.ABORTED,
    FailureKind.SECRET,
    FailureKind.CLAIM,
    FailureKind.PLAN,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Run the step once more, as its next execution, after a pause."""

    after_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Redo:
    """Run the step again on the newest head: what it did conflicted with what came in meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskPerson:
    """Nobody knows whether the effect happened, or it conflicts again and again: a person decides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUp:
    """The result stands."""


Remedy = Retry | Redo | AskPerson | GiveUp


def decide(step: Step, result: StepResult, *, failures: int, conflicts: int, jitter: float) -> Remedy:
    """`failures` and `conflicts` count those before this one; `jitter` is 0 to 1 and adds up to a tenth."""
    if result.outcome is StepOutcome.UNKNOWN:
        return AskPerson()
    if result.outcome is not StepOutcome.FAILED or result.failure is None or result.failure.kind in _HOPELESS:
        return GiveUp()
    if result.failure.kind is FailureKind.CONFLICT:
        return Redo() if conflicts < MAX_CONFLICT_REDOS else AskPerson()
    if failures + 1 >= step.max_attempts:
        return GiveUp()
    pause = BACKOFF_S[min(failures, len(BACKOFF_S) - 1)]
    return Retry(after_s=min(pause * (1 + jitter / 10), BACKOFF_CAP_S))
