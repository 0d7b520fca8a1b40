"""Secrets that a worktree would add, found before anything of it becomes an object of the mirror."""

import asyncio
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ostinato.adapters.git.command import Git
from ostinato.adapters.git.index import add_all, admin_folder, head_text, kept_of, stage_in, staging, with_own_objects
from ostinato.domain.gates import Finding, Level
from ostinato.domain.redaction import Redactor

_HUNK = re.compile(r"@@ -\S+ \+(\d+)")
AS_TEXT = ("--text", "--no-ext-diff", "--no-textconv", "--no-color", "--no-renames", "--no-prefix", "-U0")
"""Options of a diff that shows every line: what the repository's attributes call binary is read as well."""
MAX_FILE_BYTES = 64 * 1024 * 1024
_NO_CONFIG: Mapping[str, str] = {}


@dataclass(slots=True, kw_only=True)
class _File:
    path: str = ""
    added: list[tuple[int, str]] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)


async def added_secrets(
    mirror: Path, worktree: Path, parent: str, redactor: Redactor, *, config: Mapping[str, str] = _NO_CONFIG
) -> tuple[Finding, ...]:
    """One finding for each secret in lines that `worktree` adds to `parent`; the secret itself is not in it."""
    async with staging(mirror, worktree, parent) as staged:
        git = with_own_objects(staged, mirror).with_config(config)
        changed, _ = await add_all(git, parent)
        return await secrets_in(git, parent, redactor) if changed else ()


async def leftover_secrets(mirror: Path, worktree: Path, base: str, redactor: Redactor) -> tuple[Finding, ...]:
    """What saving the worktree's leftovers would make an object: files of repositories inside it are read as well.

    Compared with what the worktree was last known to stand on, or with `base` where that is not known any more.
    """
    admin = admin_folder(mirror, worktree)
    kept = kept_of(admin) if admin is not None else None
    parent = kept.commit if admin is not None and kept is not None and head_text(admin) == kept.commit else base
    async with staging(mirror, worktree, parent) as staged:
        git = with_own_objects(staged, mirror)
        found = await stage_in(git, worktree, parent, include_embedded=True)
        return await secrets_in(git, parent, redactor) if found.tree else ()


async def secrets_in(git: Git, parent: str, redactor: Redactor) -> tuple[Finding, ...]:
    """In what the index of this git adds to `parent`."""
    left_out = [f":(top,exclude,literal){path}" for path in await _too_big(git, parent)]
    diff = await git("diff", "--cached", *AS_TEXT, parent, "--", ":/", *left_out)
    return await asyncio.to_thread(lambda: tuple(findings_in(diff, redactor)))


async def _too_big(git: Git, parent: str) -> list[str]:
    """New blobs that would not fit into memory; the security gate reads files one by one."""
    listed = (await git("diff-index", "--cached", "--raw", "--no-renames", "--abbrev=64", "-z", parent)).split("\0")
    blobs = {path: entry.split(" ")[3] for entry, path in zip(listed[::2], listed[1::2], strict=False)}
    asked = "".join(f"{blob}\n" for blob in blobs.values())
    sizes = (await git("cat-file", "--batch-check=%(objectsize)", stdin=asked)).splitlines()
    return [path for path, size in zip(blobs, sizes, strict=True) if size.isdigit() and int(size) > MAX_FILE_BYTES]


def findings_in(diff: str, redactor: Redactor) -> Iterator[Finding]:
    files = list(_files(diff))
    before = "\n".join(line for file in files for line in file.removed)
    for file in files:
        if redactor.secrets(file.path):
            message = "a secret would be committed as a name"
            yield Finding(
                tool="ostinato", rule="secret", path=redactor.text(file.path), message=message, level=Level.ERROR
            )
        text = "\n".join(line for _, line in file.added)
        for secret in redactor.secrets(text):
            if text[secret.start : secret.end] in before:  # moved, not added
                continue
            line = file.added[text.count("\n", 0, secret.start)][0]
            message = f"a secret ({secret.kind}) would be committed"
            path = redactor.text(file.path)
            yield Finding(tool="ostinato", rule="secret", path=path, line=line, message=message, level=Level.ERROR)


def _files(diff: str) -> Iterator[_File]:
    file, line, in_header = _File(), 0, True
    for raw in diff.split("\n"):
        if raw.startswith("diff --git "):
            yield file
            twice = raw.removeprefix("diff --git ")  # for without a prefix and without renames both sides are the same
            file, in_header = _File(path=twice[: len(twice) // 2].strip('"')), True
        elif hunk := _HUNK.match(raw):
            line, in_header = int(hunk[1]), False
        elif in_header:
            file.path = raw[4:].rstrip("\t").strip('"') if raw.startswith("+++ ") else file.path
        elif raw.startswith("+"):
            file.added.append((line, raw[1:]))
            line += 1
        elif raw.startswith("-"):
            file.removed.append(raw[1:])
    yield file
