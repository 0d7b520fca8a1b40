"""What an agent is doing, in a few words, for whoever watches. Pure."""

from ostinato.domain.agents.events import AgentEvent, EventKind
from ostinato.domain.agents.transcripts import given
from ostinato.domain.request import headline


def told(event: AgentEvent) -> str:
    """Empty where it is nothing to tell."""
    match event.kind:
        case EventKind.STARTED:
            return "started"
        case EventKind.TOOL_BEGAN:
            return f"{event.tool} {headline(given(event), 80)}".rstrip()
        case EventKind.TEXT:
            return headline(event.text, 120)
        case EventKind.RETRYING:
            return f"its provider did not answer, it asks again ({event.code or headline(event.text, 60)})"
        case EventKind.COMPACTING:
            return "its context is full: it sums up what was said"
        case EventKind.DENIED:
            return f"not allowed: {headline(event.text or event.tool, 80)}"
        case EventKind.FAILED:
            return f"an error: {headline(event.text, 100)}"
        case _:
            return ""
