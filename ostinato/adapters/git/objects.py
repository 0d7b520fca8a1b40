"""Commits, blobs and refs of the mirror. Refs are made by compare-and-swap."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ostinato.adapters.git.command import failure, private_git
from ostinato.domain.errors import ExternalError
from ostinato.domain.ids import RunId, StepId, run_ref, step_ref

MUST_NOT_EXIST = ""
_MOVED = re.compile("but expected|already exists|unable to resolve reference")
STEP_TRAILERS = ("Ostinato-Run", "Ostinato-Step", "Ostinato-Execution")


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    name: str
    email: str
    date: str = ""
    """As git writes it ("<seconds> <zone>"); empty means now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepKey:
    """The idempotency key of a step's result."""

    run_id: RunId
    step_id: StepId
    execution: int

    @classmethod
    def of(cls, run_id: str, step_id: str, execution: int) -> "StepKey":
        return cls(run_id=RunId(run_id), step_id=StepId(step_id), execution=execution)

    @property
    def ref(self) -> str:
        return step_ref(self.run_id, self.step_id, self.execution)

    @property
    def result_ref(self) -> str:
        return run_ref(self.run_id, "results", self.step_id, str(self.execution))

    @property
    def trailers(self) -> dict[str, str]:
        return dict(zip(STEP_TRAILERS, (self.run_id, self.step_id, str(self.execution)), strict=True))


def ref_of(trailers: Mapping[str, str]) -> str:
    """The ref of the step that the trailers name; empty when they name none."""
    try:
        run_id, step_id, execution = (trailers[name] for name in STEP_TRAILERS)
        return StepKey.of(run_id, step_id, int(execution)).ref
    except (KeyError, ValueError):
        return ""


def with_trailers(message: str, trailers: Mapping[str, str]) -> str:
    """The message with its trailers as the last block; git takes no NUL in a message."""
    message = message.replace("\0", "")
    block = "\n".join(f"{key}: {value}" for key, value in trailers.items())
    return f"{message.strip()}\n\n{block}\n" if block else f"{message.strip()}\n"


async def commit_tree(mirror: Path, tree: str, parents: Sequence[str], message: str, *, author: Author) -> str:
    """A commit by `author`; no hook runs and nothing is signed."""
    git = private_git(mirror).with_env(
        GIT_AUTHOR_NAME=author.name,
        GIT_AUTHOR_EMAIL=author.email,
        GIT_COMMITTER_NAME=author.name,
        GIT_COMMITTER_EMAIL=author.email,
        **({"GIT_AUTHOR_DATE": author.date} if author.date else {}),
    )
    options = [option for parent in parents for option in ("-p", parent)]
    return (await git("commit-tree", tree, *options, "-F", "-", stdin=message)).strip()


async def mirror_author(mirror: Path) -> Author:
    """The user, as their configuration named them when the mirror was opened."""
    listed = await private_git(mirror)("config", "-z", "--get-regexp", r"^user\.(name|email)$")
    found = dict(entry.partition("\n")[::2] for entry in listed.split("\0") if entry)
    return Author(name=found["user.name"], email=found["user.email"])


async def author_of(mirror: Path, commit: str) -> Author:
    shown = await private_git(mirror)("log", "-1", "--format=%an%n%ae%n%ad", "--date=raw", commit)
    name, email, date = shown.split("\n")[:3]
    return Author(name=name, email=email, date=date)


async def message_of(mirror: Path, commit: str) -> str:
    return (await private_git(mirror)("log", "-1", "--format=%B", commit)).strip() + "\n"


async def recorded(mirror: Path, ref: str) -> str | None:
    """What the ref points at, if it exists."""
    done = await private_git(mirror).attempt("rev-parse", "-q", "--verify", ref)
    return done.stdout.strip() if done.exit_code == 0 else None


async def record(mirror: Path, ref: str, commit: str) -> str:
    """Points the new ref at the commit; what an earlier attempt recorded wins and is returned instead."""
    done = await private_git(mirror).attempt("update-ref", ref, commit, MUST_NOT_EXIST)
    if done.exit_code == 0:
        return commit
    winner = await recorded(mirror, ref)
    if winner is None:
        raise ExternalError(f"{ref} could not be written in {mirror}: {done.stderr.strip()}", code="git_failed")
    return winner


async def move_ref(mirror: Path, ref: str, *, new: str, old: str) -> None:
    """Compare-and-swap; ExternalError head_moved when the ref is not at `old` ("" means that it must not exist)."""
    args = ("update-ref", ref, new, old)
    done = await private_git(mirror).attempt(*args)
    if done.exit_code == 0:
        return
    found = await recorded(mirror, ref)
    if (found or "") == old:  # nobody moved it: a lock is in the way, or the disk is full
        raise failure(args, mirror, done)
    raise head_moved(ref, expected=old, found=found)


async def change_refs(mirror: Path, commands: Sequence[str]) -> None:
    """All of them or none, in the language of `update-ref --stdin`; ExternalError head_moved when an old value differs."""
    if not commands:
        return
    args = ("update-ref", "--stdin")
    done = await private_git(mirror).attempt(*args, stdin="".join(f"{line}\n" for line in commands))
    if done.exit_code != 0:
        error = failure(args, mirror, done)
        raise ExternalError(error.message, code="head_moved") if _MOVED.search(done.stderr) else error


async def list_refs(mirror: Path, *prefixes: str) -> dict[str, str]:
    """Names and what they point at, sorted by name."""
    listed = await private_git(mirror)("for-each-ref", "--format=%(refname) %(objectname)", *prefixes)
    return dict(line.split(" ") for line in listed.splitlines())


async def store_blob(mirror: Path, text: str) -> str:
    return (await private_git(mirror)("hash-object", "-w", "--stdin", stdin=text)).strip()


def head_moved(ref: str, *, expected: str, found: str | None) -> ExternalError:
    message = f"{ref} is at {found or 'nothing'}, not at {expected or 'nothing'}: something else moved it meanwhile"
    return ExternalError(message, code="head_moved")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What counts for a step: the first that was recorded."""

    commit: str
    result: str | None
    """None when an earlier attempt recorded its commit and then died: write_result is still to be called."""


async def record_step(mirror: Path, key: StepKey, *, commit: str, result: str) -> Recorded:
    """A step's commit and its result, recorded together; what an earlier attempt recorded wins and is returned."""
    blob = await store_blob(mirror, result)
    commands = f"create {key.ref} {commit}\ncreate {key.result_ref} {blob}\n"
    done = await private_git(mirror).attempt("update-ref", "--stdin", stdin=commands)
    if done.exit_code == 0:
        return Recorded(commit=commit, result=result)
    kept = await read_result(mirror, key)
    winner = await record(mirror, key.ref, commit)
    return Recorded(commit=winner, result=kept)


async def write_result(mirror: Path, key: StepKey, json_text: str) -> str:
    """Keeps the result under the step's key and returns what is kept: the first one written wins."""
    blob = await store_blob(mirror, json_text)
    kept = await record(mirror, key.result_ref, blob)
    return json_text if kept == blob else await private_git(mirror)("cat-file", "blob", kept)


async def read_result(mirror: Path, key: StepKey) -> str | None:
    return (await read_objects(mirror, [key.result_ref]))[0].text


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An object of the mirror; without an id there is none of that name."""

    id: str = ""
    text: str | None = None
    kind: str = ""
    """commit, tree, blob or tag."""


async def read_objects(mirror: Path, names: Sequence[str]) -> list[Found]:
    """Ids and contents, in the order of the names (ids, refs, revisions), from one process."""
    told = await private_git(mirror)("cat-file", "--batch", stdin="".join(f"{name}\n" for name in names))
    raw, at, found = told.encode("utf-8", "surrogateescape"), 0, list[Found]()
    for _ in names:
        end = raw.index(b"\n", at)
        header = raw[at:end].decode("utf-8", "surrogateescape").split(" ")
        at = end + 1
        if header[-1] in ("missing", "ambiguous"):
            found.append(Found())
            continue
        size = int(header[2])
        text = raw[at : at + size].decode("utf-8", "surrogateescape")
        found.append(Found(id=header[0], text=text, kind=header[1]))
        at += size + 1
    return found
