"""The last commit of a run as the user would have made it: judged by their pre-commit hook, signed with their key."""

import asyncio
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ostinato.adapters.git.command import Completed, Git, private_git, readable, user_git
from ostinato.adapters.git.index import admin_folder, keep_objects, stage_in, staging, with_own_objects
from ostinato.adapters.git.objects import author_of, message_of
from ostinato.adapters.git.repository import RepositoryState
from ostinato.adapters.git.scanning import secrets_in
from ostinato.adapters.git.worktrees import prepare_worktree
from ostinato.domain.errors import ExternalError, InvariantError
from ostinato.domain.gates import Finding
from ostinato.domain.ids import RunId
from ostinato.domain.redaction import Redactor

HOOK_LIMIT_S = 120.0
SIGNING_LIMIT_S = 30.0
_KEY_PLACES = ("GNUPGHOME", "SSH_AUTH_SOCK", "XDG_RUNTIME_DIR")


@dataclass(frozen=True, slots=True, kw_only=True)
class HookEnd:
    ran: bool
    exit_code: int | None = None
    """None when it did not run or was stopped at its time limit."""
    output: str = ""
    changed: bool = False
    """The hook rewrote files."""
    tree: str = ""
    """The files as the hook left them; empty when it changed none."""
    secrets: tuple[Finding, ...] = ()
    """That the hook wrote: then nothing of it was kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    commit: str
    signed: bool
    note: str = ""


async def run_commit_hook(
    state: RepositoryState,
    mirror: Path,
    worktree: Path,
    *,
    run_id: RunId,
    base: str,
    head: str,
    env: Mapping[str, str],
    timeout_s: float = HOOK_LIMIT_S,
    redactor: Redactor | None = None,
) -> HookEnd:
    """The user's pre-commit hook over everything the run changed, in a worktree of ours. Only for a trusted repository.

    With a redactor, what it says is redacted, and what it wrote is scanned before it becomes an object.
    """
    if state.pre_commit_hook is None:
        return HookEnd(ran=False)
    await prepare_worktree(mirror, worktree, head, run_id)
    git = _in_worktree(mirror, worktree, env)
    await git("reset", "-q", "--soft", base)
    hooks = git.with_config(
        {"core.hooksPath": str(state.pre_commit_hook.parent)}
    )  # for it alone, not for what moves refs
    try:
        done = await hooks.attempt("hook", "run", "pre-commit", timeout_s=timeout_s)
    except ExternalError as error:
        done = Completed(exit_code=-1, stdout="", stderr=f"The pre-commit hook was stopped: {error.message}")
    tree, secrets = await _taken(mirror, worktree, head, redactor)
    await git("update-ref", "--no-deref", "HEAD", head)
    output = readable(done.stdout + done.stderr)
    return HookEnd(
        ran=True,
        exit_code=None if done.exit_code < 0 else done.exit_code,
        output=redactor.text(output) if redactor else output,
        changed=bool(tree),
        tree=tree,
        secrets=secrets,
    )


async def _taken(mirror: Path, worktree: Path, head: str, redactor: Redactor | None) -> tuple[str, tuple[Finding, ...]]:
    """The files as the hook left them, as a tree; or the secrets in them."""
    async with staging(mirror, worktree, head) as scratch:
        git = scratch if redactor is None else with_own_objects(scratch, mirror)
        staged = await stage_in(git, worktree, head)
        if redactor is not None and staged.tree:
            if secrets := await secrets_in(git, head, redactor):
                return "", secrets
            await asyncio.to_thread(keep_objects, git, mirror)
        return staged.tree, ()


async def sign_commit(
    state: RepositoryState, mirror: Path, commit: str, *, env: Mapping[str, str] | None = None
) -> Signed:
    """The same commit with the user's signature (a new id); without one, and with a note, when signing does not work.

    Runs the program that their configuration names for it: only for a trusted repository. Never prompts.
    """
    if not state.signs_commits:
        return Signed(commit=commit, signed=False)
    git = _as_signer(state, mirror, dict(env or {}))
    try:
        signed = await _sign(git, mirror, commit)
    except ExternalError as error:
        return Signed(commit=commit, signed=False, note=f"The commit is not signed: {error.message[-600:]}")
    return Signed(commit=signed, signed=True)


async def _sign(git: Git, mirror: Path, commit: str) -> str:
    author = await author_of(mirror, commit)
    shown = await private_git(mirror)("log", "-1", "--format=%T%n%P%n%cn%n%ce", commit)
    tree, parents, name, email = shown.split("\n")[:4]
    identity = git.with_env(
        GIT_AUTHOR_NAME=author.name,
        GIT_AUTHOR_EMAIL=author.email,
        GIT_AUTHOR_DATE=author.date,
        GIT_COMMITTER_NAME=name,
        GIT_COMMITTER_EMAIL=email,
    )
    with tempfile.TemporaryDirectory(prefix="ostinato-message-", dir=mirror.parent) as scratch:
        message = Path(scratch) / "message"
        message.write_text(await message_of(mirror, commit), encoding="utf-8", errors="surrogateescape")
        options = [option for parent in parents.split() for option in ("-p", parent)]
        args = ("commit-tree", "-S", tree, *options, "-F", str(message))
        return (await identity(*args, timeout_s=SIGNING_LIMIT_S)).strip()


def _as_signer(state: RepositoryState, mirror: Path, env: dict[str, str]) -> Git:
    keys = {name: os.environ[name] for name in _KEY_PLACES if name in os.environ}
    git = user_git(mirror).with_env(GIT_DIR=mirror, **keys, **env).with_config(state.signing)
    return replace(git, env={name: value for name, value in git.env.items() if name not in ("GPG_TTY", "DISPLAY")})


def _in_worktree(mirror: Path, worktree: Path, env: Mapping[str, str]) -> Git:
    """As `git commit` calls it: in the worktree, which is all that the hook gets to see."""
    admin = admin_folder(mirror, worktree)
    if admin is None:
        raise InvariantError(f"{worktree} was prepared, but {mirror} does not know it")
    git = private_git(mirror).with_env(**env, GIT_DIR=admin, GIT_WORK_TREE=worktree, GIT_INDEX_FILE=admin / "index")
    return replace(git, cwd=worktree)
