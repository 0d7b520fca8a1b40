"""Back to a checkpoint: whether it is whole, all of it, or some of its files."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ostinato.adapters.git.command import Git, nul_separated, private_git, readable
from ostinato.adapters.git.objects import (
    Author,
    change_refs,
    commit_tree,
    head_moved,
    list_refs,
    move_ref,
    read_objects,
    with_trailers,
)
from ostinato.domain.errors import Problem, UserError
from ostinato.domain.ids import RunId, run_ref

_MOST_NAMED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class RolledBack:
    head: str
    kept: str
    """The ref that holds what was left; empty when the branch was there already."""


async def check_checkpoint(mirror: Path, commit: str, *, since: str = "") -> tuple[str, ...]:
    """What is missing of the commit's files, and of the history from `since` to it; empty when it is whole."""
    git = private_git(mirror)
    ranges = [["--no-walk", commit], *([[commit, f"^{since}"]] if since else [])]
    names: dict[str, None] = {}
    for chosen in ranges:
        done = await git.attempt("rev-list", "--objects", "--missing=print", *chosen, timeout_s=600)
        if done.exit_code != 0:
            return (readable(done.stderr.strip())[:300] or f"{commit} cannot be read",)
        names |= dict.fromkeys(line.split(" ")[0] for line in done.stdout.splitlines())
    missing = [name[1:] for name in names if name.startswith("?")]
    present = [name for name in names if not name.startswith("?")]
    told = await git("cat-file", "--batch-check", "--buffer", stdin="".join(f"{name}\n" for name in present))
    missing += [line.split(" ")[0] for line in told.splitlines() if line.endswith(" missing")]
    return tuple(missing[:_MOST_NAMED])


async def roll_back(mirror: Path, *, run_id: RunId, branch_ref: str, expected_head: str, to_commit: str) -> RolledBack:
    """The branch at the checkpoint; where it was stays under refs/ostinato/<run>/rolled-back/<n>.

    A second call finds it done. UserError checkpoint_broken; ExternalError head_moved when the branch is elsewhere.
    """
    await _check_whole(mirror, to_commit)
    kept = await list_refs(mirror, run_ref(run_id, "rolled-back"))
    current = (await list_refs(mirror, branch_ref)).get(branch_ref, "")
    if current == to_commit:
        return RolledBack(head=to_commit, kept=next((ref for ref, oid in kept.items() if oid == expected_head), ""))
    if current != expected_head:
        raise head_moved(branch_ref, expected=expected_head, found=current)
    number = 1 + max((int(ref.rpartition("/")[2]) for ref in kept), default=0)
    aside = run_ref(run_id, "rolled-back", str(number))
    await change_refs(mirror, [f"create {aside} {current}", f"update {branch_ref} {to_commit} {current}"])
    return RolledBack(head=to_commit, kept=aside)


async def restore_files(
    mirror: Path,
    *,
    branch_ref: str,
    expected_head: str,
    from_commit: str,
    paths: Sequence[str],
    author: Author,
    trailers: Mapping[str, str],
) -> str:
    """A commit on the branch that gives these files and folders the content they have in `from_commit`.

    What is absent there goes. Without a difference no commit is made. A second call finds the first one's commit.
    UserError path_unknown names every path that neither side has; checkpoint_broken.
    """
    await _check_whole(mirror, from_commit)
    tree = await _restored_tree(mirror, expected_head, from_commit, [_normal(path) for path in paths])
    head, before, branch = await read_objects(mirror, [f"{expected_head}^{{tree}}", expected_head, branch_ref])
    if branch.id and branch.id != before.id:
        parent, now = await read_objects(mirror, [f"{branch.id}^", f"{branch.id}^{{tree}}"])
        if (parent.id, now.id) == (before.id, tree):
            return branch.id
        raise head_moved(branch_ref, expected=expected_head, found=branch.id)
    if tree == head.id:
        return before.id
    shown = ", ".join(paths[:5]) + (f" and {len(paths) - 5} more" if len(paths) > 5 else "")
    message = with_trailers(f"Restore {readable(shown)} from {from_commit[:12]}", trailers)
    commit = await commit_tree(mirror, tree, [before.id], message, author=author)
    await move_ref(mirror, branch_ref, new=commit, old=branch.id)
    return commit


async def _check_whole(mirror: Path, commit: str) -> None:
    missing = await check_checkpoint(mirror, commit)
    if missing:
        message = f"checkpoint {commit[:12]} is not whole: {', '.join(missing[:5])} is missing in {mirror}"
        raise UserError.of("checkpoint_broken", "checkpoint", message, "Choose another checkpoint of the run")


async def _restored_tree(mirror: Path, head: str, source: str, paths: Sequence[str]) -> str:
    with tempfile.TemporaryDirectory(prefix="ostinato-index-", dir=mirror.parent) as scratch:
        git = private_git(mirror).with_env(GIT_INDEX_FILE=Path(scratch) / "index", GIT_LITERAL_PATHSPECS="1")
        await git("read-tree", head)
        gone = {path: await _files_below(git, path) for path in paths}
        wanted = {path: nul_separated(await git("ls-tree", "-r", "-z", source, "--", path)) for path in paths}
        if unknown := [path for path in paths if not gone[path] and not wanted[path]]:
            raise UserError([_unknown(path, source) for path in unknown])
        removals = [f"0 {'0' * len(head)}\t{file}" for files in gone.values() for file in files]
        additions = [_as_index_line(entry) for entries in wanted.values() for entry in entries]
        lines = "".join(f"{line}\0" for line in (*removals, *additions))
        await git("update-index", "-z", "--replace", "--index-info", stdin=lines)
        return (await git("write-tree")).strip()


async def _files_below(git: Git, path: str) -> list[str]:
    return nul_separated(await git("ls-files", "-z", "--", path))


def _as_index_line(entry: str) -> str:
    """ "<mode> <kind> <id>\\t<path>" of a tree becomes "<mode> <id>\\t<path>"."""
    fields, _, path = entry.partition("\t")
    mode, _, oid = fields.split(" ")
    return f"{mode} {oid}\t{path}"


def _normal(path: str) -> str:
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or not pure.parts:
        message = f"{path!r} is not a path inside the repository"
        raise UserError.of("path_unknown", "--files", message, "Name files or folders relative to its top")
    return str(pure)


def _unknown(path: str, source: str) -> Problem:
    return Problem(
        code="path_unknown",
        field="--files",
        message=f"{readable(path)} is neither in the checkpoint {source[:12]} nor on the run's branch",
        cure="Name files or folders as git shows them, relative to the repository's top",
    )
