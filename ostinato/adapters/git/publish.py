"""The one door to the user's repository: an atomic push of the run's branch and refs, past every hook."""

from collections.abc import Sequence
from pathlib import Path

from ostinato.adapters.git.command import Git, user_git
from ostinato.adapters.git.repository import RepositoryState, resolve_commit
from ostinato.adapters.git.transfer import push, reason_of
from ostinato.domain.ids import RunId, run_branch, run_ref
from ostinato.domain.workspace import Publication

KEPT_PRIVATE = ("saved", "conflicts", "merge", "published", "lease", "leases", "superseded", "abandoned", "rolled-back")
"""Refs of a run that stay in the mirror: leftovers that nobody has looked at, and our own notes."""


async def publish(
    state: RepositoryState, mirror: Path, *, run_id: RunId, head: str, refs: Sequence[str] | None = None
) -> Publication:
    """Gives the user the branch ostinato/<run> at `head` and the run's refs; not pushed is an answer, not an error.

    A branch of that name with other content is refused, never forced. A second call with the same head changes nothing.
    """
    branch = run_branch(run_id)
    git = _mirror_git(mirror)
    await git("update-ref", run_ref(run_id, "published"), head)
    there = await resolve_commit(state.git(), f"refs/heads/{branch}")
    if there and not await _is_ancestor(git, there, head):
        return _refused(state, mirror, run_id, head, f"{branch} already exists there with other commits")
    chosen = await _run_refs(git, run_id) if refs is None else list(refs)
    done = await push(
        mirror,
        state.common_dir,
        [f"{head}:refs/heads/{branch}", *(f"+{ref}:{ref}" for ref in chosen)],
        leases={f"refs/heads/{branch}": there or ""},
    )
    if done.exit_code != 0:
        return _refused(state, mirror, run_id, head, reason_of(done))
    return Publication(branch=branch, commit=head, pushed=True, message=f"{branch} is at {head[:12]}")


def _mirror_git(mirror: Path) -> Git:
    """With the user's configuration, which says whether their repository may be trusted."""
    return user_git(mirror).with_env(GIT_DIR=mirror)


async def _is_ancestor(git: Git, older: str, newer: str) -> bool:
    return (await git.attempt("merge-base", "--is-ancestor", older, newer)).exit_code == 0


async def _run_refs(git: Git, run_id: RunId) -> list[str]:
    listed = (await git("for-each-ref", "--format=%(refname)", run_ref(run_id))).split()
    private = tuple(run_ref(run_id, name) for name in KEPT_PRIVATE)
    return [ref for ref in listed if not any(ref == name or ref.startswith(f"{name}/") for name in private)]


def _refused(state: RepositoryState, mirror: Path, run_id: RunId, head: str, reason: str) -> Publication:
    branch, kept = run_branch(run_id), run_ref(run_id, "published")
    message = (
        f"The branch was not written to {state.root}: {reason}. The commits are kept in {mirror} ({kept}); "
        f"fetch them with: git -C '{state.root}' fetch '{mirror}' {kept}:refs/heads/{branch}"
    )
    return Publication(branch=branch, commit=head, pushed=False, message=message)
