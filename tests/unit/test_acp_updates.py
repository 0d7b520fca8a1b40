from pathlib import Path
from typing import Any

import pytest

from ostinato.adapters.agents.acp_updates import Heard, trouble_of
from ostinato.domain.agents import AgentEvent, EventKind

TREE = Path("/repo/tree")


def heard(*updates: Any, listening: bool = True) -> tuple[Heard, list[AgentEvent]]:
    hearing = Heard(tree=TREE, listening=listening)
    return hearing, [event for update in updates for event in hearing.take({"update": update})]


def said(text: str) -> dict[str, Any]:
    return {"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": text}}


def tool(id: str, **fields: Any) -> dict[str, Any]:
    return {"sessionUpdate": "tool_call_update", "toolCallId": id, **fields}


def test_a_tool_that_only_its_end_tells_has_a_beginning_too() -> None:
    edit = tool("1", kind="edit", title="w", status="completed", content=[{"type": "diff", "path": "/repo/tree/a.py"}])

    _, events = heard(edit)

    assert [event.kind for event in events] == [EventKind.TOOL_BEGAN, EventKind.TOOL_ENDED]
    assert events[1].paths == ("a.py",)


def test_what_is_only_read_is_not_touched() -> None:
    _, events = heard(tool("1", kind="read", status="completed", locations=[{"path": "/repo/tree/a.py"}]))

    assert events[1].paths == ()


def test_a_different_input_is_a_different_call() -> None:
    first = tool("1", kind="edit", title="a.py", rawInput={"new": 1}, status="completed")
    second = tool("2", kind="edit", title="a.py", rawInput={"new": 2}, status="completed")

    _, events = heard(first, second)

    assert events[1].digest != events[3].digest


def test_turns_are_what_the_model_says_between_its_tools() -> None:
    hearing, _ = heard(
        said("I "), said("begin"), tool("1", status="completed"), tool("2", status="completed"), said("x")
    )

    assert (hearing.turns, hearing.answer) == (3, "x")


def test_an_old_session_that_is_told_again_is_not_heard_but_for_its_cost() -> None:
    cost = {"sessionUpdate": "usage_update", "used": 9, "cost": {"amount": 0.5, "currency": "USD"}}

    hearing, events = heard(said("long ago"), cost, listening=False)

    assert {event.kind for event in events} == {EventKind.OTHER}
    assert (hearing.answer, hearing.spent_before_usd, hearing.turns) == ("", 0.5, 0)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"usage": {"inputTokens": 5, "outputTokens": 2, "cachedReadTokens": 1}}, (5, 2, 1)),
        ({"_meta": {"quota": {"token_count": {"input_tokens": 7, "output_tokens": 3}}}}, (7, 3, 0)),
        ({"usage": "many"}, (0, 0, 0)),
        (None, (0, 0, 0)),
    ],
)
def test_usage_is_read_where_agents_state_it(answer: Any, expected: tuple[int, int, int]) -> None:
    use = Heard(tree=TREE).finish(answer)

    assert (use.input, use.output, use.cache_read) == expected


@pytest.mark.parametrize("update", [None, [], {}, "x", {"sessionUpdate": 3}, tool("", status=[], kind={}, content="x")])
def test_updates_of_any_shape_are_a_sign_of_life(update: Any) -> None:
    assert heard(update)[1]


@pytest.mark.parametrize(
    ("meta", "message"),
    [
        ({"codex": {"error": {"message": "429"}}}, "429"),
        ({"codex": {"error": "out of reach"}}, "out of reach"),
        ({"codex": {"threadStatus": {"type": "systemError"}}}, ""),
    ],
)
def test_trouble_is_found_beside_the_protocol(meta: dict[str, Any], message: str) -> None:
    trouble = trouble_of(meta)

    assert trouble is not None
    assert trouble.message == message


@pytest.mark.parametrize("meta", [{}, {"codex": {"error": None}}, {"codex": 3}, {"codex": {"threadStatus": "idle"}}])
def test_no_trouble_is_none(meta: dict[str, Any]) -> None:
    assert trouble_of(meta) is None
