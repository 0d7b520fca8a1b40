"""Pushing to and fetching from a shared repository, named by a path or a URL, with every hook of ours and theirs off."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ostinato.adapters.git.command import Completed, Git, readable, user_git
from ostinato.domain.errors import ExternalError
from ostinato.domain.ids import RunId, run_branch, run_ref

UPLOAD_PACK = "git -c uploadpack.allowAnySHA1InWant=true -c core.hooksPath=/dev/null -c core.alternateRefsCommand=true upload-pack"
_LOOK = (
    "git -c core.hooksPath=/dev/null -c core.alternateRefsCommand=true"
    " -c uploadpack.hideRefs=refs -c 'uploadpack.hideRefs=!{ours}' -c 'uploadpack.hideRefs=!{branch}' upload-pack"
)
_RECEIVE_PACK = (
    "git -c core.hooksPath=/dev/null -c core.fsmonitor=false -c core.alternateRefsCommand=true"
    " -c receive.hideRefs=refs/ostinato -c 'receive.hideRefs=!{ours}'"
    " -c receive.autogc=false -c gc.auto=0 -c maintenance.auto=false receive-pack"
)
_FOR_NETWORKS = ("SSH_AUTH_SOCK", "GIT_SSH", "GIT_SSH_COMMAND", "SSL_CERT_FILE", "SSL_CERT_DIR")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
LIMIT_S = 1800.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreachable:
    """The target did not answer, or refused."""

    message: str


async def push(
    mirror: Path, target: str | Path, refspecs: Sequence[str], *, run_id: RunId, leases: Mapping[str, str]
) -> Completed:
    """All or nothing, each leased ref only if it is still where its lease says ("" means that it must not exist).

    The refspec of a leased ref takes no plus: that would override its lease.
    """
    return await _git_for(mirror, target).attempt(
        "push", "--porcelain", "--atomic", "--no-verify", "--no-signed", "--no-follow-tags",
        *_program(target, "--receive-pack", _RECEIVE_PACK, run_id),
        *(f"--force-with-lease={ref}:{value}" for ref, value in leases.items()),
        str(target), *refspecs, timeout_s=LIMIT_S,
    )  # fmt: skip


async def fetch_refs(mirror: Path, target: str | Path, refspecs: Sequence[str], *, run_id: RunId) -> Unreachable | None:
    if not refspecs:
        return None
    done = await _attempt(
        _git_for(mirror, target),
        "fetch", "-q", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance",
        *_program(target, "--upload-pack", _LOOK, run_id), str(target), *refspecs,
    )  # fmt: skip
    return done if isinstance(done, Unreachable) else None


async def remote_refs(mirror: Path, target: str | Path, *, run_id: RunId) -> dict[str, str] | Unreachable:
    """Names and ids of the run's refs in the target, and of its branch."""
    program = _program(target, "--upload-pack", _LOOK, run_id)
    patterns = (run_ref(run_id, "*"), f"refs/heads/{run_branch(run_id)}")
    done = await _attempt(_git_for(mirror, target), "ls-remote", "-q", *program, str(target), *patterns)
    if isinstance(done, Unreachable):
        return done
    return {name: oid for oid, name in (line.split("\t") for line in done.stdout.splitlines())}


def refspecs_of(run_id: RunId, refs: Mapping[str, str]) -> list[str]:
    """For push(). The run's own refs are forced."""
    return [f"{'+' if ref.startswith(run_ref(run_id, '')) else ''}{oid}:{ref}" for ref, oid in refs.items()]


def reason_of(done: Completed) -> str:
    """What git said of a refusal, in a line."""
    text = readable(done.stderr + done.stdout)
    lines = [line for line in text.splitlines() if line.startswith(("!", "remote:", "error:", "fatal:"))]
    return " ".join((lines or text.splitlines() or ["git push failed"])[:3])[:500]


async def _attempt(git: Git, *args: str) -> Completed | Unreachable:
    try:
        done = await git.attempt(*args, timeout_s=LIMIT_S)
    except ExternalError as error:
        return Unreachable(message=error.message)
    return done if done.exit_code == 0 else Unreachable(message=reason_of(done))


def _git_for(mirror: Path, target: str | Path) -> Git:
    """With the user's configuration, which says whether their repository may be trusted and how a host is reached."""
    git = user_git(mirror).with_env(GIT_DIR=mirror)
    if _is_local(target):
        return git
    names = (*_FOR_NETWORKS, *_PROXIES, *(name.upper() for name in _PROXIES))
    return git.with_env(**{name: os.environ[name] for name in names if name in os.environ})


def _program(target: str | Path, option: str, command: str, run_id: RunId) -> tuple[str, ...]:
    """On our own machine the other side is ours to configure as well: it does not speak of other runs."""
    if not _is_local(target):
        return ()
    return (f"{option}={command.format(ours=run_ref(run_id), branch=f'refs/heads/{run_branch(run_id)}')}",)


def _is_local(target: str | Path) -> bool:
    return str(target).startswith(("/", "file://"))
