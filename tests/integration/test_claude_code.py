"""Claude Code's adapter around a program that says what the real one said, with a session of its own."""

import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ostinato.adapters.agents.claude import ClaudeCode
from ostinato.adapters.agents.port import AgentTask, Watched
from ostinato.adapters.artifacts import ArtifactStore
from ostinato.adapters.processes import clean_environment
from ostinato.domain.agents import AgentEnd, AgentEvent, AgentLimits, EndKind, EventKind
from ostinato.domain.redaction import Redactor

DATA = Path(__file__).parents[1] / "data" / "agents" / "claude"
SAYS = f"""#!{sys.executable}
import os, pathlib, sys, time
if sys.argv[1] == "--version":
    sys.exit(print("VERSION (Claude Code)"))
option = "--resume" if "--resume" in sys.argv else "--session-id"
session = pathlib.Path(os.environ["HOME"], ".claude/projects/-tree", sys.argv[sys.argv.index(option) + 1] + ".jsonl")
session.parent.mkdir(parents=True, exist_ok=True)
session.open("a").write(sys.stdin.read() + "\\n")
for line in pathlib.Path("SAID").read_text().splitlines():
    print(line, flush=True)
"""


@dataclass(slots=True, kw_only=True)
class Stage:
    folder: Path
    events: list[AgentEvent] = field(default_factory=list)

    def program(self, said: str, version: str = "2.1.329") -> ClaudeCode:
        path = self.folder / "claude"
        path.write_text(SAYS.replace("SAID", str(DATA / f"{said}.jsonl")).replace("VERSION", version))
        path.chmod(0o755)
        return ClaudeCode(command=str(path))

    def task(self, session_id: str = "") -> AgentTask:
        return AgentTask(
            prompt="Do it: grüße.",
            tree=self.folder,
            private=self.folder / "private",
            env=clean_environment({"HOME": str(self.folder)}),
            limits=AgentLimits(),
            session_id=session_id,
            marker=str(self.folder),
        )

    async def run(self, agent: ClaudeCode, session_id: str = "") -> AgentEnd:
        artifacts = ArtifactStore(self.folder / "artifacts")
        watched = Watched(artifacts=artifacts, redactor=Redactor(), on_event=self.events.append)
        return await agent.run(self.task(session_id), watched)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(folder=tmp_path)


async def test_a_new_session_is_announced_first_and_found_again(stage: Stage) -> None:
    agent = stage.program("edit")

    end = await stage.run(agent)

    assert (end.kind, end.touched, end.use.requests) == (EndKind.DONE, ("/repo/hello.py",), 3)
    assert (stage.events[0].kind, stage.events[0].session_id) == (EventKind.STARTED, end.session_id)
    assert agent.sessions(stage.task(end.session_id)) == (Path(f".claude/projects/-tree/{end.session_id}.jsonl"),)


async def test_a_resumed_session_takes_its_prompt_by_standard_input(stage: Stage) -> None:
    agent = stage.program("resumed")
    first = await stage.run(agent)

    second = await stage.run(agent, first.session_id)

    assert second.session_id == first.session_id
    kept = stage.folder / "private" / agent.sessions(stage.task(first.session_id))[0]
    assert kept.read_text("utf-8").count("grüße") == 2


async def test_a_session_that_is_gone_starts_nothing(stage: Stage) -> None:
    end = await stage.run(stage.program("edit"), "0a1b2c3d-0000-4000-8000-00000000cafe")

    assert (end.kind, end.session_id, stage.events) == (EndKind.CRASH, "", [])
    assert "can only be begun anew" in end.message


async def test_what_is_not_installed_is_missing_and_has_no_session(stage: Stage) -> None:
    end = await stage.run(ClaudeCode(command="no-such-claude"))

    assert (end.kind, end.session_id) == (EndKind.MISSING, "")


@pytest.mark.parametrize(
    ("version", "key", "works", "problem"),
    [
        ("2.1.329", "k", True, ""),
        ("2.2.0", "k", True, ""),
        ("2.1.197", "k", False, "2.1.197 is older than 2.1.329"),
        ("2.1.329", "", False, "nobody is logged in, and no key is given"),
        ("what", "k", False, "it does not say its version: what (Claude Code)"),
    ],
)
async def test_an_installation_says_what_is_wrong_with_it(
    stage: Stage, version: str, key: str, works: bool, problem: str
) -> None:
    found = await stage.program("edit", version).installation({"PATH": "/usr/bin:/bin", "ANTHROPIC_API_KEY": key})

    assert (found.works, found.problem, bool(found.cure)) == (works, problem, not works)


async def test_a_login_file_is_a_login(stage: Stage) -> None:
    (stage.folder / ".claude").mkdir()
    (login := stage.folder / ".claude" / ".credentials.json").write_text("{}")

    found = await stage.program("edit").installation({"PATH": "/usr/bin:/bin", "HOME": str(stage.folder)})

    assert (found.works, found.login) == (True, str(login))
