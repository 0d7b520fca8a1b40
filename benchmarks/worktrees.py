"""What do a step's worktree, its commit and its integration cost on a repository of 10,000 files, beside plain git?

Method: a repository of 10,000 files in 400 folders. Ostinato's functions and plain git commands do the same, by turns, several
times: a private clone; a new worktree; the same worktree moved to another commit with leftovers in it; a commit of ten
changed files; bringing a commit onto a branch that moved meanwhile. Plain git is what a careful script would call:
`clone --bare`, `worktree add`, `checkout --force` with `clean -ffdx`, `add -A` with `commit`, `merge-tree` with `commit-tree` and
`update-ref`. Trees are compared: both must come to the same. No user files are touched.

Command: python -m benchmarks.worktrees
"""

import asyncio
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

from benchmarks.keeping import keep, spread
from ostinato.adapters.git.commits import snapshot
from ostinato.adapters.git.integration import integrate
from ostinato.adapters.git.mirror import open_mirror
from ostinato.adapters.git.objects import Author, StepKey
from ostinato.adapters.git.repository import inspect_repository
from ostinato.adapters.git.worktrees import prepare_worktree
from ostinato.domain.ids import RunId, StepId
from tests.repositories import git, make_repository

FILES: Final = 10_000
CHANGED: Final = 10
REPEATS: Final = 5
AUTHOR: Final = Author(name="Sam", email="sam@example.org")
RUN: Final = RunId("bench-0000")


class Pairs:
    """Times of the same work, done by Ostinato and by plain git."""

    def __init__(self) -> None:
        self.ours: dict[str, list[float]] = {}
        self.plain: dict[str, list[float]] = {}

    async def time_ours(self, name: str, work: Awaitable[Any]) -> Any:
        began = time.perf_counter()
        result = await work
        self.ours.setdefault(name, []).append(time.perf_counter() - began)
        return result

    def time_plain(self, name: str, work: Callable[[], Any]) -> Any:
        began = time.perf_counter()
        result = work()
        self.plain.setdefault(name, []).append(time.perf_counter() - began)
        return result

    def figures(self) -> dict[str, Any]:
        return {
            name: {
                "ostinato_s": (ours := spread(self.ours[name])),
                "git_s": (plain := spread(self.plain[name])),
                "ratio": round(ours["median"] / plain["median"], 2),
                "difference_ms": round((ours["median"] - plain["median"]) * 1000),
            }
            for name in self.ours
        }


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="ostinato-bench-") as folder:
        figures = asyncio.run(_measure(Path(folder)))
    keep("worktrees", {"files": FILES, "changed_files": CHANGED, "work": figures})


async def _measure(folder: Path) -> dict[str, Any]:
    content = {f"part{n % 400:03}/file{n:05}.txt": f"line {n}\n" * 20 for n in range(FILES)}
    repository = make_repository(folder / "project", content, commits=[{"part000/newer.txt": "newer\n"}])
    _collect(repository)
    pairs = Pairs()
    for number in range(REPEATS):
        ours = await _ours(pairs, repository, folder / f"ours{number}")
        plain = _plain(pairs, repository, folder / f"plain{number}")
        if ours != plain:
            raise AssertionError(f"the trees differ: {ours} and {plain}")
    return pairs.figures()


def _collect(repository: Path) -> None:
    while (repository / ".git" / "gc.pid").exists():  # git's own, in the background, after so large a commit
        time.sleep(0.1)
    git(repository, "gc", "-q")


async def _ours(pairs: Pairs, repository: Path, place: Path) -> str:
    """The tree of the branch at the end."""
    state = await inspect_repository(repository)
    mirror = await pairs.time_ours("private clone", open_mirror(state, place / "repos", RUN))
    base, older = state.base_commit, git(repository, "rev-parse", "HEAD~1")
    first, second = place / "w0" / "tree", place / "w1" / "tree"
    await pairs.time_ours("new worktree", prepare_worktree(mirror, first, older, RUN))
    await prepare_worktree(mirror, second, base, RUN)
    await pairs.time_ours("worktree moved to a commit", prepare_worktree(mirror, first, base, RUN))
    head = base
    for name, tree in (("a", first), ("b", second)):
        _change(tree, name)
        key = StepKey(run_id=RUN, step_id=StepId(name), execution=1)
        taken = await pairs.time_ours(
            "commit of ten changed files",
            snapshot(tree, mirror=mirror, parent=base, message=name, author=AUTHOR, trailers=key.trailers),
        )
        branch = f"refs/heads/ostinato/{RUN}"
        work = integrate(
            mirror, branch_ref=branch, key=key, step_commit=taken.commit, base=base, expected_head=head
        )  # fmt: skip
        done = await (pairs.time_ours("integration on a moved branch", work) if name == "b" else work)
        head = done.head
    return git(mirror, "rev-parse", f"{head}^{{tree}}")


def _plain(pairs: Pairs, repository: Path, place: Path) -> str:
    mirror, first, second = place / "mirror.git", place / "w0", place / "w1"
    place.mkdir(parents=True)
    base, older = git(repository, "rev-parse", "HEAD"), git(repository, "rev-parse", "HEAD~1")
    pairs.time_plain("private clone", lambda: _git(place, "clone", "-q", "--bare", str(repository), str(mirror)))
    pairs.time_plain("new worktree", lambda: _git(mirror, "worktree", "add", "-q", "--detach", str(first), older))
    _git(mirror, "worktree", "add", "-q", "--detach", str(second), base)
    pairs.time_plain("worktree moved to a commit", lambda: _move(first, base))
    heads = []
    for name, tree in (("a", first), ("b", second)):
        _change(tree, name)
        pairs.time_plain("commit of ten changed files", partial(_commit, tree, name))
        heads.append(git(tree, "rev-parse", "HEAD"))
    _git(mirror, "update-ref", "refs/heads/run", heads[0])
    pairs.time_plain("integration on a moved branch", lambda: _merge(mirror, heads[0], heads[1]))
    return git(mirror, "rev-parse", "refs/heads/run^{tree}")


def _move(tree: Path, commit: str) -> None:
    _git(tree, "checkout", "-q", "--force", "--detach", commit)
    _git(tree, "clean", "-q", "-ffdx")


def _commit(tree: Path, name: str) -> None:
    _git(tree, "add", "-A")
    _git(tree, "-c", "user.name=Sam", "-c", "user.email=sam@example.org", "commit", "-q", "-m", name)


def _merge(mirror: Path, ours: str, theirs: str) -> None:
    tree = _git(mirror, "merge-tree", "--write-tree", ours, theirs).split()[0]
    identity = ("-c", "user.name=Sam", "-c", "user.email=sam@example.org")
    commit = _git(mirror, *identity, "commit-tree", tree, "-p", ours, "-m", "b").strip()
    _git(mirror, "update-ref", "refs/heads/run", commit, ours)


def _change(tree: Path, name: str) -> None:
    """Ten files, others for each name."""
    for number in range(CHANGED):
        offset = number + (CHANGED if name == "b" else 0)
        (tree / f"part{offset:03}" / f"file{offset:05}.txt").write_text(f"{name} was here\n")


def _git(place: Path, *args: str) -> str:
    return subprocess.run(["git", "-C", str(place), *args], check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    main()
