"""Opening, sealing, publishing and closing on real git: the user's hooks and signature, and nothing lost."""

import shutil
import subprocess
from pathlib import Path

import pytest

from ostinato.contracts.activities import (
    CLOSE_WORKSPACE,
    PUBLISH_BRANCH,
    SEAL_BRANCH,
    CloseWorkspace,
    PublishBranch,
    SealBranch,
    Sealed,
)
from ostinato.domain.gates import Status
from ostinato.domain.workspace import Workspace
from tests.activities.bench import Bench, shell_step, shown
from tests.repositories import RUN, git, script, write

needs_ssh = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")


async def test_opening_a_second_time_gives_the_same_workspace(bench: Bench) -> None:
    first = await bench.opened()
    git(bench.repository, "commit", "-q", "--allow-empty", "-m", "The user goes on")

    second = await bench.opened(base=first.base_commit)

    assert second.model_copy(update={"base_branch": first.base_branch}) == first


async def test_uncommitted_work_comes_along_only_when_asked_for(bench: Bench) -> None:
    write(bench.repository, {"notes.txt": "uncommitted\n", "new.txt": "new\n"})

    left = await bench.opened()
    carried = await bench.opened(include_dirty=True)

    assert left.head == left.base_commit
    assert set(left.dirty_paths) == {"notes.txt", "new.txt"}
    assert shown(carried, carried.head, "notes.txt") == "uncommitted"
    assert shown(carried, carried.head, "new.txt") == "new"


async def test_a_hook_that_refuses_is_a_failed_gate_and_the_head_stays(bench: Bench) -> None:
    hook(bench, "echo 'no tabs, please'; exit 1")
    workspace, head = await changed(bench)

    sealed = await seal(bench, workspace, head)

    assert sealed.head == head
    assert sealed.gate is not None
    assert (sealed.gate.status, sealed.gate.code, sealed.gate.commit) == (Status.FAIL, "hook_refused", head)
    assert "no tabs, please" in sealed.gate.message
    assert sealed.gate.evidence


async def test_what_a_hook_rewrites_becomes_the_final_commit(bench: Bench) -> None:
    hook(bench, "echo '# checked' >> notes.txt && git add notes.txt")
    workspace, head = await changed(bench)

    sealed = await seal(bench, workspace, head)

    assert sealed.gate is not None
    assert (sealed.gate.status, sealed.gate.commit) == (Status.PASS, sealed.head)
    assert shown(workspace, sealed.head, "notes.txt") == "one\ntwo\n# checked"
    assert git(Path(workspace.mirror), "rev-parse", f"{sealed.head}^") == head


async def test_a_hook_of_a_repository_that_is_not_trusted_is_not_run(bench: Bench, tmp_path: Path) -> None:
    outside = tmp_path / "outside.log"
    hook(bench, f"touch '{outside}'")
    workspace, head = await changed(bench)

    sealed = await seal(bench, workspace, head, trusted=False)

    assert (sealed.head, sealed.gate) == (head, None)
    assert "not trusted" in sealed.notes[0]
    assert not outside.exists()


async def test_a_run_that_changed_nothing_is_not_sealed(bench: Bench, tmp_path: Path) -> None:
    outside = tmp_path / "outside.log"
    hook(bench, f"touch '{outside}'")
    workspace = await bench.opened()

    sealed = await seal(bench, workspace, workspace.base_commit)

    assert sealed == Sealed(head=workspace.base_commit)
    assert not outside.exists()


@needs_ssh
async def test_the_final_commit_carries_the_users_signature(bench: Bench, tmp_path: Path) -> None:
    signing(bench, tmp_path / "key")
    workspace, head = await changed(bench)

    sealed = await seal(bench, workspace, head)

    raw = git(Path(workspace.mirror), "cat-file", "commit", sealed.head)
    assert "BEGIN SSH SIGNATURE" in raw
    assert (sealed.head != head, sealed.notes) == (True, ())


@needs_ssh
async def test_steps_are_never_signed_and_an_untrusted_run_says_that_it_is_not(bench: Bench, tmp_path: Path) -> None:
    signing(bench, tmp_path / "key")
    workspace, head = await changed(bench)

    sealed = await seal(bench, workspace, head, trusted=False)

    assert "SIGNATURE" not in git(Path(workspace.mirror), "cat-file", "commit", head)
    assert sealed.head == head
    assert "not signed" in sealed.notes[0]


async def test_a_key_that_is_missing_leaves_a_note_and_an_unsigned_commit(bench: Bench, tmp_path: Path) -> None:
    for name, value in {"commit.gpgsign": "true", "gpg.format": "ssh", "user.signingkey": "/nowhere/key"}.items():
        git(bench.repository, "config", name, value)
    workspace, head = await changed(bench)

    sealed = await seal(bench, workspace, head)

    assert sealed.head == head
    assert "not signed" in sealed.notes[0]


async def test_publishing_twice_gives_the_user_one_branch_and_leaves_theirs_alone(bench: Bench) -> None:
    workspace, head = await changed(bench)
    command = PublishBranch(workspace=workspace, head=head, passed_gates=("tests",))

    first = await bench.call(PUBLISH_BRANCH, command)
    second = await bench.call(PUBLISH_BRANCH, command)

    assert (first.branch, first.commit, second.commit) == (f"ostinato/{RUN}", head, head)
    assert git(bench.repository, "rev-parse", f"ostinato/{RUN}") == head
    assert git(bench.repository, "rev-parse", "main") == workspace.base_commit
    assert git(bench.repository, "status", "--porcelain") == ""


async def test_closing_saves_unfinished_work_and_the_second_time_finds_nothing(bench: Bench) -> None:
    command = await bench.ready(shell_step("true"))
    worktree = await bench.left_over(command, "notes.txt", "half done\n")

    closed = await bench.call(CLOSE_WORKSPACE, CloseWorkspace(workspace=command.workspace))
    again = await bench.call(CLOSE_WORKSPACE, CloseWorkspace(workspace=command.workspace))

    assert shown(command.workspace, closed.saved_refs[0], "notes.txt") == "half done"
    assert not worktree.exists()
    assert again.saved_refs == ()


def hook(bench: Bench, body: str) -> None:
    folder = bench.repository / ".git" / "hooks"
    folder.mkdir(exist_ok=True)
    script(folder / "pre-commit", body)


def signing(bench: Bench, key: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    for name, value in {"commit.gpgsign": "true", "gpg.format": "ssh", "user.signingkey": str(key)}.items():
        git(bench.repository, "config", name, value)


async def changed(bench: Bench) -> tuple[Workspace, str]:
    """A run with one step's commit at its head."""
    command = await bench.ready(shell_step("echo two >> notes.txt"))
    return command.workspace, (await bench.execute(command)).commit


async def seal(bench: Bench, workspace: Workspace, head: str, *, trusted: bool = True) -> Sealed:
    return await bench.call(SEAL_BRANCH, SealBranch(workspace=workspace, head=head, trusted=trusted))
