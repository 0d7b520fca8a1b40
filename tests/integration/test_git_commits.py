"""A step's work becomes one commit, recorded once and integrated once."""

from pathlib import Path

import pytest

from ostinato.adapters.git.commits import Snapshot, changed_paths, diff_stat, diff_text, snapshot
from ostinato.adapters.git.integration import integrate
from ostinato.adapters.git.objects import StepKey, read_result, record, recorded, write_result
from ostinato.adapters.git.worktrees import prepare_worktree
from ostinato.domain.errors import ExternalError
from ostinato.domain.workspace import Integration
from tests.repositories import AUTHOR, RUN, a_key, an_open_mirror, commit, git, make_repository, script, write

BRANCH = f"refs/ostinato/{RUN}/branch"


class Place:
    """A mirror, its base, and a worktree that stands on it."""

    def __init__(self, mirror: Path, base: str, path: Path) -> None:
        self.mirror, self.base, self.path = mirror, base, path

    async def snapshot(self, key: StepKey | None = None, parent: str | None = None) -> Snapshot | None:
        return await snapshot(
            self.path,
            mirror=self.mirror,
            parent=parent or self.base,
            message="Tidy up\n\nBecause it was not.",
            author=AUTHOR,
            trailers=(key or a_key()).trailers,
        )

    async def step(self, key: StepKey, files: dict[str, str], parent: str | None = None) -> str:
        """A step's commit on `parent`, from a fresh worktree."""
        await prepare_worktree(self.mirror, self.path, parent or self.base, RUN)
        write(self.path, files)
        taken = await self.snapshot(key, parent)
        assert taken is not None
        return await record(self.mirror, key.ref, taken.commit)

    async def integrate(self, key: StepKey, step_commit: str, expected_head: str) -> Integration:
        return await integrate(
            self.mirror,
            branch_ref=BRANCH,
            key=key,
            step_commit=step_commit,
            base=self.base,
            expected_head=expected_head,
        )


@pytest.fixture
async def place(tmp_path: Path) -> Place:
    lines = "".join(f"line {n}\n" for n in range(20))
    repository = make_repository(tmp_path / "sample", {"a.txt": lines, "b.txt": "1\n", ".gitignore": "cache\n"})
    state, mirror = await an_open_mirror(repository, tmp_path)
    made = Place(mirror, state.base_commit, tmp_path / "slot-1")
    await prepare_worktree(mirror, made.path, made.base, RUN)
    return made


async def test_a_worktree_without_changes_makes_no_commit(place: Place) -> None:
    write(place.path, {"cache/x": "ignored"})

    assert await place.snapshot() is None


async def test_a_snapshot_is_one_commit_with_author_and_trailers(place: Place) -> None:
    write(place.path, {"new.txt": "n"})
    (place.path / "b.txt").unlink()

    taken = await place.snapshot()

    assert taken is not None
    assert (taken.paths, taken.files_changed) == (("b.txt", "new.txt"), 2)
    assert git(place.mirror, "log", "--format=%an %ae %s", f"{place.base}..{taken.commit}") == (
        "Ada ada@example.org Tidy up"
    )
    assert git(place.mirror, "log", "-1", "--format=%(trailers:only)", taken.commit).splitlines() == [
        f"Ostinato-Run: {RUN}", "Ostinato-Step: lint", "Ostinato-Execution: 1",
    ]  # fmt: skip


async def test_commits_and_branches_of_a_step_are_collapsed(place: Place) -> None:
    git(place.path, "checkout", "-q", "-b", "mine")
    commit(place.path, {"b.txt": "2\n"})
    commit(place.path, {"b.txt": "3\n"})

    taken = await place.snapshot()

    assert taken is not None
    assert git(place.mirror, "rev-list", "--count", f"{place.base}..{taken.commit}") == "1"
    assert git(place.path, "rev-parse", "HEAD") == taken.commit
    assert git(place.path, "status", "--porcelain") == ""


async def test_a_recorded_snapshot_leaves_nothing_to_save(place: Place) -> None:
    await place.step(a_key(), {"b.txt": "2\n"})

    assert await prepare_worktree(place.mirror, place.path, place.base, RUN) is None


async def test_a_repository_made_by_a_step_is_named_and_left_out(place: Place) -> None:
    make_repository(place.path / "nested")
    write(place.path, {"b.txt": "2\n"})

    taken = await place.snapshot()

    assert taken is not None
    assert taken.paths == ("b.txt",)
    assert "nested is a git repository of its own" in taken.warnings[0]


async def test_hooks_signing_and_filters_stay_out_of_a_snapshot(place: Place, tmp_path: Path) -> None:
    hostile = script(tmp_path / "hostile", f'touch "{tmp_path}/ran"; cat')
    (place.mirror / "hooks").mkdir(exist_ok=True)
    for name in ("pre-commit", "commit-msg", "post-commit", "reference-transaction"):
        script(place.mirror / "hooks" / name, f'touch "{tmp_path}/ran"')
    for key, value in {"core.hooksPath": "hooks", "commit.gpgsign": "true", "core.fsmonitor": str(hostile)}.items():
        git(place.mirror, "config", key, value, env={"GIT_DIR": str(place.mirror)})

    write(place.path, {"b.txt": "2\n"})
    await place.snapshot()

    assert not (tmp_path / "ran").exists()


async def test_the_first_commit_recorded_under_a_key_wins(place: Place) -> None:
    first = await place.step(a_key(), {"b.txt": "2\n"})

    second = await place.step(a_key(), {"b.txt": "3\n"})

    assert second == first
    assert await recorded(place.mirror, a_key().ref) == first


async def test_a_result_without_a_diff_is_kept_and_read_back(place: Place) -> None:
    await write_result(place.mirror, a_key(), '{"summary": "nothing to do – fine"}')

    kept = await write_result(place.mirror, a_key(), '{"summary": "late"}')

    assert kept == '{"summary": "nothing to do – fine"}'
    assert await read_result(place.mirror, a_key()) == kept
    assert await read_result(place.mirror, a_key(execution=2)) is None


async def test_a_step_on_the_head_moves_the_branch_to_its_own_commit(place: Place) -> None:
    made = await place.step(a_key(), {"b.txt": "2\n"})

    done = await place.integrate(a_key(), made, place.base)

    assert done == Integration(head=made, commit=made)
    assert await recorded(place.mirror, BRANCH) == made


async def test_a_step_beside_the_head_is_merged_onto_it(place: Place) -> None:
    first = await place.step(a_key("one"), {"b.txt": "2\n"})
    second = await place.step(a_key("two"), {"new.txt": "n\n"})
    await place.integrate(a_key("one"), first, place.base)

    done = await place.integrate(a_key("two"), second, first)

    assert git(place.mirror, "rev-parse", f"{done.head}^") == first
    assert git(place.mirror, "show", f"{done.head}:b.txt", f"{done.head}:new.txt") == "2\nn"
    assert git(place.mirror, "log", "-1", "--format=%an %B", done.head) == (
        git(place.mirror, "log", "-1", "--format=%an %B", second)
    )


async def test_integrating_twice_finds_the_first_commit(place: Place) -> None:
    first = await place.step(a_key("one"), {"b.txt": "2\n"})
    second = await place.step(a_key("two"), {"new.txt": "n\n"})
    await place.integrate(a_key("one"), first, place.base)
    done = await place.integrate(a_key("two"), second, first)

    assert await place.integrate(a_key("two"), second, first) == done
    assert await place.integrate(a_key("one"), first, place.base) == Integration(head=done.head, commit=first)


async def test_a_conflict_moves_nothing_and_keeps_both_sides(place: Place) -> None:
    first = await place.step(a_key("one"), {"b.txt": "ours\n"})
    second = await place.step(a_key("two"), {"b.txt": "theirs\n", "new.txt": "n\n"})
    await place.integrate(a_key("one"), first, place.base)

    done = await place.integrate(a_key("two"), second, first)

    assert done == Integration(head=first, conflicts=("b.txt",))
    assert await recorded(place.mirror, BRANCH) == first
    kept = f"refs/ostinato/{RUN}/conflicts/two/1"
    assert git(place.mirror, "rev-parse", f"{kept}/branch", f"{kept}/step").split() == [first, second]


async def test_only_the_steps_own_change_is_merged(place: Place) -> None:
    first = await place.step(a_key("one"), {"b.txt": "2\n"})
    second = await place.step(a_key("two"), {"c.txt": "1\n"}, parent=first)

    done = await place.integrate(a_key("two"), second, place.base)

    assert await changed_paths(place.mirror, place.base, done.head) == ["c.txt"]


async def test_a_branch_that_moved_meanwhile_is_left_alone(place: Place) -> None:
    first = await place.step(a_key("one"), {"b.txt": "2\n"})
    second = await place.step(a_key("two"), {"new.txt": "n\n"})
    await place.integrate(a_key("one"), first, place.base)

    with pytest.raises(ExternalError) as caught:
        await place.integrate(a_key("two"), second, place.base)

    assert caught.value.code == "head_moved"
    assert await recorded(place.mirror, BRANCH) == first


async def test_differences_are_told_as_paths_figures_and_text(place: Place) -> None:
    made = await place.step(a_key(), {"b.txt": "2\n", "ä b.txt": "n\n"})

    assert await changed_paths(place.mirror, place.base, made) == ["b.txt", "ä b.txt"]
    assert "2 files changed" in await diff_stat(place.mirror, place.base, made)
    assert "+2" in await diff_text(place.mirror, place.base, made)
