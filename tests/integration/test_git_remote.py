"""Two homes on one machine share a repository: one pushes its checkpoints, the other takes over, the first is barred."""

import asyncio
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from ostinato.adapters.git.objects import change_refs, read_result, record, write_result
from ostinato.adapters.git.remote import Pushed, Taken, push_checkpoints, take_over
from ostinato.adapters.git.timeline import keep_timeline
from tests.integration.grounds import BRANCH, FILES, Ground, a_ground
from tests.repositories import RUN, a_key, git, make_repository

OURS = f"refs/ostinato/{RUN}"


@dataclass(frozen=True, slots=True)
class Worker:
    """One home's side of the run."""

    name: str
    ground: Ground
    target: Path

    async def push(self, head: str, epoch: int, *, branch: bool = False) -> Pushed:
        return await push_checkpoints(
            self.ground.mirror, self.target, run_id=RUN, epoch=epoch, owner=self.name, head=head, include_branch=branch
        )

    async def take(self, epoch: int) -> Taken:
        return await take_over(self.ground.mirror, self.target, run_id=RUN, epoch=epoch, owner=self.name)


@pytest.fixture
def user(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "shared sample", FILES)


async def worker(name: str, user: Path, target: Path | None = None) -> Worker:
    return Worker(name, await a_ground(user.parent / name, repository=user), target or user / ".git")


def refs(place: Path) -> list[str]:
    return git(place, "for-each-ref", "--format=%(objectname) %(refname)", OURS).splitlines()


def names(place: Path) -> list[str]:
    return [line.split(" ")[1].removeprefix(f"{OURS}/") for line in refs(place)]


async def test_everything_of_a_run_arrives_with_its_lease(user: Path) -> None:
    a = await worker("a", user)
    head = (await a.ground.chain("one"))[-1]

    done = await a.push(head, 1)

    assert done == Pushed(ok=True, refs=4)
    assert names(user) == ["base", "head", "lease", "results/one/1", "steps/one/1"]
    assert git(user, "cat-file", "blob", f"{OURS}/lease") == "epoch 1\nseq 1\nowner a"
    assert git(user, "for-each-ref", BRANCH) == ""


async def test_nothing_new_is_not_pushed_again(user: Path) -> None:
    a = await worker("a", user)
    head = (await a.ground.chain("one"))[-1]
    await a.push(head, 1)
    before = refs(user)
    shutil.move(user / ".git", user / "away")

    done = await a.push(head, 1)

    shutil.move(user / "away", user / ".git")
    assert (done, refs(user)) == (Pushed(ok=True), before)


async def test_another_home_takes_over_and_has_all_of_it(user: Path) -> None:
    a, b = await worker("a", user), await worker("b", user)
    head = (await a.ground.chain("one", "two"))[-1]
    await a.push(head, 1)

    taken = await b.take(2)

    assert taken == Taken(ok=True, head=head)
    assert b.ground.at(BRANCH) == head
    assert await read_result(b.ground.mirror, a_key("one")) is not None
    assert git(user, "cat-file", "blob", f"{OURS}/lease") == "epoch 2\nseq 2\nowner b"


async def test_an_owner_that_wakes_up_late_is_refused_and_changes_nothing(user: Path) -> None:
    a, b = await worker("a", user), await worker("b", user)
    head = (await a.ground.chain("one"))[-1]
    await a.push(head, 1)
    await b.take(2)
    ahead = await b.ground.step(a_key("two"), {"two.txt": "of b"}, head)
    await b.push(ahead, 2)
    before = refs(user)
    late = await a.ground.step(a_key("two"), {"two.txt": "of a"}, head)

    done = await a.push(late, 1, branch=True)

    assert (done.ok, done.superseded) == (False, True)
    assert "belongs to epoch 2 of b now" in done.message
    assert refs(user) == before
    assert git(user, "for-each-ref", BRANCH) == ""


async def test_of_two_that_take_over_at_once_one_wins(user: Path) -> None:
    a, b, c = await worker("a", user), await worker("b", user), await worker("c", user)
    await a.push((await a.ground.chain("one"))[-1], 1)

    taken = await asyncio.gather(b.take(2), c.take(2))

    assert sorted(each.ok for each in taken) == [False, True]
    assert sorted(each.superseded for each in taken) == [False, True]


async def test_an_owner_that_crashed_after_its_push_goes_on(user: Path) -> None:
    a = await worker("a", user)
    one, two = await a.ground.chain("one", "two")
    await a.push(one, 1)
    notes = a.ground.mirror / "ostinato"
    shutil.copytree(notes, user.parent / "notes")
    await a.push(two, 1)
    shutil.rmtree(notes)
    shutil.move(user.parent / "notes", notes)

    done = await a.push(two, 1)

    assert done.ok
    assert git(user, "rev-parse", f"{OURS}/head") == two


async def test_a_second_take_over_of_the_same_owner_keeps_its_new_work(user: Path) -> None:
    a, b = await worker("a", user), await worker("b", user)
    head = (await a.ground.chain("one"))[-1]
    await a.push(head, 1)
    await b.take(2)
    new = await b.ground.step(a_key("two"), {"two.txt": "2"}, head)

    assert await b.take(2) == Taken(ok=True, head=head)
    assert b.ground.at(a_key("two").ref) == new


async def test_what_a_former_owner_had_alone_is_set_aside_when_it_comes_back(user: Path) -> None:
    a, b = await worker("a", user), await worker("b", user)
    head = (await a.ground.chain("one"))[-1]
    await a.push(head, 1)
    alone = await a.ground.step(a_key("two"), {"two.txt": "of a"}, head)
    await b.take(2)
    ahead = await b.ground.step(a_key("two"), {"two.txt": "of b"}, head)
    await b.push(ahead, 2)

    taken = await a.take(3)

    assert (taken.ok, taken.head, a.ground.at(BRANCH)) == (True, ahead, ahead)
    assert taken.set_aside == ("branch", "results/two/1", "steps/two/1")
    assert a.ground.at(a_key("two").ref) == ahead
    assert a.ground.at(f"{OURS}/superseded/3/steps/two/1") == alone


async def test_a_head_that_is_not_whole_is_told(user: Path) -> None:
    a, b = await worker("a", user), await worker("b", user)
    head = (await a.ground.chain("one"))[-1]
    await a.push(head, 1)
    blob = git(user, "rev-parse", f"{head}:one.txt")
    (user / ".git" / "objects" / blob[:2] / blob[2:]).unlink()

    taken = await b.take(2)

    assert not taken.ok or taken.missing == (blob,)


@pytest.mark.parametrize("target", ["gone", "not a repository"])
async def test_a_target_that_does_not_answer_is_an_answer(user: Path, target: str) -> None:
    place = user.parent / target
    if target != "gone":
        place.mkdir()
    a = await worker("a", user, place)
    head = (await a.ground.chain("one"))[-1]

    pushed, taken = await a.push(head, 1), await a.take(2)

    assert (pushed.ok, pushed.superseded, taken.ok, taken.superseded) == (False, False, False, False)
    assert "cannot be reached" in pushed.message


async def test_a_bare_remote_by_url_serves_as_well(user: Path, tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "--bare", "checkpoints.git")
    url = f"file://{tmp_path}/checkpoints.git"
    a, b = await worker("a", user), await worker("b", user)
    head = (await a.ground.chain("one"))[-1]
    await push_checkpoints(a.ground.mirror, url, run_id=RUN, epoch=1, owner="a", head=head)

    taken = await take_over(b.ground.mirror, url, run_id=RUN, epoch=2, owner="b")

    assert taken == Taken(ok=True, head=head)


async def test_leftovers_stay_at_home(user: Path) -> None:
    a = await worker("a", user)
    head = (await a.ground.chain("one"))[-1]
    await record(a.ground.mirror, f"{OURS}/saved/slot-1", head)

    await a.push(head, 1)

    assert "saved/slot-1" not in names(user)


async def test_what_a_reset_abandoned_does_not_come_back_with_a_take_over(user: Path) -> None:
    a, b = await worker("a", user), await worker("b", user)
    one, two = await a.ground.chain("one", "two")
    where = {"run_id": RUN, "previous": "", "branch_ref": BRANCH}
    await keep_timeline(a.ground.mirror, token="t1", head=two, **where)  # type: ignore[arg-type]
    await a.push(two, 1)
    await keep_timeline(a.ground.mirror, token="t2", head=one, **where)  # type: ignore[arg-type]
    await a.push(one, 1)

    await b.take(2)

    assert "steps/two/1" not in names(user)
    assert b.ground.at(a_key("two").ref) == ""
    assert b.ground.at(f"{OURS}/abandoned/1/steps/two/1") == two


async def test_the_branch_is_pushed_on_request_and_never_over_other_commits(user: Path) -> None:
    a = await worker("a", user)
    one, two = await a.ground.chain("one", "two")
    await a.push(one, 1, branch=True)
    git(user, "update-ref", BRANCH, git(user, "commit-tree", "-m", "theirs", "HEAD^{tree}"))
    theirs = git(user, "rev-parse", BRANCH)

    done = await a.push(two, 1, branch=True)

    assert git(user, "rev-parse", BRANCH) == theirs
    assert not done.ok or "already exists there with other commits" in done.message


async def test_a_branch_that_is_checked_out_there_does_not_keep_the_checkpoints_away(user: Path) -> None:
    a = await worker("a", user)
    one, two = await a.ground.chain("one", "two")
    await a.push(one, 1, branch=True)
    git(user, "checkout", "-q", f"ostinato/{RUN}")

    done = await a.push(two, 1, branch=True)

    assert (done.ok, git(user, "rev-parse", f"{OURS}/head", BRANCH).split()) == (True, [two, one])
    assert f"ostinato/{RUN} was not moved there" in done.message


async def test_pushes_at_once_are_one_after_the_other(user: Path) -> None:
    a = await worker("a", user)
    one, two = await a.ground.chain("one", "two")

    done = await asyncio.gather(a.push(one, 1), a.push(two, 1), a.push(two, 1))

    assert [each.ok for each in done] == [True, True, True]


async def test_hundreds_of_steps_fit_one_push(user: Path) -> None:
    a = await worker("a", user)
    head = (await a.ground.chain("one"))[-1]
    blob = await write_result(a.ground.mirror, a_key(), "{}")
    oid = a.ground.at(a_key().result_ref)
    await change_refs(a.ground.mirror, [f"create {OURS}/results/step-{n}/1 {oid}" for n in range(700)])

    done = await a.push(head, 1)

    assert (done.ok, blob, len(names(user))) == (True, "{}", 706)
