"""One execution of a step by a coding agent: its session, its worktree, what people say, and what it hands in."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from activities.agents import LOST_FILES
from ostinato.adapters.agents.port import AgentTask, Watched
from ostinato.adapters.agents.sessions import NoteBox
from ostinato.contracts.activities import STEER_STEP, SteerStep
from ostinato.domain.agents import AgentEnd, AgentEvent, AgentLimits, EndKind, EventKind, TokenUse
from ostinato.domain.agents.accounts import AccountLimit, MetLimit
from ostinato.domain.budget.prices import Price, Terms
from ostinato.domain.execution import FailureKind, StepOutcome, StepResult
from ostinato.domain.prompting import Item, PartName, TurnName
from ostinato.domain.staff import GivenNote
from tests.activities.agent_desk import (
    AgentDesk,
    a_note,
    next_execution,
)
from tests.activities.bench import shown
from tests.builders import NOON
from tests.fakes.coding_agent import done, ends, writes
from tests.repositories import git

SECRET = "ghp_" + "abcdefghijklmnopqrstuvwxyz0123456789"


async def test_what_an_agent_did_is_one_commit_with_its_turns_and_its_cost(desk: Callable[..., AgentDesk]) -> None:
    made = desk(writes("notes.txt", "two\n"))
    command = await made.asked()

    result = await made.execute(command)

    assert result.outcome is StepOutcome.SUCCEEDED
    assert (result.agent, [turn.end for turn in result.turns]) == ("claude", ["done"])
    assert shown(command.workspace, result.commit, "notes.txt") == "two"
    assert result.spent is not None
    assert result.spent.amount is not None
    assert result.spent.amount.tokens == 100


async def looks(task: AgentTask, watched: Watched) -> AgentEnd:
    return done("I looked.", tokens=100)


async def test_money_that_an_agent_does_not_tell_is_reckoned_from_turn_to_turn(desk: Callable[..., AgentDesk]) -> None:
    made = desk(looks, writes("notes.txt", "two\n", tokens=50))
    terms = Terms(model="openai:m", price=Price(input=10**9, output=0, cached_read=0, cache_write=0))
    command = await made.asked(terms=terms, limits=AgentLimits(micro_usd=1_000_000))

    result = await made.execute(command)

    assert [task.limits.micro_usd for task in made.agent.tasks] == [1_000_000, 900_000]
    assert {task.terms for task in made.agent.tasks} == {terms}
    assert result.spent is not None
    assert result.spent.amount is not None
    assert (result.spent.amount.micro_usd, result.spent.priced) == (150_000, False)


async def test_a_session_whose_worker_died_goes_on_in_the_same_worktree(desk: Callable[..., AgentDesk]) -> None:
    async def dies(task: AgentTask, watched: Watched) -> AgentEnd:
        (task.tree / "half.txt").write_text("half\n")
        watched.on_event(AgentEvent(kind=EventKind.USAGE, use=TokenUse(input=70)))
        raise asyncio.CancelledError

    made = desk(dies, writes("notes.txt", "two\n"))
    command = await made.asked()
    with pytest.raises(asyncio.CancelledError):
        await made.execute(command)

    result = await made.execute(command, attempt=2)

    first, second = made.agent.tasks
    assert (first.session_id, second.session_id) == ("", "session-1")
    assert "interrupted" in second.prompt
    assert shown(command.workspace, result.commit, "half.txt") == "half"
    assert made.record(command).lost_tokens == 70
    assert any("its worker died" in warning for warning in result.warnings)
    assert result.spent is not None
    assert result.spent.amount is not None
    assert result.spent.amount.tokens == 170


async def test_a_note_that_comes_while_it_finishes_is_given_before_it_counts_as_done(
    desk: Callable[..., AgentDesk],
) -> None:
    async def told_meanwhile(task: AgentTask, watched: Watched) -> AgentEnd:
        (task.tree / "notes.txt").write_text("two\n")
        NoteBox(Path(command.workspace.root), "edit").leave(a_note("n-1"))
        return done("Done.")

    made = desk(told_meanwhile, writes("more.txt"))
    command = await made.asked()

    result = await made.execute(command)

    assert result.outcome is StepOutcome.SUCCEEDED
    assert "use the other module" in made.agent.tasks[1].prompt
    assert made.record(command).told == ("n-1",)


async def test_a_note_reaches_an_agent_once(desk: Callable[..., AgentDesk]) -> None:
    made = desk(writes("notes.txt", "two\n"))
    command = await made.asked(notes=(a_note("n-1"),))
    left = SteerStep(workspace=command.workspace, session="edit", note=a_note("n-1"))
    await made.call(STEER_STEP, left)
    await made.call(STEER_STEP, left)

    await made.execute(command)

    assert len(made.agent.tasks) == 1
    assert made.agent.tasks[0].prompt.count("use the other module") == 1


@pytest.mark.parametrize("is_guess", [False, True])
async def test_a_turn_whose_account_meets_a_limit_elsewhere_ends_and_the_same_session_goes_on(
    desk: Callable[..., AgentDesk], is_guess: bool
) -> None:
    until = datetime.now(UTC) + timedelta(hours=5)

    async def until_told(task: AgentTask, watched: Watched) -> AgentEnd:
        met = MetLimit(execution=1, limit=AccountLimit(until=until, is_guess=is_guess, because="weekly limit"))
        await made.call(STEER_STEP, SteerStep(workspace=command.workspace, session="edit", met=met))
        return AgentEnd(kind=EndKind.INTERRUPTED) if watched.interrupted() else done("nobody told me")

    made = desk(until_told, writes("notes.txt", "two\n"))
    command = await made.asked()

    result = await made.execute(command)
    again = await made.execute(next_execution(command))

    assert result.failure is not None
    assert result.failure.diagnosis is not None
    assert (result.failure.diagnosis.code, result.failure.diagnosis.reset_at) == (
        "rate_limited",
        None if is_guess else until,
    )
    assert made.agent.tasks[1].session_id == "session-1"
    assert again.outcome is StepOutcome.SUCCEEDED


@pytest.mark.parametrize(("execution", "hours"), [(1, 5), (2, -1)])
async def test_a_limit_of_an_earlier_execution_or_one_that_is_over_ends_no_turn(
    desk: Callable[..., AgentDesk], execution: int, hours: int
) -> None:
    limit = AccountLimit(until=datetime.now(UTC) + timedelta(hours=hours), is_guess=False)
    heard: list[bool] = []

    async def listens(task: AgentTask, watched: Watched) -> AgentEnd:
        heard.append(watched.interrupted())
        return await writes("notes.txt", "two\n")(task, watched)

    made = desk(listens)
    command = next_execution(await made.asked())
    met = MetLimit(execution=execution, limit=limit)
    await made.call(STEER_STEP, SteerStep(workspace=command.workspace, session="edit", met=met))

    result = await made.execute(command)

    assert heard == [False]
    assert result.outcome is StepOutcome.SUCCEEDED


async def test_who_begins_anew_is_told_all_notes_again(desk: Callable[..., AgentDesk]) -> None:
    made = desk(ends(EndKind.CONTEXT_OVERFLOW, "full"), writes("notes.txt", "two\n"))
    command = await made.asked(notes=(a_note("n-1"),))
    await made.execute(command)

    result = await made.execute(next_execution(command, anew=True, level=1))

    assert result.outcome is StepOutcome.SUCCEEDED
    assert made.agent.tasks[1].session_id == ""
    assert "use the other module" in made.agent.tasks[1].prompt


async def test_an_agent_without_sessions_is_given_everything_with_each_turn(desk: Callable[..., AgentDesk]) -> None:
    async def interrupted(task: AgentTask, watched: Watched) -> AgentEnd:
        NoteBox(Path(command.workspace.root), "edit").leave(a_note("n-1"))
        return AgentEnd(kind=EndKind.INTERRUPTED)

    made = desk(interrupted, writes("notes.txt", "two\n"), resumes=False)
    command = await made.asked()

    result = await made.execute(command)

    assert result.outcome is StepOutcome.SUCCEEDED
    assert all("Say two in notes.txt" in task.prompt for task in made.agent.tasks)
    assert "use the other module" in made.agent.tasks[1].prompt


async def test_what_was_taken_and_is_wanted_again_is_begun_anew(desk: Callable[..., AgentDesk]) -> None:
    made = desk(writes("notes.txt", "two\n"), writes("other.txt"))
    command = await made.asked()
    await made.execute(command)

    again = await made.execute(next_execution(command))

    assert made.agent.tasks[1].session_id == ""
    assert again.files_changed == 1
    assert shown(command.workspace, again.commit, "notes.txt") == "one"


async def test_a_session_on_a_checkpoint_that_is_not_in_the_branch_any_more_is_begun_anew(
    desk: Callable[..., AgentDesk],
) -> None:
    made = desk(ends(EndKind.CRASH, "it broke"), writes("notes.txt", "two\n"))
    command = await made.asked()
    mirror = Path(command.workspace.mirror)
    gone = git(mirror, "commit-tree", "-p", command.head, "-m", "rolled back", f"{command.head}^{{tree}}").strip()
    await made.execute(command.model_copy(update={"head": gone}))

    result = await made.execute(next_execution(command))

    assert made.agent.tasks[1].session_id == ""
    assert git(mirror, "rev-parse", f"{result.commit}^").strip() == command.head


async def test_a_session_goes_on_where_its_worktree_is_gone_and_is_told_so(desk: Callable[..., AgentDesk]) -> None:
    made = desk(ends(EndKind.CRASH, "it broke"), writes("notes.txt", "two\n"))
    command = await made.asked()
    await made.execute(command)
    tree = made.agent.tasks[0].tree
    git(Path(command.workspace.mirror), "worktree", "remove", "--force", str(tree))

    result = await made.execute(next_execution(command))

    assert made.agent.tasks[1].session_id == "session-1"
    assert LOST_FILES in made.agent.tasks[1].prompt
    assert result.outcome is StepOutcome.SUCCEEDED


async def test_an_execution_that_was_asked_for_anew_loses_nothing_to_a_second_attempt(
    desk: Callable[..., AgentDesk],
) -> None:
    async def dies(task: AgentTask, watched: Watched) -> AgentEnd:
        (task.tree / "half.txt").write_text("half\n")
        raise asyncio.CancelledError

    made = desk(ends(EndKind.CRASH), dies, writes("notes.txt", "two\n"))
    command = await made.asked()
    await made.execute(command)
    finding = Item(part=PartName.FINDINGS, source="both sides", text="it conflicts")
    anew = next_execution(command, anew=True, turn=TurnName.OBJECTIONS, findings=(finding,))
    with pytest.raises(asyncio.CancelledError):
        await made.execute(anew)

    result = await made.execute(anew, attempt=2)

    assert [task.session_id for task in made.agent.tasks] == ["", "session-1", "session-1"]
    assert shown(command.workspace, result.commit, "half.txt") == "half"


async def test_a_session_that_is_gone_is_begun_anew_and_said(desk: Callable[..., AgentDesk]) -> None:
    made = desk(ends(EndKind.CRASH), writes("notes.txt", "two\n"))
    command = await made.asked()
    await made.execute(command)
    (made.agent.tasks[0].private / "session-1.session").unlink()

    result = await made.execute(next_execution(command))

    assert made.agent.tasks[1].session_id == ""
    assert "Say two in notes.txt" in made.agent.tasks[1].prompt
    assert any("begun anew" in warning for warning in result.warnings)


async def test_a_secret_that_an_agent_wrote_goes_back_to_it_and_into_no_commit(desk: Callable[..., AgentDesk]) -> None:
    made = desk(writes("settings.py", f'KEY = "{SECRET}"\n'), writes("settings.py", 'KEY = os.environ["KEY"]\n'))
    command = await made.asked()

    result = await made.execute(command)

    told = made.agent.tasks[1].prompt
    assert result.outcome is StepOutcome.SUCCEEDED
    assert "settings.py:1" in told
    assert SECRET not in told
    assert shown(command.workspace, result.commit, "settings.py") == 'KEY = os.environ["KEY"]'


async def test_an_agent_that_leaves_its_secret_fails_and_its_worktree_is_set_aside(
    desk: Callable[..., AgentDesk],
) -> None:
    made = desk(*[writes("settings.py", f'KEY = "{SECRET}"\n')] * 2)
    command = await made.asked()

    result = await made.execute(command)

    assert result.failure is not None
    assert result.failure.kind is FailureKind.SECRET
    assert any("its worktree is kept in" in warning for warning in result.warnings)
    assert not (Path(command.workspace.root) / "agent-edit" / "tree").exists()


async def test_a_prompt_that_is_kept_holds_no_secret(desk: Callable[..., AgentDesk]) -> None:
    made = desk(writes("notes.txt", "two\n"))
    secret = "ghp_" + "a1B2" * 9
    command = await made.asked(notes=(GivenNote(id="n-1", note=f"use {secret}", by="ada", at=NOON),))

    result = await made.execute(command)

    kept = made.desk.artifacts.path(result.turns[0].prompt).read_text()
    assert "use " in kept
    assert secret not in kept


async def test_thirty_turns_come_back_as_a_small_result(desk: Callable[..., AgentDesk]) -> None:
    long = "the tests fail because of a very long reason " * 200

    async def told_again(task: AgentTask, watched: Watched) -> AgentEnd:
        number = len(made.agent.tasks)
        NoteBox(Path(command.workspace.root), "edit").leave(a_note(f"n-{number}", long[:2_000]))
        return AgentEnd(kind=EndKind.INTERRUPTED, message=long, answer=long, denied=(long,) * 20)

    made = desk(*[told_again] * 40)
    command = await made.asked()

    result = await made.execute(command)

    assert result.failure is not None
    assert result.failure.diagnosis is not None
    assert result.failure.diagnosis.code == "turns_used_up"
    assert len(StepResult.model_dump_json(result)) < 50_000
