"""Checks of a step in an agent's worktree: what they write is none of its work."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from temporalio.testing import ActivityEnvironment

from activities import evidence
from ostinato.adapters.git.putting_back import Undone
from ostinato.contracts.activities import EXECUTE_STEP
from ostinato.domain.execution import StepOutcome
from tests.activities.agent_desk import AgentDesk, a_step, idles
from tests.activities.bench import shown
from tests.fakes.coding_agent import writes


async def test_what_a_check_makes_is_not_taken_and_that_is_said(desk: Callable[..., AgentDesk]) -> None:
    made = desk(writes("notes.txt", "two\n"))
    command = await made.asked(a_step(checks=("mkdir out && echo 1 > out/cover.xml", "test ! -e out")))

    result = await made.execute(command)

    assert result.outcome is StepOutcome.SUCCEEDED
    assert result.files_changed == 1
    assert any("out/cover.xml (by mkdir out" in warning for warning in result.warnings), result.warnings


async def test_what_a_check_changes_is_put_back_and_the_agent_is_asked_for_it(desk: Callable[..., AgentDesk]) -> None:
    made = desk(writes("a b.txt", "two\n"), idles(0))
    check = "echo three > 'a b.txt'; rm notes.txt"
    command = await made.asked(a_step(checks=(check, "grep two 'a b.txt' && test -f notes.txt")))

    result = await made.execute(command)

    assert result.outcome is StepOutcome.SUCCEEDED
    assert f"- a b.txt (by {check})" in made.agent.tasks[1].prompt
    assert shown(command.workspace, result.commit, "a b.txt") == "two"
    assert shown(command.workspace, result.commit, "notes.txt") == "one"
    assert any("put back as the agent had left them" in warning for warning in result.warnings)


async def test_a_check_that_is_stopped_leaves_nothing_to_whoever_goes_on(desk: Callable[..., AgentDesk]) -> None:
    made = desk(writes("notes.txt", "two\n"))
    command = await made.asked(a_step(checks=("echo half > half.txt; sleep 60",)))
    environment = ActivityEnvironment()
    running = asyncio.create_task(made.call(EXECUTE_STEP, command, within=environment))
    tree = Path(command.workspace.root) / command.slot / "tree"
    while not (tree / "half.txt").exists():  # noqa: ASYNC110 - a file is not ours to wait on
        await asyncio.sleep(0.02)

    environment.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert (tree / "notes.txt").read_text() == "two\n"
    assert not (tree / "half.txt").exists()


async def test_what_a_check_wrote_whose_worker_died_in_it_is_not_taken(
    desk: Callable[..., AgentDesk], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dies_first(*_: object) -> Undone:
        raise asyncio.CancelledError

    made = desk(writes("notes.txt", "two\n"), idles(0))
    command = await made.asked(a_step(checks=("echo three > notes.txt; echo half > half.txt",)))
    with monkeypatch.context() as patched:
        patched.setattr(evidence, "put_back", dies_first)
        with pytest.raises(asyncio.CancelledError):
            await made.execute(command)

    result = await made.execute(command.model_copy(update={"trusted": False}), attempt=2)

    assert result.outcome is StepOutcome.SUCCEEDED
    assert result.files_changed == 1
    assert shown(command.workspace, result.commit, "notes.txt") == "two"
