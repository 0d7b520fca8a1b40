"""The user's pre-commit hook and signature, on the run's own copy."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from ostinato.adapters.git.repository import RepositoryState
from ostinato.adapters.git.seal import HookEnd, run_commit_hook, sign_commit
from ostinato.adapters.git.worktrees import prepare_worktree
from tests.repositories import RUN, an_open_mirror, commit, fingerprint, git, make_repository, script

needs_ssh = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    state: RepositoryState
    mirror: Path
    head: str
    folder: Path

    async def run_hook(self, timeout_s: float = 60) -> HookEnd:
        return await run_commit_hook(
            self.state,
            self.mirror,
            self.folder / "seal",
            run_id=RUN,
            base=self.state.base_commit,
            head=self.head,
            env={},
            timeout_s=timeout_s,
        )


async def finished(repository: Path, home: Path) -> Finished:
    """A run whose head adds new.txt to the repository as it is configured now."""
    state, mirror = await an_open_mirror(repository, home)
    await prepare_worktree(mirror, home / "slot", state.base_commit, RUN)
    head = commit(home / "slot", {"new.txt": "n  \n"}, "Add new.txt")
    git(mirror, "update-ref", f"refs/ostinato/{RUN}/branch", head)
    return Finished(state=state, mirror=mirror, head=head, folder=home)


def hooked(path: Path, body: str) -> Path:
    repository = make_repository(path)
    (repository / ".git" / "hooks").mkdir()
    script(repository / ".git" / "hooks" / "pre-commit", body)
    return repository


def with_ssh_key(repository: Path, key: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    settings = {"commit.gpgsign": "true", "gpg.format": "ssh", "user.signingkey": str(key)}
    for name, value in settings.items():
        git(repository, "config", name, value)


async def test_the_hook_sees_everything_the_run_changed_as_staged(tmp_path: Path) -> None:
    run = await finished(hooked(tmp_path / "sample", "git diff --cached --name-only; pwd"), tmp_path)

    end = await run.run_hook()

    assert (end.ran, end.exit_code, end.changed) == (True, 0, False)
    assert end.output.split() == ["new.txt", str(tmp_path / "seal")]


async def test_a_failing_hook_is_reported_with_its_output(tmp_path: Path) -> None:
    run = await finished(hooked(tmp_path / "sample", "echo trailing space; exit 3"), tmp_path)

    end = await run.run_hook()

    assert (end.exit_code, end.output) == (3, "trailing space\n")


async def test_what_a_hook_rewrites_is_returned_as_a_tree(tmp_path: Path) -> None:
    repository = hooked(tmp_path / "sample", "echo clean > new.txt; exit 1")
    run = await finished(repository, tmp_path)
    before = fingerprint(repository)

    end = await run.run_hook()

    assert (end.exit_code, end.changed) == (1, True)
    assert git(run.mirror, "show", f"{end.tree}:new.txt") == "clean"
    assert fingerprint(repository) == before


async def test_a_hook_that_hangs_is_stopped(tmp_path: Path) -> None:
    run = await finished(hooked(tmp_path / "sample", "sleep 60 & sleep 60"), tmp_path)

    end = await run.run_hook(timeout_s=0.5)

    assert (end.ran, end.exit_code) == (True, None)
    assert "was stopped" in end.output


async def test_a_repository_without_a_hook_runs_none(tmp_path: Path) -> None:
    run = await finished(make_repository(tmp_path / "sample"), tmp_path)

    assert await run.run_hook() == HookEnd(ran=False)


async def test_a_repository_that_does_not_sign_keeps_its_commit(tmp_path: Path) -> None:
    run = await finished(make_repository(tmp_path / "sample"), tmp_path)

    done = await sign_commit(run.state, run.mirror, run.head)

    assert (done.commit, done.signed, done.note) == (run.head, False, "")


@needs_ssh
async def test_a_signed_commit_says_the_same_as_before(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "sample")
    with_ssh_key(repository, tmp_path / "key")
    run = await finished(repository, tmp_path)

    done = await sign_commit(run.state, run.mirror, run.head)

    assert done.signed, done.note
    assert "gpgsig" in git(run.mirror, "cat-file", "commit", done.commit)
    shown = "--format=%T %P %an %ae %ad %cn %B"
    assert git(run.mirror, "log", "-1", shown, done.commit) == git(run.mirror, "log", "-1", shown, run.head)


async def test_a_key_that_does_not_work_leaves_the_commit_unsigned_with_a_note(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "sample")
    git(repository, "config", "commit.gpgsign", "true")
    git(repository, "config", "gpg.program", "/nowhere/gpg")
    run = await finished(repository, tmp_path)

    done = await sign_commit(run.state, run.mirror, run.head)

    assert (done.commit, done.signed) == (run.head, False)
    assert "not signed" in done.note


async def test_only_the_pre_commit_hook_runs(tmp_path: Path) -> None:
    repository = hooked(tmp_path / "sample", "exit 0")
    for name in ("reference-transaction", "post-index-change", "post-checkout", "post-commit"):
        script(repository / ".git" / "hooks" / name, f'echo {name} >> "{tmp_path}/ran"')
    run = await finished(repository, tmp_path)
    (tmp_path / "ran").unlink(missing_ok=True)

    end = await run.run_hook()

    assert end.exit_code == 0
    assert not (tmp_path / "ran").exists()
