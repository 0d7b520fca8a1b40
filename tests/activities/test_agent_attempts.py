"""One execution by a coding agent over several attempts: its time, what went back to it, and what is billed."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from temporalio.activity import ActivityCancellationDetails

from activities import turns
from ostinato.adapters.agents.port import AgentTask, Watched
from ostinato.adapters.history import History
from ostinato.adapters.home import Home
from ostinato.domain.agents import AgentEnd, AgentLimits, EndKind, LimitKind
from ostinato.domain.execution import FailureKind, StepOutcome
from tests.activities.agent_desk import (
    NOTHING_DIFFERS,
    AgentDesk,
    a_note,
    a_step,
    dies,
    hangs,
    idles,
    next_execution,
    spent_by,
    stopped,
)
from tests.fakes.coding_agent import ScriptedAgent, ends, writes


async def test_the_prompt_of_a_turn_whose_worker_died_is_kept(desk: Callable[..., AgentDesk]) -> None:
    made = desk(dies, writes("notes.txt", "two\n"))
    command = await made.asked(notes=(a_note("n-1"),))
    with pytest.raises(asyncio.CancelledError):
        await made.execute(command)

    result = await made.execute(command, attempt=2)

    lost = result.turns[0]
    assert (lost.end, lost.notes) == ("lost", ("n-1",))
    assert "Say two in notes.txt" in made.desk.artifacts.path(lost.prompt).read_text()


async def test_turns_of_an_execution_share_its_time(desk: Callable[..., AgentDesk]) -> None:
    made = desk(idles(0.2), idles(0.2), writes("notes.txt", "two\n"))
    command = await made.asked(limits=AgentLimits(wall_s=60))

    await made.execute(command)

    first, second = (task.limits.wall_s for task in made.agent.tasks)
    assert first == 60
    assert second <= 59.8


async def test_the_time_of_a_turn_whose_worker_died_counts(desk: Callable[..., AgentDesk]) -> None:
    made = desk(idles(0.2, dies), writes("notes.txt", "two\n"), writes("more.txt"))
    command = await made.asked(limits=AgentLimits(wall_s=60))
    with pytest.raises(asyncio.CancelledError):
        await made.execute(command)

    await made.execute(command, attempt=2)
    await made.execute(next_execution(command))

    assert [task.limits.wall_s for task in made.agent.tasks] == [60, pytest.approx(59.5, abs=0.4), 60]


async def test_the_time_of_a_turn_is_written_down_while_it_works(
    desk: Callable[..., AgentDesk], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def looked_at(task: AgentTask, watched: Watched) -> AgentEnd:
        await asyncio.sleep(0.1)
        watched.interrupted()
        seen.append(made.record(command).worked_s)
        return await writes("notes.txt", "two\n")(task, watched)

    monkeypatch.setattr(turns, "TELL_EVERY_S", 0.05)
    seen: list[float] = []
    made = desk(looked_at)
    command = await made.asked()

    await made.execute(command)

    assert seen[0] >= 0.1


async def test_an_execution_whose_time_is_used_up_begins_no_turn(desk: Callable[..., AgentDesk]) -> None:
    made = desk(idles(0.3, dies), writes("notes.txt", "two\n"))
    command = await made.asked(limits=AgentLimits(wall_s=1.2))
    with pytest.raises(asyncio.CancelledError):
        await made.execute(command)

    result = await made.execute(command, attempt=2)

    assert len(made.agent.tasks) == 1
    assert result.failure is not None
    assert (result.failure.kind, result.failure.message) == (FailureKind.TIMEOUT, "it was not done within 1.2 s")


async def test_another_lease_gives_no_more_time(desk: Callable[..., AgentDesk]) -> None:
    limit = AgentEnd(kind=EndKind.LIMIT, limit=LimitKind.TOKENS)
    made = desk(idles(0.2, limit), writes("notes.txt", "two\n"))
    command = await made.asked(limits=AgentLimits(wall_s=60))
    await made.execute(command)

    await made.execute(next_execution(command, is_more=True))

    assert made.agent.tasks[1].limits.wall_s <= 59.8


async def test_what_went_back_to_a_session_counts_though_its_worker_died(desk: Callable[..., AgentDesk]) -> None:
    made = desk(idles(0), dies, idles(0))
    command = await made.asked()
    with pytest.raises(asyncio.CancelledError):
        await made.execute(command)

    result = await made.execute(command, attempt=2)

    assert NOTHING_DIFFERS in made.agent.tasks[2].prompt
    assert result.failure is not None
    assert result.failure.diagnosis is not None
    assert result.failure.diagnosis.code == "no_progress"


async def test_what_goes_back_is_counted_over_executions_and_then_a_new_session_begins(
    desk: Callable[..., AgentDesk],
) -> None:
    crash, files = ends(EndKind.CRASH), [writes(f"{number}.txt") for number in range(4)]
    made = desk(files[0], crash, *files[1:], crash)
    command = await made.asked(a_step(checks=("test -f right.txt",)))
    await made.execute(command)

    result = await made.execute(next_execution(command))
    await made.execute(next_execution(next_execution(command)))

    assert result.failure is not None
    assert "not put right in 3 rounds" in result.failure.message
    assert [task.session_id for task in made.agent.tasks] == ["", *["session-1"] * 4, ""]


async def test_a_retry_that_tells_why_is_one_of_the_three(desk: Callable[..., AgentDesk]) -> None:
    made = desk(idles(0), idles(0), *[writes(f"{number}.txt") for number in range(4)])
    command = await made.asked(a_step(checks=("test -f right.txt",)))
    await made.execute(command)

    result = await made.execute(next_execution(command))

    assert result.failure is not None
    assert "not put right in 3 rounds" in result.failure.message
    assert len(made.agent.tasks) == 4


async def test_a_turn_that_is_cancelled_is_billed_with_what_it_used(desk: Callable[..., AgentDesk]) -> None:
    made = desk(hangs)
    billed = replace(made, history=History(Home(made.home)))

    await stopped(billed, await billed.asked(), ActivityCancellationDetails(cancel_requested=True))

    assert spent_by(billed) == [70]


async def test_a_turn_that_goes_on_elsewhere_is_billed_there(desk: Callable[..., AgentDesk]) -> None:
    made = desk(hangs, writes("notes.txt", "two\n"))
    billed = replace(made, history=History(Home(made.home)))
    command = await billed.asked()
    await stopped(billed, command, ActivityCancellationDetails(worker_shutdown=True))
    before = spent_by(billed)

    await billed.execute(command, attempt=2)

    assert (before, spent_by(billed)) == ([None], [170])


async def test_a_session_that_cannot_be_looked_at_stops_nothing(desk: Callable[..., AgentDesk]) -> None:
    class Hidden(ScriptedAgent):
        def sessions(self, task: AgentTask) -> tuple[Path, ...]:
            threads.append(threading.current_thread())
            raise PermissionError("not yours")

    threads: list[threading.Thread] = []
    made = replace(desk(), agent=Hidden(acts=[writes("notes.txt", "two\n")]))

    result = await made.execute(await made.asked())

    assert result.outcome is StepOutcome.SUCCEEDED
    assert any("could not be saved" in warning for warning in result.warnings)
    assert threading.main_thread() not in threads
