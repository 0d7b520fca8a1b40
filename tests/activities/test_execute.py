"""step.execute on real git and real processes: exactly once in git, whatever happens to the worker."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from temporalio.testing import ActivityEnvironment

from ostinato.contracts.activities import EXECUTE_STEP, PREPARE_STEP, ExecuteStep, PrepareStep
from ostinato.domain.execution import FailureKind, StepOutcome
from ostinato.domain.plan import CommandAction, Recovery
from tests.activities.bench import Bench, shell_step, shown
from tests.repositories import RUN, fingerprint


async def test_what_a_command_changed_is_one_commit_with_the_steps_trailers(bench: Bench) -> None:
    command = await bench.ready(shell_step("echo two >> notes.txt && echo new > new.txt"))

    result = await bench.execute(command)

    assert result.outcome is StepOutcome.SUCCEEDED
    assert result.files_changed == 2
    assert shown(command.workspace, result.commit, "notes.txt") == "one\ntwo"
    assert bench.refs(command.workspace, "steps") == {f"refs/ostinato/{RUN}/steps/edit/1": result.commit}


async def test_a_second_execution_returns_the_recorded_result_and_runs_nothing(bench: Bench, tmp_path: Path) -> None:
    outside = tmp_path / "outside.log"
    command = await bench.ready(shell_step(f"echo ran >> '{outside}'; echo two >> notes.txt"))

    first = await bench.execute(command)
    second = await bench.execute(command, attempt=2)

    assert second == first
    assert outside.read_text() == "ran\n"


async def test_a_recorded_step_is_not_even_prepared_again(bench: Bench) -> None:
    command = await bench.ready(shell_step("echo two >> notes.txt"))
    result = await bench.execute(command)

    again = await bench.call(
        PREPARE_STEP,
        PrepareStep(
            workspace=command.workspace,
            step=command.step,
            execution=1,
            slot="w2",
            head=command.head,
            trusted=True,
        ),
    )

    assert again.recorded == result
    assert not (Path(command.workspace.root) / "w2").exists()


async def test_a_failed_execution_is_recorded_and_the_next_one_is_free_to_run(bench: Bench, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    command = await bench.ready(shell_step(f"test -e '{flag}' || {{ touch '{flag}'; exit 3; }}"))

    first = await bench.execute(command)
    again = await bench.execute(command, attempt=2)
    second = await bench.execute(command.model_copy(update={"execution": 2}))

    assert first.failure is not None
    assert first.failure.kind is FailureKind.EXIT_STATUS
    assert again == first
    assert second.outcome is StepOutcome.SUCCEEDED


async def test_after_an_interruption_work_starts_from_the_checkpoint_and_leftovers_are_kept(bench: Bench) -> None:
    command = await bench.ready(shell_step("cat notes.txt > seen.txt"))
    interrupted(command)
    await bench.left_over(command, "notes.txt", "half done\n")

    result = await bench.execute(command, attempt=2)

    assert shown(command.workspace, result.commit, "seen.txt") == "one"
    (saved,) = bench.refs(command.workspace, "saved").values()
    assert shown(command.workspace, saved, "notes.txt") == "half done"


async def test_an_interrupted_step_that_asks_is_unknown_and_stays_so(bench: Bench, tmp_path: Path) -> None:
    outside = tmp_path / "outside.log"
    command = await bench.ready(shell_step(f"echo ran >> '{outside}'", recovery=Recovery(kind="ask")))
    interrupted(command)

    result = await bench.execute(command, attempt=2)
    again = await bench.execute(command, attempt=3)

    assert result.outcome is StepOutcome.UNKNOWN
    assert again == result
    assert not outside.exists()


@pytest.mark.parametrize(("already_there", "times"), [(True, 0), (False, 1)], ids=["there", "missing"])
async def test_reconcile_runs_again_only_what_its_check_does_not_find(
    bench: Bench, tmp_path: Path, already_there: bool, times: int
) -> None:
    outside, effect = tmp_path / "outside.log", tmp_path / "effect"
    recovery = Recovery(kind="reconcile", check=f"test -e '{effect}'")
    command = await bench.ready(shell_step(f"echo ran >> '{outside}'", recovery=recovery))
    interrupted(command)
    if already_there:
        effect.touch()

    result = await bench.execute(command, attempt=2)

    assert result.outcome is StepOutcome.SUCCEEDED
    assert (outside.read_text().count("ran") if outside.exists() else 0) == times


async def test_commands_of_a_repository_that_is_not_trusted_are_not_run(bench: Bench, tmp_path: Path) -> None:
    outside = tmp_path / "outside.log"
    command = await bench.ready(shell_step(f"echo ran >> '{outside}'"), trusted=False)

    result = await bench.execute(command)

    assert result.failure is not None
    assert result.failure.kind is FailureKind.NOT_TRUSTED
    assert not outside.exists()


async def test_a_step_that_runs_out_of_time_fails_and_leaves_no_process(bench: Bench, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    command = await bench.ready(shell_step(f"sleep 300 & echo $! $$ > '{pids}'; wait", timeout_s=1.0))

    result = await bench.execute(command)

    assert result.failure is not None
    assert result.failure.kind is FailureKind.TIMEOUT
    assert "1 s" in result.failure.message
    assert not any(psutil.pid_exists(pid) for pid in pids_in(pids))


async def test_cancelling_returns_only_when_the_whole_process_tree_is_gone(bench: Bench, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    command = await bench.ready(shell_step(f"sleep 300 & echo $! $$ > '{pids}'; wait"))
    environment = ActivityEnvironment()
    running = asyncio.create_task(bench.call(EXECUTE_STEP, command, within=environment))
    await until(lambda: len(pids_in(pids)) == 2)

    environment.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert not any(psutil.pid_exists(pid) for pid in pids_in(pids))
    assert bench.refs(command.workspace, "results") == {}


async def test_a_command_that_does_not_exist_is_said_to_be_missing(bench: Bench) -> None:
    step = shell_step("").model_copy(update={"action": CommandAction(argv=("no-such-program", "--now"))})
    command = await bench.ready(step)

    result = await bench.execute(command)

    assert result.failure is not None
    assert result.failure.kind is FailureKind.MISSING_COMMAND
    assert "no-such-program --now" in result.failure.message


async def test_what_was_written_outside_the_claim_is_kept_and_named(bench: Bench) -> None:
    command = await bench.ready(shell_step("echo a > docs.md; echo b > notes.txt", writes=("*.md",)))

    result = await bench.execute(command)

    assert result.files_changed == 2
    assert any("notes.txt" in warning and "outside" in warning for warning in result.warnings)


async def test_a_step_touches_nothing_of_the_users_repository(bench: Bench) -> None:
    before = fingerprint(bench.repository)
    command = await bench.ready(shell_step("rm notes.txt; git config user.name Mallory; git branch mine"))

    await bench.execute(command)

    assert fingerprint(bench.repository) == before


async def test_a_step_without_a_change_has_a_result_and_no_commit(bench: Bench) -> None:
    command = await bench.ready(shell_step("echo looked"))

    result = await bench.execute(command)

    assert (result.outcome, result.commit, result.summary) == (StepOutcome.SUCCEEDED, "", "looked")
    assert len(bench.refs(command.workspace, "results")) == 1


def interrupted(command: ExecuteStep) -> None:
    """As a worker leaves it that is killed after it began and before it has a result."""
    started = Path(command.workspace.root) / "started" / f"{command.step.id}-{command.execution}"
    started.parent.mkdir(parents=True, exist_ok=True)
    started.touch()


def pids_in(file: Path) -> list[int]:
    return [int(word) for word in file.read_text().split()] if file.exists() else []


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it never came true")
