"""What the user's repository is, and what stands in the way of a run."""

import os
from pathlib import Path

import pytest

from ostinato.adapters.git.repository import inspect_repository
from ostinato.domain.errors import UserError
from tests.repositories import FILES, commit, git, make_repository, write


async def problem_codes(path: Path, base: str | None = None) -> list[str]:
    with pytest.raises(UserError) as caught:
        await inspect_repository(path, base)
    assert all(problem.cure for problem in caught.value.problems)
    return [problem.code for problem in caught.value.problems]


async def test_a_clean_repository_is_described(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "sample")

    state = await inspect_repository(repository)

    assert (state.root, state.head_branch, state.base_branch) == (repository, "main", "main")
    assert state.base_commit == git(repository, "rev-parse", "HEAD")
    assert (state.dirty_count, state.notes, state.signs_commits) == (0, (), False)


async def test_a_folder_inside_the_repository_leads_to_its_top(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "ein Projekt – naïve 项目")

    state = await inspect_repository(repository / "src")

    assert state.root == repository


async def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    assert await problem_codes(tmp_path / "nowhere") == ["repository_missing"]


async def test_a_folder_without_git_is_refused(tmp_path: Path) -> None:
    assert await problem_codes(tmp_path) == ["not_a_repository"]


async def test_a_repository_without_commits_is_refused(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")

    assert await problem_codes(tmp_path) == ["no_commits"]


async def test_a_bare_repository_is_refused(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "--bare")

    assert await problem_codes(tmp_path) == ["bare_repository"]


async def test_a_shallow_clone_is_refused(tmp_path: Path) -> None:
    origin = make_repository(tmp_path / "origin", commits=[{"a": "1"}, {"a": "2"}])
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{origin}", "shallow")

    assert await problem_codes(tmp_path / "shallow") == ["shallow_repository"]


async def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "sample")
    git(repository, "branch", "ostinato")

    assert await problem_codes(repository, "man") == ["base_unknown", "branch_namespace_taken"]


async def test_an_unknown_base_gets_a_suggestion(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "sample", branch="develop")

    with pytest.raises(UserError, match="for example develop"):
        await inspect_repository(repository, "devlop")


async def test_a_base_that_looks_like_an_option_is_unknown(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "sample")

    assert await problem_codes(repository, "--all") == ["base_unknown"]


async def test_a_named_base_branch_is_used(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "sample")
    git(repository, "branch", "release")
    commit(repository, {"more": "1"})

    state = await inspect_repository(repository, "release")

    assert (state.base_branch, state.base_commit) == ("release", git(repository, "rev-parse", "release"))


async def test_a_detached_head_has_no_base_branch(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "sample")
    git(repository, "checkout", "-q", "--detach")

    state = await inspect_repository(repository)

    assert (state.head_branch, state.base_branch) == (None, None)


async def test_a_linked_worktree_shares_the_id_of_its_repository(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "sample")
    git(repository, "worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))

    main, side = await inspect_repository(repository), await inspect_repository(tmp_path / "side")

    assert side.repository_id == main.repository_id
    assert (side.root, side.head_branch) == (tmp_path / "side", "side")


async def test_dirty_paths_are_counted_and_cut_at_fifty(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "sample")
    write(repository, {f"new-{n:02}": "" for n in range(60)} | {"README.md": "changed"})

    state = await inspect_repository(repository)

    assert (len(state.dirty_paths), state.dirty_count) == (50, 61)
    assert "README.md" in state.dirty_paths


async def test_a_name_that_is_not_utf_8_becomes_readable(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "sample")
    (repository / os.fsdecode(b"caf\xe9.txt")).write_text("")

    state = await inspect_repository(repository)

    assert state.dirty_paths == ("caf\\xe9.txt",)


async def test_a_stale_index_lock_is_only_a_note(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "sample")
    (repository / ".git" / "index.lock").touch()

    state = await inspect_repository(repository)

    assert "index.lock exists" in state.notes[0]


async def test_without_a_name_ostinato_lends_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    repository = make_repository(tmp_path / "sample", user=None)

    state = await inspect_repository(repository)

    assert (state.user_name, state.user_email) == ("Ostinato", "ostinato@localhost")
    assert "no user.name" in state.notes[0]


async def test_submodules_lfs_and_filters_are_noted(tmp_path: Path) -> None:
    library = make_repository(tmp_path / "library")
    repository = make_repository(tmp_path / "sample", {".gitattributes": "*.bin filter=lfs\n", "big.bin": "pointer"})
    git(repository, "submodule", "--quiet", "add", str(library), "library")
    commit(repository, {})
    git(repository, "config", "filter.secret.clean", "false")

    state = await inspect_repository(repository)

    assert [word in note for word, note in zip(("submodules", "LFS", "secret"), state.notes, strict=True)] == [True] * 3


async def test_hooks_and_signing_are_seen_without_being_used(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "sample")
    write(repository, {".hooks/pre-commit": "#!/bin/sh\n"})
    (repository / ".hooks" / "pre-commit").chmod(0o755)
    git(repository, "config", "core.hooksPath", ".hooks")
    git(repository, "config", "commit.gpgsign", "true")
    git(repository, "config", "gpg.format", "ssh")

    state = await inspect_repository(repository)

    assert state.pre_commit_hook == repository / ".hooks" / "pre-commit"
    assert (state.signs_commits, state.signing) == (True, {"gpg.format": "ssh"})


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a repository away")
async def test_a_repository_of_somebody_else_is_refused_with_the_way_to_trust_it(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "sample")
    for folder in (repository, repository / ".git"):
        os.chown(folder, 12345, 12345)

    assert await problem_codes(repository) == ["dubious_ownership"]


async def test_inherited_git_variables_do_not_mislead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = make_repository(tmp_path / "sample", FILES)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))

    state = await inspect_repository(repository)

    assert state.root == repository
