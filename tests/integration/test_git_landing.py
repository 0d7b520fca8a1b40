"""The base branch moves to a finished run, or stays exactly where it was."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from ostinato.adapters.git.landing import LandingPlan, land, plan_merge, require_proof
from ostinato.adapters.git.repository import RepositoryState
from ostinato.adapters.git.worktrees import prepare_worktree
from ostinato.domain.errors import UserError
from tests.repositories import RUN, an_open_mirror, commit, fingerprint, git, make_repository, plant_hooks, write


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    state: RepositoryState
    mirror: Path
    head: str

    async def plan(self, branch: str = "main") -> LandingPlan:
        return await plan_merge(self.state, self.mirror, run_id=RUN, head=self.head, base_branch=branch)

    async def land(self, plan: LandingPlan, branch: str = "main") -> tuple[bool, str]:
        done = await land(
            self.state, self.mirror, run_id=RUN, base_branch=branch, expected=plan.base_now, target=plan.target
        )
        return done.moved, done.message

    def at(self, branch: str = "main") -> str:
        return git(self.state.root, "rev-parse", f"refs/heads/{branch}")


@pytest.fixture
async def run(tmp_path: Path) -> Finished:
    repository = make_repository(tmp_path / "my sample", {"a.txt": "1\n", "b.txt": "1\n"})
    state, mirror = await an_open_mirror(repository, tmp_path)
    await prepare_worktree(mirror, tmp_path / "slot", state.base_commit, RUN)
    head = commit(tmp_path / "slot", {"a.txt": "2\n", "new.txt": "n\n"})
    git(mirror, "update-ref", f"refs/ostinato/{RUN}/branch", head)
    return Finished(state=state, mirror=mirror, head=head)


async def codes(run: Finished) -> str:
    with pytest.raises(UserError) as caught:
        await run.plan()
    return caught.value.code


async def proof(run: Finished) -> str:
    """Empty where the head may land."""
    try:
        await require_proof(run.state, run_id=RUN, head=run.head)
    except UserError as refused:
        return f"{refused.code}: {refused}"
    return ""


async def test_only_a_commit_with_the_ref_of_a_gate_may_land(run: Finished) -> None:
    git(run.state.root, "fetch", "-q", str(run.mirror), f"refs/ostinato/{RUN}/branch")
    git(run.state.root, "update-ref", f"refs/ostinato/{RUN}/gates/lint", run.state.base_commit)
    before = await proof(run)

    git(run.state.root, "update-ref", f"refs/ostinato/{RUN}/gates/lint", run.head)

    assert before.startswith("not_proven: ")
    assert f"no gate of {RUN} passed on {run.head[:10]}" in before
    assert await proof(run) == ""


async def test_a_branch_with_more_than_what_was_judged_may_not_land(run: Finished) -> None:
    git(run.state.root, "fetch", "-q", str(run.mirror), f"refs/ostinato/{RUN}/branch")
    git(run.state.root, "update-ref", f"refs/ostinato/{RUN}/gates/lint", run.head)
    tree = git(run.state.root, "rev-parse", f"{run.head}^{{tree}}")
    more = git(run.state.root, "commit-tree", tree, "-p", run.head, "-m", "More")
    git(run.state.root, "update-ref", f"refs/heads/ostinato/{RUN}", more)

    assert f"has moved on to {more[:10]}" in await proof(run)


async def test_a_base_that_stands_still_is_fast_forwarded_with_its_files(run: Finished) -> None:
    plan = await run.plan()

    moved, _ = await run.land(plan)

    assert (plan.fast_forward, plan.target, moved, run.at()) == (True, run.head, True, run.head)
    assert git(run.state.root, "status", "--porcelain") == ""
    assert (run.state.root / "new.txt").read_text() == "n\n"


async def test_planning_changes_nothing_in_the_repository(run: Finished) -> None:
    commit(run.state.root, {"b.txt": "2\n"})
    before = fingerprint(run.state.root)

    await run.plan()

    assert fingerprint(run.state.root) == before


async def test_a_base_that_moved_gets_a_merge_commit(run: Finished) -> None:
    theirs = commit(run.state.root, {"b.txt": "2\n"})

    plan = await run.plan()
    moved, _ = await run.land(plan)

    assert (plan.fast_forward, moved) == (False, True)
    assert git(run.state.root, "rev-parse", "main^1", "main^2").split() == [theirs, run.head]
    assert git(run.state.root, "show", "main:a.txt", "main:b.txt") == "2\n2"
    assert git(run.state.root, "status", "--porcelain") == ""


async def test_a_conflict_is_named_and_moves_nothing(run: Finished) -> None:
    theirs = commit(run.state.root, {"a.txt": "other\n"})

    plan = await run.plan()

    assert (plan.conflicts, plan.target, run.at()) == (("a.txt",), theirs, theirs)


async def test_a_run_that_is_in_already_is_recognised(run: Finished) -> None:
    await run.land(await run.plan())

    assert (await run.plan()).already_merged


async def test_landing_twice_does_no_harm(run: Finished) -> None:
    plan = await run.plan()
    await run.land(plan)

    moved, _ = await run.land(plan)

    assert (moved, run.at()) == (True, run.head)


async def test_a_base_that_moves_between_plan_and_landing_is_refused(run: Finished) -> None:
    plan = await run.plan()
    theirs = commit(run.state.root, {"b.txt": "2\n"})

    moved, message = await run.land(plan)

    assert (moved, run.at()) == (False, theirs)
    assert "Run the merge again" in message


async def test_a_dirty_checked_out_base_is_refused(run: Finished) -> None:
    write(run.state.root, {"b.txt": "dirty\n"})

    assert await codes(run) == "base_dirty"


async def test_a_base_that_is_dirty_in_another_worktree_is_refused(run: Finished, tmp_path: Path) -> None:
    git(run.state.root, "checkout", "-q", "--detach")
    git(run.state.root, "worktree", "add", "-q", str(tmp_path / "side"), "main")
    write(tmp_path / "side", {"b.txt": "dirty\n"})

    assert await codes(run) == "base_dirty"


async def test_a_base_in_the_middle_of_a_rebase_is_refused(run: Finished) -> None:
    write(run.state.root, {".git/rebase-merge/head-name": "refs/heads/main\n"})
    git(run.state.root, "checkout", "-q", "--detach")

    assert await codes(run) == "base_busy"


async def test_an_unknown_base_is_refused(run: Finished) -> None:
    git(run.state.root, "branch", "-m", "main", "trunk")

    assert await codes(run) == "base_unknown"


async def test_a_base_that_is_not_checked_out_moves_without_touching_files(run: Finished) -> None:
    git(run.state.root, "checkout", "-q", "-b", "other")
    write(run.state.root, {"b.txt": "dirty\n"})

    moved, _ = await run.land(await run.plan())

    assert (moved, run.at()) == (True, run.head)
    assert (run.state.root / "b.txt").read_text() == "dirty\n"
    assert not (run.state.root / "new.txt").exists()


async def test_an_untracked_file_in_the_way_stops_the_landing_unharmed(run: Finished) -> None:
    write(run.state.root, {"new.txt": "mine\n"})

    moved, message = await run.land(await run.plan())

    assert (moved, run.at()) == (False, run.state.base_commit)
    assert "new.txt" in message
    assert (run.state.root / "new.txt").read_text() == "mine\n"


async def test_files_that_need_a_filter_are_left_to_the_users_git(run: Finished) -> None:
    write(run.state.root, {".git/info/attributes": "*.txt filter=lfs\n"})
    git(run.state.root, "config", "filter.lfs.smudge", "false")

    with pytest.raises(UserError) as caught:
        await run.land(await run.plan())

    assert (caught.value.code, run.at()) == ("base_filtered", run.state.base_commit)


async def test_hooks_of_the_user_do_not_run_on_landing(run: Finished, tmp_path: Path) -> None:
    plant_hooks(run.state.root, tmp_path / "ran", ["post-merge", "reference-transaction", "update", "post-checkout"])

    moved, _ = await run.land(await run.plan())

    assert moved
    assert not (tmp_path / "ran").exists()
