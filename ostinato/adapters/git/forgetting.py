"""Git in a worktree writes into the private clone past every scan: what it stored there of secrets is taken out again."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ostinato.adapters.git.command import private_git
from ostinato.adapters.git.index import admin_folder, head_text, kept_of
from ostinato.adapters.git.locking import locked
from ostinato.adapters.git.objects import change_refs, list_refs, read_objects
from ostinato.domain.redaction import Redactor

_OURS = ("refs/ostinato/", "refs/heads/ostinato/", "refs/tags/")
_MAX_PACK_BYTES = 256 * 1024 * 1024
_MAX_SEARCHED = 200
"""Commits of ours that are asked whether a secret is an old one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pack:
    path: Path
    names: tuple[str, ...]


async def forget_secrets(mirror: Path, redactor: Redactor, *, since: float, worktree: Path | None = None) -> int:
    """Deletes objects with a secret that were made since that moment and that no ref of ours needs; how many.

    Refs and the `worktree`'s HEAD that lead to them go as well; what other worktrees stand on stays, and so does what
    the repository had before: nobody made that now. A second call finds nothing.
    """
    packs = await _young_packs(mirror, since)
    loose = await asyncio.to_thread(_young, mirror, since)
    names = [*loose, *(name for pack in packs for name in pack.names)]
    if not names or not await _holding(mirror, names, redactor):
        return 0
    async with locked(mirror.parent / "mirror.lock"):  # nothing is fetched meanwhile that no ref holds yet
        return await _forget(mirror, redactor, names, packs, worktree)


async def _forget(
    mirror: Path, redactor: Redactor, names: Sequence[str], packs: Sequence[_Pack], worktree: Path | None
) -> int:
    holding = await _holding(mirror, names, redactor)
    old = await _already_there(mirror, {text for texts in holding.values() for text in texts})
    fresh = frozenset(name for name, texts in holding.items() if not texts <= old)
    refs = await list_refs(mirror)
    kept = [oid for name, oid in refs.items() if name.startswith(_OURS)] + await _stood_on(mirror, but=worktree)
    gone = fresh - await _reached(mirror, kept) if fresh else fresh
    foreign = {name: oid for name, oid in refs.items() if not name.startswith(_OURS)}
    lost = [
        name for name, oid in foreign.items() if redactor.secrets(name) or gone & await _reached(mirror, [oid], kept)
    ]
    await change_refs(mirror, [f"delete {name} {foreign[name]}" for name in lost])
    for pack in packs:
        if gone & frozenset(pack.names):
            await _take_apart(mirror, pack)
    await asyncio.to_thread(_delete, mirror, gone)
    if gone and worktree is not None:
        await asyncio.to_thread(_step_back, mirror, worktree)
    return len(gone)


async def _holding(mirror: Path, names: Sequence[str], redactor: Redactor) -> dict[str, frozenset[str]]:
    """The secrets in each object that has any."""
    found = await read_objects(mirror, names)

    def search() -> dict[str, frozenset[str]]:
        texts = {name: it.text for name, it in zip(names, found, strict=True) if it.text is not None}
        seen = {name: redactor.secrets(text) for name, text in texts.items()}
        return {
            name: frozenset(texts[name][secret.start : secret.end] for secret in secrets)
            for name, secrets in seen.items()
            if secrets
        }

    return await asyncio.to_thread(search)


async def _already_there(mirror: Path, secrets: Iterable[str]) -> frozenset[str]:
    """Those that a run found in the repository: whoever touches a file with one makes an object that has it too."""
    lines = {secret: max(secret.splitlines(), key=len, default="") for secret in secrets}
    refs = await list_refs(mirror, "refs/ostinato/*/base", "refs/heads/ostinato/")
    commits = tuple(dict.fromkeys(refs.values()))[:_MAX_SEARCHED]
    if not commits or not any(lines.values()):
        return frozenset()
    asked = "".join(f"{line}\n" for line in lines.values() if line)
    done = await private_git(mirror).attempt("grep", "-a", "-h", "-o", "-F", "-f", "-", *commits, stdin=asked)
    seen = frozenset(done.stdout.splitlines())
    return frozenset(secret for secret, line in lines.items() if line in seen)


async def _stood_on(mirror: Path, *, but: Path | None) -> list[str]:
    own = admin_folder(mirror, but) if but is not None else None
    heads = (head_text(admin) for admin in (mirror / "worktrees").glob("*") if admin != own)
    found = await read_objects(mirror, [head for head in heads if len(head) in (40, 64) and " " not in head])
    return [it.id for it in found if it.id]


def _young(mirror: Path, since: float) -> list[str]:
    """Only folders into which something came are read."""
    folders = [folder for folder in (mirror / "objects").glob("[0-9a-f][0-9a-f]") if folder.stat().st_mtime >= since]
    files = (file for folder in folders for file in folder.iterdir() if len(file.name) in (38, 62))
    return [file.parent.name + file.name for file in files if file.stat().st_mtime >= since]


async def _young_packs(mirror: Path, since: float) -> list[_Pack]:
    folder = mirror / "objects" / "pack"
    if not folder.is_dir() or folder.stat().st_mtime < since:
        return []
    young = [
        path for path in folder.glob("*.pack") if (it := path.stat()).st_mtime >= since and it.st_size < _MAX_PACK_BYTES
    ]
    packs = []
    for path in young:
        listed = await private_git(mirror)("verify-pack", "-v", str(path.with_suffix(".idx")))
        words = (line.split(" ") for line in listed.splitlines())
        packs.append(_Pack(path=path, names=tuple(each[0] for each in words if len(each[0]) in (40, 64))))
    return packs


async def _take_apart(mirror: Path, pack: _Pack) -> None:
    """Its objects become loose ones, of which single ones can be deleted."""
    with tempfile.TemporaryDirectory(prefix="ostinato-pack-", dir=mirror.parent) as scratch:
        aside = Path(scratch) / "pack"
        await asyncio.to_thread(shutil.copyfile, pack.path, aside)
        for file in pack.path.parent.glob(f"{pack.path.stem}.*"):
            file.unlink()
        with aside.open("rb") as stream:
            await private_git(mirror).attempt("unpack-objects", "-q", "-r", stdin=stream)


async def _reached(mirror: Path, starts: Sequence[str], without: Sequence[str] = ()) -> frozenset[str]:
    """Also where something on the way is missing; raises ExternalError where nothing can be said."""
    revisions = [*dict.fromkeys(starts), *(f"^{oid}" for oid in dict.fromkeys(without))]
    asked = "".join(f"{revision}\n" for revision in revisions)
    listed = await private_git(mirror)("rev-list", "--objects", "--missing=allow-any", "--stdin", stdin=asked)
    return frozenset(line.partition(" ")[0] for line in listed.splitlines())


def _delete(mirror: Path, names: frozenset[str]) -> None:
    for name in names:
        (mirror / "objects" / name[:2] / name[2:]).unlink(missing_ok=True)


def _step_back(mirror: Path, worktree: Path) -> None:
    """Onto what it was last known to stand on: its own commits are not whole any more."""
    admin = admin_folder(mirror, worktree)
    kept = kept_of(admin) if admin is not None else None
    if admin is not None and kept is not None:
        (admin / "HEAD").write_text(f"{kept.commit}\n")
        shutil.rmtree(admin / "logs", ignore_errors=True)
