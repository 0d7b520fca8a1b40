"""What is about to leave the private clone, or should never have come into it: the last look for secrets."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

from ostinato.adapters.git.command import private_git
from ostinato.adapters.git.objects import change_refs, list_refs, read_objects
from ostinato.adapters.git.scanning import AS_TEXT, findings_in
from ostinato.domain.gates import Finding, Level
from ostinato.domain.redaction import Redactor

_OURS = ("refs/ostinato/", "refs/heads/ostinato/", "refs/tags/")
_END = "ostinato-end-of-entry"
"""No line of a diff is just this: those of files begin with a sign."""


async def outgoing_secrets(
    mirror: Path, refs: Mapping[str, str], *, since: Sequence[str], redactor: Redactor
) -> tuple[Finding, ...]:
    """In what a push of these refs would add to a repository that has `since`: names, files, messages, authors, blobs.

    Every commit on the way is read, not only the last: what was added and taken out again would travel as well.
    """
    found = [_finding(redactor, "a ref's name", name) for name in refs if redactor.secrets(name)]
    kinds = await private_git(mirror)(
        "cat-file", "--batch-check=%(objecttype)", stdin="".join(f"{oid}\n" for oid in refs.values())
    )
    commits = [oid for oid, kind in zip(refs.values(), kinds.splitlines(), strict=True) if kind in ("commit", "tag")]
    blobs = [(name, oid) for (name, oid), kind in zip(refs.items(), kinds.splitlines(), strict=True) if kind == "blob"]
    for (name, _), blob in zip(blobs, await read_objects(mirror, [oid for _, oid in blobs]), strict=True):
        if redactor.secrets(blob.text or ""):
            found.append(_finding(redactor, f"the object of {name}", name))
    return (*found, *(await _in_commits(mirror, commits, since, redactor) if commits else ()))


async def _in_commits(mirror: Path, commits: Sequence[str], since: Sequence[str], redactor: Redactor) -> list[Finding]:
    git = private_git(mirror)
    revisions = (*dict.fromkeys(commits), "--not", *since, "--")
    said = await git("log", f"--format=%H%n%an <%ae>%n%cn <%ce>%n%B%n{_END}", *revisions)
    found = [
        _finding(redactor, f"the message of {entry.strip()[:10]}", "")
        for entry in said.split(f"{_END}\n")
        if redactor.secrets(entry)
    ]
    shown = await git("log", "-p", f"--format=tformat:{_END}", "--diff-merges=first-parent", *AS_TEXT, *revisions)
    return found + await asyncio.to_thread(_of_each, shown, redactor)


def _of_each(shown: str, redactor: Redactor) -> list[Finding]:
    """Commit by commit: what one adds and another takes away is not just moved."""
    diffs = f"\n{shown}".split(f"\n{_END}\n")
    return list(dict.fromkeys(finding for diff in diffs for finding in findings_in(diff, redactor)))


def _finding(redactor: Redactor, where: str, path: str) -> Finding:
    message = f"a secret would be pushed in {redactor.text(where)}"
    return Finding(tool="ostinato", rule="secret", path=redactor.text(path), message=message, level=Level.ERROR)


async def forget_secrets(mirror: Path, redactor: Redactor, *, since: float) -> int:
    """Deletes loose objects with a secret that were made since that moment and that no ref of ours needs; how many.

    A step may commit in its worktree, and that writes here without a scan. Refs that it made to such commits go as well.
    What it packed stays: objects in packs are not taken apart. A second call finds nothing.
    """
    young = await asyncio.to_thread(_young, mirror, since)
    holding = [
        name
        for name, it in zip(young, await read_objects(mirror, young), strict=True)
        if it.text is not None and redactor.secrets(it.text)
    ]
    if not holding:
        return 0
    refs = await list_refs(mirror)
    ours = [oid for name, oid in refs.items() if name.startswith(_OURS)]
    needed = await _reached(mirror, ours) if ours else frozenset()
    gone = frozenset(holding) - needed
    foreign = {name: oid for name, oid in refs.items() if not name.startswith(_OURS)}
    lost = [name for name, oid in foreign.items() if gone & await _reached(mirror, [oid], ours)]
    await change_refs(mirror, [f"delete {name} {foreign[name]}" for name in lost])
    await asyncio.to_thread(_delete, mirror, gone)
    return len(gone)


def _young(mirror: Path, since: float) -> list[str]:
    return [
        file.parent.name + file.name
        for file in (mirror / "objects").glob("[0-9a-f][0-9a-f]/*")
        if file.stat().st_mtime >= since and len(file.name) in (38, 62)
    ]


async def _reached(mirror: Path, starts: Sequence[str], without: Sequence[str] = ()) -> frozenset[str]:
    listed = await private_git(mirror)(
        "rev-list", "--objects", *dict.fromkeys(starts), "--not", *dict.fromkeys(without)
    )
    return frozenset(line.partition(" ")[0] for line in listed.splitlines())


def _delete(mirror: Path, names: frozenset[str]) -> None:
    for name in names:
        (mirror / "objects" / name[:2] / name[2:]).unlink(missing_ok=True)
