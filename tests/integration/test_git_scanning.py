"""Secrets are found in what a worktree adds, and nothing of it becomes an object."""

from pathlib import Path

from ostinato.adapters.git.command import private_git
from ostinato.adapters.git.commits import Snapshot, snapshot
from ostinato.adapters.git.mirror import open_mirror
from ostinato.adapters.git.repository import inspect_repository
from ostinato.adapters.git.scanning import added_secrets, leftover_secrets
from ostinato.adapters.git.worktrees import prepare_worktree
from ostinato.domain.ids import RunId
from ostinato.domain.redaction import Redactor
from tests.repositories import AUTHOR, git, make_repository

TOKEN = "ghp_" + "Zq8" * 12
RUN = RunId("scan")


async def a_worktree(tmp_path: Path, files: dict[str, str]) -> tuple[Path, Path, str]:
    repository = make_repository(tmp_path / "repository", files)
    state = await inspect_repository(repository)
    mirror = await open_mirror(state, tmp_path / "mirror", RUN)
    tree = tmp_path / "tree"
    await prepare_worktree(mirror, tree, state.base_commit, RUN)
    return mirror, tree, state.base_commit


async def test_a_secret_in_a_new_file_is_found_with_its_place_and_not_shown(tmp_path: Path) -> None:
    mirror, tree, base = await a_worktree(tmp_path, {"a.py": "A = 1\n"})
    (tree / "köln config.py").write_text(f"A = 1\nTOKEN = '{TOKEN}'\n")

    found = await added_secrets(mirror, tree, base, Redactor())

    assert [(finding.path, finding.line) for finding in found] == [("köln config.py", 2)]
    assert TOKEN not in str(found)


async def test_scanning_leaves_no_object_behind(tmp_path: Path) -> None:
    mirror, tree, base = await a_worktree(tmp_path, {"a.py": "A = 1\n"})
    (tree / "a.py").write_text(f"TOKEN = '{TOKEN}'\n")
    before = await private_git(mirror)("count-objects", "-v")

    await added_secrets(mirror, tree, base, Redactor())

    assert await private_git(mirror)("count-objects", "-v") == before
    assert list(tmp_path.glob("mirror/ostinato-scan-*")) == []


async def test_a_secret_that_was_there_and_only_moved_is_not_added(tmp_path: Path) -> None:
    mirror, tree, base = await a_worktree(tmp_path, {"a.py": f"TOKEN = '{TOKEN}'\nB = 2\n"})
    (tree / "a.py").write_text(f"B = 2\nC = 3\nTOKEN = '{TOKEN}'\n")

    found = await added_secrets(mirror, tree, base, Redactor())

    assert found == ()


async def test_a_secret_in_a_renamed_file_is_not_added(tmp_path: Path) -> None:
    mirror, tree, base = await a_worktree(tmp_path, {"a.py": f"TOKEN = '{TOKEN}'\n"})
    (tree / "a.py").rename(tree / "b.py")

    found = await added_secrets(mirror, tree, base, Redactor())

    assert found == ()


async def test_a_value_of_the_workers_environment_is_a_secret(tmp_path: Path) -> None:
    mirror, tree, base = await a_worktree(tmp_path, {"a.py": "A = 1\n"})
    (tree / "a.py").write_text("A = 'correct horse battery'\n")

    found = await added_secrets(mirror, tree, base, Redactor(["correct horse battery"]))

    assert [finding.rule for finding in found] == ["secret"]


async def taken(mirror: Path, tree: Path, base: str) -> Snapshot | None:
    return await snapshot(
        tree, mirror=mirror, parent=base, message="Do it", author=AUTHOR, trailers={}, redactor=Redactor()
    )


async def test_a_snapshot_names_secrets_instead_of_committing_them(tmp_path: Path) -> None:
    mirror, tree, base = await a_worktree(tmp_path, {"a.py": "A = 1\n"})
    (tree / "a.py").write_text(f"TOKEN = '{TOKEN}'\n")
    before = await private_git(mirror)("count-objects", "-v")

    made = await taken(mirror, tree, base)

    assert made is not None
    assert (made.commit, [finding.path for finding in made.secrets]) == ("", ["a.py"])
    assert await private_git(mirror)("count-objects", "-v") == before


async def test_a_scanned_snapshot_is_whole(tmp_path: Path) -> None:
    mirror, tree, base = await a_worktree(tmp_path, {"a.py": "A = 1\n"})
    (tree / "deep").mkdir()
    (tree / "deep" / "b.py").write_text("B = 2\n")

    made = await taken(mirror, tree, base)

    assert made is not None
    assert git(mirror, "show", f"{made.commit}:deep/b.py") == "B = 2"
    assert git(mirror, "fsck", "--connectivity-only", made.commit) == ""


async def test_leftovers_are_scanned_since_the_checkout_with_the_repositories_inside(tmp_path: Path) -> None:
    mirror, tree, base = await a_worktree(tmp_path, {"a.py": "A = 1\n"})
    clean = await leftover_secrets(mirror, tree, base, Redactor())
    make_repository(tree / "nested", {"c.py": f"TOKEN = '{TOKEN}'\n"})

    found = await leftover_secrets(mirror, tree, base, Redactor())

    assert (clean, [finding.path for finding in found]) == ((), ["nested/c.py"])
