"""What an agent is doing, in a few words, for whoever watches. Pure."""

from ostinato.domain.agents.events import AgentEvent, EventKind
from ostinato.domain.request import headline


def told(event: AgentEvent) -> str:
    """Empty where it is nothing to tell."""
    match event.kind:
        case EventKind.STARTED:
            return "started"
        case EventKind.TOOL_BEGAN:
            where = f" {event.paths[0]}" if event.paths else f" {headline(event.text, 80)}" if event.text else ""
            return f"{event.tool}{where}"
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
