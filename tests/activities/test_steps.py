"""step.collect and step.integrate: a person's work, and bringing steps onto the run's branch."""

from datetime import UTC, datetime
from pathlib import Path

from ostinato.contracts.activities import (
    COLLECT_STEP,
    DESCRIBE_CONFLICT,
    INTEGRATE_STEPS,
    CollectStep,
    DescribeConflict,
    Integrated,
    IntegrateSteps,
    StepToIntegrate,
)
from ostinato.domain.execution import StepOutcome, StepResult
from ostinato.domain.ids import StepId
from ostinato.domain.plan import AgentAction, Step
from ostinato.domain.workspace import Checkout, Integration, Workspace
from tests.activities.bench import Bench, shell_step, shown
from tests.repositories import RUN, git

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


async def test_what_a_person_left_in_the_worktree_becomes_the_steps_commit(bench: Bench) -> None:
    workspace, checkout = await handed_over(bench)
    (Path(checkout.worktree) / "notes.txt").write_text("fixed\n")

    result = await collect(bench, workspace, checkout, note="It was off by one")

    assert (result.agent, result.summary, result.files_changed) == ("person:ada", "It was off by one", 1)
    assert shown(workspace, result.commit, "notes.txt") == "fixed"
    assert result.started_at == NOON


async def test_what_a_person_committed_themselves_is_collapsed_into_one_commit(bench: Bench) -> None:
    workspace, checkout = await handed_over(bench)
    for text in ("first\n", "second\n"):
        (Path(checkout.worktree) / "notes.txt").write_text(text)
        git(Path(checkout.worktree), "-c", "user.name=A", "-c", "user.email=a@b.c", "commit", "-qam", text.strip())

    result = await collect(bench, workspace, checkout)

    assert shown(workspace, result.commit, "notes.txt") == "second"
    assert git(Path(workspace.mirror), "rev-parse", f"{result.commit}^") == workspace.base_commit


async def test_collecting_a_second_time_returns_the_first_commit(bench: Bench) -> None:
    workspace, checkout = await handed_over(bench)
    (Path(checkout.worktree) / "notes.txt").write_text("fixed\n")
    first = await collect(bench, workspace, checkout)
    (Path(checkout.worktree) / "notes.txt").write_text("changed later\n")

    second = await collect(bench, workspace, checkout)

    assert second == first


async def test_nothing_to_collect_is_not_recorded_so_that_a_person_may_go_on(bench: Bench) -> None:
    workspace, checkout = await handed_over(bench)
    empty = await collect(bench, workspace, checkout)
    (Path(checkout.worktree) / "notes.txt").write_text("fixed\n")

    result = await collect(bench, workspace, checkout)

    assert (empty.outcome, empty.commit) == (StepOutcome.SUCCEEDED, "")
    assert result.commit != ""


async def test_integrating_twice_gives_the_same_head_and_moves_the_branch_once(bench: Bench) -> None:
    workspace, result = await edited(bench, "echo two >> notes.txt")

    first = await integrate(bench, workspace, result)
    second = await integrate(bench, workspace, result)

    assert second == first
    assert head_of(workspace) == first.head
    assert git(Path(workspace.mirror), "rev-list", "--count", f"{workspace.base_commit}..{first.head}") == "1"


async def test_a_step_that_started_earlier_is_brought_onto_the_newer_head(bench: Bench) -> None:
    workspace, one = await edited(bench, "echo two >> notes.txt", step_id="one")
    _, two = await edited(bench, "echo hello > hello.txt", step_id="two", slot="w2")
    head = (await integrate(bench, workspace, one)).head

    integrated = await integrate(bench, workspace, two, head=head)

    assert integrated.conflicts == ()
    assert shown(workspace, integrated.head, "notes.txt") == "one\ntwo"
    assert shown(workspace, integrated.head, "hello.txt") == "hello"


async def test_a_conflict_integrates_nothing_and_names_the_paths(bench: Bench) -> None:
    workspace, one = await edited(bench, "echo mine > notes.txt", step_id="one")
    _, two = await edited(bench, "echo theirs > notes.txt", step_id="two", slot="w2")
    head = (await integrate(bench, workspace, one)).head

    integrated = await integrate(bench, workspace, two, head=head)

    assert integrated.conflicts == ("notes.txt",)
    assert (integrated.head, head_of(workspace)) == (head, head)


async def test_what_waits_together_comes_onto_the_branch_together_and_a_conflict_stops_no_other(bench: Bench) -> None:
    workspace, one = await edited(bench, "echo mine > notes.txt", step_id="one")
    _, two = await edited(bench, "echo theirs > notes.txt", step_id="two", slot="w2")
    _, three = await edited(bench, "echo hello > hello.txt", step_id="three", slot="w3")

    done = await integrate_all(bench, workspace, one, two, three)

    assert [found.conflicts for found in done.integrations] == [(), ("notes.txt",), ()]
    assert (done.head, done.superseded) == (head_of(workspace), False)
    assert shown(workspace, done.head, "notes.txt") == "mine"
    assert shown(workspace, done.head, "hello.txt") == "hello"


async def test_a_conflict_is_described_with_both_sides(bench: Bench) -> None:
    workspace, one = await edited(bench, "echo mine > notes.txt", step_id="one")
    _, two = await edited(bench, "echo theirs > notes.txt", step_id="two", slot="w2")
    await integrate_all(bench, workspace, one, two)

    described = await bench.call(
        DESCRIBE_CONFLICT, DescribeConflict(workspace=workspace, step_id=two.step_id, execution=1)
    )

    assert "mine" in described.diff
    assert "theirs" in described.diff


async def handed_over(bench: Bench) -> tuple[Workspace, Checkout]:
    workspace = await bench.opened()
    return workspace, await bench.prepared(workspace, mind_step(), slot="handoff-mind")


def mind_step() -> Step:
    return Step(id=StepId("mind"), name="Fix the crash", action=AgentAction(prompt="Fix it"), writes=("**",))


async def collect(bench: Bench, workspace: Workspace, checkout: Checkout, note: str = "") -> StepResult:
    command = CollectStep(
        workspace=workspace,
        step=mind_step(),
        execution=1,
        checkout=checkout,
        answered_by="ada",
        note=note,
        started_at=NOON,
    )
    return await bench.call(COLLECT_STEP, command)


async def edited(bench: Bench, line: str, *, step_id: str = "edit", slot: str = "w1") -> tuple[Workspace, StepResult]:
    """A step that ran on the base commit."""
    step = shell_step(line).model_copy(update={"id": StepId(step_id)})
    command = await bench.ready(step, slot=slot)
    return command.workspace, await bench.execute(command)


async def integrate(bench: Bench, workspace: Workspace, result: StepResult, head: str = "") -> Integration:
    (integration,) = (await integrate_all(bench, workspace, result, head=head)).integrations
    return integration


async def integrate_all(bench: Bench, workspace: Workspace, *results: StepResult, head: str = "") -> Integrated:
    steps = tuple(
        StepToIntegrate(step_id=result.step_id, execution=result.execution, commit=result.commit) for result in results
    )
    return await bench.call(
        INTEGRATE_STEPS, IntegrateSteps(workspace=workspace, steps=steps, head=head or workspace.head)
    )


def head_of(workspace: Workspace) -> str:
    return git(Path(workspace.mirror), "rev-parse", f"refs/heads/ostinato/{RUN}")
