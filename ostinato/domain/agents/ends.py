"""How an invocation of an agent ended: classified from facts, since exit codes and words of success lie."""

from datetime import datetime
from enum import StrEnum

from ostinato.domain.agents.events import TokenUse
from ostinato.domain.agents.limits import LimitKind
from ostinato.domain.base import Fact


class EndKind(StrEnum):
    DONE = "done"
    """It says so; the diff and the gates decide."""
    GAVE_UP = "gave_up"
    REFUSED = "refused"
    """The model declined."""
    LIMIT = "limit"
    """One of ours: turns, tokens, money, requests, idle or wall time."""
    RATE_LIMIT = "rate_limit"
    """Of the account; see `until`."""
    AUTH = "auth"
    CONTEXT_OVERFLOW = "context_overflow"
    PROVIDER = "provider"
    """Errors of the provider that are neither of the above."""
    LOOP = "loop"
    CRASH = "crash"
    MISSING = "missing"
    """The agent is not installed, or cannot be started."""
    INTERRUPTED = "interrupted"
    """By us: a note of a person is to reach it, or the run is cancelled."""


class AgentEnd(Fact):
    kind: EndKind
    message: str = ""
    """In one line, for a person."""
    session_id: str = ""
    """To resume it by; empty where there is none."""
    answer: str = ""
    """Its last words."""
    use: TokenUse = TokenUse()
    turns: int = 0
    limit: LimitKind | None = None
    until: datetime | None = None
    """When the account's limit is lifted, as far as anybody said."""
    status: int | None = None
    """HTTP status of the provider's last error."""
    exit_code: int | None = None
    denied: tuple[str, ...] = ()
    """What it was not allowed to do (at most 20)."""
    touched: tuple[str, ...] = ()
    """Files that it says it wrote (at most 200)."""
    evidence: str = ""
    """Artifact reference of the transcript, redacted."""
