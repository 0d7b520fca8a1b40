"""The private mirror, and uncommitted work that comes along."""

import asyncio
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from ostinato.adapters.git.mirror import carry_dirty, open_mirror
from ostinato.adapters.git.repository import RepositoryState, inspect_repository
from ostinato.domain.errors import ExternalError, UserError
from ostinato.domain.ids import RunId
from tests.repositories import RUN, an_open_mirror, commit, git, make_repository, write


async def carried(repository: Path, home: Path) -> tuple[RepositoryState, Path, str]:
    state, mirror = await an_open_mirror(repository, home)
    made = await carry_dirty(state, mirror, RUN)
    assert made is not None
    return state, mirror, made


def changes(mirror: Path, commit_id: str) -> list[str]:
    return git(mirror, "diff", "--no-renames", "--name-status", f"{commit_id}^", commit_id).splitlines()


async def test_the_mirror_holds_the_base_and_nothing_of_the_users_branches_or_hooks(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "sample")

    state, mirror = await an_open_mirror(repository, tmp_path)

    assert git(mirror, "for-each-ref", "--format=%(refname) %(objectname)") == (
        f"refs/ostinato/{RUN}/base {state.base_commit}"
    )
    assert not (mirror / "objects" / "info" / "alternates").exists()
    assert not list(mirror.glob("hooks/*"))


async def test_a_second_run_gets_newer_commits_and_tags(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "sample")
    await an_open_mirror(repository, tmp_path)
    newer = commit(repository, {"a": "1"})
    git(repository, "tag", "v1")

    _, mirror = await an_open_mirror(repository, tmp_path, RunId("second"))

    assert git(mirror, "rev-parse", "refs/ostinato/second/base", "v1^{commit}").split() == [newer, newer]


async def test_two_runs_may_open_the_mirror_at_once(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "sample")
    state = await inspect_repository(repository)

    mirrors = await asyncio.gather(*(open_mirror(state, tmp_path / "m", RunId(f"run-{n}")) for n in range(4)))

    assert len(set(mirrors)) == 1
    assert len(git(mirrors[0], "for-each-ref", "refs/ostinato").splitlines()) == 4


async def test_what_a_killed_clone_left_is_replaced(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "sample")
    state = await inspect_repository(repository)
    write(tmp_path / "m" / "mirror.unfinished", {"HEAD": "half"})

    mirror = await open_mirror(state, tmp_path / "m", RUN)

    assert git(mirror, "cat-file", "-t", state.base_commit) == "commit"


async def test_a_repository_with_alternates_is_copied_whole(tmp_path: Path) -> None:
    origin = make_repository(tmp_path / "origin")
    git(tmp_path, "clone", "-q", "--shared", str(origin), "borrower")

    _, mirror = await an_open_mirror(tmp_path / "borrower", tmp_path)

    assert not (mirror / "objects" / "info" / "alternates").exists()
    assert git(mirror, "fsck") == ""


async def test_a_linked_worktree_in_a_folder_with_spaces_can_be_the_users(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "sämple project")
    side = tmp_path / "side tree"
    git(repository, "worktree", "add", "-q", "-b", "side", str(side))
    wanted = commit(side, {"side.txt": "1"})

    state, mirror = await an_open_mirror(side, tmp_path)

    assert state.base_commit == wanted
    assert git(mirror, "cat-file", "-t", wanted) == "commit"


async def test_uncommitted_work_of_every_sort_becomes_one_commit(tmp_path: Path) -> None:
    files = {"keep": "1", "edit": "1", "gone": "1", "old name": "text\n", ".gitignore": "ignored\n"}
    repository = make_repository(tmp_path / "sample", files)
    write(repository, {"edit": "2", "ignored": "x", "private": "x", "näw/file": "n", "staged": "s"})
    write(repository, {".git/info/exclude": "private\n"})
    git(repository, "add", "staged")
    git(repository, "mv", "old name", "new name")
    (repository / "gone").unlink()

    state, mirror, made = await carried(repository, tmp_path)

    assert git(mirror, "rev-parse", f"{made}^") == state.base_commit
    assert changes(mirror, made) == [
        "M\tedit", "D\tgone", "A\tnew name", 'A\t"n\\303\\244w/file"', "D\told name", "A\tstaged",
    ]  # fmt: skip
    assert git(mirror, "fsck") == ""
    assert "Ostinato-Step: carried" in git(mirror, "log", "-1", "--format=%B", made)


async def test_a_file_staged_and_then_changed_is_carried_as_it_is_on_disk(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "sample", {"a": "1"})
    write(repository, {"a": "staged"})
    git(repository, "add", "a")
    write(repository, {"a": "on disk"})

    _, mirror, made = await carried(repository, tmp_path)

    assert git(mirror, "show", f"{made}:a") == "on disk"


async def test_carrying_twice_gives_the_same_commit(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "sample")
    write(repository, {"new": "1"})
    state, mirror, made = await carried(repository, tmp_path)
    write(repository, {"newer": "1"})

    again = await carry_dirty(state, mirror, RUN)

    assert again == made


async def test_a_clean_tree_carries_nothing(tmp_path: Path) -> None:
    state, mirror = await an_open_mirror(make_repository(tmp_path / "sample"), tmp_path)

    assert await carry_dirty(state, mirror, RUN) is None


async def test_dirty_files_with_a_filter_are_refused(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "sample", {".gitattributes": "*.bin filter=lfs\n"})
    write(repository, {"big.bin": "raw content"})
    state, mirror = await an_open_mirror(repository, tmp_path)

    with pytest.raises(UserError) as caught:
        await carry_dirty(state, mirror, RUN)

    assert caught.value.code == "dirty_filtered"


async def test_dirty_work_on_another_base_is_refused(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "sample", commits=[{"a": "1"}])
    write(repository, {"new": "1"})
    state, mirror = await an_open_mirror(repository, tmp_path)
    elsewhere = replace(state, base_commit=git(repository, "rev-parse", "HEAD^"))

    with pytest.raises(UserError) as caught:
        await carry_dirty(elsewhere, mirror, RUN)

    assert caught.value.code == "dirty_other_base"


async def test_files_outside_a_sparse_checkout_are_not_carried_as_deleted(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "sample", {"in/a": "1", "out/b": "1"})
    git(repository, "sparse-checkout", "set", "in")
    write(repository, {"in/a": "2"})

    _, mirror, made = await carried(repository, tmp_path)

    assert changes(mirror, made) == ["M\tin/a"]


async def test_line_endings_are_read_the_way_the_users_git_does(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "sample", {"a.txt": "one\n", "b.txt": "one\n"})
    git(repository, "config", "core.autocrlf", "true")
    (repository / "a.txt").write_bytes(b"one\r\ntwo\r\n")
    (repository / "b.txt").write_bytes(b"one\r\n")

    _, mirror, made = await carried(repository, tmp_path)

    assert changes(mirror, made) == ["M\ta.txt"]
    assert git(mirror, "show", f"{made}:a.txt") == "one\ntwo"


async def test_repositories_inside_the_users_tree_are_not_carried(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "sample")
    make_repository(repository / "nested")
    git(repository, "init", "-q", "empty")
    write(repository, {"new": "1"})

    _, mirror, made = await carried(repository, tmp_path)

    assert changes(mirror, made) == ["A\tnew"]


async def test_a_home_that_cannot_be_written_is_told_with_its_cure(tmp_path: Path) -> None:
    state = await inspect_repository(make_repository(tmp_path / "sample"))
    (tmp_path / "home").write_text("a file in the way")

    with pytest.raises(ExternalError, match="Set OSTINATO_HOME") as caught:
        await open_mirror(state, tmp_path / "home" / "repos", RUN)

    assert caught.value.code == "home_unwritable"


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="no second file system to try")
async def test_the_home_may_be_on_another_file_system(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "sample")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as home:
        state, mirror = await an_open_mirror(repository, Path(home))

        assert git(mirror, "cat-file", "-t", state.base_commit) == "commit"
