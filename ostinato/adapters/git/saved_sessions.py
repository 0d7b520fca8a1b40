"""An agent's session as objects of the mirror, under refs of its step: with them another worker goes on where this one was.

`sessions/<step>/work` is the worktree as a commit on its checkpoint, `sessions/<step>/talk` the record and the transcript.
"""

import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ostinato.adapters.git.command import Git, nul_separated, private_git
from ostinato.adapters.git.index import keep_objects, stage_in, staging, with_own_objects
from ostinato.adapters.git.objects import Author, change_refs, commit_tree, list_refs
from ostinato.adapters.git.scanning import secrets_in
from ostinato.domain.gates import Finding
from ostinato.domain.ids import RunId, run_ref
from ostinato.domain.redaction import Redactor

MOST_WORK_BYTES = 64 * 1024 * 1024
"""Of the files that a worktree in progress has changed."""
_RECORD = "session.json"
_FILES = "home/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A worktree in progress as a commit."""

    commit: str
    """The checkpoint itself where nothing differs from it, or where it may not be kept."""
    tree: str = ""
    secrets: tuple[Finding, ...] = ()
    is_too_big: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedSession:
    record: str
    """JSON."""
    work: str
    """A commit; the checkpoint itself where nothing was changed."""
    files: Mapping[str, bytes] = field(default_factory=dict)


async def save_work(mirror: Path, worktree: Path, *, base: str, author: Author, redactor: Redactor) -> Work:
    """Scanned as a step's commit is: with a secret in it nothing of it becomes an object. The worktree stays as it is."""
    async with staging(mirror, worktree, base) as scratch:
        git = with_own_objects(scratch, mirror)
        staged = await stage_in(git, worktree, base)
        if not staged.tree:
            return Work(commit=base)
        if await asyncio.to_thread(_bytes_of, worktree, staged.paths) > MOST_WORK_BYTES:
            return Work(commit=base, is_too_big=True)
        if found := await secrets_in(git, base, redactor):
            return Work(commit=base, secrets=found)
        await asyncio.to_thread(keep_objects, git, mirror)
    commit = await commit_tree(mirror, staged.tree, [base], "Work in progress", author=author)
    return Work(commit=commit, tree=staged.tree)


async def save_talk(mirror: Path, *, record: bytes, files: Mapping[str, bytes], author: Author) -> str:
    """A commit without a parent. What is given holds no secret any more."""
    contents = {_RECORD: record, **{_FILES + name: data for name, data in files.items()}}
    with tempfile.TemporaryDirectory(prefix="ostinato-session-", dir=mirror.parent) as folder:
        places = await asyncio.to_thread(_written, Path(folder), contents)
        git = private_git(mirror).with_env(GIT_INDEX_FILE=Path(folder) / "index")
        listed = "".join(f"{place}\n" for place in places.values())
        blobs = (await git("hash-object", "-w", "--no-filters", "--stdin-paths", stdin=listed)).split()
        entries = "".join(f"100644 {blob}\t{name}\0" for name, blob in zip(places, blobs, strict=True))
        await git("update-index", "-z", "--index-info", stdin=entries)
        tree = (await git("write-tree")).strip()
    return await commit_tree(mirror, tree, [], "Session of an agent", author=author)


async def point_at(mirror: Path, refs: Mapping[str, str]) -> None:
    await change_refs(mirror, [f"update {ref} {commit}" for ref, commit in refs.items()])


def refs_of(run_id: RunId, step: str, *, work: str, talk: str) -> dict[str, str]:
    return {run_ref(run_id, "sessions", step, "work"): work, run_ref(run_id, "sessions", step, "talk"): talk}


async def session_refs(mirror: Path, run_id: RunId) -> dict[str, str]:
    """Of all steps of the run."""
    return await list_refs(mirror, run_ref(run_id, "sessions"))


async def forget_sessions(mirror: Path, run_id: RunId) -> None:
    await change_refs(mirror, [f"delete {ref} {oid}" for ref, oid in (await session_refs(mirror, run_id)).items()])


async def saved_session(mirror: Path, run_id: RunId, step: str) -> SavedSession | None:
    """As it was last saved, here or by the worker that had the run before; None: it never was, or is not whole."""
    refs = refs_of(run_id, step, work="", talk="")
    found = await list_refs(mirror, *refs)
    if set(found) != set(refs):
        return None
    work, talk = (found[ref] for ref in refs)
    git = private_git(mirror)
    listed = await git.attempt("ls-tree", "-r", "-z", "--full-tree", talk)
    if listed.exit_code != 0:
        return None
    entries = [_entry(line) for line in nul_separated(listed.stdout)]
    contents = await _contents(git, mirror, [blob for mode, blob, _ in entries if mode.startswith("100")])
    named = {name: contents[blob] for _, blob, name in entries if blob in contents}
    record = named.pop(_RECORD, b"")
    files = {name.removeprefix(_FILES): data for name, data in named.items() if name.startswith(_FILES)}
    whole = len(named) == len(entries) - 1
    return SavedSession(record=record.decode("utf-8", "replace"), work=work, files=files) if record and whole else None


async def restore_work(mirror: Path, worktree: Path, *, base: str, work: str) -> None:
    """The files of a worktree that stands on `base`, spotless, as they were in progress; it still stands on `base`."""
    if work != base:
        async with staging(mirror, worktree, base) as git:
            await git("read-tree", "--reset", "-u", work)


async def checkpoint_of(mirror: Path, work: str, base: str) -> bool:
    """Whether both are here, the one being made from the other."""
    git = private_git(mirror)
    done = await git.attempt("rev-parse", "-q", "--verify", f"{work}^{{commit}}")
    if done.exit_code != 0:
        return False
    return work == base or (await git.attempt("rev-parse", f"{work}^1")).stdout.strip() == base


def _bytes_of(worktree: Path, paths: Sequence[str]) -> int:
    places = [worktree / path for path in paths]
    return sum(place.stat().st_size for place in places if place.is_file() and not place.is_symlink())


def _written(folder: Path, contents: Mapping[str, bytes]) -> dict[str, str]:
    """Where each is now, by the name it is to have."""
    places = {}
    for number, (name, data) in enumerate(contents.items()):
        (folder / str(number)).write_bytes(data)
        places[name] = str(folder / str(number))
    return places


def _entry(line: str) -> tuple[str, str, str]:
    about, _, name = line.partition("\t")
    mode, _, blob = about.split(" ")
    return mode, blob, name


async def _contents(git: Git, mirror: Path, blobs: Sequence[str]) -> dict[str, bytes]:
    """Of each that is here, byte for byte."""
    with tempfile.TemporaryFile(dir=mirror.parent) as told:
        asked = "".join(f"{blob}\n" for blob in dict.fromkeys(blobs))
        await git.attempt("cat-file", "--batch", stdin=asked, stdout=told)
        told.seek(0)
        raw = await asyncio.to_thread(told.read)
    found, at = {}, 0
    while at < len(raw):
        end = raw.index(b"\n", at)
        header, at = raw[at:end].decode().split(" "), end + 1
        if len(header) == 3:
            size = int(header[2])
            found[header[0]] = raw[at : at + size]
            at += size + 1
    return found
