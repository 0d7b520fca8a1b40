"""A repository for one agent alone: branches, stashes, settings and hooks of its own reach neither the mirror nor others.

Linked worktrees share all of these: two agents that stash at once would take each other's work, and a filter that one
declares would run when another's files are staged. So the worktree's .git points at a small repository that borrows the
mirror's objects while an agent works in it, and back at the mirror afterwards.
"""

import asyncio
import shutil
from pathlib import Path

from ostinato.adapters.git.command import Git, private_git
from ostinato.adapters.git.index import admin_folder
from ostinato.adapters.git.objects import list_refs, mirror_author
from ostinato.domain.errors import ExternalError

REPOSITORY = "repository"
SEAL = "repository.config"
"""A copy of the settings that it was given, to tell what was changed."""
_MOST_FOREIGN = 1_000


async def seclude(worktree: Path, *, mirror: Path, base: str, folder: Path) -> Path:
    """The worktree, which stands on `base`, with a repository of its own in `folder`; returns its place.

    What is there already stays as it is, so that a session that goes on finds its branches and stashes.
    """
    repository = folder / REPOSITORY
    if not (repository / "HEAD").is_file():
        await _make(worktree, mirror=mirror, base=base, folder=folder)
    await asyncio.to_thread(_point, worktree, repository, folder)
    return repository


async def unseclude(worktree: Path, *, mirror: Path, folder: Path) -> bool:
    """The worktree belongs to the mirror again; whether .git was still the one that the agent was given.

    A repository that somebody put in its place is kept in `folder`. Twice does no harm.
    """
    admin = await asyncio.to_thread(admin_folder, mirror, worktree)
    if admin is None:  # it is made anew when it is next prepared
        return points_at(worktree, folder / REPOSITORY)
    if points_at(worktree, admin):
        return True
    was_ours = points_at(worktree, folder / REPOSITORY)
    await asyncio.to_thread(_point, worktree, admin, folder)
    return was_ours


def secluded_git(folder: Path) -> Git:
    """For reading the agent's repository: none of its settings gets to run a program, no object stands for another, and
    nothing is read elsewhere because a file of its says so."""
    return private_git(folder / REPOSITORY).with_env(GIT_COMMON_DIR=folder / REPOSITORY)


def points_at(worktree: Path, place: Path) -> bool:
    pointer = worktree / ".git"
    if pointer.is_symlink() or not pointer.is_file():
        return False
    kind, _, target = pointer.read_text(errors="replace").strip().partition(": ")
    return kind == "gitdir" and Path(target).resolve() == place.resolve()


async def _make(worktree: Path, *, mirror: Path, base: str, folder: Path) -> None:
    unfinished = folder / f"{REPOSITORY}.unfinished"
    await asyncio.to_thread(_clear, unfinished)
    form = (await private_git(mirror)("rev-parse", "--show-object-format")).strip()
    bare = private_git(unfinished)
    await private_git(folder)("init", "-q", "--bare", "--template=", f"--object-format={form}", str(unfinished))
    await asyncio.to_thread(_borrow, mirror, unfinished, admin_folder(mirror, worktree))
    author = await mirror_author(mirror)
    wanted = {
        "core.bare": "false",
        "user.name": author.name,
        "user.email": author.email,
        "gc.auto": "0",
        "maintenance.auto": "false",
        "core.logAllRefUpdates": "true",
    }
    for key, value in wanted.items():
        await bare("config", "--local", key, value)
    tags = await list_refs(mirror, "refs/tags")
    if tags:
        await bare("update-ref", "--stdin", stdin="".join(f"create {name} {oid}\n" for name, oid in tags.items()))
        await bare("pack-refs", "--all")
    await bare("update-ref", "--no-deref", "HEAD", base)
    await asyncio.to_thread(shutil.copyfile, unfinished / "config", folder / SEAL)
    await asyncio.to_thread(unfinished.rename, folder / REPOSITORY)


def _clear(unfinished: Path) -> None:
    unfinished.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(unfinished, ignore_errors=True)


def _borrow(mirror: Path, repository: Path, admin: Path | None) -> None:
    """Objects by reference, what is ignored by copy, and the index with its file times."""
    (repository / "objects" / "info").mkdir(parents=True, exist_ok=True)
    (repository / "objects" / "info" / "alternates").write_text(f"{(mirror / 'objects').resolve()}\n")
    (repository / "info").mkdir(exist_ok=True)
    for name in ("exclude", "attributes"):
        if (mirror / "info" / name).is_file():
            shutil.copyfile(mirror / "info" / name, repository / "info" / name)
    if admin is not None and (admin / "index").is_file():
        shutil.copy2(admin / "index", repository / "index")


def _point(worktree: Path, place: Path, folder: Path) -> None:
    """What is in the place of the pointer, and is no file, is kept beside."""
    pointer = worktree / ".git"
    if pointer.is_dir() and not pointer.is_symlink():
        pointer.rename(_free_place(folder))
    pointer.unlink(missing_ok=True)
    pointer.write_text(f"gitdir: {place.resolve()}\n")


def _free_place(folder: Path) -> Path:
    for number in range(1, _MOST_FOREIGN):
        place = folder / f"found-{number}.git"
        if not place.exists():
            return place
    raise ExternalError(f"{folder} holds too many repositories that were put in place of ours", code="git_failed")
