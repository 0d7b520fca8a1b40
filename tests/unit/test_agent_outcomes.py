"""How an agent ended, as a failure that recovery knows."""

import pytest

from ostinato.domain.agents import AgentEnd, EndKind, LimitKind
from ostinato.domain.agents.outcomes import ENDS, OF_LIMIT, diagnosis_of, failure_of, keeps_session
from ostinato.domain.diagnosis import ErrorClass
from ostinato.domain.execution import FailureKind
from ostinato.domain.recovering.codes import CODES
from tests.builders import NOON, at


def test_every_end_and_every_limit_has_a_policy() -> None:
    assert set(ENDS) == set(EndKind)
    assert set(OF_LIMIT) == set(LimitKind)


def test_every_code_is_one_that_recovery_knows() -> None:
    codes = {policy.code for policy in ENDS.values() if policy.code} | set(OF_LIMIT.values())

    assert codes <= set(CODES)


@pytest.mark.parametrize(
    ("end", "code", "error_class"),
    [
        (AgentEnd(kind=EndKind.GAVE_UP), "gave_up", ErrorClass.FAILURE),
        (AgentEnd(kind=EndKind.REFUSED), "refused", ErrorClass.FAILURE),
        (AgentEnd(kind=EndKind.LOOP), "looped", ErrorClass.FAILURE),
        (AgentEnd(kind=EndKind.LIMIT, limit=LimitKind.TURNS), "turns_used_up", ErrorClass.PARTIAL_COMPLETION),
        (AgentEnd(kind=EndKind.LIMIT, limit=LimitKind.REQUESTS), "turns_used_up", ErrorClass.PARTIAL_COMPLETION),
        (AgentEnd(kind=EndKind.LIMIT, limit=LimitKind.TOKENS), "limit_tokens", ErrorClass.RESOURCE_EXHAUSTION),
        (AgentEnd(kind=EndKind.LIMIT, limit=LimitKind.MONEY), "limit_money", ErrorClass.RESOURCE_EXHAUSTION),
        (AgentEnd(kind=EndKind.LIMIT, limit=LimitKind.IDLE), "agent_silent", ErrorClass.TIMEOUT),
        (AgentEnd(kind=EndKind.LIMIT, limit=LimitKind.WALL), "timed_out", ErrorClass.TIMEOUT),
        (AgentEnd(kind=EndKind.RATE_LIMIT, status=429), "rate_limited", ErrorClass.RATE_LIMIT),
        (AgentEnd(kind=EndKind.RATE_LIMIT, message="insufficient_quota"), "quota_exhausted", ErrorClass.RATE_LIMIT),
        (AgentEnd(kind=EndKind.AUTH, status=401), "unauthorized", ErrorClass.DEPENDENCY_VIOLATION),
        (AgentEnd(kind=EndKind.CONTEXT_OVERFLOW), "context_overflow", ErrorClass.CONTEXT_OVERFLOW),
        (AgentEnd(kind=EndKind.PROVIDER, status=500), "service_error", ErrorClass.EXTERNAL_SERVICE),
        (AgentEnd(kind=EndKind.PROVIDER, status=529), "service_overloaded", ErrorClass.EXTERNAL_SERVICE),
        (AgentEnd(kind=EndKind.PROVIDER, message="odd answer"), "service_error", ErrorClass.EXTERNAL_SERVICE),
        (
            AgentEnd(kind=EndKind.PROVIDER, message="connect ECONNREFUSED 127.0.0.1:9"),
            "network_refused",
            ErrorClass.NETWORK,
        ),
        (AgentEnd(kind=EndKind.CRASH, exit_code=-9), "killed", ErrorClass.FAILURE),
        (AgentEnd(kind=EndKind.CRASH, exit_code=139), "crashed", ErrorClass.FAILURE),
        (AgentEnd(kind=EndKind.CRASH, exit_code=1), "crashed", ErrorClass.FAILURE),
        (AgentEnd(kind=EndKind.MISSING), "missing_command", ErrorClass.DEPENDENCY_VIOLATION),
    ],
)
def test_an_end_is_a_failure_of_its_class(end: AgentEnd, code: str, error_class: ErrorClass) -> None:
    found = diagnosis_of(end, now=NOON)

    assert found is not None
    assert (found.code, found.error_class) == (code, error_class)


@pytest.mark.parametrize("kind", [EndKind.DONE, EndKind.INTERRUPTED])
def test_done_and_interrupted_are_no_failures(kind: EndKind) -> None:
    assert failure_of(AgentEnd(kind=kind), now=NOON) is None


def test_a_limit_of_the_account_keeps_its_reset() -> None:
    end = AgentEnd(kind=EndKind.RATE_LIMIT, until=at(90), message="usage limit reached")

    found = diagnosis_of(end, now=NOON)

    assert found is not None
    assert found.reset_at == at(90)


def test_a_failure_says_what_to_do_and_keeps_its_last_words() -> None:
    failure = failure_of(AgentEnd(kind=EndKind.GAVE_UP, answer="I cannot.\nThe API is gone."), now=NOON)

    assert failure is not None
    assert (failure.kind, failure.message) == (FailureKind.AGENT, "The API is gone.")
    assert failure.details.startswith("I cannot.")
    assert failure.recommendation


@pytest.mark.parametrize(
    ("kind", "keeps"),
    [(EndKind.CRASH, True), (EndKind.RATE_LIMIT, True), (EndKind.CONTEXT_OVERFLOW, False), (EndKind.LOOP, False)],
)
def test_a_session_goes_on_where_going_on_helps(kind: EndKind, keeps: bool) -> None:
    assert keeps_session(AgentEnd(kind=kind, session_id="s")) is keeps
    assert not keeps_session(AgentEnd(kind=kind))
