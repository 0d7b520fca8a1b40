"""An agent has a repository to itself: whatever it does there comes to one commit, and touches nobody else."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from ostinato.adapters.git.collapsing import collapse, known_commits, look
from ostinato.adapters.git.commits import Snapshot, changed_paths, snapshot
from ostinato.adapters.git.observing import observe
from ostinato.adapters.git.seclusion import seclude, unseclude
from ostinato.adapters.git.worktrees import prepare_worktree
from ostinato.domain.agents.deeds import Deeds
from ostinato.domain.agents.proving import TreeFacts
from ostinato.domain.agents.said import said_in
from tests.integration.grounds import Ground, a_ground
from tests.repositories import AUTHOR, RUN, a_key, commit, git, make_repository, script, write

MESSAGE = "Change"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seclusion:
    """A worktree that an agent works in."""

    ground: Ground
    folder: Path

    @property
    def tree(self) -> Path:
        return self.ground.slot

    async def begin(self) -> None:
        await prepare_worktree(self.ground.mirror, self.tree, self.ground.base, RUN)
        await self.again()

    async def again(self) -> None:
        await seclude(self.tree, mirror=self.ground.mirror, base=self.ground.base, folder=self.folder)

    async def look(self) -> Deeds:
        return await look(self.tree, mirror=self.ground.mirror, base=self.ground.base, folder=self.folder)

    async def collapse(self) -> Deeds:
        return await collapse(self.tree, mirror=self.ground.mirror, base=self.ground.base, folder=self.folder)

    async def taken(self) -> Snapshot | None:
        return await snapshot(
            self.tree,
            mirror=self.ground.mirror,
            parent=self.ground.base,
            message=MESSAGE,
            author=AUTHOR,
            trailers=a_key().trailers,
        )

    async def observe(self, answer: str = "") -> TreeFacts:
        said = said_in(answer, tree=str(self.tree))
        return await observe(self.tree, mirror=self.ground.mirror, base=self.ground.base, folder=self.folder, said=said)

    def git(self, *args: str) -> str:
        return git(self.tree, *args)


@pytest.fixture
async def place(tmp_path: Path) -> Seclusion:
    made = Seclusion(ground=await a_ground(tmp_path), folder=tmp_path / "private")
    await made.begin()
    return made


async def paths_of(place: Seclusion) -> tuple[str, ...]:
    """Of the one commit that is made of it all."""
    taken = await place.taken()
    assert taken is not None
    assert git(place.ground.mirror, "rev-list", "--count", f"{place.ground.base}..{taken.commit}") == "1"
    assert git(place.ground.mirror, "rev-parse", f"{taken.commit}^") == place.ground.base
    return tuple(await changed_paths(place.ground.mirror, place.ground.base, taken.commit))


async def test_a_secluded_worktree_looks_like_any_other(place: Seclusion) -> None:
    assert place.git("status", "--porcelain") == ""
    assert place.git("rev-parse", "HEAD") == place.ground.base
    assert place.git("log", "--format=%s") == "Commit 1"


async def test_an_agent_that_did_nothing_leaves_nothing(place: Seclusion) -> None:
    deeds = await place.collapse()

    assert deeds == Deeds()
    assert await place.taken() is None


async def test_commits_and_branches_come_to_one_commit(place: Seclusion) -> None:
    place.git("checkout", "-q", "-b", "mine")
    commits = [commit(place.tree, {"b.txt": f"{number}\n"}) for number in (2, 3)]
    write(place.tree, {"new.txt": "untracked"})

    deeds = await place.collapse()

    assert (deeds.commits, deeds.commits_count, deeds.head, deeds.branches) == (
        tuple(commits[::-1]),
        2,
        "mine",
        ("mine",),
    )
    assert deeds.leftovers == ("2 commits", "1 branch (mine)")
    assert await paths_of(place) == ("b.txt", "new.txt")


async def test_nothing_of_it_reaches_the_mirror(place: Seclusion) -> None:
    before = git(place.ground.mirror, "for-each-ref"), (place.ground.mirror / "config").read_text()
    place.git("checkout", "-q", "-b", "mine")
    made = commit(place.tree, {"b.txt": "2\n"})
    place.git("tag", "v9")
    place.git("config", "filter.evil.clean", "false")
    write(place.tree, {"b.txt": "3\n"})
    place.git("stash")

    await place.collapse()

    assert (git(place.ground.mirror, "for-each-ref"), (place.ground.mirror / "config").read_text()) == before
    with pytest.raises(AssertionError, match="cat-file"):
        git(place.ground.mirror, "cat-file", "-e", made)


async def test_amended_and_rebased_commits_count_as_what_is_left_of_them(place: Seclusion) -> None:
    first = commit(place.tree, {"one.txt": "1"})
    commit(place.tree, {"two.txt": "2"})
    place.git("commit", "-q", "--amend", "-m", "Reworded")
    place.git("rebase", "-q", "--onto", place.ground.base, first)

    deeds = await place.collapse()

    assert deeds.commits_count == 1
    assert await paths_of(place) == ("two.txt",)


async def test_work_on_a_branch_that_was_left_is_named(place: Seclusion) -> None:
    place.git("checkout", "-q", "-b", "feature")
    commit(place.tree, {"feature.txt": "f"})
    place.git("checkout", "-q", "--detach", place.ground.base)

    deeds = await place.collapse()

    assert (deeds.aside, deeds.head) == (("feature",), "")
    assert await place.taken() is None


async def test_a_merge_in_progress_is_told_with_its_conflicts(place: Seclusion) -> None:
    place.git("checkout", "-q", "-b", "one")
    commit(place.tree, {"b.txt": "one\n"})
    place.git("checkout", "-q", "-b", "two", place.ground.base)
    commit(place.tree, {"b.txt": "two\n"})
    with pytest.raises(AssertionError):
        place.git("merge", "-q", "one")

    deeds = await place.look()

    assert (deeds.in_progress, deeds.conflicted) == (("merge",), ("b.txt",))


async def test_a_conflict_that_was_put_right_without_being_added_is_none(place: Seclusion) -> None:
    await test_a_merge_in_progress_is_told_with_its_conflicts(place)
    write(place.tree, {"b.txt": "both\n"})

    deeds = await place.collapse()

    assert (deeds.in_progress, deeds.conflicted) == (("merge",), ())
    assert await paths_of(place) == ("b.txt",)


async def test_a_rebase_in_progress_does_not_hold_up_the_next_step(place: Seclusion) -> None:
    base = commit(place.tree, {"b.txt": "one\n"})
    place.git("checkout", "-q", "-b", "two", place.ground.base)
    commit(place.tree, {"b.txt": "two\n"})
    with pytest.raises(AssertionError):
        place.git("rebase", "-q", base)

    deeds = await place.collapse()
    await prepare_worktree(place.ground.mirror, place.tree, place.ground.base, RUN)

    assert deeds.in_progress == ("rebase",)
    assert place.git("status", "--porcelain") == ""


async def test_a_stash_belongs_to_the_agent_that_made_it(place: Seclusion, tmp_path: Path) -> None:
    other = Seclusion(
        ground=Ground(state=place.ground.state, mirror=place.ground.mirror, slot=tmp_path / "slot-2"),
        folder=tmp_path / "private-2",
    )
    await other.begin()
    for each, text in ((place, "mine"), (other, "yours")):
        write(each.tree, {"b.txt": text})
        each.git("stash")

    place.git("stash", "pop")

    assert (place.tree / "b.txt").read_text() == "mine"
    assert ((await place.look()).stashes, (await other.look()).stashes) == (0, 1)


async def test_untracked_files_are_taken_and_ignored_ones_are_not(place: Seclusion) -> None:
    write(place.tree, {".gitignore": "cache/\n", "cache/x": "x", "src/new.py": "n"})

    await place.collapse()

    assert await paths_of(place) == (".gitignore", "src/new.py")


async def test_what_an_agent_excludes_for_itself_is_taken_all_the_same(place: Seclusion) -> None:
    write(place.tree, {"hidden.txt": "h"})
    with (place.folder / "repository" / "info" / "exclude").open("a") as excluded:
        excluded.write("hidden.txt\n")

    await place.collapse()

    assert await paths_of(place) == ("hidden.txt",)


async def test_a_repository_inside_stays_out_and_is_named(place: Seclusion) -> None:
    make_repository(place.tree / "inner")
    write(place.tree, {"b.txt": "2\n"})

    await place.collapse()
    taken = await place.taken()

    assert taken is not None
    assert (taken.paths, len(taken.warnings)) == (("b.txt",), 1)


async def test_settings_hooks_and_filters_of_an_agent_are_named_and_do_nothing(
    place: Seclusion, tmp_path: Path
) -> None:
    marker = tmp_path / "ran"
    evil = script(tmp_path / "evil", f'echo ran >> "{marker}"; cat')
    place.git("config", "filter.evil.clean", str(evil))
    place.git("config", "core.fsmonitor", str(evil))
    (place.folder / "repository" / "hooks").mkdir()
    script(place.folder / "repository" / "hooks" / "pre-commit", f'echo hook >> "{marker}"')
    write(place.tree, {".gitattributes": "* filter=evil\n", "b.txt": "2\n"})

    deeds = await place.collapse()
    taken = await place.taken()

    assert taken is not None
    assert (deeds.settings, deeds.hooks) == (("core.fsmonitor", "filter.evil.clean"), ("pre-commit",))
    assert not marker.exists()


async def test_files_that_a_sparse_checkout_took_away_are_not_deleted(place: Seclusion) -> None:
    place.git("sparse-checkout", "set", "--no-cone", "/docs/")
    write(place.tree, {"docs/c.txt": "changed\n"})

    deeds = await place.collapse()

    assert deeds.hidden == ("a.txt", "b.txt")
    assert await paths_of(place) == ("docs/c.txt",)


async def test_a_repository_put_in_the_place_of_ours_is_kept_and_told(place: Seclusion) -> None:
    (place.tree / ".git").unlink()
    make_repository(place.tree, {"b.txt": "2\n"})

    deeds = await place.collapse()

    assert deeds.is_replaced
    assert (place.folder / "found-1.git" / "HEAD").is_file()
    assert await paths_of(place) == ("b.txt",)


async def test_a_replaced_object_deceives_nobody(place: Seclusion) -> None:
    made = commit(place.tree, {"b.txt": "2\n"})
    place.git("replace", place.ground.base, made)

    deeds = await place.collapse()

    assert deeds.refs == (f"refs/replace/{place.ground.base}",)
    assert deeds.commits == (made,)


async def test_a_branch_without_a_commit_is_no_hindrance(place: Seclusion) -> None:
    place.git("checkout", "-q", "--orphan", "fresh")
    write(place.tree, {"new.txt": "n"})

    deeds = await place.collapse()

    assert (deeds.head, deeds.commits_count) == ("fresh", 0)
    assert await paths_of(place) == ("new.txt",)


async def test_a_repository_that_git_cannot_read_any_more_is_told(place: Seclusion) -> None:
    (place.folder / "repository" / "config").write_text("[broken")
    write(place.tree, {"new.txt": "n"})

    deeds = await place.collapse()

    assert deeds.is_broken
    assert await paths_of(place) == ("new.txt",)


async def test_a_session_that_goes_on_finds_what_it_left(place: Seclusion) -> None:
    place.git("checkout", "-q", "-b", "mine")
    commit(place.tree, {"b.txt": "2\n"})
    await place.collapse()

    await place.again()

    assert place.git("branch", "--show-current") == "mine"
    assert place.git("status", "--porcelain") == ""


async def test_a_step_that_begins_anew_saves_what_an_agent_left_behind(place: Seclusion) -> None:
    commit(place.tree, {"b.txt": "2\n"})

    saved = await prepare_worktree(place.ground.mirror, place.tree, place.ground.base, RUN)

    assert saved is not None
    assert git(place.ground.mirror, "show", f"{saved}:b.txt") == "2"


async def test_commits_that_are_claimed_are_found_by_short_ids_and_after_an_amend(place: Seclusion) -> None:
    made = commit(place.tree, {"b.txt": "2\n"})
    place.git("commit", "-q", "--amend", "-m", "Reworded")

    found = await known_commits(place.folder, [made[:8], "deadbeef", "HEAD", "--all"])

    assert found == {made[:8]}


async def test_giving_it_back_twice_does_no_harm(place: Seclusion) -> None:
    first = await unseclude(place.tree, mirror=place.ground.mirror, folder=place.folder)
    again = await unseclude(place.tree, mirror=place.ground.mirror, folder=place.folder)

    assert (first, again) == (True, True)
    assert place.git("rev-parse", "HEAD") == place.ground.base


async def test_files_and_commits_that_are_claimed_are_looked_for(place: Seclusion) -> None:
    made = commit(place.tree, {"src/app.py": "x = 1\n"})

    facts = await place.observe(
        f"I created `app.py`, updated `docs/c.txt` and wrote `{place.tree}/src/app.py`.\n"
        f"I added tests/test_app.py.\nCommitted as {made[:9]}, then committed 0123abc."
    )

    assert facts.changed == ("src/app.py",)
    assert (facts.absent, facts.unknown_commits) == (("tests/test_app.py",), ("0123abc",))


async def test_looking_at_files_makes_no_object_in_the_mirror(place: Seclusion) -> None:
    write(place.tree, {"b.txt": "very secret\n"})
    blob = git(place.tree, "hash-object", "b.txt")

    facts = await place.observe()

    assert facts.changed == ("b.txt",)
    assert facts.tree
    with pytest.raises(AssertionError, match="cat-file"):
        git(place.ground.mirror, "cat-file", "-e", blob)


async def test_the_same_files_have_the_same_tree_whatever_was_committed(place: Seclusion) -> None:
    write(place.tree, {"b.txt": "2\n"})
    first = await place.observe()

    commit(place.tree, {})

    assert (await place.observe()).tree == first.tree
