"""What a step can see and must not tell, in whichever way it tells it; and what git keeps of it: nothing."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from ostinato.contracts.activities import (
    CLOSE_WORKSPACE,
    COLLECT_STEP,
    EXECUTE_STEP,
    PUBLISH_BRANCH,
    SEAL_BRANCH,
    CloseWorkspace,
    CollectStep,
    PublishBranch,
    SealBranch,
)
from ostinato.domain.execution import FailureKind, StepOutcome
from ostinato.domain.gates import Severity, Status
from tests.activities.bench import Bench, shell_step
from tests.activities.test_steps import NOON
from tests.activities.test_workspace import changed, hook
from tests.everywhere import assert_nowhere
from tests.repositories import commit, git

TOKEN = "ghp_" + "Zq8" * 12
PIECES = "T=$(printf 'ghp_%s%s' Zq8Zq8Zq8Zq8Zq8Zq8 Zq8Zq8Zq8Zq8Zq8Zq8);"
WORD = "correct horse battery"
COMMIT = "git add -A && git -c user.name=A -c user.email=a@b.c commit -qm"


def a_personal_file(bench: Bench) -> None:
    commit(bench.repository, {".gitignore": ".env\n", ".worktreeinclude": ".env\n"})
    (bench.repository / ".env").write_text(f'DATABASE_PASSWORD="{WORD}"\n')


@pytest.mark.parametrize("line", [". ./.env", ". ./.env; rm .env", ". ./.env; echo DATABASE_PASSWORD=x > .env"])
async def test_what_a_copied_file_holds_is_told_nowhere(bench: Bench, line: str) -> None:
    a_personal_file(bench)
    said = json.dumps({"said": "$DATABASE_PASSWORD"}).replace('"', '\\"')
    command = await bench.ready(
        shell_step(f'{line}; echo "$DATABASE_PASSWORD"; echo "{said}" > $OSTINATO_OUTPUT; exit 4')
    )
    beats: list[Any] = []
    environment = ActivityEnvironment()
    environment.on_heartbeat = lambda *details: beats.append(details)

    result = await bench.call(EXECUTE_STEP, command, within=environment)
    await bench.call(CLOSE_WORKSPACE, CloseWorkspace(workspace=command.workspace))

    assert result.output["said"] == "[redacted:known-value]"
    assert "[redacted:known-value]" in result.summary
    assert WORD not in result.model_dump_json() + str(beats)
    assert_nowhere(WORD, bench.home)


async def test_what_a_copied_file_holds_is_not_committed(bench: Bench) -> None:
    a_personal_file(bench)
    command = await bench.ready(shell_step('. ./.env; echo "$DATABASE_PASSWORD" > leak.txt'))

    result = await bench.execute(command)

    assert result.failure is not None
    assert (result.failure.kind, result.commit) == (FailureKind.SECRET, "")
    assert "leak.txt:1" in result.failure.message
    places = list((bench.home / "quarantine").iterdir())
    assert [stat.S_IMODE(place.stat().st_mode) for place in (bench.home / "quarantine", *places)] == [0o700, 0o700]
    assert_nowhere(WORD, bench.home, but=(bench.home / "quarantine",))


@pytest.mark.parametrize("ending", ["", "; exit 3"], ids=["succeeds", "fails"])
async def test_what_a_step_committed_and_deleted_again_is_no_object_any_more(bench: Bench, ending: str) -> None:
    line = f'{PIECES} echo $T > leak.txt; {COMMIT} "use $T"; git rm -q leak.txt; {COMMIT} gone; echo two >> notes.txt'
    command = await bench.ready(shell_step(line + ending))

    result = await bench.execute(command)
    await bench.call(CLOSE_WORKSPACE, CloseWorkspace(workspace=command.workspace))

    assert result.outcome is (StepOutcome.FAILED if ending else StepOutcome.SUCCEEDED)
    assert any("put a secret into git" in warning for warning in result.warnings)
    assert result.files_changed == (0 if ending else 1)
    assert_nowhere(TOKEN, bench.home)


async def test_what_a_stopped_step_put_into_git_goes_as_the_run_is_closed(bench: Bench) -> None:
    command = await bench.ready(shell_step("true"))
    await bench.execute(command)
    tree = Path(command.workspace.root) / "w1" / "tree"
    commit(tree, {"leak.txt": TOKEN})
    git(tree, "reset", "-q", "--hard", command.head)

    await bench.call(CLOSE_WORKSPACE, CloseWorkspace(workspace=command.workspace))

    assert_nowhere(TOKEN, bench.home)


async def test_what_a_person_committed_and_deleted_is_no_object_any_more(bench: Bench) -> None:
    step = shell_step("true")
    workspace = await bench.opened()
    checkout = await bench.prepared(workspace, step)
    commit(Path(checkout.worktree), {"leak.txt": TOKEN})
    commit(Path(checkout.worktree), {"leak.txt": "nothing\n"})

    result = await bench.call(
        COLLECT_STEP,
        CollectStep(
            workspace=workspace,
            step=step,
            execution=1,
            checkout=checkout,
            answered_by="ada",
            note="",
            started_at=NOON.replace(year=2020),
        ),
    )
    await bench.call(CLOSE_WORKSPACE, CloseWorkspace(workspace=workspace))

    assert (result.files_changed, len(result.warnings)) == (1, 1)
    assert_nowhere(TOKEN, bench.home)


async def test_a_hook_that_writes_a_secret_fails_its_gate_and_nothing_of_it_is_kept(bench: Bench) -> None:
    hook(bench, f"{PIECES} echo $T | tee leak.txt; git add leak.txt")
    workspace, head = await changed(bench)

    sealed = await bench.call(SEAL_BRANCH, SealBranch(workspace=workspace, head=head, trusted=True))

    assert sealed.gate is not None
    assert (sealed.head, sealed.gate.status, sealed.gate.severity) == (head, Status.FAIL, Severity.CRITICAL)
    assert (sealed.gate.code, "leak.txt:1" in sealed.gate.message) == ("hook_secret", True)
    assert "quarantine" in sealed.gate.recommendation
    assert_nowhere(TOKEN, bench.home, bench.repository, but=(bench.home / "quarantine",))


async def test_a_branch_with_a_secret_is_not_given_to_the_user(bench: Bench) -> None:
    workspace, head = await changed(bench)
    mirror = Path(workspace.mirror)
    leak = git(mirror, "commit-tree", f"{head}^{{tree}}", "-p", head, "-m", f"Use {TOKEN}")

    with pytest.raises(ApplicationError) as refused:
        await bench.call(PUBLISH_BRANCH, PublishBranch(workspace=workspace, head=leak))

    assert (refused.value.type, TOKEN in refused.value.message) == ("secret_found", False)
    assert_nowhere(TOKEN, bench.repository)
