"""The user's repository receives the branch and the run's refs, or a clear word why not."""

from pathlib import Path

import pytest

from ostinato.adapters.git.commits import snapshot
from ostinato.adapters.git.objects import record, write_result
from ostinato.adapters.git.publish import publish
from ostinato.adapters.git.repository import RepositoryState
from ostinato.adapters.git.worktrees import prepare_worktree
from ostinato.domain.errors import ExternalError
from ostinato.domain.redaction import Redactor
from tests.repositories import AUTHOR, RUN, a_key, an_open_mirror, commit, git, make_repository, write

BRANCH = f"refs/heads/ostinato/{RUN}"


class Finished:
    """A run with one step's commit."""

    def __init__(self, state: RepositoryState, mirror: Path, head: str) -> None:
        self.state, self.mirror, self.head = state, mirror, head


async def one_step(mirror: Path, worktree: Path, parent: str, text: str) -> str:
    await prepare_worktree(mirror, worktree, parent, RUN)
    write(worktree, {"new.txt": text})
    taken = await snapshot(worktree, mirror=mirror, parent=parent, message="Do it", author=AUTHOR, trailers={})
    assert taken is not None
    return taken.commit


TOKEN = "ghp_" + "Zq8" * 12


@pytest.fixture
async def run(tmp_path: Path) -> Finished:
    state, mirror = await an_open_mirror(make_repository(tmp_path / "my sample"), tmp_path)
    head = await one_step(mirror, tmp_path / "slot", state.base_commit, "one")
    await record(mirror, a_key().ref, head)
    await write_result(mirror, a_key(), "{}")
    return Finished(state, mirror, head)


async def test_branch_and_refs_arrive_together_and_those_of_steps_stay(run: Finished) -> None:
    await record(run.mirror, f"refs/ostinato/{RUN}/gates/tests", run.head)

    done = await publish(run.state, run.mirror, run_id=RUN, head=run.head)

    assert done.pushed, done.message
    listed = git(run.state.root, "for-each-ref", "--format=%(refname)", "refs/ostinato", "refs/heads/ostinato").split()
    assert listed == [BRANCH, f"refs/ostinato/{RUN}/base", f"refs/ostinato/{RUN}/gates/tests"]
    assert git(run.state.root, "rev-parse", BRANCH) == run.head


async def test_publishing_twice_changes_nothing(run: Finished) -> None:
    await publish(run.state, run.mirror, run_id=RUN, head=run.head)
    before = git(run.state.root, "for-each-ref")

    done = await publish(run.state, run.mirror, run_id=RUN, head=run.head)

    assert done.pushed
    assert git(run.state.root, "for-each-ref") == before


async def test_a_later_head_moves_the_branch_on(run: Finished, tmp_path: Path) -> None:
    await publish(run.state, run.mirror, run_id=RUN, head=run.head)
    newer = await one_step(run.mirror, tmp_path / "slot", run.head, "two")

    done = await publish(run.state, run.mirror, run_id=RUN, head=newer)

    assert done.pushed
    assert git(run.state.root, "rev-parse", BRANCH) == newer


async def test_a_branch_with_other_commits_is_never_forced(run: Finished) -> None:
    git(run.state.root, "checkout", "-q", "-b", f"ostinato/{RUN}")
    theirs = commit(run.state.root, {"mine.txt": "1"})

    done = await publish(run.state, run.mirror, run_id=RUN, head=run.head)

    assert (done.pushed, git(run.state.root, "rev-parse", BRANCH)) == (False, theirs)
    assert "already exists there with other commits" in done.message


async def test_saved_leftovers_stay_private(run: Finished, tmp_path: Path) -> None:
    write(tmp_path / "slot", {"secret.txt": "unscanned"})
    await prepare_worktree(run.mirror, tmp_path / "slot", run.head, RUN)

    await publish(run.state, run.mirror, run_id=RUN, head=run.head)

    assert git(run.mirror, "for-each-ref", f"refs/ostinato/{RUN}/saved") != ""
    assert git(run.state.root, "for-each-ref", f"refs/ostinato/{RUN}/saved") == ""


async def test_a_push_that_fails_says_where_the_commits_are_and_how_to_get_them(run: Finished) -> None:
    lock = run.state.git_dir / "refs" / "ostinato" / RUN / "base.lock"
    lock.parent.mkdir(parents=True)
    lock.touch()

    done = await publish(run.state, run.mirror, run_id=RUN, head=run.head)

    assert not done.pushed
    assert git(run.state.root, "for-each-ref", "refs/heads/ostinato") == ""
    fetch = done.message.rpartition("fetch them with: ")[2]
    lock.unlink()
    assert f"'{run.mirror}' refs/ostinato/{RUN}/published:{BRANCH}" in fetch
    git(run.state.root, "fetch", str(run.mirror), f"refs/ostinato/{RUN}/published:{BRANCH}")
    assert git(run.state.root, "rev-parse", BRANCH) == run.head


async def test_a_branch_that_holds_a_secret_is_not_pushed_and_the_place_is_named(run: Finished, tmp_path: Path) -> None:
    head = commit(tmp_path / "slot", {"b.py": f"T = '{TOKEN}'\n"})

    with pytest.raises(ExternalError, match=r"b\.py:1") as refused:
        await publish(run.state, run.mirror, run_id=RUN, head=head, redactor=Redactor())

    assert (refused.value.code, TOKEN in refused.value.message) == ("secret_found", False)
    assert "ostinato/" not in git(run.state.root, "for-each-ref")
