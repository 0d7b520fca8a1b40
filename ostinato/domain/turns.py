"""What is kept of one invocation of an agent. Pure."""

from datetime import datetime
from typing import Final

from ostinato.domain.base import Fact
from ostinato.domain.budget.amounts import Usage

LOST: Final = "lost"
"""How a turn ended whose worker died in it: nobody saw its end."""
KEPT_TURNS: Final = 20


class Turn(Fact):
    """One invocation of an agent, as the report tells it."""

    agent: str
    model: str = ""
    """As the agent names it, else as it was asked for; empty where neither says."""
    step: str = ""
    """Whose turn it was: a session may go on with another step."""
    execution: int = 1
    at: datetime | None = None
    """When it ended."""
    session_id: str = ""
    resumed: bool = False
    end: str
    """Its kind; `lost` where its worker died in it."""
    message: str = ""
    proved: str = ""
    """What its claim came to: empty where it held, else why not."""
    usage: Usage = Usage(requests=0)
    """As the agent counts it; what is billed is counted on the wire where that is possible."""
    micro_usd: int | None = None
    """As the agent says; None where it does not."""
    prompt: str = ""
    """Artifact reference of the record of what it was given."""
    prompt_tokens: int = 0
    """As estimated."""
    evidence: str = ""
    """Artifact reference of the transcript, redacted."""
    denied: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """Ids of a person's notes that it was given."""
    duration_s: float = 0.0
