"""What a killed git leaves in the mirror stands in nobody's way."""

from pathlib import Path

import pytest

from ostinato.adapters.git.objects import move_ref
from ostinato.adapters.git.stale import break_locks
from ostinato.adapters.git.worktrees import prepare_worktree
from ostinato.domain.errors import ExternalError
from tests.repositories import RUN, an_open_mirror, git, make_repository

BRANCH = f"refs/heads/ostinato/{RUN}"


async def test_a_ref_that_was_locked_can_be_moved_again(tmp_path: Path) -> None:
    state, mirror = await an_open_mirror(make_repository(tmp_path / "sample"), tmp_path)
    for lock in (f"{BRANCH}.lock", "packed-refs.lock", "config.lock", "HEAD.lock"):
        (mirror / lock).parent.mkdir(parents=True, exist_ok=True)
        (mirror / lock).touch()

    broken = break_locks(tmp_path / "repos")
    await move_ref(mirror, BRANCH, new=state.base_commit, old="")

    assert broken == 4
    assert git(mirror, "rev-parse", BRANCH) == state.base_commit


async def test_nothing_but_locks_is_removed(tmp_path: Path) -> None:
    state, mirror = await an_open_mirror(make_repository(tmp_path / "sample"), tmp_path)
    await prepare_worktree(mirror, tmp_path / "w0" / "tree", state.base_commit, RUN)
    before = sorted(path for path in mirror.rglob("*"))
    (next((mirror / "worktrees").iterdir()) / "index.lock").touch()

    broken = break_locks(tmp_path / "repos")

    assert broken == 1
    assert sorted(path for path in mirror.rglob("*")) == before


def test_no_mirror_has_no_locks(tmp_path: Path) -> None:
    assert break_locks(tmp_path / "repos") == 0


async def test_a_lock_in_the_way_is_not_told_as_a_move(tmp_path: Path) -> None:
    state, mirror = await an_open_mirror(make_repository(tmp_path / "sample"), tmp_path)
    lock = mirror / f"{BRANCH}.lock"
    lock.parent.mkdir(parents=True)
    lock.touch()

    with pytest.raises(ExternalError, match="File exists") as refused:
        await move_ref(mirror, BRANCH, new=state.base_commit, old="")

    assert refused.value.code == "git_failed"
