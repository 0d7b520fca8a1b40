"""Back to a checkpoint, in whole or in part, with nothing lost on the way."""

from pathlib import Path

import pytest

from ostinato.adapters.git.publish import Ownership, publish
from ostinato.adapters.git.remote import take_over
from ostinato.adapters.git.rewind import RolledBack, check_checkpoint, restore_files, roll_back
from ostinato.domain.errors import ExternalError, UserError
from tests.integration.grounds import BRANCH, Ground, a_ground
from tests.repositories import AUTHOR, RUN, a_key, commit, git

KEPT = f"refs/ostinato/{RUN}/rolled-back"


@pytest.fixture
async def ground(tmp_path: Path) -> Ground:
    return await a_ground(tmp_path)


async def back(ground: Ground, expected: str, to: str) -> RolledBack:
    return await roll_back(ground.mirror, run_id=RUN, branch_ref=BRANCH, expected_head=expected, to_commit=to)


async def restore(ground: Ground, expected: str, source: str, *paths: str) -> str:
    return await restore_files(
        ground.mirror,
        branch_ref=BRANCH,
        expected_head=expected,
        from_commit=source,
        paths=paths,
        author=AUTHOR,
        trailers={"Ostinato-Run": RUN},
    )


def lose(ground: Ground, name: str) -> None:
    (ground.mirror / "objects" / name[:2] / name[2:]).unlink()


async def test_a_whole_checkpoint_misses_nothing(ground: Ground) -> None:
    one = (await ground.chain("one"))[-1]

    assert await check_checkpoint(ground.mirror, one, since=ground.base) == ()


async def test_what_a_checkpoint_lost_is_named(ground: Ground) -> None:
    one = (await ground.chain("one"))[-1]
    blob = git(ground.mirror, "rev-parse", f"{one}:one.txt")
    lose(ground, blob)

    assert await check_checkpoint(ground.mirror, one) == (blob,)


async def test_a_checkpoint_that_is_gone_itself_is_told(ground: Ground) -> None:
    assert await check_checkpoint(ground.mirror, "1" * 40) != ()


async def test_the_branch_goes_back_and_the_head_it_had_is_kept(ground: Ground) -> None:
    one, two = await ground.chain("one", "two")

    done = await back(ground, two, one)

    assert done == RolledBack(head=one, kept=f"{KEPT}/1")
    assert (ground.at(BRANCH), ground.at(f"{KEPT}/1")) == (one, two)


async def test_rolling_back_twice_finds_it_done(ground: Ground) -> None:
    one, two = await ground.chain("one", "two")
    done = await back(ground, two, one)

    assert await back(ground, two, one) == done
    assert ground.refs("rolled-back") == ["rolled-back/1"]


async def test_step_by_step_each_head_is_kept(ground: Ground) -> None:
    one, two = await ground.chain("one", "two")

    await back(ground, two, one)
    done = await back(ground, one, ground.base)

    assert (done.kept, ground.at(f"{KEPT}/2")) == (f"{KEPT}/2", one)


async def test_a_branch_that_moved_is_not_rolled_back(ground: Ground) -> None:
    one, _ = await ground.chain("one", "two")

    with pytest.raises(ExternalError) as caught:
        await back(ground, one, ground.base)

    assert caught.value.code == "head_moved"


async def test_a_broken_checkpoint_is_refused_before_anything_moves(ground: Ground) -> None:
    one, two = await ground.chain("one", "two")
    lose(ground, git(ground.mirror, "rev-parse", f"{one}:one.txt"))

    with pytest.raises(UserError) as caught:
        await back(ground, two, one)

    assert (caught.value.code, ground.at(BRANCH)) == ("checkpoint_broken", two)


async def test_chosen_files_and_folders_get_their_earlier_content(ground: Ground) -> None:
    changes = {"a.txt": "new\n", "b.txt": "2\n", "docs/c.txt": "new\n", "docs/d.txt": "d\n"}
    head = await ground.step(a_key(), changes)
    git(ground.mirror, "update-ref", BRANCH, head)

    made = await restore(ground, head, ground.base, "b.txt", "docs/")

    assert git(ground.mirror, "diff", "--name-only", ground.base, made) == "a.txt"
    assert (git(ground.mirror, "rev-parse", f"{made}^"), ground.at(BRANCH)) == (head, made)
    assert git(ground.mirror, "log", "-1", "--format=%an %s", made) == (
        f"Ada Restore b.txt, docs/ from {ground.base[:12]}"
    )


async def test_a_file_that_became_a_folder_becomes_a_file_again(ground: Ground) -> None:
    head = await ground.step(a_key(), {"new/inner.txt": "1"})
    file = await ground.step(a_key("other"), {"new": "a file"})
    git(ground.mirror, "update-ref", BRANCH, head)

    made = await restore(ground, head, file, "new")

    assert git(ground.mirror, "show", f"{made}:new") == "a file"


async def test_restoring_twice_finds_the_first_commit(ground: Ground) -> None:
    one = (await ground.chain("one"))[-1]
    made = await restore(ground, one, ground.base, "one.txt")

    assert await restore(ground, one, ground.base, "one.txt") == made


async def test_without_a_difference_no_commit_is_made(ground: Ground) -> None:
    one = (await ground.chain("one"))[-1]

    assert await restore(ground, one, ground.base, "b.txt") == one


async def test_every_unknown_path_is_named(ground: Ground) -> None:
    one = (await ground.chain("one"))[-1]

    with pytest.raises(UserError) as caught:
        await restore(ground, one, ground.base, "b.txt", "nope", "*.txt")

    assert [problem.message.split(" ")[0] for problem in caught.value.problems] == ["nope", "*.txt"]


async def test_a_path_that_leads_out_is_refused(ground: Ground) -> None:
    with pytest.raises(UserError, match="not a path inside"):
        await restore(ground, ground.base, ground.base, "../x")


async def test_after_a_rollback_the_users_branch_goes_back_too(ground: Ground) -> None:
    one, two = await ground.chain("one", "two")
    await publish(ground.state, ground.mirror, run_id=RUN, head=two)
    await back(ground, two, one)

    done = await publish(ground.state, ground.mirror, run_id=RUN, head=one)

    assert (done.pushed, git(ground.state.root, "rev-parse", BRANCH)) == (True, one)


async def test_after_a_rollback_commits_of_others_are_still_safe(ground: Ground) -> None:
    one, two = await ground.chain("one", "two")
    await publish(ground.state, ground.mirror, run_id=RUN, head=two)
    git(ground.state.root, "checkout", "-q", f"ostinato/{RUN}")
    theirs = commit(ground.state.root, {"mine.txt": "1"})
    await back(ground, two, one)

    done = await publish(ground.state, ground.mirror, run_id=RUN, head=one)

    assert (done.pushed, git(ground.state.root, "rev-parse", BRANCH)) == (False, theirs)


async def test_an_owner_that_was_superseded_does_not_publish(ground: Ground) -> None:
    one = (await ground.chain("one"))[-1]
    await take_over(ground.mirror, ground.state.common_dir, run_id=RUN, epoch=2, owner="b")

    late = await publish(ground.state, ground.mirror, run_id=RUN, head=one, ownership=Ownership(epoch=1, owner="a"))
    now = await publish(ground.state, ground.mirror, run_id=RUN, head=one, ownership=Ownership(epoch=2, owner="b"))

    assert (late.pushed, now.pushed) == (False, True)
    assert "belongs to epoch 2 of b now" in late.message
