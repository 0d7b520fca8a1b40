"""A clean-up takes what nobody needs and leaves whatever is open, dirty or unmerged."""

import os
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ostinato.adapters.artifacts import ArtifactStore
from ostinato.adapters.cleaning import Collected, GcPlan, RemovalKind, collect, plan_gc
from ostinato.adapters.git.publish import publish
from ostinato.adapters.git.worktrees import prepare_worktree
from ostinato.adapters.home import Home
from ostinato.adapters.results import ResultStore
from ostinato.domain.ids import RunId
from ostinato.domain.report import Stored
from ostinato.domain.workspace import Workspace
from tests.builders import a_snapshot
from tests.integration.grounds import BRANCH, Ground, a_ground
from tests.repositories import RUN, git, make_repository, write

NOW = datetime(2030, 6, 1, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=90)
REFS = f"refs/ostinato/{RUN}"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
async def ground(home: Home, tmp_path: Path) -> Ground:
    home.root.mkdir()
    return await a_ground(home.root, repository=make_repository(tmp_path / "sample"))


async def plan(
    home: Home,
    *,
    open_runs: Collection[RunId] = (),
    open_since: datetime | None = None,
    max_bytes: int | None = None,
) -> GcPlan:
    return await plan_gc(home, now=NOW, keep_days=30, max_bytes=max_bytes, open_runs=open_runs, open_since=open_since)


async def clean(home: Home) -> tuple[Collected, ...]:
    return await collect(home, (await plan(home)).removals)


def close(home: Home, ground: Ground, head: str, ended_at: datetime = LONG_AGO, **fields: str) -> None:
    """The run's result, as a worker keeps it."""
    workspace = Workspace(
        run_id=RUN,
        queue="",
        repository=str(ground.state.root),
        repository_id=ground.state.repository_id,
        mirror=str(ground.mirror),
        root=str(home.run(RUN)),
        base_branch="main",
        base_commit=ground.base,
        head=ground.base,
    )
    snapshot = a_snapshot(run_id=RUN, workspace=workspace, head=head, ended_at=ended_at)
    ResultStore(home).save(Stored(snapshot=snapshot, artifacts=fields))


def age(path: Path, at: datetime = LONG_AGO) -> Path:
    for each in (*path.rglob("*"), path):
        os.utime(each, (at.timestamp(), at.timestamp()), follow_symlinks=False)
    return path


def kinds(planned: GcPlan) -> list[RemovalKind]:
    return [removal.kind for removal in planned.removals]


def merge(ground: Ground, head: str) -> None:
    git(ground.state.root, "reset", "-q", "--hard", head)


async def a_published_run(home: Home, ground: Ground) -> str:
    head = (await ground.chain("one", "two"))[-1]
    await publish(ground.state, ground.mirror, run_id=RUN, head=head)
    close(home, ground, head)
    return head


async def test_an_empty_home_has_nothing_to_remove(home: Home) -> None:
    assert await plan(home) == GcPlan()


async def test_a_merged_run_leaves_no_refs_and_no_branch(home: Home, ground: Ground) -> None:
    merge(ground, await a_published_run(home, ground))

    done = await clean(home)

    assert all(each.done for each in done), done
    assert git(ground.mirror, "for-each-ref", REFS, BRANCH) == ""
    assert git(ground.state.root, "for-each-ref", REFS, BRANCH) == ""
    assert kinds(await plan(home)) == []


async def test_an_unmerged_branch_stays_with_its_refs_in_the_users_repository(home: Home, ground: Ground) -> None:
    head = await a_published_run(home, ground)
    before = git(ground.state.root, "for-each-ref")

    planned = await plan(home)
    await clean(home)

    assert "it is not merged into main" in [kept.reason for kept in planned.kept]
    assert git(ground.state.root, "for-each-ref") == before
    assert (ground.at(BRANCH), git(ground.state.root, "rev-parse", BRANCH)) == ("", head)


async def test_a_branch_that_the_user_went_on_with_stays(home: Home, ground: Ground) -> None:
    merge(ground, await a_published_run(home, ground))
    theirs = git(ground.state.root, "commit-tree", "-m", "mine", "-p", BRANCH, "HEAD^{tree}")
    git(ground.state.root, "update-ref", BRANCH, theirs)

    await clean(home)

    assert git(ground.state.root, "rev-parse", BRANCH) == theirs


async def test_a_branch_that_is_checked_out_stays(home: Home, ground: Ground) -> None:
    merge(ground, await a_published_run(home, ground))
    git(ground.state.root, "checkout", "-q", f"ostinato/{RUN}")

    planned = await plan(home)

    assert RemovalKind.BRANCH not in kinds(planned)
    assert "it is checked out" in [kept.reason for kept in planned.kept]


async def test_a_run_that_was_never_published_keeps_its_refs_and_says_why(home: Home, ground: Ground) -> None:
    head = (await ground.chain("one"))[-1]
    close(home, ground, head)

    planned = await plan(home)

    assert planned.removals == ()
    assert [kept.reason for kept in planned.kept] == [f"the head of run {RUN} is in no branch of {ground.state.root}"]


async def test_work_that_is_in_no_branch_stays_when_the_rest_goes(home: Home, ground: Ground) -> None:
    head = await a_published_run(home, ground)
    merge(ground, head)
    lost = git(ground.mirror, "commit-tree", "-m", "other", "-p", head, f"{ground.base}^{{tree}}")
    git(ground.mirror, "update-ref", f"{REFS}/saved/slot-1", lost)

    planned = await plan(home)
    await clean(home)

    assert any("saved/slot-1" in kept.reason for kept in planned.kept)
    assert ground.refs() == ["saved/slot-1"]


async def test_nothing_of_an_open_or_a_recent_run_is_touched(home: Home, ground: Ground) -> None:
    head = await a_published_run(home, ground)
    merge(ground, head)
    home.run(RUN).mkdir(parents=True)
    of_open = await plan(home, open_runs=[RUN])

    close(home, ground, head, ended_at=NOW - timedelta(days=1))
    of_recent = await plan(home)

    assert kinds(of_open) == []
    assert kinds(of_recent) == [RemovalKind.RUN_FOLDER]


async def test_unfinished_work_in_a_stray_worktree_is_saved_and_named(home: Home, ground: Ground) -> None:
    head = await a_published_run(home, ground)
    tree = home.run(RUN) / "slot-1" / "tree"
    await prepare_worktree(ground.mirror, tree, head, RUN)
    write(tree, {"half.txt": "half done"})

    done = await clean(home)

    folder = next(each for each in done if each.removal.kind is RemovalKind.RUN_FOLDER)
    assert (folder.done, home.run(RUN).exists()) == (True, False)
    assert folder.message == f"unfinished work is kept in {REFS}/saved/tree-1 in {ground.mirror}"
    assert git(ground.mirror, "show", f"{REFS}/saved/tree-1:half.txt") == "half done"


async def test_a_worktree_with_a_secret_stays(home: Home, ground: Ground) -> None:
    head = await a_published_run(home, ground)
    tree = home.run(RUN) / "slot-1" / "tree"
    await prepare_worktree(ground.mirror, tree, head, RUN)
    write(tree, {"key.txt": "AKIA" + "IOSFODNN7EXAMPLQ\n"})

    done = await clean(home)

    folder = next(each for each in done if each.removal.kind is RemovalKind.RUN_FOLDER)
    assert (folder.done, (tree / "key.txt").exists()) == (False, True)
    assert "holds a secret and stays" in folder.message


async def test_files_that_belong_to_no_mirror_are_left_to_a_person(home: Home, ground: Ground) -> None:
    await a_published_run(home, ground)
    write(home.run(RUN) / "slot-1" / "tree", {"mine.txt": "?"})

    planned = await plan(home)

    assert RemovalKind.RUN_FOLDER not in kinds(planned)
    assert any("belongs to no mirror" in kept.reason for kept in planned.kept)


async def test_artifacts_that_a_result_names_stay_with_what_they_name(home: Home, ground: Ground) -> None:
    store = ArtifactStore(home.artifacts)
    inner, stray = store.put_text("named by the evidence"), store.put_text("stray")
    evidence = store.put_text(f'{{"log": "{inner}"}}')
    close(home, ground, ground.base, NOW, evidence=evidence)
    age(home.artifacts)

    await clean(home)

    left = {store.path(evidence), store.path(inner)}
    assert (set(home.artifacts.glob("??/*")), stray in str(left)) == (left, False)


async def test_an_artifact_that_is_put_again_counts_as_new(home: Home) -> None:
    store = ArtifactStore(home.artifacts)
    path = age(store.path(store.put_text("again")), datetime(2020, 1, 1, tzinfo=UTC))

    store.put_text("again")

    assert path.stat().st_mtime > datetime(2021, 1, 1, tzinfo=UTC).timestamp()


async def test_over_the_limit_the_oldest_artifacts_go_first(home: Home) -> None:
    store = ArtifactStore(home.artifacts)
    paths = [age(store.path(store.put_text(str(n) * 100)), NOW - timedelta(days=9 - n)) for n in range(4)]

    planned = await plan(home, max_bytes=250)

    assert [removal.place for removal in planned.removals] == [str(path) for path in paths[:2]]


async def test_artifacts_that_an_open_run_may_need_stay(home: Home) -> None:
    store = ArtifactStore(home.artifacts)
    old, new = (store.path(store.put_text(text)) for text in ("old", "new"))
    age(old, LONG_AGO)
    age(new, LONG_AGO + timedelta(days=10))

    known = await plan(home, open_runs=[RUN], open_since=LONG_AGO + timedelta(days=5))
    unknown = await plan(home, open_runs=[RUN])

    assert [removal.place for removal in known.removals] == [str(old)]
    assert unknown.removals == ()


async def test_payloads_of_closed_runs_go_and_those_of_open_ones_stay(home: Home, ground: Ground) -> None:
    close(home, ground, ground.base)
    own = home.payloads / f"ostinato-{RUN}"
    write(home.payloads, {f"ostinato-{RUN}/aa": "1", f"ostinato-{RUN}-more/bb": "2", "shared/cc": "3"})
    age(home.payloads)

    planned = await plan(home, open_runs=[RunId(f"{RUN}-more")], open_since=NOW)

    places = [removal.place for removal in planned.removals if removal.kind is RemovalKind.PAYLOADS]
    assert places == [str(own)]


async def test_old_baselines_toolboxes_and_drafts_go(home: Home) -> None:
    write(home.baselines, {"repo/old.json": "{}"})
    write(home.toolbox, {"v1/x": "1", ".draft-1/x": "1"})
    write(home.artifacts, {"unfinished/half": "1"})
    age(home.root)
    write(home.toolbox, {"v2/x": "1", "hypothesis/x": "1"})
    age(home.toolbox / "v2", NOW)

    await clean(home)

    left = sorted(str(path.relative_to(home.root)) for path in home.root.rglob("*") if path.is_file())
    assert left == ["toolbox/hypothesis/x", "toolbox/v2/x"]


async def test_a_quarantined_worktree_is_named_and_kept(home: Home) -> None:
    write(home.quarantine, {"run-slot/tree/x": "secret"})

    planned = await plan(home)

    assert (planned.removals, [kept.place for kept in planned.kept]) == ((), [str(home.quarantine / "run-slot")])


async def test_a_plan_changes_nothing(home: Home, ground: Ground) -> None:
    merge(ground, await a_published_run(home, ground))
    ArtifactStore(home.artifacts).put_text("stray")
    age(home.artifacts)
    before = sorted(home.root.rglob("*")), git(ground.mirror, "for-each-ref"), git(ground.state.root, "for-each-ref")

    await plan(home)

    after = sorted(home.root.rglob("*")), git(ground.mirror, "for-each-ref"), git(ground.state.root, "for-each-ref")
    assert after == before


async def test_what_changed_since_the_plan_stays(home: Home, ground: Ground) -> None:
    head = await a_published_run(home, ground)
    merge(ground, head)
    planned = await plan(home)
    theirs = git(ground.state.root, "commit-tree", "-m", "mine", "-p", head, "HEAD^{tree}")
    git(ground.state.root, "update-ref", BRANCH, theirs)

    await collect(home, planned.removals)

    assert git(ground.state.root, "rev-parse", BRANCH) == theirs


async def test_a_mirror_is_packed_only_without_open_runs(home: Home, ground: Ground) -> None:
    for number in range(100):
        write(ground.slot.parent / "loose", {str(n + number * 6): str(n + number * 6) for n in range(6)})
    listed = "\n".join(str(path) for path in (ground.slot.parent / "loose").iterdir())
    (ground.slot.parent / "list").write_text(listed)
    git(
        ground.mirror,
        "-c",
        "alias.keep=!git hash-object -w --stdin-paths < " + str(ground.slot.parent / "list"),
        "keep",
    )

    closed, with_open = await plan(home), await plan(home, open_runs=[RUN])

    place = str(home.root / "repos" / ground.state.repository_id / "mirror.git")
    assert [(removal.kind, removal.place) for removal in closed.removals] == [(RemovalKind.MIRROR, place)]
    assert with_open.removals == ()
    assert all(each.done for each in await collect(home, closed.removals))
