"""Whatever a run does, the user's repository is byte for byte as before, and runs no program of its own."""

import os
import time
from pathlib import Path

import pytest

from ostinato.adapters.git.commits import snapshot
from ostinato.adapters.git.mirror import carry_dirty
from ostinato.adapters.git.objects import record
from ostinato.adapters.git.publish import publish
from ostinato.adapters.git.repository import inspect_repository
from ostinato.adapters.git.worktrees import copy_worktreeinclude, prepare_worktree, remove_worktree
from tests.repositories import (
    AUTHOR,
    RUN,
    a_key,
    an_open_mirror,
    commit,
    fingerprint,
    git,
    make_repository,
    plant_hooks,
    script,
    write,
)

HOOKS = (
    "applypatch-msg", "commit-msg", "fsmonitor-watchman", "post-checkout", "post-commit", "post-index-change",
    "post-merge", "post-receive", "post-rewrite", "post-update", "pre-commit", "pre-merge-commit", "pre-push",
    "pre-receive", "prepare-commit-msg", "proc-receive", "reference-transaction", "update",
)  # fmt: skip


async def whole_run(repository: Path, home: Path, *, include_dirty: bool = True) -> str:
    """Everything a run does to a repository, from the first look to the published branch."""
    await inspect_repository(repository)
    state, mirror = await an_open_mirror(repository, home)
    start = (include_dirty and await carry_dirty(state, mirror, RUN)) or state.base_commit
    worktree = home / "slot"
    await prepare_worktree(mirror, worktree, start, RUN)
    await copy_worktreeinclude(state.root, worktree)
    write(worktree, {"made.txt": "by a step"})
    taken = await snapshot(
        worktree, mirror=mirror, parent=start, message="Make", author=AUTHOR, trailers=a_key().trailers
    )
    assert taken is not None
    await record(mirror, a_key().ref, taken.commit)
    done = await publish(state, mirror, run_id=RUN, head=taken.commit)
    assert done.pushed, done.message
    await remove_worktree(mirror, worktree, RUN)
    return taken.commit


def make_hostile(repository: Path, marker: Path) -> None:
    """Every door through which a repository can have a program run."""
    plant_hooks(repository, marker, HOOKS)
    tell = script(marker.parent / "tell", f'echo "$0 $@" >> "{marker}"; cat')
    for key in ("core.fsmonitor", "core.alternateRefsCommand", "diff.external", "gpg.program", "core.sshCommand",
                "core.pager", "core.editor", "filter.evil.clean", "filter.evil.smudge", "filter.evil.process",
                "diff.evil.textconv", "diff.evil.command", "merge.evil.driver", "uploadpack.packObjectsHook"):  # fmt: skip
        git(repository, "config", key, str(tell))
    git(repository, "config", "filter.evil.required", "true")
    git(repository, "config", "commit.gpgSign", "true")
    git(repository, "-c", "core.hooksPath=/dev/null", "update-index", "--fsmonitor")
    marker.unlink(missing_ok=True)


@pytest.fixture
def dirty_repository(tmp_path: Path) -> Path:
    repository = make_repository(tmp_path / "Größe 大", commits=[{"b.txt": "1\n"}])
    write(repository, {"b.txt": "stashed\n"})
    git(repository, "stash")
    write(repository, {"README.md": "edited\n", "untracked.txt": "u", "staged.txt": "s", ".gitignore": ".env\n"})
    write(repository, {".env": "A=1", ".worktreeinclude": ".env\n"})
    git(repository, "add", "staged.txt")
    return repository


def age(repository: Path) -> None:
    """Gives tracked files new times, so that git would love to refresh its index."""
    later = time.time() + 5
    for file in repository.rglob("*"):
        if file.is_file() and ".git" not in file.relative_to(repository).parts:
            os.utime(file, (later, later))


async def test_a_whole_run_changes_nothing_but_our_refs(dirty_repository: Path, tmp_path: Path) -> None:
    age(dirty_repository)
    before, stash = fingerprint(dirty_repository), git(dirty_repository, "rev-parse", "stash")

    made = await whole_run(dirty_repository, tmp_path / "home")

    assert fingerprint(dirty_repository) == before
    assert git(dirty_repository, "rev-parse", "stash", f"ostinato/{RUN}").split() == [stash, made]


async def test_a_linked_worktree_and_its_siblings_stay_as_they_are(dirty_repository: Path, tmp_path: Path) -> None:
    side = tmp_path / "side"
    git(dirty_repository, "worktree", "add", "-q", "-b", "side", str(side))
    write(side, {"README.md": "edited at the side\n"})
    before = fingerprint(dirty_repository), fingerprint(side)

    await whole_run(side, tmp_path / "home")

    assert (fingerprint(dirty_repository), fingerprint(side)) == before


async def test_no_program_of_a_hostile_repository_runs(dirty_repository: Path, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    commit(dirty_repository, {"evil.dat": "content"})
    make_hostile(dirty_repository, marker)
    write(dirty_repository, {".git/info/attributes": "*.dat filter=evil diff=evil merge=evil\n", "b.txt": "new\n"})
    age(dirty_repository)
    before = fingerprint(dirty_repository)

    await whole_run(dirty_repository, tmp_path / "home", include_dirty=False)

    assert not marker.exists(), marker.read_text()
    assert fingerprint(dirty_repository) == before


async def test_uncommitted_work_of_a_hostile_repository_is_carried_without_running_it(
    dirty_repository: Path, tmp_path: Path
) -> None:
    marker = tmp_path / "ran"
    make_hostile(dirty_repository, marker)
    before = fingerprint(dirty_repository)

    await whole_run(dirty_repository, tmp_path / "home")

    assert not marker.exists(), marker.read_text()
    assert fingerprint(dirty_repository) == before


async def test_a_hostile_submodule_is_not_entered(dirty_repository: Path, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    library = make_repository(tmp_path / "library", {"x.dat": "1", ".gitattributes": "*.dat filter=evil\n"})
    git(dirty_repository, "submodule", "--quiet", "add", str(library), "lib")
    git(dirty_repository, "commit", "-q", "-m", "Add the library")
    tell = script(tmp_path / "tell", f'echo "$0 $@" >> "{marker}"; cat')
    for key in ("core.fsmonitor", "filter.evil.clean", "filter.evil.smudge"):
        git(dirty_repository / "lib", "config", key, str(tell))
    write(dirty_repository, {"lib/x.dat": "2"})

    await whole_run(dirty_repository, tmp_path / "home")

    assert not marker.exists(), marker.read_text()


async def test_a_stale_index_lock_does_not_stop_a_run(dirty_repository: Path, tmp_path: Path) -> None:
    (dirty_repository / ".git" / "index.lock").write_bytes(b"stale")
    before = fingerprint(dirty_repository)

    await whole_run(dirty_repository, tmp_path / "home")

    assert fingerprint(dirty_repository) == before


async def test_a_detached_head_stays_detached(dirty_repository: Path, tmp_path: Path) -> None:
    git(dirty_repository, "checkout", "-q", "--detach")
    before = fingerprint(dirty_repository)

    await whole_run(dirty_repository, tmp_path / "home")

    assert fingerprint(dirty_repository) == before
