"""Going back to a checkpoint, and taking a run over in another home, on real git."""

from dataclasses import replace
from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError

from ostinato.contracts.activities import (
    FEEL_PULSE,
    INTEGRATE_STEPS,
    ROLL_BACK_BRANCH,
    TAKE_OVER,
    FeelPulse,
    Integrated,
    IntegrateSteps,
    RollBackBranch,
    StepToIntegrate,
    TakeOver,
)
from ostinato.domain.ids import StepId
from ostinato.domain.workspace import Workspace
from tests.activities.bench import Bench, shell_step, shown
from tests.repositories import RUN, git


async def test_whoever_is_asked_for_its_pulse_says_which_home_it_has(bench: Bench) -> None:
    alive = await bench.call(FEEL_PULSE, FeelPulse(queue="q"))

    assert alive.owner == bench.desk.home.queue


async def test_the_branch_goes_back_and_what_was_left_behind_is_kept(bench: Bench) -> None:
    workspace, first, second = await two_steps(bench)
    command = RollBackBranch(workspace=workspace, head=second, commit=first)

    done = await bench.call(ROLL_BACK_BRANCH, command)

    assert (done.head, head_of(workspace)) == (first, first)
    assert git(Path(workspace.mirror), "rev-parse", done.kept) == second


async def test_some_files_come_back_as_a_commit_on_top(bench: Bench) -> None:
    workspace, first, second = await two_steps(bench)

    done = await bench.call(
        ROLL_BACK_BRANCH,
        RollBackBranch(workspace=workspace, head=second, commit=first, files=("notes.txt",), label="1-one"),
    )

    assert git(Path(workspace.mirror), "rev-parse", f"{done.head}^") == second
    assert shown(workspace, done.head, "notes.txt") == "one\ntwo"
    assert shown(workspace, done.head, "new.txt") == "new"


async def test_a_checkpoint_that_cannot_be_found_is_refused(bench: Bench) -> None:
    workspace, _, second = await two_steps(bench)

    with pytest.raises(ApplicationError) as refused:
        await bench.call(ROLL_BACK_BRANCH, RollBackBranch(workspace=workspace, head=second, commit="d" * 40))

    assert refused.value.type == "checkpoint_incomplete"
    assert head_of(workspace) == second


async def test_the_owner_that_came_back_keeps_its_place(bench: Bench) -> None:
    workspace, _, head = await two_steps(bench)

    taken = await bench.call(TAKE_OVER, TakeOver(workspace=raised(workspace), head=head))

    assert (taken.same_place, taken.head) == (True, head)


async def test_another_home_goes_on_at_the_newest_checkpoint_and_the_old_one_is_refused(
    bench: Bench, tmp_path: Path
) -> None:
    workspace, _, head = await two_steps(bench)
    other = replace(bench, home=tmp_path / "other")
    other.home.mkdir()

    taken = await other.call(TAKE_OVER, TakeOver(workspace=raised(workspace), head=head))
    late = await integrated(bench, workspace, "late", "echo late > late.txt", head)

    assert (taken.same_place, taken.head, taken.missing) == (False, head, ())
    assert taken.workspace.queue == other.desk.home.queue
    assert shown(taken.workspace, taken.head, "new.txt") == "new"
    assert late.superseded


async def test_what_was_pushed_and_never_reported_is_done_again(bench: Bench, tmp_path: Path) -> None:
    workspace, known, _ = await two_steps(bench)
    other = replace(bench, home=tmp_path / "other")
    other.home.mkdir()

    taken = await other.call(TAKE_OVER, TakeOver(workspace=raised(workspace), head=known))

    assert (taken.head, taken.missing) == (known, ())
    assert head_of(taken.workspace) == known


async def test_the_owner_that_came_back_has_its_branch_where_the_workflow_knows_it(bench: Bench) -> None:
    workspace, known, ahead = await two_steps(bench)

    taken = await bench.call(TAKE_OVER, TakeOver(workspace=raised(workspace), head=known))

    assert (taken.same_place, head_of(workspace)) == (True, known)
    assert ahead in git(Path(workspace.mirror), "for-each-ref", "--format=%(objectname)", f"refs/ostinato/{RUN}")


async def two_steps(bench: Bench) -> tuple[Workspace, str, str]:
    """A run's workspace and its two checkpoints."""
    workspace = await bench.opened()
    first = (await integrated(bench, workspace, "one", "echo two >> notes.txt", workspace.head)).head
    line = "echo three >> notes.txt; echo new > new.txt"
    return workspace, first, (await integrated(bench, workspace, "two", line, first)).head


async def integrated(bench: Bench, workspace: Workspace, step_id: str, line: str, head: str) -> Integrated:
    step = shell_step(line).model_copy(update={"id": StepId(step_id)})
    command = (await bench.ready(step)).model_copy(update={"head": head})
    result = await bench.execute(command)
    steps = (StepToIntegrate(step_id=result.step_id, execution=1, commit=result.commit),)
    return await bench.call(INTEGRATE_STEPS, IntegrateSteps(workspace=workspace, steps=steps, head=head))


def raised(workspace: Workspace) -> Workspace:
    return workspace.model_copy(update={"epoch": workspace.epoch + 1})


def head_of(workspace: Workspace) -> str:
    return git(Path(workspace.mirror), "rev-parse", f"refs/heads/ostinato/{RUN}")
