"""Commits, blobs and refs of the mirror. Refs are made by compare-and-swap."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ostinato.adapters.git.command import private_git
from ostinato.domain.errors import ExternalError
from ostinato.domain.ids import RunId, StepId, run_ref, step_ref

MUST_NOT_EXIST = ""


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

    @property
    def ref(self) -> str:
        return step_ref(self.run_id, self.step_id, self.execution)

    @property
    def result_ref(self) -> str:
        return run_ref(self.run_id, "results", self.step_id, str(self.execution))

    @property
    def trailers(self) -> dict[str, str]:
        return {
            "Ostinato-Run": self.run_id,
            "Ostinato-Step": self.step_id,
            "Ostinato-Execution": str(self.execution),
        }


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
    done = await private_git(mirror).attempt("update-ref", ref, new, old)
    if done.exit_code != 0:
        raise head_moved(ref, expected=old, found=await recorded(mirror, ref))


def head_moved(ref: str, *, expected: str, found: str | None) -> ExternalError:
    message = f"{ref} is at {found or 'nothing'}, not at {expected or 'nothing'}: something else moved it meanwhile"
    return ExternalError(message, code="head_moved")


async def write_result(mirror: Path, key: StepKey, json_text: str) -> str:
    """Keeps the result under the step's key and returns what is kept: the first one written wins."""
    git = private_git(mirror)
    blob = (await git("hash-object", "-w", "--stdin", stdin=json_text)).strip()
    kept = await record(mirror, key.result_ref, blob)
    return json_text if kept == blob else await git("cat-file", "blob", kept)


async def read_result(mirror: Path, key: StepKey) -> str | None:
    blob = await recorded(mirror, key.result_ref)
    return None if blob is None else await private_git(mirror)("cat-file", "blob", blob)
