"""Steps' commits arrive on the run's branch in order, once each, whatever the others do."""

from collections.abc import Sequence
from pathlib import Path
from typing import IO

import pytest

from ostinato.adapters.git.command import Git
from ostinato.adapters.git.integration import StepCommit, integrate_all
from ostinato.adapters.git.objects import StepKey, read_result, record, record_step
from ostinato.domain.errors import ExternalError, InvariantError
from ostinato.domain.workspace import Integration
from tests.integration.grounds import BRANCH, Ground, a_ground
from tests.repositories import RUN, a_key, git


@pytest.fixture
async def ground(tmp_path: Path) -> Ground:
    return await a_ground(tmp_path)


async def siblings(ground: Ground, **files: str) -> list[StepCommit]:
    """Steps that all began at the base; each writes one file."""
    made = []
    for number, (name, text) in enumerate(files.items()):
        key = a_key(f"step-{number}")
        made.append(StepCommit(key=key, commit=await ground.step(key, {f"{name}.txt": text})))
    return made


async def bring(ground: Ground, steps: Sequence[StepCommit], expected: str | None = None) -> tuple[Integration, ...]:
    return await integrate_all(
        ground.mirror, branch_ref=BRANCH, base=ground.base, expected_head=expected or ground.base, commits=steps
    )


async def test_siblings_become_a_line_of_one_commit_each(ground: Ground) -> None:
    steps = await siblings(ground, one="1", two="2", three="3")

    done = await bring(ground, steps)

    assert {each.head for each in done} == {ground.at(BRANCH)}
    assert git(ground.mirror, "log", "--reverse", "--format=%H", f"{ground.base}..{BRANCH}").split() == [
        each.commit for each in done
    ]
    assert git(ground.mirror, "show", f"{BRANCH}:one.txt", f"{BRANCH}:two.txt", f"{BRANCH}:three.txt") == "123"


async def test_one_in_conflict_stays_out_and_the_others_go_on(ground: Ground) -> None:
    steps = await siblings(ground, b="ours\n", new="n")
    rival = a_key("rival")
    steps.insert(1, StepCommit(key=rival, commit=await ground.step(rival, {"b.txt": "theirs\n"})))

    done = await bring(ground, steps)

    assert [each.conflicts for each in done] == [(), ("b.txt",), ()]
    assert git(ground.mirror, "show", f"{BRANCH}:b.txt", f"{BRANCH}:new.txt") == "ours\nn"
    kept = f"refs/ostinato/{RUN}/conflicts/rival/1"
    assert (ground.at(f"{kept}/branch"), ground.at(f"{kept}/step")) == (done[0].commit, steps[1].commit)


async def test_a_second_execution_returns_the_same(ground: Ground) -> None:
    steps = await siblings(ground, b="ours\n", new="n")
    rival = a_key("rival")
    steps.append(StepCommit(key=rival, commit=await ground.step(rival, {"b.txt": "theirs\n"})))
    done = await bring(ground, steps)

    assert await bring(ground, steps) == done


async def test_a_crash_before_the_branch_moved_leaves_nothing_half_done(ground: Ground) -> None:
    steps = await siblings(ground, one="1", two="2")
    git(ground.mirror, "update-ref", f"refs/ostinato/{RUN}/conflicts/step-0/1/step", ground.base)

    done = await bring(ground, steps)

    assert [each.conflicts for each in done] == [(), ()]


async def test_a_branch_that_something_else_moved_is_left_alone(ground: Ground) -> None:
    steps = await siblings(ground, one="1", two="2")
    await bring(ground, steps[:1])

    with pytest.raises(ExternalError) as caught:
        await bring(ground, steps[1:])

    assert caught.value.code == "head_moved"


async def test_an_author_and_a_message_survive_the_merge_as_they_are(ground: Ground) -> None:
    steps = await siblings(ground, one="1", two="2")

    done = await bring(ground, steps)

    shown = "--format=%an|%ae|%ad|%B"
    assert git(ground.mirror, "log", "-1", shown, done[1].commit) == (
        git(ground.mirror, "log", "-1", shown, steps[1].commit)
    )


async def test_what_is_no_commit_of_a_step_is_refused(ground: Ground) -> None:
    with pytest.raises(InvariantError):
        await bring(
            ground, [StepCommit(key=a_key(), commit=git(ground.mirror, "rev-parse", f"{ground.base}^{{tree}}"))]
        )


async def test_a_commit_that_is_not_here_is_missing_and_the_others_come_in(ground: Ground) -> None:
    one, two = await siblings(ground, one="1", two="2")
    elsewhere = StepCommit(key=a_key("elsewhere"), commit="e" * 40)

    done = await bring(ground, [one, elsewhere, two])

    assert [(bool(each.commit), each.missing) for each in done] == [(True, False), (False, True), (True, False)]
    assert {each.head for each in done} == {ground.at(BRANCH)}
    assert git(ground.mirror, "show", f"{BRANCH}:one.txt", f"{BRANCH}:two.txt") == "12"


async def test_a_second_call_finds_what_came_in_and_what_is_not_here(ground: Ground) -> None:
    one, two = await siblings(ground, one="1", two="2")
    steps = [one, StepCommit(key=a_key("elsewhere"), commit="e" * 40), two]
    done = await bring(ground, steps)

    assert await bring(ground, steps) == done


async def test_a_batch_of_which_nothing_is_here_moves_nothing(ground: Ground) -> None:
    done = await bring(ground, [StepCommit(key=a_key(), commit="e" * 40)])

    assert done == (Integration(head=ground.base, missing=True),)
    assert ground.at(BRANCH) in ("", ground.base)


async def test_a_fast_forward_takes_two_calls_of_git_and_a_merge_five(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = await siblings(ground, one="1", two="2")
    calls: list[str] = []
    start = Git._start

    async def counted(self: Git, args: tuple[str, ...], *streams: IO[bytes] | int) -> object:
        calls.append(args[0])
        return await start(self, args, *streams)

    monkeypatch.setattr(Git, "_start", counted)
    head = (await bring(ground, [one]))[0].head
    ahead = len(calls)
    await bring(ground, [two], head)

    assert (ahead, len(calls) - ahead) == (2, 5)


async def test_commit_and_result_of_a_step_are_recorded_together(ground: Ground) -> None:
    key = a_key()
    made = await ground.commit(key, {"b.txt": "2\n"})

    done = await record_step(ground.mirror, key, commit=made, result='{"ok": true}')

    assert (done.commit, done.result) == (made, '{"ok": true}')
    assert (ground.at(key.ref), await read_result(ground.mirror, key)) == (made, '{"ok": true}')


async def test_the_step_that_was_recorded_first_counts(ground: Ground) -> None:
    key = a_key()
    first = await ground.step(key, {"b.txt": "2\n"})
    late = await ground.commit(key, {"b.txt": "3\n"})

    done = await record_step(ground.mirror, key, commit=late, result="late")

    assert (done.commit, done.result) == (first, f'{{"commit": "{first}"}}')


async def test_a_commit_without_its_result_asks_for_one(ground: Ground) -> None:
    key: StepKey = a_key()
    first = await ground.commit(key, {"b.txt": "2\n"})
    await record(ground.mirror, key.ref, first)
    late = await ground.commit(key, {"b.txt": "3\n"})

    done = await record_step(ground.mirror, key, commit=late, result="names the late commit")

    assert (done.commit, done.result) == (first, None)
