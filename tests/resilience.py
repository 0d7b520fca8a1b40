"""One failure of each class, and what is declared to be done about it: for a bare step, and for one that is well equipped."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ostinato.domain.diagnosis import Diagnosis, ErrorClass
from ostinato.domain.execution import Failure, FailureKind, StepState
from ostinato.domain.plan import Step
from ostinato.domain.recovering.classes import StrategyName
from ostinato.domain.recovering.deciding import Allowance, Failing, Tried, decide, tried
from ostinato.domain.recovering.diagnosing import AgentEvent, FailureFacts, classify_failure
from ostinato.domain.recovering.strategies import Escalate, GiveUp, Relax
from tests.builders import NOON

S, C = StrategyName, ErrorClass


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A failure that any activity can be made to return."""

    error_class: ErrorClass
    facts: FailureFacts
    bare: tuple[StrategyName, ...]
    """What happens to a step that says nothing, when it fails so again and again."""
    equipped: tuple[StrategyName, ...]
    """What happens to one with everything (see `equipped`), when it fails so again and again."""
    ends: StepState = StepState.FAILED
    """The bare step's state."""

    @property
    def diagnosis(self) -> Diagnosis:
        return classify_failure(self.facts, now=NOON)

    @property
    def failure(self) -> Failure:
        """For a fake of an activity to return within a StepResult."""
        kind = self.facts.kind or FailureKind.EXIT_STATUS
        return Failure(kind=kind, message=self.facts.message or self.diagnosis.code, diagnosis=self.diagnosis)


def _exit(output: str, exit_code: int = 1) -> FailureFacts:
    return FailureFacts(kind=FailureKind.EXIT_STATUS, exit_code=exit_code, message="it failed", output=output)


_LAST = (S.COMPENSATE, S.GIVE_UP)

RESILIENCE: tuple[Failed, ...] = (
    Failed(
        error_class=C.FAILURE,
        facts=_exit("boom\n", 3),
        bare=(S.GIVE_UP,),
        equipped=(S.DIAGNOSE_ROLL_BACK_RETRY, S.RETRY, S.FALLBACK_COMMAND, S.FALLBACK_AGENT, *_LAST),
    ),
    Failed(
        error_class=C.PARTIAL_COMPLETION,
        facts=FailureFacts(kind=FailureKind.PARTS, message="2 of 3 parts succeeded"),
        bare=(S.GIVE_UP,),
        equipped=(S.DIAGNOSE_ROLL_BACK_RETRY, S.RETRY, S.FALLBACK_COMMAND, S.FALLBACK_AGENT, *_LAST),
    ),
    Failed(
        error_class=C.TIMEOUT,
        facts=FailureFacts(kind=FailureKind.TIMEOUT, timed_out=True, message="it did not end within 3 s"),
        bare=(S.GIVE_UP,),
        equipped=(S.DIAGNOSE_ROLL_BACK_RETRY, S.RETRY, S.FALLBACK_COMMAND, S.FALLBACK_AGENT, *_LAST),
    ),
    Failed(
        error_class=C.RESOURCE_EXHAUSTION,
        facts=FailureFacts(kind=FailureKind.RESOURCES, exceeded="memory", message="it used 70 MB"),
        bare=(S.GIVE_UP,),
        equipped=(S.RETRY, S.RETRY, S.FALLBACK_COMMAND, *_LAST),
    ),
    Failed(
        error_class=C.DEPENDENCY_VIOLATION,
        facts=FailureFacts(kind=FailureKind.MISSING_COMMAND, missing=True, message="no such command: jq"),
        bare=(S.GIVE_UP,),
        equipped=(S.FALLBACK_COMMAND, S.FALLBACK_AGENT, *_LAST),
    ),
    Failed(
        error_class=C.STATE_SYNC,
        facts=_exit(" ! [rejected]        HEAD -> main (fetch first)\n"),
        bare=(S.GIVE_UP,),
        equipped=(S.RETRY, S.RETRY, *_LAST),
    ),
    Failed(
        error_class=C.CONTENTION,
        facts=FailureFacts(kind=FailureKind.CONFLICT, message="its change conflicts with another step's in a.py"),
        bare=(S.RESEQUENCE, S.RESEQUENCE, S.ESCALATE),
        equipped=(S.RESEQUENCE, S.RESEQUENCE, S.COMPENSATE, S.ESCALATE),
        ends=StepState.WAITING,
    ),
    Failed(
        error_class=C.COORDINATION_TIMEOUT,
        facts=FailureFacts(code="wait_timed_out", message="it waited 10 min for an agent"),
        bare=(S.RETRY, S.RETRY, S.RETRY, S.GIVE_UP),
        equipped=(S.RETRY, S.RETRY, S.RETRY, S.FALLBACK_AGENT, *_LAST),
    ),
    Failed(
        error_class=C.GATE_FAILURE,
        facts=FailureFacts(kind=FailureKind.TOOL, tool="tests.run", findings_count=1, message="1 failing"),
        bare=(S.GIVE_UP,),
        equipped=(S.DIAGNOSE_ROLL_BACK_RETRY, S.RETRY, S.FALLBACK_AGENT, *_LAST),
    ),
    Failed(
        error_class=C.COMPLIANCE,
        facts=FailureFacts(kind=FailureKind.CLAIM, message="it wrote outside of what it claimed"),
        bare=(S.GIVE_UP,),
        equipped=_LAST,
    ),
    Failed(
        error_class=C.SECURITY,
        facts=FailureFacts(kind=FailureKind.SECRET, message="its change holds a secret"),
        bare=(S.GIVE_UP,),
        equipped=_LAST,
    ),
    Failed(
        error_class=C.PERFORMANCE,
        facts=FailureFacts(code="slower", message="1.4 times as slow as before"),
        bare=(S.GIVE_UP,),
        equipped=(S.RETRY, S.RETRY, *_LAST),
    ),
    Failed(
        error_class=C.CONTEXT_OVERFLOW,
        facts=FailureFacts(events=(AgentEvent(error="context_length_exceeded"),)),
        bare=(S.GIVE_UP,),
        equipped=(S.SIMPLIFY_AND_RETRY, S.FALLBACK_AGENT, *_LAST),
    ),
    Failed(
        error_class=C.NETWORK,
        facts=_exit("curl: (6) Could not resolve host: example.invalid\n", 6),
        bare=(S.RETRY, S.RETRY, S.RETRY, S.GIVE_UP),
        equipped=(S.RETRY, S.RETRY, S.RETRY, S.FALLBACK_COMMAND, S.FALLBACK_AGENT, *_LAST),
    ),
    Failed(
        error_class=C.STORAGE,
        facts=_exit("cp: error writing 'b': No space left on device\n"),
        bare=(S.GIVE_UP,),
        equipped=(S.RETRY, S.RETRY, S.FALLBACK_COMMAND, *_LAST),
    ),
    Failed(
        error_class=C.EXTERNAL_SERVICE,
        facts=_exit("urllib.error.HTTPError: HTTP Error 502: Bad Gateway\n"),
        bare=(S.RETRY, S.RETRY, S.RETRY, S.GIVE_UP),
        equipped=(S.RETRY, S.RETRY, S.RETRY, S.FALLBACK_COMMAND, S.FALLBACK_AGENT, *_LAST),
    ),
    Failed(
        error_class=C.RATE_LIMIT,
        facts=_exit("HTTP/1.1 429 Too Many Requests\nRetry-After: 30\n"),
        bare=(*[S.WAIT_FOR_RESET] * 20, S.GIVE_UP),
        equipped=(*[S.WAIT_FOR_RESET] * 20, S.FALLBACK_AGENT, S.FALLBACK_COMMAND, *_LAST),
    ),
)


def equipped(step: Step) -> Step:
    """With everything that a step can state for its recovery, but `relax` and `on_failure`."""
    given: dict[str, Any] = {
        "max_attempts": 4,
        "fallback": {"run": "true", "agent": "other"},
        "compensate": "true",
        "deployment": {"roll_back": "true"},
    }
    return Step.model_validate({**step.model_dump(), **given})


def course(failed: Failed, step: Step, *, limit: int = 30, **around: Any) -> tuple[StrategyName, ...]:
    """Every strategy in turn for a step that fails so again and again."""
    history: list[Tried] = []
    names: list[StrategyName] = []
    while len(names) < limit:
        now = NOON + timedelta(hours=len(names))
        failing = Failing(step=step, diagnosis=failed.diagnosis, now=now, **around)
        strategy = decide(failing, history, Allowance(), jitter=0)
        names.append(strategy.name)
        if isinstance(strategy, GiveUp | Escalate | Relax):
            break
        history.append(tried(failing, strategy))
    return tuple(names)
