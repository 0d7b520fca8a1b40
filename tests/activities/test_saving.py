"""An agent's session goes on on another worker: with its transcript, its record and its files, and without any secret."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from temporalio.testing import ActivityEnvironment

from activities.edge import Desk
from activities.saving import FIRST_AFTER_S
from ostinato.adapters.agents.agency import Agency
from ostinato.adapters.agents.registry import finder
from ostinato.adapters.artifacts import ArtifactStore
from ostinato.adapters.git import saved_sessions
from ostinato.adapters.home import Home
from ostinato.contracts.activities import (
    CLOSE_WORKSPACE,
    EXECUTE_STEP,
    TAKE_OVER,
    CloseWorkspace,
    ExecuteStep,
    TakeOver,
)
from ostinato.domain.agents import AgentLimits
from ostinato.domain.agents.declared import declared
from ostinato.domain.agents.described import read_agents
from ostinato.domain.agents.orders import AgentOrder
from ostinato.domain.execution import StepOutcome, StepResult
from ostinato.domain.plan import AgentAction, Step
from ostinato.domain.redaction import Redactor
from ostinato.domain.workspace import Workspace
from tests.activities.bench import Bench, shown
from tests.builders import a_step
from tests.repositories import RUN, git, make_repository

SCRIPT = Path(__file__).parents[1] / "resuming_agent.py"
SECRET = "ghp_" + "Zq8" * 12
STEP = a_step("build", action=AgentAction(prompt="Write two files", pool=("mine",)), writes=("*.txt",))
SESSIONS = f"refs/ostinato/{RUN}/sessions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker(Bench):
    """A home of its own; all share the repository, and the places by which the agent is watched."""

    aside: str = "nothing"
    resumes: bool = True

    @property
    def desk(self) -> Desk:
        home = Home(self.home)
        table = {
            "command": [sys.executable, str(SCRIPT), str(self.journal), str(self.gate), self.aside],
            "session": "session=(\\w+)",
            "usage": {"input": "tokens: ([0-9,]+)"},
            **({"resume": ["--resume", "{session}"]} if self.resumes else {}),
        }
        agents, problems = read_agents({"mine": table})
        assert problems == ()
        agency = Agency(find=finder(declared(agents), {}), environ={})
        return Desk(home, ArtifactStore(home.artifacts), redactor=Redactor(), agency=agency)

    @property
    def journal(self) -> Path:
        return self.repository.parent / "journal.txt"

    @property
    def gate(self) -> Path:
        return self.repository.parent / "gate"

    def lines(self) -> list[str]:
        return self.journal.read_text().splitlines() if self.journal.exists() else []

    async def ordered(self, step: Step = STEP, *, limits: AgentLimits | None = None) -> ExecuteStep:
        order = AgentOrder(agent="mine", session=step.id, limits=limits or AgentLimits())
        command = await self.ready(step, slot=f"agent-{step.id}")
        return command.model_copy(update={"order": order})

    async def taken(self, workspace: Workspace, *, epoch: int) -> Workspace:
        raised = workspace.model_copy(update={"epoch": epoch})
        return (await self.call(TAKE_OVER, TakeOver(workspace=raised, head=workspace.head))).workspace

    @asynccontextmanager
    async def at_work(self, command: ExecuteStep) -> AsyncIterator[None]:
        """Its agent has begun; afterwards the activity is cancelled, as by a worker that leaves in good order."""
        environment = ActivityEnvironment()
        task = asyncio.create_task(self.call(EXECUTE_STEP, command, within=environment))
        try:
            while not self.lines():
                await asyncio.sleep(0.05)
                assert not task.done(), task.result()
            await asyncio.sleep(0.3)
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def finished(self, command: ExecuteStep, workspace: Workspace) -> StepResult:
        """The same execution on this worker, which lets the agent on."""
        self.gate.touch()
        assert command.order is not None
        moved = command.order.model_copy(update={"moved": True})
        return await self.execute(command.model_copy(update={"workspace": workspace, "order": moved}))


@pytest.fixture
def first(tmp_path: Path) -> Worker:
    repository = make_repository(tmp_path / "repository", {"README.md": "# Sample\n", "old.txt": "old\n"})
    return a_worker(repository, "first")


@pytest.fixture
def second(first: Worker) -> Worker:
    return a_worker(first.repository, "second")


def a_worker(repository: Path, name: str) -> Worker:
    home = repository.parent / name
    home.mkdir()
    return Worker(repository=repository, home=home)


def saved_refs(place: Path) -> list[str]:
    return git(place, "for-each-ref", "--format=%(refname)", SESSIONS).split()


async def test_a_session_goes_on_on_another_worker_with_its_files(first: Worker, second: Worker) -> None:
    command = await first.ordered()
    async with first.at_work(command):
        pass

    there = await second.taken(command.workspace, epoch=2)
    result = await second.finished(command, there)

    began, resumed, _ = first.lines()
    session = began.removeprefix("began ")
    tree = f"{there.root}/agent-build/tree"
    assert resumed == f"resumed {session} in {tree} with old.txt one.txt, and was told"
    assert result.outcome is StepOutcome.SUCCEEDED, result
    assert shown(there, result.commit, "one.txt") == "one"
    assert any("goes on from another worker" in warning for warning in result.warnings)


async def test_its_time_goes_with_it_to_another_worker(first: Worker, second: Worker) -> None:
    command = await first.ordered(limits=AgentLimits(wall_s=6))
    async with first.at_work(command):
        await asyncio.sleep(3)
    there = await second.taken(command.workspace, epoch=2)

    result = await second.execute(command.model_copy(update={"workspace": there}))

    assert result.failure is not None
    assert result.failure.message == "it was not done within 6 s"
    assert [turn.end for turn in result.turns] == ["lost", "limit"]
    assert result.turns[-1].duration_s < 5


async def test_what_is_saved_is_saved_while_the_agent_works(first: Worker) -> None:
    command = await first.ordered()

    async with first.at_work(command):
        async with asyncio.timeout(FIRST_AFTER_S + 20):
            while not saved_refs(first.repository):  # noqa: ASYNC110 - a ref is not ours to wait on
                await asyncio.sleep(0.1)
        record = json.loads(git(first.repository, "show", f"{SESSIONS}/build/talk:session.json"))

    assert record["is_on"]
    assert git(first.repository, "show", f"{SESSIONS}/build/work:one.txt") == "one"


async def test_no_secret_leaves_with_a_transcript(first: Worker, second: Worker) -> None:
    first = replace(first, aside=SECRET)
    command = await first.ordered()
    async with first.at_work(command):
        pass
    there = await second.taken(command.workspace, epoch=2)
    result = await second.finished(command, there)

    assert result.outcome is StepOutcome.SUCCEEDED, result
    assert first.lines()[-1] == "knows [redacted:github-token]"
    assert SECRET not in everything_in(first.repository)
    assert SECRET not in everything_in(Path(there.mirror))


async def test_a_worktree_with_a_secret_stays_here_and_that_is_said(first: Worker, second: Worker) -> None:
    command = await first.ordered()
    async with first.at_work(command):
        tree = Path(command.workspace.root) / "agent-build" / "tree"
        (tree / "settings.txt").write_text(f"token = {SECRET}\n")
    there = await second.taken(command.workspace, epoch=2)
    result = await second.finished(command, there)

    assert first.lines()[1].endswith("with old.txt, and was told")
    assert SECRET not in everything_in(first.repository)
    assert "its work in progress there was lost: it holds a secret at settings.txt:1" in result.warnings


async def test_work_that_is_too_big_stays_here_and_that_is_said(
    first: Worker, second: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saved_sessions, "MOST_WORK_BYTES", 3)
    command = await first.ordered()
    async with first.at_work(command):
        pass

    result = await second.finished(command, await second.taken(command.workspace, epoch=2))

    assert "its work in progress there was lost: it is too big" in result.warnings


async def test_where_nothing_was_saved_it_begins_anew_and_that_is_said(first: Worker, second: Worker) -> None:
    command = await first.ordered()
    there = await second.taken(command.workspace, epoch=2)

    result = await second.finished(command, there)

    assert result.outcome is StepOutcome.SUCCEEDED
    assert any("nothing was saved" in warning for warning in result.warnings)


async def test_an_agent_that_cannot_go_on_begins_anew_and_its_lost_tokens_are_told(
    first: Worker, second: Worker
) -> None:
    first, second = replace(first, resumes=False), replace(second, resumes=False)
    command = await first.ordered()
    async with first.at_work(command):
        pass

    result = await second.finished(command, await second.taken(command.workspace, epoch=2))

    assert [line.split()[0] for line in first.lines()] == ["began", "began"]
    assert any("1,000 tokens lost" in warning for warning in result.warnings), result.warnings


async def test_files_that_are_broken_are_not_gone_on_with(first: Worker, second: Worker) -> None:
    command = await first.ordered()
    async with first.at_work(command):
        pass
    talk = git(first.repository, "rev-parse", f"{SESSIONS}/build/talk")
    tree = git(first.repository, "mktree", "--missing", env={})  # an empty one
    empty = git(first.repository, "-c", "user.name=x", "-c", "user.email=x@example.org", "commit-tree", tree, "-m", "x")
    git(first.repository, "update-ref", f"{SESSIONS}/build/talk", empty, talk)

    result = await second.finished(command, await second.taken(command.workspace, epoch=2))

    assert [line.split()[0] for line in first.lines()] == ["began", "began"]
    assert any("begun anew" in warning for warning in result.warnings)


async def test_a_worker_that_was_superseded_changes_nothing_of_a_session(first: Worker, second: Worker) -> None:
    command = await first.ordered()
    async with first.at_work(command):
        async with asyncio.timeout(FIRST_AFTER_S + 20):
            while not saved_refs(first.repository):  # noqa: ASYNC110 - a ref is not ours to wait on
                await asyncio.sleep(0.1)
        await second.taken(command.workspace, epoch=2)
        before = git(first.repository, "for-each-ref", SESSIONS)
        (Path(command.workspace.root) / "agent-build" / "tree" / "late.txt").write_text("late\n")

    assert git(first.repository, "for-each-ref", SESSIONS) == before


async def test_a_closed_run_leaves_no_session_behind(first: Worker) -> None:
    command = await first.ordered()
    first.gate.touch()
    await first.execute(command)
    before = saved_refs(first.repository)

    await first.call(CLOSE_WORKSPACE, CloseWorkspace(workspace=command.workspace))

    assert before == [f"{SESSIONS}/build/talk", f"{SESSIONS}/build/work"]
    assert saved_refs(first.repository) == []
    assert saved_refs(Path(command.workspace.mirror)) == []


def everything_in(repository: Path) -> str:
    """Every object of it, also those that no ref leads to."""
    listed = subprocess.run(
        ["git", "-C", str(repository), "cat-file", "--batch-all-objects", "--batch"], capture_output=True, check=True
    )
    return listed.stdout.decode("latin-1")
