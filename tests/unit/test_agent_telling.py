"""What whoever watches is told of an agent."""

import pytest

from ostinato.domain.agents import AgentEvent, EventKind
from ostinato.domain.agents.telling import told


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (AgentEvent(kind=EventKind.STARTED), "started"),
        (AgentEvent(kind=EventKind.TOOL_BEGAN, tool="Edit", paths=("a.py",)), "Edit a.py"),
        (AgentEvent(kind=EventKind.TOOL_BEGAN, tool="Bash", text="pytest -q"), "Bash pytest -q"),
        (AgentEvent(kind=EventKind.TOOL_BEGAN, tool="Bash"), "Bash"),
        (AgentEvent(kind=EventKind.TEXT, text="I look around"), "I look around"),
        (AgentEvent(kind=EventKind.DENIED, tool="Bash", text="rm -rf /"), "not allowed: rm -rf /"),
        (AgentEvent(kind=EventKind.FAILED, text="no such file"), "an error: no such file"),
        (AgentEvent(kind=EventKind.RETRYING, code="529"), "its provider did not answer, it asks again (529)"),
        (AgentEvent(kind=EventKind.COMPACTING), "its context is full: it sums up what was said"),
        (AgentEvent(kind=EventKind.USAGE), ""),
        (AgentEvent(kind=EventKind.OTHER, text="x"), ""),
    ],
)
def test_it_is_said_in_a_few_words(event: AgentEvent, said: str) -> None:
    assert told(event) == said


@pytest.mark.parametrize("kind", list(EventKind))
def test_nothing_long_is_told(kind: EventKind) -> None:
    event = AgentEvent(kind=kind, text="word " * 500, tool="Bash", code="c")

    assert len(told(event)) < 200
