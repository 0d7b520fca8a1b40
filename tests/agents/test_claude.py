"""Claude Code itself, as npm installs it."""

import asyncio
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from ostinato.adapters.agents.claude import OLDEST, ClaudeCode
from ostinato.adapters.agents.claude_sessions import saved_transcript
from ostinato.adapters.agents.port import Access, AgentTask, Allowed, Watched
from ostinato.adapters.artifacts import ArtifactStore
from ostinato.adapters.gateway import Gateway, Upstream, Used
from ostinato.domain.agents import AgentEnd, AgentLimits, EndKind, EventKind, LimitKind
from ostinato.domain.agents.wires import Wire
from ostinato.domain.budget.amounts import Limit
from ostinato.domain.budget.prices import PriceTable
from ostinato.domain.redaction import Redactor
from tests.agents.claude_cases import CASES
from tests.agents.driven import KEY, Driven, need
from tests.model_server import ModelServer

pytestmark = pytest.mark.heavy

WRITE: dict[str, Any] = {"text": "I write.", "actions": [{"write": "greeting.py", "content": "print('hello')\n"}]}
MORE: dict[str, Any] = {"text": "I add.", "actions": [{"write": "other.py", "content": "print('other')\n"}]}
WAIT: dict[str, Any] = {"text": "I wait.", "actions": [{"run": "python3 -c 'import time; time.sleep(300)'"}]}
DONE: dict[str, Any] = {"text": "Done."}
SCRIPTS: dict[str, dict[str, Any]] = {
    **{name: case.script for name, case in CASES.items()},
    "waiting": {"turns": [WRITE, WAIT, DONE]},
    "further": {"turns": [WRITE, DONE, MORE, DONE]},
    "stalling": {"turns": [WRITE, {"text": "Never said.", "fault": {"kind": "stall", "after": 2}}]},
    "hanging": {"turns": [{"text": "Never said.", "fault": {"kind": "hang"}}]},
    "telling": {"turns": [{"text": f"The key is {KEY}, is it not?", "actions": [{"run": "env"}]}, DONE]},
    "asking": {"turns": [{"text": "I ask.", "actions": [{"tool": "mcp__echo__echo", "input": {"word": "hi"}}]}, DONE]},
    "reading": {"turns": [{"text": "I try.", "actions": [{"run": "echo x > shell.py"}]}, WRITE, DONE]},
}


@pytest.fixture
async def driven(tmp_path: Path) -> AsyncIterator[Driven]:
    need("claude")
    async with ModelServer(SCRIPTS) as model:
        yield Driven(agent=ClaudeCode(), folder=tmp_path, model=model, model_name="claude-opus-4-8")


async def until(driven: Driven, kind: EventKind, times: int = 1) -> None:
    while driven.kinds.count(kind) < times:  # noqa: ASYNC110 - events are not ours to set.
        await asyncio.sleep(0.05)


async def test_it_edits_a_file_and_is_metered(driven: Driven) -> None:
    end = await driven.run("edit")

    assert (end.kind, end.turns, end.touched) == (EndKind.DONE, 3, ("hello.py",))
    assert (driven.tree / "hello.py").read_text() == "print('hello')\n"
    assert (end.use.requests, end.use.cache_read, end.use.micro_usd is not None) == (3, 900, True)
    assert driven.left == []


async def test_its_session_is_announced_before_anything_else(driven: Driven) -> None:
    end = await driven.run("edit")

    assert driven.events[0].kind is EventKind.STARTED
    assert driven.events[0].session_id == end.session_id != ""


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("rate_limit", EndKind.RATE_LIMIT),
        ("recovered", EndKind.DONE),
        ("auth", EndKind.AUTH),
        ("overflow", EndKind.CONTEXT_OVERFLOW),
        ("overloaded", EndKind.PROVIDER),
        ("malformed", EndKind.PROVIDER),
        ("refusal", EndKind.REFUSED),
    ],
)
async def test_what_its_provider_does_is_how_it_ends(driven: Driven, name: str, kind: EndKind) -> None:
    assert (await driven.run(name)).kind is kind


@pytest.mark.parametrize(("name", "limit"), [("turns", LimitKind.TURNS), ("budget", LimitKind.MONEY)])
async def test_its_own_limits_hold(driven: Driven, name: str, limit: LimitKind) -> None:
    driven.limits = CASES[name].limits

    end = await driven.run(name)

    assert (end.kind, end.limit) == (EndKind.LIMIT, limit)


async def test_a_limit_of_the_account_ends_it_at_once_and_the_session_goes_on_later(driven: Driven) -> None:
    limited = {"kind": "status", "status": 429, "after_s": 3600, "times": 1, "message": "Limit reached; resets in 2 h"}
    driven.model.scripts = {"limited": {"turns": [WRITE, {**DONE, "fault": limited}, MORE, DONE]}}

    first = await driven.run("limited")
    driven.session_id = first.session_id
    second = await driven.run("limited", "The limit is lifted. Go on.")

    assert (first.kind, first.status, first.touched) == (EndKind.RATE_LIMIT, 429, ("greeting.py",))
    assert first.until is not None
    assert (second.kind, second.session_id) == (EndKind.DONE, first.session_id)


async def test_killed_in_the_middle_it_goes_on_in_the_same_session(driven: Driven) -> None:
    running = asyncio.create_task(driven.run("waiting"))
    await until(driven, EventKind.TOOL_BEGAN, 2)

    for process in psutil.process_iter(["cmdline"]):
        if driven.events[0].session_id in (process.info["cmdline"] or ()) and "-p" in process.info["cmdline"]:
            os.kill(process.pid, signal.SIGKILL)
    first = await running
    driven.session_id = first.session_id
    driven.model.scripts = {"waiting": {"turns": [WRITE, MORE, MORE, MORE, DONE]}}
    second = await driven.run("waiting", "Go on.")

    assert (first.kind, first.use.requests) == (EndKind.CRASH, 2)
    assert (second.kind, second.session_id, second.touched) == (EndKind.DONE, first.session_id, ("other.py",))
    assert "I write." in json.dumps(driven.model.requests[-1].body)
    assert driven.left == []


async def test_a_cancelled_invocation_leaves_nothing_but_its_session(driven: Driven) -> None:
    running = asyncio.create_task(driven.run("waiting"))
    await until(driven, EventKind.TOOL_BEGAN, 2)

    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running
    assert driven.left == []
    assert saved_transcript(driven.private, driven.events[0].session_id)


@pytest.mark.parametrize("after_s", [0, 2])
async def test_interrupted_while_a_tool_runs_it_takes_a_note_in_the_same_session(driven: Driven, after_s: int) -> None:
    began: list[float] = []

    def interrupted() -> bool:
        if driven.kinds.count(EventKind.TOOL_BEGAN) == 2:
            began.append(time.monotonic())
        return bool(began) and time.monotonic() - began[0] >= after_s

    driven.interrupted = interrupted

    first = await driven.run("waiting")
    driven.session_id, driven.interrupted = first.session_id, lambda: False
    second = await driven.run("waiting", "A note: do not wait.")

    assert (first.kind, first.use.requests, first.use.micro_usd is not None) == (EndKind.INTERRUPTED, 2, True)
    assert "A note: do not wait." in json.dumps(driven.model.requests[-1].body)
    assert (second.kind, driven.left) == (EndKind.DONE, [])


async def test_a_session_goes_on_on_another_machine(driven: Driven, tmp_path: Path) -> None:
    first = await driven.run("further")
    other = driven.moved(tmp_path / "other")
    for path in saved_transcript(driven.private, first.session_id):
        (other.private / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(driven.private / path, other.private / path)
    shutil.rmtree(driven.private)
    other.session_id = first.session_id
    there = {"text": "I add.", "actions": [{"write": str(other.tree / "other.py"), "content": "x = 1\n"}]}
    driven.model.scripts = {"further": {"turns": [WRITE, DONE, there, DONE]}}

    second = await other.run("further", "Go on.")

    assert (second.kind, second.session_id, second.touched) == (EndKind.DONE, first.session_id, ("other.py",))
    assert [asked.turn for asked in driven.model.requests if asked.turn >= 0] == [0, 1, 2, 3]
    assert f"Primary working directory: {other.tree} (was {driven.tree})" in json.dumps(driven.model.requests[-1].body)


async def test_a_session_that_is_gone_is_not_begun_anew(driven: Driven) -> None:
    driven.session_id = "0a1b2c3d-0000-4000-8000-00000000cafe"

    end = await driven.run("edit")

    assert (end.kind, end.session_id, driven.model.requests) == (EndKind.CRASH, "", [])


async def test_what_is_not_allowed_is_denied_and_nothing_waits(driven: Driven) -> None:
    driven.allowed = CASES["denied"].allowed

    end = await driven.run("denied")

    assert (end.kind, end.denied) == (EndKind.GAVE_UP, ("Bash: curl -s localhost",))


async def test_a_command_that_is_denied_is_not_run_inside_a_line_either(driven: Driven) -> None:
    looking = {"text": "I look.", "actions": [{"run": "git status --short && touch gone"}]}
    driven.model.scripts = {"looking": {"turns": [looking, DONE]}}
    driven.allowed = Allowed(denied=("touch",))

    end = await driven.run("looking")

    assert len(end.denied) == 1
    assert not (driven.tree / "gone").exists()


async def test_who_may_not_write_does_not(driven: Driven) -> None:
    driven.allowed = Allowed(write=False, commands=("git *",), network=False)

    await driven.run("reading")

    assert [path.name for path in driven.tree.iterdir()] == [".git"]


async def test_nothing_is_written_outside_the_worktree(driven: Driven) -> None:
    outside = driven.folder / "outside.py"
    away = {"text": "I write.", "actions": [{"write": str(outside), "content": "x = 1\n"}]}
    driven.model.scripts = {"away": {"turns": [away, DONE]}}

    end = await driven.run("away")

    assert (end.denied, outside.exists()) == ((f"Write: {outside}",), False)


async def test_the_repository_cannot_loosen_the_policy(driven: Driven) -> None:
    driven.allowed = CASES["denied"].allowed
    (driven.tree / ".claude").mkdir()
    settings = {"permissions": {"allow": ["Bash(curl *)"], "defaultMode": "bypassPermissions"}}
    (driven.tree / ".claude" / "settings.json").write_text(json.dumps(settings))

    assert (await driven.run("denied")).denied == ("Bash: curl -s localhost",)


async def test_a_server_s_tool_is_called(driven: Driven) -> None:
    driven.servers = {"echo": {"command": sys.executable, "args": [str(Path(__file__).with_name("mcp_echo.py"))]}}

    end = await driven.run("asking")

    ended = [event for event in driven.events if event.kind is EventKind.TOOL_ENDED]
    assert (end.kind, ended[0].tool, ended[0].text) == (EndKind.DONE, "mcp__echo__echo", 'echo of {"word": "hi"}')


async def test_a_server_that_does_not_start_is_told(driven: Driven) -> None:
    driven.servers = {"gone": {"command": "no-such-server"}}

    await driven.run("edit")

    failed = [event.text for event in driven.events if event.kind is EventKind.FAILED]
    assert failed == ["MCP server gone: failed"]


async def test_its_key_is_in_nothing_that_is_kept(driven: Driven) -> None:
    end = await driven.run("telling")

    kept = ArtifactStore(driven.folder / "artifacts").read_text(end.evidence)
    told = "".join(event.model_dump_json() for event in driven.events)
    assert "[redacted:known-value]" in kept
    assert KEY not in kept + told + end.model_dump_json()
    assert "content_block_delta" not in kept


async def test_a_stream_that_stalls_is_ended_from_outside(driven: Driven) -> None:
    driven.limits = AgentLimits(idle_s=4)

    end = await driven.run("stalling")

    assert (end.kind, end.limit, end.touched) == (EndKind.LIMIT, LimitKind.IDLE, ("greeting.py",))
    assert driven.left == []


async def test_a_provider_that_never_answers_is_told_from_an_idle_agent(driven: Driven) -> None:
    driven.limits = AgentLimits(idle_s=6)

    end = await driven.run("hanging")

    assert end.kind is EndKind.PROVIDER


async def test_what_is_installed_is_found_and_its_login_told(driven: Driven) -> None:
    agent = ClaudeCode()

    with_key = await agent.installation({**driven.env(), "ANTHROPIC_API_KEY": "k"})
    without = await agent.installation(driven.env())
    missing = await agent.installation({"PATH": "/nowhere"})

    assert (with_key.works, with_key.login, with_key.problem) == (True, "ANTHROPIC_API_KEY", "")
    assert tuple(int(part) for part in with_key.version.split(".")) >= OLDEST
    assert (without.works, without.problem) == (False, "nobody is logged in, and no key is given")
    assert (missing.path, missing.works, missing.problem) == ("", False, "claude is not on PATH")


async def through_gateway(
    driven: Driven, script: str, caps: Limit, limited: datetime | None = None
) -> tuple[AgentEnd, Used]:
    upstream = Upstream(base_url=driven.model.base(script), key_header="x-api-key", key="key-of-the-account")
    gateway = Gateway(
        upstreams={"anthropic": upstream},
        ledger_folder=driven.folder / "ledgers",
        prices=PriceTable(),
    )
    if limited is not None:
        gateway.limit("", limited)
    async with gateway.serving():
        given = gateway.open("run/step", caps)
        task = AgentTask(
            prompt="Do it.",
            tree=driven.tree,
            private=driven.private,
            env=driven.env(),
            limits=driven.limits,
            access=Access(base_url=given.base_urls[Wire.ANTHROPIC], api_key=given.key, model=driven.model_name),
        )
        artifacts = ArtifactStore(driven.folder / "artifacts")
        watched = Watched(artifacts=artifacts, redactor=Redactor(), on_event=driven.events.append)
        return await driven.agent.run(task, watched), await gateway.close(given)


async def test_what_it_says_it_used_is_what_the_gateway_saw(driven: Driven) -> None:
    end, used = await through_gateway(driven, "edit", Limit())

    assert end.kind is EndKind.DONE
    assert (used.use.input, used.use.output, used.use.cache_read) == (end.use.input, end.use.output, end.use.cache_read)
    assert {asked.key for asked in driven.model.requests} == {"key-of-the-account"}


async def test_the_gateway_s_cap_ends_it_at_once(driven: Driven) -> None:
    end, used = await through_gateway(driven, "turns", Limit(requests=2))

    assert (end.kind, end.limit, used.stopped) == (EndKind.LIMIT, LimitKind.REQUESTS, "requests")
    assert driven.kinds.count(EventKind.RETRYING) == 0


async def test_a_limit_that_the_gateway_knows_of_is_the_account_s(driven: Driven) -> None:
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=2)

    end, _ = await through_gateway(driven, "edit", Limit(), limited=until)

    assert (end.kind, end.until, driven.model.requests) == (EndKind.RATE_LIMIT, until, [])
