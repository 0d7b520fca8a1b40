"""What git in a worktree stores past every scan is taken out again, and nothing else is."""

import time
from pathlib import Path

import pytest

from ostinato.adapters.git.forgetting import forget_secrets
from ostinato.adapters.git.repository import RepositoryState
from ostinato.adapters.git.worktrees import prepare_worktree, remove_worktree
from ostinato.domain.redaction import Redactor
from tests.everywhere import assert_nowhere
from tests.repositories import RUN, an_open_mirror, commit, git, make_repository

TOKEN = "ghp_" + "Zq8" * 12
OLD = "ghp_" + "Old" * 12


async def a_tree(tmp_path: Path) -> tuple[RepositoryState, Path, Path]:
    repository = make_repository(tmp_path / "repository", {"a.py": f"A = '{OLD}'\n"})
    state, mirror = await an_open_mirror(repository, tmp_path / "home")
    tree = tmp_path / "tree"
    await prepare_worktree(mirror, tree, state.base_commit, RUN)
    return state, mirror, tree


@pytest.mark.parametrize("ref", ["", "refs/heads/mine", "refs/notes/commits"])
async def test_what_a_step_committed_past_the_scan_is_deleted(tmp_path: Path, ref: str) -> None:
    state, mirror, tree = await a_tree(tmp_path)
    began = time.time() - 1
    head = commit(tree, {"b.py": f"T = '{TOKEN}'\n"}, f"Use {TOKEN}")
    if ref:
        git(mirror, "update-ref", ref, head)
    git(tree, "checkout", "-q", state.base_commit)

    count = await forget_secrets(mirror, Redactor(), since=began)

    assert (count, await forget_secrets(mirror, Redactor(), since=began)) == (2, 0)
    assert ref not in git(mirror, "for-each-ref") or not ref
    assert state.base_commit in git(mirror, "for-each-ref")


@pytest.mark.parametrize("way", ["commit", "stage", "stash", "name", "pack", "branch"])
async def test_however_git_was_used_it_is_gone_with_the_worktree(tmp_path: Path, way: str) -> None:
    _, mirror, tree = await a_tree(tmp_path)
    began = time.time() - 1
    (tree / (f"{TOKEN}.py" if way == "name" else "b.py")).write_text(f"T = '{TOKEN}'\n")
    git(tree, "add", "-A")
    if way == "stash":
        git(tree, "-c", "user.name=A", "-c", "user.email=a@b.c", "stash")
    elif way not in ("stage",):
        commit(tree, {"c.py": f"T = '{TOKEN}'\n"})
    if way == "pack":
        git(tree, "repack", "-adq")
    if way == "branch":
        git(tree, "branch", TOKEN)
    git(tree, "rm", "-rqf", "--cached", "--ignore-unmatch", ".")
    for file in tree.glob("*.py"):
        file.unlink()

    count = await forget_secrets(mirror, Redactor(), since=began, worktree=tree)
    await remove_worktree(mirror, tree, RUN)

    assert count > 0
    assert_nowhere(TOKEN, tmp_path)


async def test_a_worktree_whose_commits_are_gone_stands_where_it_began(tmp_path: Path) -> None:
    state, mirror, tree = await a_tree(tmp_path)
    began = time.time() - 1
    commit(tree, {"b.py": f"T = '{TOKEN}'\n"})

    await forget_secrets(mirror, Redactor(), since=began, worktree=tree)

    assert git(tree, "rev-parse", "HEAD") == state.base_commit
    assert await prepare_worktree(mirror, tree, state.base_commit, RUN, is_clean=True) is None


async def test_what_the_repository_had_before_stays_in_new_objects_too(tmp_path: Path) -> None:
    _, mirror, tree = await a_tree(tmp_path)
    began = time.time() - 1
    blob = commit(tree, {"a.py": f"A = '{OLD}'\nB = 2\n"})

    assert await forget_secrets(mirror, Redactor(), since=began, worktree=tree) == 0
    assert OLD in git(mirror, "show", f"{blob}:a.py")


async def test_what_another_worktree_stands_on_stays(tmp_path: Path) -> None:
    state, mirror, tree = await a_tree(tmp_path)
    other = tmp_path / "other" / "tree"
    await prepare_worktree(mirror, other, state.base_commit, RUN)
    began = time.time() - 1
    head = commit(other, {"b.py": f"T = '{TOKEN}'\n"})

    assert await forget_secrets(mirror, Redactor(), since=began, worktree=tree) == 0
    assert git(other, "status", "--porcelain") == ""
    assert git(other, "rev-parse", "HEAD") == head
