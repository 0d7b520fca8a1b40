"""Worktrees start spotless, and nothing unsaved in them is ever lost."""

import asyncio
from pathlib import Path

import pytest

from ostinato.adapters.git.mirror import open_mirror
from ostinato.adapters.git.repository import inspect_repository
from ostinato.adapters.git.worktrees import copy_worktreeinclude, prepare_worktree, remove_worktree
from tests.repositories import RUN, an_open_mirror, commit, git, make_repository, script, write

SAVED = f"refs/ostinato/{RUN}/saved"


class Place:
    """A mirror with one prepared worktree."""

    def __init__(self, mirror: Path, base: str, path: Path) -> None:
        self.mirror, self.base, self.path = mirror, base, path

    async def prepare(self, commit_id: str | None = None) -> str | None:
        return await prepare_worktree(self.mirror, self.path, commit_id or self.base, RUN)

    def saved(self, number: int = 1) -> str:
        return f"{SAVED}/{self.path.name}-{number}"


@pytest.fixture
async def place(tmp_path: Path) -> Place:
    repository = make_repository(tmp_path / "sample", {"a.txt": "1\n", "b.txt": "1\n", ".gitignore": "cache\n"})
    state, mirror = await an_open_mirror(repository, tmp_path)
    made = Place(mirror, state.base_commit, tmp_path / "run ü" / "slot-1")
    await made.prepare()
    return made


async def test_a_new_worktree_is_detached_at_the_commit(place: Place) -> None:
    assert git(place.path, "rev-parse", "HEAD") == place.base
    assert git(place.path, "status", "--porcelain") == ""
    assert git(place.path, "rev-parse", "--abbrev-ref", "HEAD") == "HEAD"


async def test_leftover_files_are_saved_and_then_gone(place: Place) -> None:
    write(place.path, {"a.txt": "half\n", "new.txt": "n", "cache/x": "ignored"})
    (place.path / "b.txt").unlink()

    saved = await place.prepare()

    assert saved == place.saved()
    assert git(place.mirror, "diff", "--name-status", place.base, place.saved()).split() == (
        ["M", "a.txt", "D", "b.txt", "A", "new.txt"]
    )
    assert sorted(file.name for file in place.path.iterdir()) == [".git", ".gitignore", "a.txt", "b.txt"]


async def test_a_commit_that_no_ref_holds_is_saved(place: Place) -> None:
    lost = commit(place.path, {"a.txt": "2\n"})

    saved = await place.prepare()

    assert saved == place.saved()
    assert git(place.mirror, "rev-parse", place.saved()) == lost


async def test_leftovers_on_top_of_an_unheld_commit_keep_both(place: Place) -> None:
    lost = commit(place.path, {"a.txt": "2\n"})
    write(place.path, {"a.txt": "3\n"})

    await place.prepare()

    assert git(place.mirror, "rev-parse", f"{place.saved()}^") == lost
    assert git(place.mirror, "show", f"{place.saved()}:a.txt") == "3"


async def test_each_leftover_gets_a_ref_of_its_own(place: Place) -> None:
    write(place.path, {"a.txt": "first\n"})
    await place.prepare()
    write(place.path, {"a.txt": "second\n"})

    assert await place.prepare() == place.saved(2)


async def test_ignored_files_alone_are_nothing_to_save(place: Place) -> None:
    write(place.path, {"cache/x": "ignored"})

    assert await place.prepare() is None
    assert not (place.path / "cache").exists()


async def test_files_of_a_repository_inside_the_worktree_are_saved_too(place: Place) -> None:
    make_repository(place.path / "nested", {"deep/file.txt": "kept"})
    git(place.path, "init", "-q", "empty")

    await place.prepare()

    assert git(place.mirror, "show", f"{place.saved()}:nested/deep/file.txt") == "kept"
    assert not (place.path / "nested").exists()
    assert not (place.path / "empty").exists()


async def test_a_lock_of_a_killed_git_does_not_stop_the_next_attempt(place: Place) -> None:
    (place.mirror / "worktrees" / "slot-1" / "index.lock").touch()
    write(place.path, {"a.txt": "half\n"})

    assert await place.prepare() == place.saved()


async def test_a_step_that_deleted_the_git_file_loses_nothing(place: Place) -> None:
    write(place.path, {"a.txt": "half\n"})
    (place.path / ".git").unlink()

    await place.prepare()

    assert git(place.mirror, "show", f"{place.saved()}:a.txt") == "half"
    assert git(place.path, "status", "--porcelain") == ""


async def test_a_step_that_left_a_branch_checked_out_does_not_hold_it(place: Place) -> None:
    git(place.path, "checkout", "-q", "-b", "mine")

    await place.prepare()

    assert git(place.path, "rev-parse", "--abbrev-ref", "HEAD") == "HEAD"


async def test_changes_hidden_by_index_flags_are_found(place: Place) -> None:
    write(place.path, {"a.txt": "hidden\n"})
    git(place.path, "update-index", "--assume-unchanged", "a.txt")

    await place.prepare()

    assert git(place.mirror, "show", f"{place.saved()}:a.txt") == "hidden"


async def test_removing_a_worktree_saves_first(place: Place) -> None:
    write(place.path, {"a.txt": "half\n"})

    saved = await remove_worktree(place.mirror, place.path, RUN)

    assert saved == place.saved()
    assert not place.path.exists()
    assert git(place.mirror, "worktree", "list").count("\n") == 0


async def test_removing_twice_does_no_harm(place: Place) -> None:
    await remove_worktree(place.mirror, place.path, RUN)

    assert await remove_worktree(place.mirror, place.path, RUN) is None


async def test_a_removed_worktree_can_be_made_again(place: Place) -> None:
    await remove_worktree(place.mirror, place.path, RUN)

    await place.prepare()

    assert git(place.path, "status", "--porcelain") == ""


async def test_folders_without_write_permission_are_erased_as_well(place: Place) -> None:
    write(place.path, {"cache/deep/x": "1"})
    (place.path / "cache" / "deep").chmod(0o500)

    await remove_worktree(place.mirror, place.path, RUN)

    assert not place.path.exists()


async def test_slots_of_the_same_name_in_two_runs_do_not_meet(place: Place, tmp_path: Path) -> None:
    lock = place.mirror / "worktrees" / "slot-1" / "index.lock"
    lock.touch()
    write(place.path, {"a.txt": "of the first run\n"})
    other = tmp_path / "other run" / "slot-1"

    await prepare_worktree(place.mirror, other, place.base, RUN)
    write(other, {"b.txt": "of the other run\n"})
    await remove_worktree(place.mirror, other, RUN)

    assert lock.exists()
    assert (place.path / "a.txt").read_text() == "of the first run\n"
    assert git(place.mirror, "diff", "--name-only", place.base, place.saved()) == "b.txt"


async def test_a_home_behind_a_link_is_the_same_home(place: Place, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(place.path.parent)
    write(place.path, {"a.txt": "half\n"})

    saved = await prepare_worktree(place.mirror, tmp_path / "link" / "slot-1", place.base, RUN)

    assert saved == place.saved()
    assert git(place.mirror, "worktree", "list").count("\n") == 1


async def test_worktreeinclude_copies_only_ignored_files_that_it_names(place: Place, tmp_path: Path) -> None:
    user = tmp_path / "sample"
    write(user, {".worktreeinclude": "*.env\ncache/keep\n", ".gitignore": "cache\nlocal.env\n"})
    write(user, {"local.env": "A=1", "other.env": "not ignored", "cache/keep": "1", "cache/drop": "1"})

    copied = await copy_worktreeinclude(user, place.path)

    assert sorted(copied) == ["cache/keep", "local.env"]
    assert (place.path / "local.env").read_text() == "A=1"


async def test_worktreeinclude_does_not_write_through_a_link_that_leads_out(place: Place, tmp_path: Path) -> None:
    user, outside = tmp_path / "sample", tmp_path / "outside"
    outside.mkdir()
    write(user, {".worktreeinclude": "cache/keep\n", "cache/keep": "1"})
    (place.path / "cache").symlink_to(outside)

    copied = await copy_worktreeinclude(user, place.path)

    assert (copied, list(outside.iterdir())) == ((), [])


async def test_hooks_that_a_step_installs_in_the_mirror_do_not_run(place: Place, tmp_path: Path) -> None:
    (place.mirror / "hooks").mkdir(exist_ok=True)
    for name in ("post-checkout", "reference-transaction", "post-index-change"):
        script(place.mirror / "hooks" / name, f'touch "{tmp_path}/ran"')
    git(place.mirror, "config", "core.hooksPath", str(place.mirror / "hooks"))

    write(place.path, {"a.txt": "half\n"})
    (tmp_path / "ran").unlink(missing_ok=True)
    await place.prepare()

    assert not (tmp_path / "ran").exists()


async def test_many_worktrees_may_be_made_and_removed_at_once(tmp_path: Path) -> None:
    """A guard, no proof: what git does not order goes wrong too seldom to be provoked."""
    repository = make_repository(tmp_path / "repository")
    state = await inspect_repository(repository)
    mirror = await open_mirror(state, tmp_path / "mirror", RUN)
    trees = [tmp_path / f"w{number}" / "tree" for number in range(12)]

    for _ in range(3):
        await asyncio.gather(*(prepare_worktree(mirror, tree, state.base_commit, RUN) for tree in trees))
        heads = {(tree / ".git").read_text() for tree in trees}
        await asyncio.gather(*(remove_worktree(mirror, tree, RUN) for tree in trees))

        assert len(heads) == len(trees)
        assert not any(tree.exists() for tree in trees)
