"""What git inside a sandbox takes for the store of its worktree, so that the real one is never written from there."""

import shutil
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ostinato.domain.agents.sandboxing import OBJECTS, PrivateRepository

_COPIED = ("HEAD", "config", "shallow", "info/exclude", "info/attributes")
_COPIED_OF_WORKTREE = ("HEAD", "ORIG_HEAD", "index", "commondir", "gitdir", "config.worktree")
_BASE = "base"
"""Beside the layer: where the worktree stood when it was laid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Linked:
    """A worktree that hangs from a store."""

    store: Path
    admin: Path

    @property
    def head(self) -> str:
        return (self.admin / "HEAD").read_text(encoding="utf-8", errors="replace").strip()


def lay_over(tree: Path, folder: Path, *, resumes: bool) -> PrivateRepository | None:
    """In `folder`; kept when the agent resumes where it stood. None where the tree is no linked worktree."""
    linked = _linked(tree)
    if linked is None:
        return None
    layer, base = folder / "git", folder / _BASE
    if not (resumes and layer.is_dir() and base.is_file() and base.read_text(encoding="utf-8") == linked.head):
        base.unlink(missing_ok=True)
        shutil.rmtree(layer, ignore_errors=True)
        _lay(linked, layer)
        base.write_text(linked.head, encoding="utf-8")
    return PrivateRepository(store=PurePosixPath(linked.store), layer=PurePosixPath(layer.absolute()))


def _linked(tree: Path) -> _Linked | None:
    """Both ends have to say so: the tree may have been in other hands."""
    pointer = tree / ".git"
    try:
        if pointer.is_symlink() or not pointer.is_file():
            return None
        kind, _, target = pointer.read_text(encoding="utf-8").strip().partition(": ")
        admin = Path(target)
        back = Path((admin / "gitdir").read_text(encoding="utf-8").strip())
    except (OSError, UnicodeDecodeError):
        return None
    if kind != "gitdir" or not admin.is_absolute() or back.resolve() != pointer.resolve():
        return None
    store = admin.parent.parent
    return _Linked(store=store, admin=admin) if (store / "objects").is_dir() else None


def _lay(linked: _Linked, layer: Path) -> None:
    own = layer / "worktrees" / linked.admin.name
    for folder in (
        layer / "info",
        layer / "refs" / "heads",
        layer / "objects" / "info",
        layer / "objects" / "pack",
        own,
    ):
        folder.mkdir(parents=True)
    _copy(linked.store, layer, _COPIED)
    _copy(linked.admin, own, _COPIED_OF_WORKTREE)
    _copy_tags(linked.store, layer)
    (layer / "objects" / "info" / "alternates").write_text(f"{OBJECTS}\n", encoding="utf-8")


def _copy(source: Path, target: Path, names: tuple[str, ...]) -> None:
    for name in names:
        if (source / name).is_file():
            shutil.copy2(source / name, target / name)


def _copy_tags(store: Path, layer: Path) -> None:
    """Versions are computed from them; other refs are of other steps and runs."""
    if (store / "refs" / "tags").is_dir():
        shutil.copytree(store / "refs" / "tags", layer / "refs" / "tags", symlinks=True)
    if (store / "packed-refs").is_file():
        packed = (store / "packed-refs").read_text(encoding="utf-8", errors="surrogateescape")
        (layer / "packed-refs").write_text(_tags_of(packed), encoding="utf-8", errors="surrogateescape")


def _tags_of(packed: str) -> str:
    kept, is_kept = [], False
    for line in packed.splitlines(keepends=True):
        if not line.startswith("^"):  # of the line before: what its tag stands for
            is_kept = line.startswith("#") or " refs/tags/" in line
        kept += [line] if is_kept else []
    return "".join(kept)
