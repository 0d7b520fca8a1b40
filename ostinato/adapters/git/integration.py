"""Steps' commits onto the run's branch: in a given order, one commit each, one move of the branch for all of them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ostinato.adapters.git.command import Git, private_git
from ostinato.adapters.git.merging import merge_trees
from ostinato.adapters.git.objects import (
    STEP_TRAILERS,
    Author,
    Found,
    StepKey,
    commit_tree,
    head_moved,
    move_ref,
    read_objects,
)
from ostinato.domain.errors import InvariantError
from ostinato.domain.ids import run_ref
from ostinato.domain.workspace import Integration

_KEYS = "%H" + "".join(f"%x00%(trailers:key={name},valueonly,separator=%x2C)" for name in STEP_TRAILERS)
_SIGNATURE = re.compile(r"(?P<name>.*?) ?<(?P<email>.*?)> (?P<date>\d+ [-+]\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class StepCommit:
    key: StepKey
    commit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Commit:
    """A step's commit, taken apart."""

    step: StepCommit
    tree: str
    parent: str
    author: Author
    message: str


async def integrate(
    mirror: Path, *, branch_ref: str, key: StepKey, step_commit: str, base: str, expected_head: str
) -> Integration:
    """integrate_all for a single step."""
    steps = (StepCommit(key=key, commit=step_commit),)
    return (await integrate_all(mirror, branch_ref=branch_ref, base=base, expected_head=expected_head, commits=steps))[
        0
    ]


async def integrate_all(
    mirror: Path, *, branch_ref: str, base: str, expected_head: str, commits: Sequence[StepCommit]
) -> tuple[Integration, ...]:
    """Each onto the head that the one before made; those in conflict stay out, with both sides kept under refs.

    Every `head` in the answer is where the branch then stands. The branch moves once, at the end, so a second call
    finds all of it or nothing. `base` is where the run began. A branch that something else moved is left alone:
    ExternalError head_moved. A commit that is not here is said to be missing, and the others come in.
    """
    branch, *objects = await read_objects(mirror, [branch_ref, *(step.commit for step in commits)])
    head = branch.id or expected_head
    if head != expected_head:
        return await _found(mirror, branch_ref, base=base, expected=expected_head, head=head, commits=commits)
    made = list[Integration]()
    for step, found in zip(commits, objects, strict=True):
        done = await _merged(mirror, head, _taken_apart(step, found)) if found.id else _missing(head)
        head = done.head
        made.append(done)
    if head != branch.id:
        await move_ref(mirror, branch_ref, new=head, old=branch.id)
    return tuple(done.model_copy(update={"head": head}) for done in made)


async def _merged(mirror: Path, head: str, commit: _Commit) -> Integration:
    if commit.parent == head:
        return Integration(head=commit.step.commit, commit=commit.step.commit)
    merged = await merge_trees(mirror, base=commit.parent, ours=head, theirs=commit.step.commit)
    if merged.conflicts:
        await _keep_both_sides(mirror, commit.step, head)
        return Integration(head=head, conflicts=merged.conflicts)
    target = await commit_tree(mirror, merged.tree, [head], commit.message, author=commit.author)
    return Integration(head=target, commit=target)


async def _found(
    mirror: Path, branch_ref: str, *, base: str, expected: str, head: str, commits: Sequence[StepCommit]
) -> tuple[Integration, ...]:
    """What an earlier call made of all of them."""
    integrated = await integrated_keys(private_git(mirror), base, head)
    objects = await read_objects(mirror, [step.commit for step in commits])
    found = []
    for step, known in zip(commits, objects, strict=True):
        if (commit := integrated.get(step.key)) is not None:
            found.append(Integration(head=head, commit=commit))
        elif not known.id:
            found.append(_missing(head))
        elif conflicts := await _kept_conflict(mirror, step):
            found.append(Integration(head=head, conflicts=conflicts))
        else:
            raise head_moved(branch_ref, expected=expected, found=head)
    return tuple(found)


async def integrated_keys(git: Git, base: str, head: str) -> Mapping[StepKey, str]:
    """Steps whose commits lie between the two, with those commits."""
    listed = await git("log", f"--format={_KEYS}", f"{base}..{head}")
    return {
        StepKey.of(run, step, int(execution)): commit
        for commit, run, step, execution in (line.split("\0") for line in reversed(listed.splitlines()))
        if execution.isdigit()
    }


def _missing(head: str) -> Integration:
    return Integration(head=head, missing=True)


def conflict_sides(key: StepKey) -> tuple[str, str]:
    """Refs of the branch's and the step's side of a conflict."""
    kept = run_ref(key.run_id, "conflicts", key.step_id, str(key.execution))
    return f"{kept}/branch", f"{kept}/step"


async def _keep_both_sides(mirror: Path, step: StepCommit, head: str) -> None:
    branch, own = conflict_sides(step.key)
    await private_git(mirror)("update-ref", "--stdin", stdin=f"update {branch} {head}\nupdate {own} {step.commit}\n")


async def _kept_conflict(mirror: Path, step: StepCommit) -> tuple[str, ...]:
    branch, own = await read_objects(mirror, list(conflict_sides(step.key)))
    if own.id != step.commit:
        return ()
    parent = _taken_apart(step, own).parent
    return (await merge_trees(mirror, base=parent, ours=branch.id, theirs=step.commit)).conflicts


def _taken_apart(step: StepCommit, found: Found) -> _Commit:
    header, _, message = (found.text or "").partition("\n\n")
    fields = dict(line.partition(" ")[::2] for line in header.split("\n"))
    signature = _SIGNATURE.fullmatch(fields.get("author", ""))
    if signature is None or "parent" not in fields:
        raise InvariantError(f"{step.commit} of step {step.key.step_id} is not a step's commit")
    author = Author(**signature.groupdict())
    return _Commit(step=step, tree=fields["tree"], parent=fields["parent"], author=author, message=message)
