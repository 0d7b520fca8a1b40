"""A kept transcript as people read it."""

import json
from pathlib import Path

import pytest

from ostinato.adapters.agents.transcripts import events_of
from ostinato.domain.agents import AgentEvent, EventKind
from ostinato.domain.agents.described import read_agents
from ostinato.domain.agents.telling import told
from ostinato.domain.agents.transcripts import SHOWN_LINES, readable_lines

AGENTS = Path(__file__).parents[1] / "data/agents"


def read(agent: str, case: str = "happy") -> list[str]:
    text = (AGENTS / agent / f"{case}.jsonl").read_text(encoding="utf-8")
    return list(readable_lines(events_of(agent, text)))


@pytest.mark.parametrize(
    ("agent", "case"), [("claude", "edit"), ("codex", "happy"), ("gemini", "happy"), ("opencode", "happy")]
)
def test_a_transcript_reads_as_text_and_tools(agent: str, case: str) -> None:
    lines = read(agent, case)

    assert any(line.startswith("  ▸ ") and ".py" in line for line in lines)
    assert lines[-1].startswith("  ")
    assert not any(line.lstrip().startswith("{") for line in lines)


def test_a_denied_tool_is_told() -> None:
    assert any("⊘ not allowed: Bash" in line for line in read("claude", "denied"))


def test_paths_of_the_worktree_are_as_in_the_repository() -> None:
    lines = [
        {"type": "system", "subtype": "init", "session_id": "s", "cwd": "/runs/r/tree", "model": "m"},
        {
            "type": "assistant",
            "message": {
                "id": "1",
                "content": [
                    {"type": "tool_use", "id": "t", "name": "Write", "input": {"file_path": "/runs/r/tree/src/a.py"}}
                ],
            },
        },
        {
            "type": "user",
            "message": {
                "content": [{"type": "tool_result", "tool_use_id": "t", "content": "wrote /runs/r/tree/src/a.py"}]
            },
        },
    ]

    shown = list(readable_lines(events_of("claude:opus", "\n".join(map(json.dumps, lines)))))

    assert shown == ["  session s, m", "  ▸ Write  src/a.py", "      wrote src/a.py"]


def test_pieces_of_a_text_are_put_together() -> None:
    updates = [
        {"update": {"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": piece}}}
        for piece in ("I look ", "at it", " now.\nDone.")
    ]
    text = "\n".join(json.dumps({"method": "session/update", "params": update}) for update in updates)

    assert list(readable_lines(events_of("acp-opencode", text))) == ["  I look at it now.", "  Done."]


def test_a_described_agent_is_read_by_its_description() -> None:
    (mine,), _ = read_agents({"mine": {"command": ["mine"]}})

    assert list(readable_lines(events_of("mine", "one\ntwo\n", {"mine": mine}))) == ["  one", "  two"]


def test_what_nobody_can_read_comes_as_it_was_printed() -> None:
    assert list(readable_lines(events_of("gone", '{"a": 1}\nb'))) == ['  {"a": 1}', "  b"]


def test_long_answers_of_tools_are_cut_and_say_so() -> None:
    event = AgentEvent(kind=EventKind.TOOL_ENDED, text="\n".join("x" * 40), ok=True)

    lines = list(readable_lines([event]))

    assert len(lines) == SHOWN_LINES + 1
    assert lines[-1].strip() == f"… {40 - SHOWN_LINES} more lines"


@pytest.mark.parametrize(
    ("text", "paths", "shown"),
    [
        ('{"command": "pytest -q\\n tests"}', (), "Bash pytest -q tests"),
        ('{"command": ["ls", "-l"]}', (), "Bash ls -l"),
        ('{"file_path": "/x/src/a.py"}', ("src/a.py",), "Bash src/a.py"),
        ('{"pattern": "TODO"}', (), "Bash TODO"),
        ("{}", (), "Bash"),
        ('{"odd": 1', (), 'Bash {"odd": 1'),
    ],
)
def test_a_tool_is_told_by_what_it_is_asked(text: str, paths: tuple[str, ...], shown: str) -> None:
    event = AgentEvent(kind=EventKind.TOOL_BEGAN, tool="Bash", text=text, paths=paths)

    assert told(event) == shown
