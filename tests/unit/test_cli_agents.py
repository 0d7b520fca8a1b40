"""What commands show of steps that coding agents do: while they work, and afterwards."""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console, RenderableType
from temporalio.api.common.v1 import Payloads
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.converter import DataConverter
from temporalio.service import RPCError, RPCStatusCode

from ostinato.adapters.artifacts import ArtifactStore
from ostinato.adapters.home import Home
from ostinato.adapters.results import ResultStore
from ostinato.cli import main
from ostinato.cli.exits import Exit
from ostinato.cli.pulses import with_pulses
from ostinato.cli.rendering import run_view
from ostinato.cli.steplist import steps_data, steps_lines
from ostinato.cli.terminal import THEME
from ostinato.contracts.workflows import SHARD_WORKFLOW
from ostinato.domain.report import Snapshot, Stored
from tests.unit.agent_runs import a_note, a_parked_run, a_run_at_work, a_run_by_agent, a_turn, killed_turns
from tests.unit.cli_runs import START

PROMPT = "Do it well.\n---\n" + json.dumps({"included": [{"source": "step fix-lint", "tokens": 12}], "left_out": []})
SAID = [
    {"type": "system", "subtype": "init", "session_id": "s1", "cwd": "/tree", "model": "m"},
    {"type": "assistant", "message": {"id": "1", "content": [{"type": "text", "text": "I look first."}]}},
]


def shown(*renderables: RenderableType, width: int = 160) -> str:
    stream = io.StringIO()
    for renderable in renderables:
        Console(file=stream, theme=THEME, width=width).print(renderable)
    return stream.getvalue()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("OSTINATO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return Home(tmp_path / "home")


@pytest.fixture
def kept(home: Home) -> Snapshot:
    """A run that has ended, with a prompt and a transcript."""
    artifacts = ArtifactStore(home.artifacts)
    prompt = artifacts.put_text(PROMPT)
    transcript = artifacts.put_text("\n".join(map(json.dumps, SAID)))
    run = a_run_by_agent(a_turn(prompt=prompt, evidence=transcript, prompt_tokens=12))
    ResultStore(home).save(Stored(snapshot=run))
    return run


def test_logs_shows_what_an_agent_was_given_and_said(kept: Snapshot, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["logs", kept.run_id, "fix-lint"])

    text = capsys.readouterr().out
    assert code == Exit.OK
    assert "── claude, turn 1: done, a new session, 1,000 tokens" in text
    assert "given 12 tokens: step fix-lint (12)" in text
    assert "  I look first.\n" in text
    assert "Do it well." not in text


def test_logs_shows_prompts_word_for_word(kept: Snapshot, capsys: pytest.CaptureFixture[str]) -> None:
    main(["logs", kept.run_id, "fix-lint", "--prompt"])

    assert "  │ Do it well.\n" in capsys.readouterr().out


def test_logs_tells_programs_each_turn(kept: Snapshot, capsys: pytest.CaptureFixture[str]) -> None:
    main(["logs", kept.run_id, "fix-lint", "--json"])

    data = json.loads(capsys.readouterr().out)["data"]
    (turn,) = data["turns"]
    assert turn["prompt_text"] == "Do it well."
    assert turn["transcript"] == ["  session s1, m", "  I look first."]
    assert "I look first." in data["text"]


def test_a_transcript_that_is_gone_is_said_to_be(
    kept: Snapshot, home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in home.artifacts.rglob("*"):
        if path.is_file():
            path.unlink()

    assert main(["logs", kept.run_id, "fix-lint"]) == Exit.OK
    assert "its transcript is not here" in capsys.readouterr().out


def test_a_report_tells_what_became_of_a_killed_turn() -> None:
    text = shown(run_view(a_run_by_agent(*killed_turns(), given=(a_note(),)), START))

    assert "turn 1: its worker died in it, 8,320 tokens" in text
    assert "the same session went on" in text
    assert "ada told it: Keep the old route" in text
    assert "to read it: ostinato logs fix-the-lint-errors-1a2b3c4d fix-lint" in text


@pytest.mark.parametrize("width", [80, 120])
def test_what_an_agent_does_now_has_a_line_of_its_own(width: int) -> None:
    text = shown(run_view(a_run_at_work(doing="claude, turn 2: Edit src/shop/prices.py"), START), width=width)

    assert "      ↳ claude, turn 2: Edit src/shop/prices.py\n" in text


def test_a_parked_run_shows_until_when() -> None:
    text = shown(run_view(a_parked_run(), START))

    assert "⏳ anthropic-1 waits until 2026-01-05 10:00:00 UTC: the limit of five hours" in text


def test_the_note_of_a_limit_is_not_said_again_while_it_is_waited_for() -> None:
    run = a_parked_run()
    noted = run.model_copy(update={"notes": (f"fix-lint: {run.quotas[0]}",)})

    assert shown(run_view(noted, START)) == shown(run_view(run, START))
    assert "· fix-lint: anthropic-1 waits" in shown(run_view(noted.model_copy(update={"quotas": ()}), START))


def test_the_list_of_steps_names_the_agent() -> None:
    run = a_run_at_work(doing="claude: Edit a.py")

    assert "Fix lint  by claude  claude: Edit a.py" in shown(*steps_lines(run))
    (step,) = steps_data(run)["steps"]
    assert (step["agent"], step["doing"]) == ("claude", "claude: Edit a.py")


async def test_heartbeats_tell_what_is_being_done() -> None:
    seen = await with_pulses(await a_client({"fix-lint-1-execute": "claude: Edit a.py"}), a_run_at_work())

    assert seen.todos[0].doing == "claude: Edit a.py"


async def test_heartbeats_of_what_a_shard_carries_are_told_too() -> None:
    client = await a_client({}, shard={"fix-lint-1-execute": "claude: Edit a.py"})

    assert (await with_pulses(client, a_run_at_work())).todos[0].doing == "claude: Edit a.py"


async def test_the_heartbeat_of_an_execution_before_tells_nothing() -> None:
    seen = await with_pulses(await a_client({"fix-lint-1-execute": "claude: Edit a.py"}), a_run_at_work(execution=2))

    assert seen.todos[0].doing == ""


async def test_a_server_that_does_not_say_changes_nothing() -> None:
    run = a_run_at_work()

    assert await with_pulses(await a_client({}, error=RPCError("no", RPCStatusCode.UNAVAILABLE, b"")), run) == run


async def a_client(
    said: Mapping[str, str], error: Exception | None = None, shard: Mapping[str, str] | None = None
) -> Any:
    """Of whose workflows so much is known as their pending activities say."""
    children = [SimpleNamespace(workflow_type_name=SHARD_WORKFLOW, workflow_id="shard-1")] if shard else []
    known = {"shard-1": (await _pending(shard or {}), []), "run": (await _pending(said), children)}

    def handle(name: str) -> Any:
        pending, inner = known.get(name, known["run"])

        async def describe() -> Any:
            if error is not None:
                raise error
            return SimpleNamespace(raw_description=SimpleNamespace(pending_activities=pending, pending_children=inner))

        return SimpleNamespace(describe=describe)

    return SimpleNamespace(get_workflow_handle=handle, data_converter=DataConverter.default)


async def _pending(said: Mapping[str, str]) -> list[PendingActivityInfo]:
    return [
        PendingActivityInfo(activity_id=name, heartbeat_details=await _payloads(text)) for name, text in said.items()
    ]


async def _payloads(text: str) -> Payloads:
    return Payloads(payloads=await DataConverter.default.encode([text]))
