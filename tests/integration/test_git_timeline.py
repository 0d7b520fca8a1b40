"""A workflow that was reset goes on from where it was reset to; what came after is kept aside."""

from pathlib import Path

import pytest

from ostinato.adapters.git.integration import StepCommit, integrate_all
from ostinato.adapters.git.objects import StepKey, read_result, write_result
from ostinato.adapters.git.timeline import Rewound, keep_timeline
from ostinato.domain.errors import ExternalError
from tests.integration.grounds import BRANCH, Ground, a_ground
from tests.repositories import RUN, a_key, git


@pytest.fixture
async def ground(tmp_path: Path) -> Ground:
    return await a_ground(tmp_path)


async def work(
    ground: Ground, token: str, head: str, previous: str = "", keep: tuple[StepKey, ...] = ()
) -> Rewound | None:
    return await keep_timeline(
        ground.mirror, run_id=RUN, token=token, previous=previous, head=head, branch_ref=BRANCH, keep=keep
    )


async def test_the_first_execution_and_its_successor_just_go_on(ground: Ground) -> None:
    head = (await ground.chain("one"))[-1]

    told = [await work(ground, "t1", head), await work(ground, "t1", head), await work(ground, "t2", head, "t1")]

    assert told == [None, None, None]
    assert ground.at(BRANCH) == head


async def test_a_reset_moves_the_branch_back_and_the_later_steps_aside(ground: Ground) -> None:
    one, two = await ground.chain("one", "two")
    await work(ground, "t1", two)

    rewound = await work(ground, "t2", one)

    assert rewound == Rewound(number=1, branch=two, moved=("results/two/1", "steps/two/1"))
    assert (ground.at(BRANCH), ground.at(a_key("two").ref)) == (one, "")
    assert (ground.at(a_key("one").ref), ground.at(f"refs/ostinato/{RUN}/abandoned/1/steps/two/1")) == (one, two)
    assert await read_result(ground.mirror, a_key("two")) is None


async def test_a_result_without_a_commit_stays_only_when_it_is_known(ground: Ground) -> None:
    one = (await ground.chain("one"))[-1]
    await write_result(ground.mirror, a_key("known"), "{}")
    await write_result(ground.mirror, a_key("late"), "{}")
    await work(ground, "t1", one)

    rewound = await work(ground, "t2", one, keep=(a_key("known"),))

    assert rewound == Rewound(number=1, branch="", moved=("results/late/1",))
    assert await read_result(ground.mirror, a_key("known")) == "{}"


async def test_a_step_that_was_merged_onto_a_newer_head_is_not_lost(ground: Ground) -> None:
    steps = [StepCommit(key=a_key(name), commit=await ground.step(a_key(name), {name: name})) for name in ("x", "y")]
    done = await integrate_all(
        ground.mirror, branch_ref=BRANCH, base=ground.base, expected_head=ground.base, commits=steps
    )
    await work(ground, "t1", done[-1].head)

    rewound = await work(ground, "t2", done[-1].head)

    assert rewound == Rewound(number=1, branch="", moved=())
    assert ground.at(a_key("y").ref) == steps[1].commit


async def test_a_second_reset_gets_a_number_of_its_own(ground: Ground) -> None:
    one, two = await ground.chain("one", "two")
    await work(ground, "t1", two)
    await work(ground, "t2", one)

    rewound = await work(ground, "t3", ground.base)

    assert rewound is not None
    assert (rewound.number, rewound.moved) == (2, ("results/one/1", "steps/one/1"))


async def test_a_rewind_that_died_is_completed_under_its_number(ground: Ground) -> None:
    one, two = await ground.chain("one", "two")
    await work(ground, "t1", two)
    whole = await work(ground, "t2", one)
    blob = git(ground.mirror, "hash-object", "-w", str(a_file(ground, "t1\n")))
    git(ground.mirror, "update-ref", f"refs/ostinato/{RUN}/timeline", blob)
    git(ground.mirror, "update-ref", a_key("two").ref, two)

    assert await work(ground, "t2", one) == whole
    assert ground.at(a_key("two").ref) == ""


def a_file(ground: Ground, text: str) -> Path:
    path = ground.slot.parent / "text"
    path.write_text(text)
    return path


async def test_an_execution_that_was_replaced_may_not_come_back(ground: Ground) -> None:
    one, two = await ground.chain("one", "two")
    await work(ground, "t1", two)
    await work(ground, "t2", one)

    with pytest.raises(ExternalError) as caught:
        await work(ground, "t1", two)

    assert caught.value.code == "timeline_left"
    assert ground.at(BRANCH) == one


async def test_what_an_earlier_execution_of_the_same_line_began_may_end_after_the_next_one_started(
    ground: Ground,
) -> None:
    head = (await ground.chain("one"))[-1]
    await work(ground, "t3", head, "t1 t2")

    told = [await work(ground, "t1", ground.base), await work(ground, "t2", ground.base, "t1")]

    assert told == [None, None]
    assert ground.at(BRANCH) == head


async def test_a_reset_in_the_middle_of_a_line_bars_what_came_after_it_and_nothing_before(ground: Ground) -> None:
    one, two = await ground.chain("one", "two")
    await work(ground, "t3", two, "t1 t2")

    rewound = await work(ground, "t2-reset", one, "t1")
    still = await work(ground, "t1", one)
    with pytest.raises(ExternalError) as barred:
        await work(ground, "t3", two, "t1 t2")

    assert rewound is not None
    assert still is None
    assert barred.value.code == "timeline_left"
    assert ground.at(BRANCH) == one
