"""One event model for all agents."""

from datetime import datetime
from enum import StrEnum

from ostinato.domain.base import Fact


class EventKind(StrEnum):
    STARTED = "started"
    """The session has an id: it is recorded before anything else."""
    TEXT = "text"
    THOUGHT = "thought"
    TOOL_BEGAN = "tool_began"
    TOOL_ENDED = "tool_ended"
    USAGE = "usage"
    RETRYING = "retrying"
    """The agent itself asks its provider again."""
    COMPACTING = "compacting"
    DENIED = "denied"
    """It asked for something that the policy does not allow."""
    FAILED = "failed"
    """An error that the agent reports, and may get over."""
    OTHER = "other"
    """Said something that nobody here needs; it is alive."""


class TokenUse(Fact):
    """Of one invocation of the agent so far, never of the whole session."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0
    """Part of the output."""
    requests: int = 0
    micro_usd: int | None = None
    """As the agent says; None where it does not."""

    @property
    def tokens(self) -> int:
        return self.input + self.output + self.cache_read + self.cache_write


class AgentEvent(Fact):
    kind: EventKind
    text: str = ""
    """What it said; of a tool that begins: its arguments, of one that ended: its result, both cut."""
    digest: str = ""
    """Of the uncut arguments or result, to tell repetition by; empty: the text is all there is."""
    session_id: str = ""
    tool: str = ""
    call_id: str = ""
    paths: tuple[str, ...] = ()
    """Files that the tool says it touched; relative to the worktree where they lie in it."""
    ok: bool | None = None
    """Of a tool that ended."""
    code: str = ""
    """Of a failure: an HTTP status, or the agent's own word."""
    use: TokenUse | None = None
    until: datetime | None = None
    """When a limit is lifted, as far as the event says."""
