"""How an agent ended → what kind of failure that is, and whether its session may go on. Pure."""

from collections.abc import Mapping
from datetime import datetime

from ostinato.domain.agents.ends import AgentEnd, EndKind
from ostinato.domain.agents.limits import LimitKind
from ostinato.domain.base import Fact
from ostinato.domain.diagnosis import Diagnosis, ErrorClass
from ostinato.domain.execution import Failure, FailureKind
from ostinato.domain.recovering.diagnosing import AgentEvent, FailureFacts, classify_failure


class EndPolicy(Fact):
    code: str = ""
    """Of the failure; empty: none, or told by the facts."""
    keeps_session: bool = True
    """The next attempt goes on in the same session; else it begins a new one."""
    meaning: str


ENDS: Mapping[EndKind, EndPolicy] = {
    EndKind.DONE: EndPolicy(meaning="it says so; what it left is held against that"),
    EndKind.GAVE_UP: EndPolicy(code="gave_up", meaning="it says that it cannot do it"),
    EndKind.REFUSED: EndPolicy(code="refused", keeps_session=False, meaning="the model declined"),
    EndKind.LIMIT: EndPolicy(meaning="it used up what it may use; by which limit"),
    EndKind.RATE_LIMIT: EndPolicy(code="rate_limited", meaning="the account is limited; it goes on after the reset"),
    EndKind.AUTH: EndPolicy(code="unauthorized", meaning="the provider does not take its key or login"),
    EndKind.CONTEXT_OVERFLOW: EndPolicy(
        code="context_overflow", keeps_session=False, meaning="its session is larger than the model can read"
    ),
    EndKind.PROVIDER: EndPolicy(meaning="the provider failed; by its status and its words"),
    EndKind.LOOP: EndPolicy(code="looped", keeps_session=False, meaning="it did the same again and again"),
    EndKind.CRASH: EndPolicy(meaning="its process ended by itself; by its exit code or signal"),
    EndKind.MISSING: EndPolicy(code="missing_command", keeps_session=False, meaning="it cannot be started here"),
    EndKind.INTERRUPTED: EndPolicy(meaning="by us: a note of a person reaches it, or the run was cancelled"),
}
"""Every end that there is."""

OF_LIMIT: Mapping[LimitKind, str] = {
    LimitKind.TURNS: "turns_used_up",
    LimitKind.REQUESTS: "turns_used_up",
    LimitKind.TOKENS: "limit_tokens",
    LimitKind.MONEY: "limit_money",
    LimitKind.IDLE: "agent_silent",
    LimitKind.WALL: "timed_out",
}
_USED_UP = frozenset(("quota_exhausted",))
_OF_CRASH = frozenset(("crashed", "killed", "terminated", "out_of_memory", "disk_full"))


def diagnosis_of(end: AgentEnd, *, now: datetime) -> Diagnosis | None:
    """None for an end that is no failure: done, or interrupted by us."""
    code = _code(end, now)
    if not code:
        return None
    said = end.message or _last_line(end.answer) or ENDS[end.kind].meaning
    found = classify_failure(FailureFacts(code=code, message=said), now=now)
    is_limited = found.error_class is ErrorClass.RATE_LIMIT
    return found.model_copy(update={"reset_at": end.until or found.reset_at}) if is_limited else found


def failure_of(end: AgentEnd, *, now: datetime) -> Failure | None:
    """For the step's result."""
    diagnosis = diagnosis_of(end, now=now)
    if diagnosis is None:
        return None
    return failed_by(diagnosis, details=end.answer[-2_000:])


def failed_by(diagnosis: Diagnosis, *, details: str = "") -> Failure:
    kinds = {
        "timed_out": FailureKind.TIMEOUT,
        "missing_command": FailureKind.MISSING_COMMAND,
        "secret_found": FailureKind.SECRET,
    }
    return Failure(
        kind=kinds.get(diagnosis.code, FailureKind.AGENT),
        message=diagnosis.because or diagnosis.code,
        details=details,
        recommendation=diagnosis.cure,
        diagnosis=diagnosis,
    )


def keeps_session(end: AgentEnd) -> bool:
    """Whether the next attempt goes on where this one ended."""
    return bool(end.session_id) and ENDS[end.kind].keeps_session


def _code(end: AgentEnd, now: datetime) -> str:
    match end.kind:
        case EndKind.LIMIT:
            return OF_LIMIT[end.limit] if end.limit is not None else "turns_used_up"
        case EndKind.PROVIDER:
            found = _read(end, now)
            return found if found not in ("exit_status", "agent_failed") else "service_error"
        case EndKind.RATE_LIMIT:
            return "quota_exhausted" if _read(end, now) in _USED_UP else "rate_limited"
        case EndKind.CRASH:
            facts = FailureFacts(exit_code=_exit_code(end), message=end.message)
            found = classify_failure(facts, now=now).code
            return found if found in _OF_CRASH else "crashed"
        case _:
            return ENDS[end.kind].code


def _read(end: AgentEnd, now: datetime) -> str:
    """What its status and its words say."""
    event = AgentEvent(status=end.status, message=end.message)
    return classify_failure(FailureFacts(events=(event,), message=end.message), now=now).code


def _exit_code(end: AgentEnd) -> int | None:
    """Of a process that a signal ended, as a shell gives it."""
    return 128 - end.exit_code if end.exit_code is not None and end.exit_code < 0 else end.exit_code


def _last_line(text: str) -> str:
    return next((line.strip()[:300] for line in reversed(text.splitlines()) if line.strip()), "")
