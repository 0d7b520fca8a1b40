"""What is about to leave the private clone: the last look for secrets."""

import asyncio
import itertools
import secrets
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ostinato.adapters.git.command import private_git
from ostinato.adapters.git.objects import read_objects
from ostinato.adapters.git.scanning import AS_TEXT, MAX_FILE_BYTES, findings_in
from ostinato.domain.errors import ExternalError
from ostinato.domain.gates import Finding, Level
from ostinato.domain.redaction import Redactor


async def outgoing_secrets(
    mirror: Path, refs: Mapping[str, str], *, since: Sequence[str], redactor: Redactor
) -> tuple[Finding, ...]:
    """In what a push of these refs would add to a repository that has `since`: names, files, messages, authors, blobs.

    Every commit on the way is read, not only the last: what was added and taken out again would travel as well. Files
    too big to be read are passed by.
    """
    found = [_finding(redactor, "a ref's name", name) for name in refs if redactor.secrets(name)]
    objects, too_big = await asyncio.gather(
        read_objects(mirror, list(refs.values())), _too_big(mirror, (*refs.values(), "--not", *since))
    )
    for name, it in zip(refs, objects, strict=True):
        if it.kind in ("blob", "tag") and redactor.secrets(it.text or ""):
            found.append(_finding(redactor, f"the object of {name}", name))
    commits = [it.id for it in objects if it.kind in ("commit", "tag")]
    found += await _in_commits(mirror, commits, since, redactor, too_big) if commits else ()
    return tuple(dict.fromkeys(found))


def secret_leaving(found: Sequence[Finding], what: str) -> ExternalError:
    places = ", ".join(dict.fromkeys(f"{it.path}:{it.line}" if it.line else it.path or it.message for it in found[:5]))
    message = (
        f"A secret would be pushed ({places}), so {what}. Take it out of every commit, and renew it where it was real"
    )
    return ExternalError(message, code="secret_found")


async def _in_commits(
    mirror: Path, commits: Sequence[str], since: Sequence[str], redactor: Redactor, too_big: Sequence[str]
) -> list[Finding]:
    revisions = (*dict.fromkeys(commits), "--not", *dict.fromkeys(since))
    git = private_git(mirror)
    left_out = [f":(top,exclude,literal){path}" for path in too_big]
    mark = secrets.token_hex(8)  # nobody could write it into a message
    shown = await git(
        "log", "-p", f"--format=tformat:{mark}%n%h%n%an <%ae>%n%cn <%ce>%n%B%n{mark}", "--full-history",
        "--diff-merges=first-parent", *AS_TEXT, *revisions, "--", *(":/", *left_out) if left_out else (),
    )  # fmt: skip
    pieces = shown.split(f"{mark}\n")[1:]
    return await asyncio.to_thread(lambda: list(_of_each(pieces[::2], pieces[1::2], redactor)))


async def _too_big(mirror: Path, revisions: Sequence[str]) -> list[str]:
    """Paths of new blobs that would not fit into memory."""
    git = private_git(mirror)
    limit = (f"--filter=blob:limit={MAX_FILE_BYTES}", "--filter-print-omitted")
    listed = await git("rev-list", "--objects", *limit, *revisions)
    omitted = {line[1:] for line in listed.splitlines() if line.startswith("~")}
    if not omitted:
        return []
    args = ("--format=", "--raw", "-z", "--no-abbrev", "--no-renames", "--diff-merges=first-parent")
    raw = (await git("log", *args, *revisions)).split("\0")
    return [path for entry, path in itertools.pairwise(raw) if entry.startswith(":") and entry.split(" ")[3] in omitted]


def _of_each(messages: Sequence[str], diffs: Sequence[str], redactor: Redactor) -> Iterator[Finding]:
    """Commit by commit: what one adds and another takes away is not just moved."""
    for said, diff in zip(messages, diffs, strict=True):
        if redactor.secrets(said):
            yield _finding(redactor, f"the message or author of {said.partition(chr(10))[0]}", "")
        yield from findings_in(diff, redactor)


def _finding(redactor: Redactor, where: str, path: str) -> Finding:
    message = f"a secret would be pushed in {redactor.text(where)}"
    return Finding(tool="ostinato", rule="secret", path=redactor.text(path), message=message, level=Level.ERROR)
