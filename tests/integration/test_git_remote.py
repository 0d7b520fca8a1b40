"""Two homes on one machine share a repository: one pushes its checkpoints, the other takes over, the first is barred."""

import asyncio
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from ostinato.adapters.git.objects import change_refs, record
from ostinato.adapters.git.remote import Pushed, Taken, push_checkpoints, take_over
from ostinato.adapters.git.timeline import Rewound, keep_timeline
from ostinato.domain.redaction import Redactor
from tests.integration.grounds import BRANCH, FILES, Ground, a_ground
from tests.repositories import RUN, a_key, git, make_repository, write

TOKEN = "ghp_" + "Zq8" * 12
OURS = f"refs/ostinato/{RUN}"


@dataclass(frozen=True, slots=True)
class Worker:
    """One home's side of the run."""

    name: str
    ground: Ground
    target: Path

    async def push(self, head: str, epoch: int, *, branch: bool = False) -> Pushed:
        return await push_checkpoints(
            self.ground.mirror,
            self.target,
            run_id=RUN,
            epoch=epoch,
            owner=self.name,
            head=head,
            include_branch=branch,
            redactor=Redactor(),
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


async def test_what_another_needs_of_a_run_arrives_with_its_lease(user: Path) -> None:
    a = await worker("a", user)
    head = (await a.ground.chain("one"))[-1]
    for name in ("carried", "gates/tests", "timeline", "conflicts/one/1/step"):
        await record(a.ground.mirror, f"{OURS}/{name}", head)

    done = await a.push(head, 1)

    assert done == Pushed(ok=True, refs=4)
    assert names(user) == ["base", "carried", "gates/tests", "head", "lease"]
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


async def test_another_home_takes_over_at_the_head(user: Path) -> None:
    a, b = await worker("a", user), await worker("b", user)
    head = (await a.ground.chain("one", "two"))[-1]
    await record(a.ground.mirror, f"{OURS}/gates/tests", head)
    await a.push(head, 1)

    taken = await b.take(2)

    assert taken == Taken(ok=True, head=head)
    assert b.ground.at(BRANCH) == head
    assert b.ground.refs("gates") == ["gates/tests"]
    assert git(b.ground.mirror, "show", f"{head}:one.txt") == "one"
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
    assert taken.set_aside == ("branch", "results/one/1", "results/two/1", "steps/one/1", "steps/two/1")
    assert a.ground.at(a_key("two").ref) == ""
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


async def test_an_owner_that_comes_back_goes_on_in_the_time_of_the_others(user: Path) -> None:
    a, b = await worker("a", user), await worker("b", user)
    where = {"run_id": RUN, "branch_ref": BRANCH}
    one = (await a.ground.chain("one"))[-1]
    await keep_timeline(a.ground.mirror, token="t1", previous="", head=one, **where)  # type: ignore[arg-type]
    await a.push(one, 1)
    await b.take(2)
    ahead = await b.ground.step(a_key("two"), {"two.txt": "of b"}, one)
    await b.push(ahead, 2)

    await a.take(3)
    rewound = await keep_timeline(a.ground.mirror, token="t3", previous="t2", head=ahead, **where)  # type: ignore[arg-type]

    assert rewound == Rewound(number=1, branch="", moved=())
    assert a.ground.at(BRANCH) == ahead


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


async def test_the_refs_of_hundreds_of_steps_stay_at_home(user: Path) -> None:
    a = await worker("a", user)
    head = (await a.ground.chain("one"))[-1]
    await change_refs(a.ground.mirror, [f"create {OURS}/results/step-{n}/1 {head}" for n in range(700)])

    done = await a.push(head, 1)

    assert (done.ok, names(user)) == (True, ["base", "head", "lease"])


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file in which each git that heeds the user's configuration notes its start."""
    log = tmp_path / "started"
    write(tmp_path / "of the user", {".gitconfig": f"[trace2]\n\teventTarget = {log}\n"})
    monkeypatch.setenv("HOME", str(tmp_path / "of the user"))
    return log


def commands(log: Path) -> list[str]:
    events = [json.loads(line) for line in log.read_text().splitlines()]
    return [event["name"] for event in events if event["event"] == "cmd_name"]


async def test_thousands_of_refs_of_others_are_not_looked_at_by_the_next_push(user: Path, started: Path) -> None:
    oid = git(user, "rev-parse", "HEAD")
    write(user / ".git/refs/ostinato/other/steps", {f"s-{n}/1": f"{oid}\n" for n in range(3000)})
    a = await worker("a", user)
    one, two = await a.ground.chain("one", "two")
    await a.push(one, 1)
    started.unlink()

    done = await a.push(two, 1)

    assert (done, commands(started)) == (Pushed(ok=True, refs=1), ["unpack-objects", "update-ref"])
    assert git(user, "log", "-1", "--format=%H", "-p", f"{OURS}/head").startswith(two)


async def test_the_history_is_not_sent_again(user: Path) -> None:
    a = await worker("a", user)
    one, two = await a.ground.chain("one", "two")
    await a.push(one, 1)
    before = loose_objects(user)

    await a.push(two, 1)

    commit_tree_file_lease = 4
    assert loose_objects(user) - before == commit_tree_file_lease


def loose_objects(place: Path) -> int:
    return int(git(place, "count-objects").split(" ")[0])


async def test_a_step_of_many_files_arrives_as_one_pack(user: Path) -> None:
    a = await worker("a", user)
    one = (await a.ground.chain("one"))[-1]
    await a.push(one, 1)
    before = loose_objects(user)
    two = await a.ground.step(a_key("two"), {f"many/{n}.txt": str(n) for n in range(200)}, one)

    done = await a.push(two, 1)

    assert (done.ok, loose_objects(user)) == (True, before)
    assert git(user, "fsck", "--no-dangling", f"{OURS}/head") == ""


async def test_no_hook_of_the_users_sees_a_push(user: Path) -> None:
    write(user / ".git/hooks", {"reference-transaction": "#!/bin/sh\ntouch ../seen seen\nexit 1\n"})
    (user / ".git/hooks/reference-transaction").chmod(0o755)
    a = await worker("a", user)
    one, two = await a.ground.chain("one", "two")

    done = [await a.push(one, 1), await a.push(two, 1)]

    assert [each.ok for each in done] == [True, True]
    assert list(user.rglob("seen")) == []


async def test_a_head_that_someone_moved_there_is_set_right_by_a_look_at_it(user: Path) -> None:
    a = await worker("a", user)
    one, two = await a.ground.chain("one", "two")
    await a.push(one, 1)
    git(user, "update-ref", f"{OURS}/head", "HEAD")

    done = await a.push(two, 1)

    assert (done, git(user, "rev-parse", f"{OURS}/head")) == (Pushed(ok=True, refs=1), two)


async def test_checkpoints_that_hold_a_secret_are_not_pushed_until_it_is_gone(user: Path) -> None:
    a = await worker("a", user)
    ground = a.ground
    clean = (await ground.chain("one"))[-1]
    leak = git(ground.mirror, "commit-tree", f"{clean}^{{tree}}", "-p", clean, "-m", f"Use {TOKEN}")

    done = await a.push(leak, 1)
    after = await a.push(clean, 1)

    assert (done.ok, done.superseded, TOKEN in done.message) == (False, False, False)
    assert "A secret would be pushed" in done.message
    assert (after.ok, git(user, "cat-file", "--batch-all-objects", "--batch-check").count(leak)) == (True, 0)
