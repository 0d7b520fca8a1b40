"""The private bare clone that every worktree of a repository hangs from."""

import asyncio
import shutil
import tempfile
from pathlib import Path

from ostinato.adapters.git.command import nul_separated, private_git, readable, user_git
from ostinato.adapters.git.index import stage_all
from ostinato.adapters.git.locking import locked
from ostinato.adapters.git.objects import Author, commit_tree, record, recorded
from ostinato.adapters.git.repository import RepositoryState, dirty_paths
from ostinato.adapters.git.transfer import UPLOAD_PACK
from ostinato.domain.errors import ExternalError, UserError
from ostinato.domain.ids import RunId, run_ref

_MIRROR_CONFIG = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "commit.gpgSign": "false",
    "tag.gpgSign": "false",
}


async def open_mirror(state: RepositoryState, folder: Path, run_id: RunId) -> Path:
    """The mirror in `folder`, made if need be, with refs/ostinato/<run>/base. Safe to call twice, also at once."""
    await asyncio.to_thread(_make_folder, folder)
    mirror = folder / "mirror.git"
    async with locked(folder / "mirror.lock"):
        if not mirror.exists():
            await _clone(state, folder, mirror)
        await _configure(state, mirror)
        await fetch(state, mirror, f"+{state.base_commit}:{run_ref(run_id, 'base')}", "+refs/tags/*:refs/tags/*")
    return mirror


async def fetch(state: RepositoryState, mirror: Path, *refspecs: str) -> None:
    """From the user's repository; runs nothing of it but git's own upload-pack."""
    await user_git(mirror).with_env(GIT_DIR=mirror)(
        "fetch", "-q", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance", f"--upload-pack={UPLOAD_PACK}",
        str(state.common_dir), *refspecs, timeout_s=1800,
    )  # fmt: skip


async def carry_dirty(state: RepositoryState, mirror: Path, run_id: RunId) -> str | None:
    """One commit of the user's uncommitted work on the base, made in the mirror alone; None when there is none.

    A second call returns the commit of the first. Work inside submodules and embedded repositories stays behind.
    """
    ref = run_ref(run_id, "carried")
    if (before := await recorded(mirror, ref)) is not None:
        return before
    if not state.dirty_count:
        return None
    await _check_carriable(state)
    git = private_git(mirror).with_config(state.settings.disk).with_env(GIT_WORK_TREE=state.root)
    with tempfile.TemporaryDirectory(prefix="ostinato-index-", dir=mirror.parent) as scratch:
        index = Path(scratch) / "index"
        await asyncio.to_thread(_copy_index, state.git_dir, index)
        staging = git.with_env(GIT_INDEX_FILE=index)
        await stage_all(staging, state.base_commit)
        tree = (await staging("write-tree")).strip()
    if tree == (await git("rev-parse", f"{state.base_commit}^{{tree}}")).strip():
        return None
    message = (
        "Carry uncommitted work along\n\n" + f"Ostinato-Run: {run_id}\nOstinato-Step: carried\nOstinato-Execution: 1\n"
    )
    author = Author(name=state.user_name, email=state.user_email)
    commit = await commit_tree(mirror, tree, [state.base_commit], message, author=author)
    return await record(mirror, ref, commit)


async def _check_carriable(state: RepositoryState) -> None:
    if state.base_commit != state.head_commit:
        raise UserError.of(
            "dirty_other_base",
            "--include-dirty",
            "the uncommitted work belongs to HEAD, but the run starts from another commit",
            "Leave --base out, or commit the work first",
        )
    filtered = await _filtered(state)
    if filtered:
        shown = ", ".join(readable(path) for path in filtered[:5])
        raise UserError.of(
            "dirty_filtered",
            "--include-dirty",
            f"changed files go through a content filter such as Git LFS, which is not run here: {shown}",
            "Commit those files yourself, then run again",
        )


async def _filtered(state: RepositoryState) -> list[str]:
    git = state.git()
    tracked = await dirty_paths(git, untracked=False)
    untracked = nul_separated(await git("ls-files", "-z", "--others", "--exclude-standard"))
    answered = await git("check-attr", "-z", "--stdin", "filter", stdin="\0".join([*tracked, *untracked]))
    fields = answered.split("\0")
    return [fields[n] for n in range(0, len(fields) - 2, 3) if fields[n + 2] not in ("unspecified", "unset")]


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"{folder} cannot be made: {error.strerror}. Set OSTINATO_HOME to a folder that you can write to"
        raise ExternalError(message, code="home_unwritable") from error


def _copy_index(git_dir: Path, target: Path) -> None:
    """Copied with its own time, by which git tells racy entries. A split index cannot be moved, so it is done without."""
    if (git_dir / "index").is_file() and not any(git_dir.glob("sharedindex.*")):
        shutil.copy2(git_dir / "index", target)


async def _clone(state: RepositoryState, folder: Path, mirror: Path) -> None:
    unfinished = folder / "mirror.unfinished"
    await asyncio.to_thread(shutil.rmtree, unfinished, ignore_errors=True)
    options = ["--dissociate"] if (state.common_dir / "objects" / "info" / "alternates").exists() else []
    await user_git(folder)(
        "clone", "-q", "--bare", "--no-tags", "--template=", *options, f"--upload-pack={UPLOAD_PACK}",
        str(state.common_dir), str(unfinished), timeout_s=1800,
    )  # fmt: skip
    await _forget_origin(unfinished)
    await asyncio.to_thread(unfinished.rename, mirror)


async def _forget_origin(mirror: Path) -> None:
    """Only refs/ostinato and the tags are kept: branches of the clone would go stale."""
    git = private_git(mirror)
    await git.attempt("remote", "remove", "origin")
    names = (
        await git("for-each-ref", "--format=delete %(refname)", "refs/heads", "refs/remotes", "refs/ostinato")
    ).strip()
    if names:
        await git("update-ref", "--stdin", stdin=names + "\n")
    await git("symbolic-ref", "HEAD", "refs/heads/ostinato-mirror")


async def _configure(state: RepositoryState, mirror: Path) -> None:
    git = private_git(mirror)
    wanted = {**_MIRROR_CONFIG, "user.name": state.user_name, "user.email": state.user_email}
    for key, value in wanted.items():
        if (await git.attempt("config", "--local", "--get", key)).stdout.rstrip("\n") != value:
            await git("config", "--local", key, value)
    await asyncio.to_thread(_copy_info, state, mirror)


def _copy_info(state: RepositoryState, mirror: Path) -> None:
    """What the user ignores without saying so in the tree is ignored in worktrees too."""
    info = state.common_dir / "info"
    sources = {
        "exclude": (state.settings.excludes_file, info / "exclude"),
        "attributes": (state.settings.attributes_file, info / "attributes"),
    }
    (mirror / "info").mkdir(exist_ok=True)
    for name, files in sources.items():
        (mirror / "info" / name).write_bytes(b"\n".join(file.read_bytes() for file in files if file.is_file()))
