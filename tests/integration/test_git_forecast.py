"""Conflicts are seen before they cost a step, and shown to whoever has to solve them."""

import shutil
from pathlib import Path

import pytest

from ostinato.adapters.git.forecast import Forecast, Sibling, conflict_diff, forecast
from ostinato.adapters.git.integration import StepCommit, integrate_all
from ostinato.adapters.git.worktrees import prepare_worktree
from ostinato.domain.ids import StepId
from tests.integration.grounds import BRANCH, LINES, Ground, a_ground
from tests.repositories import RUN, a_key, git, write


@pytest.fixture
async def ground(tmp_path: Path) -> Ground:
    return await a_ground(tmp_path)


async def a_sibling(ground: Ground, name: str, files: dict[str, str]) -> Sibling:
    worktree = ground.slot.parent / name
    await prepare_worktree(ground.mirror, worktree, ground.base, RUN)
    write(worktree, files)
    return Sibling(step_id=StepId(name), worktree=worktree, parent=ground.base)


async def a_conflict(ground: Ground, ours: dict[str, str], theirs: dict[str, str]) -> None:
    steps = [StepCommit(key=a_key("one"), commit=await ground.step(a_key("one"), ours))]
    steps.append(StepCommit(key=a_key("two"), commit=await ground.step(a_key("two"), theirs)))
    await integrate_all(ground.mirror, branch_ref=BRANCH, base=ground.base, expected_head=ground.base, commits=steps)


async def test_a_running_step_that_would_not_merge_is_named_with_its_paths(ground: Ground) -> None:
    done = await ground.step(a_key(), {"b.txt": "done\n"})
    siblings = [await a_sibling(ground, "rival", {"b.txt": "mine\n"}), await a_sibling(ground, "other", {"x": "1"})]

    assert await forecast(ground.mirror, commit=done, siblings=siblings) == (
        Forecast(step_id=StepId("rival"), paths=("b.txt",)),
    )


async def test_a_worktree_is_left_as_it_is(ground: Ground) -> None:
    done = await ground.step(a_key(), {"b.txt": "done\n"})
    rival = await a_sibling(ground, "rival", {"b.txt": "mine\n", "new.txt": "n"})
    git(rival.worktree, "add", "new.txt")
    before = git(rival.worktree, "status", "--porcelain"), git(rival.worktree, "rev-parse", "HEAD")

    await forecast(ground.mirror, commit=done, siblings=[rival])

    assert (git(rival.worktree, "status", "--porcelain"), git(rival.worktree, "rev-parse", "HEAD")) == before


async def test_nothing_of_a_running_step_becomes_an_object(ground: Ground) -> None:
    done = await ground.step(a_key(), {"b.txt": "done\n"})
    rival = await a_sibling(ground, "rival", {"b.txt": "a secret, for all we know\n"})
    before = git(ground.mirror, "count-objects")

    await forecast(ground.mirror, commit=done, siblings=[rival])

    assert git(ground.mirror, "count-objects") == before


async def test_worktrees_that_are_gone_or_in_the_making_are_left_out(ground: Ground) -> None:
    done = await ground.step(a_key(), {"b.txt": "done\n"})
    gone, making = [await a_sibling(ground, name, {"b.txt": "mine\n"}) for name in ("gone", "making")]
    shutil.rmtree(gone.worktree)
    (ground.mirror / "worktrees" / "making" / "index.lock").touch()

    assert await forecast(ground.mirror, commit=done, siblings=[gone, making]) == ()


async def test_a_conflict_is_shown_with_both_sides(ground: Ground) -> None:
    await a_conflict(ground, {"b.txt": "ours\n", "x.txt": "fine"}, {"b.txt": "theirs\n"})

    shown = await conflict_diff(ground.mirror, key=a_key("two"))

    lines = shown.splitlines()
    assert [line[1:8] for line in lines if line[1:8] in ("<<<<<<<", "=======", ">>>>>>>")] == (
        ["<<<<<<<", "=======", ">>>>>>>"]
    )
    assert " ours" in lines
    assert "+theirs" in lines
    assert "x.txt" not in shown


async def test_a_long_conflict_is_cut_and_says_what_is_left_out(ground: Ground) -> None:
    ours = {"a.txt": LINES.replace("line", "ours"), "b.txt": "ours\n"}
    theirs = {"a.txt": LINES.replace("line", "theirs"), "b.txt": "theirs\n"}
    await a_conflict(ground, ours, theirs)

    shown = await conflict_diff(ground.mirror, key=a_key("two"), limit_chars=200)

    assert "characters of a.txt]" in shown
    assert "characters of b.txt]" in shown
    assert len(shown) < 400


async def test_without_a_conflict_there_is_nothing_to_show(ground: Ground) -> None:
    assert await conflict_diff(ground.mirror, key=a_key()) == ""


async def test_a_file_deleted_on_one_side_is_shown_as_a_conflict(ground: Ground) -> None:
    await prepare_worktree(ground.mirror, ground.slot, ground.base, RUN)
    one = await ground.step(a_key("one"), {"b.txt": "changed\n"})
    other = Sibling(step_id=StepId("two"), worktree=ground.slot.parent / "two", parent=ground.base)
    await prepare_worktree(ground.mirror, other.worktree, ground.base, RUN)
    (other.worktree / "b.txt").unlink()

    found = await forecast(ground.mirror, commit=one, siblings=[other])

    assert found == (Forecast(step_id=StepId("two"), paths=("b.txt",)),)


async def test_two_running_steps_in_each_others_way_are_named_before_either_ends(ground: Ground) -> None:
    first = await a_sibling(ground, "first", {"b.txt": "one\n"})
    second = await a_sibling(ground, "second", {"b.txt": "two\n", "new.txt": "n"})

    assert await forecast(ground.mirror, commit=ground.base, siblings=[first, second]) == (
        Forecast(step_id=StepId("second"), paths=("b.txt",), against=StepId("first")),
    )
