"""What an agent's failure is due to, and what its step is given afterwards."""

import pytest

from ostinato.domain.agents import AgentEnd, AgentEvent, EndKind, EventKind
from ostinato.domain.agents.blaming import SERVER_DOWN, Watch, blame
from ostinato.domain.equipping import equipped, stand_ins, without
from ostinato.domain.resources import Activated, Activation, Kind, NotActivated

GAVE_UP = AgentEnd(kind=EndKind.GAVE_UP, message="I cannot do it", answer="I cannot do it.")


def a_watch(*events: AgentEvent) -> Watch:
    watch = Watch(servers=("docs", "docs-mirror", "my search"))
    for event in events:
        watch.hear(event)
    return watch


def ended(tool: str, text: str, *, ok: bool = False) -> AgentEvent:
    return AgentEvent(kind=EventKind.TOOL_ENDED, tool=tool, text=text, ok=ok)


@pytest.mark.parametrize(
    ("event", "server"),
    [
        (AgentEvent(kind=EventKind.FAILED, code=SERVER_DOWN, tool="docs", text="MCP server docs: failed"), "docs"),
        (ended("mcp__docs-mirror__find", "MCP error -32000: Connection closed"), "docs-mirror"),
        (ended("mcp__my_search__find", "Request timed out"), "my search"),
        (ended("docs.find", "Transport closed"), "docs"),
    ],
)
def test_a_server_that_cannot_be_reached_is_why_its_agent_gave_up(event: AgentEvent, server: str) -> None:
    cause = blame(GAVE_UP, a_watch(event), ())

    assert cause is not None
    assert (cause.code, cause.server) == ("mcp_failed", server)


@pytest.mark.parametrize(
    "events",
    [
        (ended("mcp__docs__find", "no such page"),),
        (ended("mcp__docs__find", "Connection closed"), ended("mcp__docs__find", "found", ok=True)),
        (ended("Bash", "Connection closed"),),
        (AgentEvent(kind=EventKind.FAILED, code=SERVER_DOWN, tool="another's"),),
    ],
)
def test_a_tool_that_says_no_and_a_server_that_came_back_are_not_to_blame(events: tuple[AgentEvent, ...]) -> None:
    assert blame(GAVE_UP, a_watch(*events), ()) is None


@pytest.mark.parametrize("kind", [EndKind.RATE_LIMIT, EndKind.LIMIT, EndKind.CONTEXT_OVERFLOW, EndKind.AUTH])
def test_an_end_that_has_its_own_cure_keeps_it(kind: EndKind) -> None:
    down = AgentEvent(kind=EventKind.FAILED, code=SERVER_DOWN, tool="docs")

    assert blame(AgentEnd(kind=kind), a_watch(down), ()) is None


@pytest.mark.parametrize(
    "answer", ["The skill deliver-safely asks for a cluster.", "deliver-safely is no skill for it"]
)
def test_a_skill_that_its_last_words_name_is_to_blame(answer: str) -> None:
    end = AgentEnd(kind=EndKind.GAVE_UP, answer=answer)

    cause = blame(end, a_watch(), ("deliver", "deliver-safely"))

    assert cause is not None
    assert (cause.code, cause.skill) == ("skill_failed", "deliver-safely")


def an_activation() -> Activation:
    given = {name: Activated(name=name, tokens=10, fit=0.5, because="it fits") for name in ("docs", "maps", "testing")}
    out = NotActivated(kind=Kind.SERVER, name="docs-mirror", tokens=10, fit=0.2, reason="no room")
    return Activation(
        mode="any",
        mode_tokens=0,
        tokens=0,
        servers=(given["docs"], given["maps"]),
        skills=(given["testing"],),
        left_out=(out,),
    )


def test_the_next_execution_is_without_what_failed_and_with_what_stands_in() -> None:
    activation = an_activation()
    others = stand_ins(activation, "docs")

    now = equipped(activation, (without(Kind.SERVER, "docs"), without(Kind.SKILL, "testing")), others)

    assert [each.name for each in now.servers] == ["maps", "docs-mirror"]
    assert now.skills == ()


def test_a_server_of_another_kind_does_not_stand_in() -> None:
    assert stand_ins(an_activation(), "maps") == ()
    assert stand_ins(None, "docs") == ()
