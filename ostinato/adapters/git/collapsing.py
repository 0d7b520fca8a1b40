"""What an agent did in its own repository, told and undone, so that its files can be taken as one commit."""

import asyncio
import re
from collections.abc import Iterable
from pathlib import Path

from ostinato.adapters.git.command import Git, nul_separated, private_git, readable
from ostinato.adapters.git.index import admin_folder
from ostinato.adapters.git.objects import list_refs
from ostinato.adapters.git.seclusion import REPOSITORY, SEAL, points_at, secluded_git, unseclude
from ostinato.domain.agents.deeds import MOST_NAMED, Deeds

_STATES = {
    "MERGE_HEAD": "merge",
    "rebase-merge": "rebase",
    "rebase-apply": "rebase",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
    "BISECT_LOG": "bisect",
}
_MARK = re.compile(rb"^(<<<<<<<|>>>>>>>) ", re.MULTILINE)
_MOST_READ = 4 * 1024 * 1024
_MOST_COMMITS = 1_000


async def look(worktree: Path, *, mirror: Path, base: str, folder: Path) -> Deeds:
    """What was done since the worktree was secluded on `base`. Changes nothing: the session may go on as it is."""
    git = secluded_git(folder)
    repository = folder / REPOSITORY
    listed = await git.attempt("for-each-ref", "--format=%(refname) %(objectname)")
    if listed.exit_code != 0:
        return Deeds(is_broken=True, is_replaced=not points_at(worktree, repository))
    refs = dict(line.split(" ") for line in listed.stdout.splitlines())
    heads = {name.removeprefix("refs/heads/"): oid for name, oid in refs.items() if name.startswith("refs/heads/")}
    head = (await git.attempt("rev-parse", "-q", "--verify", "HEAD^{commit}")).stdout.strip()
    stashes = await git.attempt("rev-list", "-g", "refs/stash") if "refs/stash" in refs else None
    starts = [oid for oid in (head, *heads.values(), refs.get("refs/stash", "")) if oid]
    commits = await _commits(git, starts, without=[base])
    old_tags = await list_refs(mirror, "refs/tags")
    tags = [name for name, oid in refs.items() if name.startswith("refs/tags/") and old_tags.get(name) != oid]
    kinds = ("refs/heads/", "refs/tags/", "refs/stash")
    return Deeds(
        commits=tuple(commits[:MOST_NAMED]),
        commits_count=len(commits),
        head=(await git.attempt("symbolic-ref", "-q", "--short", "HEAD")).stdout.strip(),
        branches=_named(heads),
        aside=_named([name for name, oid in heads.items() if await _commits(git, [oid], without=[head or base, base])]),
        tags=_named(name.removeprefix("refs/tags/") for name in tags),
        refs=_named(name for name in refs if not name.startswith(kinds)),
        stashes=len(stashes.stdout.splitlines()) if stashes is not None else 0,
        in_progress=_named(dict.fromkeys(word for name, word in _STATES.items() if (repository / name).exists())),
        conflicted=_named(await _conflicted(git, worktree)),
        hidden=_named(await _hidden(git, worktree)),
        settings=_named(await _changed_settings(git, folder)),
        hooks=_named(_files(repository / "hooks")),
        worktrees=_named(_files(repository / "worktrees")),
        is_replaced=not points_at(worktree, repository),
    )


async def collapse(worktree: Path, *, mirror: Path, base: str, folder: Path) -> Deeds:
    """As look(); then the worktree stands on `base` in the mirror again, its files as the agent left them.

    snapshot() makes the one commit of them. Files that a sparse checkout took away are put back first, for they were not
    deleted. The agent's repository stays in `folder` until that is removed. A second call tells the same.
    """
    deeds = await look(worktree, mirror=mirror, base=base, folder=folder)
    was_ours = await unseclude(worktree, mirror=mirror, folder=folder)
    hidden = await _hidden(secluded_git(folder), worktree) if deeds.hidden else []
    if hidden:
        await _put_back(worktree, mirror, base, hidden)
    return deeds.model_copy(update={"is_replaced": not was_ours})


async def known_commits(folder: Path, names: Iterable[str]) -> frozenset[str]:
    """Of these ids, short or whole, those that are commits in the agent's repository; an amended one still is."""
    git = secluded_git(folder)
    found = set[str]()
    for name in dict.fromkeys(names):
        if re.fullmatch(r"[0-9a-fA-F]{4,64}", name):
            done = await git.attempt("rev-parse", "-q", "--verify", f"{name}^{{commit}}")
            found |= {name} if done.exit_code == 0 else set()
    return frozenset(found)


async def _commits(git: Git, starts: Iterable[str], *, without: Iterable[str]) -> list[str]:
    given = list(dict.fromkeys(starts))
    if not given:
        return []
    hidden = tuple(f"^{oid}" for oid in dict.fromkeys(without))
    return (await git.attempt("rev-list", f"--max-count={_MOST_COMMITS}", *given, *hidden)).stdout.split()


async def _conflicted(git: Git, worktree: Path) -> list[str]:
    """A file that was put right without being added is no conflict any more."""
    listed = await git.attempt("ls-files", "-u", "-z")
    paths = dict.fromkeys(line.partition("\t")[2] for line in nul_separated(listed.stdout))
    return await asyncio.to_thread(lambda: [path for path in paths if _has_marks(worktree / path)])


def _has_marks(file: Path) -> bool:
    if file.is_symlink() or not file.is_file():
        return False
    with file.open("rb") as stream:
        return _MARK.search(stream.read(_MOST_READ)) is not None


async def _hidden(git: Git, worktree: Path) -> list[str]:
    listed = nul_separated((await git.attempt("ls-files", "-t", "-z")).stdout)
    paths = [line[2:] for line in listed if line.startswith("S ")]
    return [path for path in paths if not (worktree / path).exists() and not (worktree / path).is_symlink()]


async def _put_back(worktree: Path, mirror: Path, base: str, paths: list[str]) -> None:
    admin = admin_folder(mirror, worktree)
    if admin is None:
        return
    git = private_git(mirror).with_env(GIT_DIR=admin, GIT_WORK_TREE=worktree)
    there = nul_separated(await git("ls-tree", "-r", "-z", "--name-only", base))
    wanted = "\0".join(sorted(set(paths) & set(there)))
    args = ("checkout", "-q", base, "--pathspec-from-file=-", "--pathspec-file-nul")
    if wanted:
        await git.with_env(GIT_LITERAL_PATHSPECS="1")(*args, stdin=wanted)


async def _changed_settings(git: Git, folder: Path) -> list[str]:
    before, now = await _settings(git, folder / SEAL), await _settings(git, folder / REPOSITORY / "config")
    own = await _settings(git, folder / REPOSITORY / "config.worktree")
    return sorted({name.partition("\n")[0] for name in (before ^ now) | own})


async def _settings(git: Git, file: Path) -> frozenset[str]:
    """Each with its value; nothing where there is no such file, or a link to another in its place."""
    if file.is_symlink():
        return frozenset()
    listed = await git.attempt("config", "--list", "-z", "--no-includes", "--file", str(file))
    return frozenset(nul_separated(listed.stdout))


def _files(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir()) if folder.is_dir() and not folder.is_symlink() else []


def _named(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(readable(name) for name in names)[:MOST_NAMED]
