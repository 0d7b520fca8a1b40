"""Where files are read from: a folder, or a commit without any checkout. Bounded, and never out of the tree."""

import asyncio
import os
import posixpath
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ostinato.adapters.git.command import nul_separated, private_git
from ostinato.adapters.git.objects import read_objects

MAX_BYTES = 256 * 1024
"""Of one file."""
MAX_FILES = 2_000
MAX_FOLDERS = 20_000
MAX_DEPTH = 12
_LINK = "120000"
_SHOWN = frozenset(
    (".ostinato", ".agents", ".claude", ".codex", ".opencode", ".github", ".gemini", ".config")
)  # other hidden folders hold nothing of interest
_PASSED_BY = frozenset(
    ("node_modules", "bower_components", "venv", "__pycache__", "site-packages", "target", "dist", "build")
)

Wanted = Callable[[str], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A file that is there and is not read."""

    path: str
    code: str
    message: str
    cure: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    paths: tuple[str, ...] = ()
    refused: tuple[Refusal, ...] = ()


class Tree(Protocol):
    """Paths are relative, with slashes."""

    async def find(self, wanted: Wanted) -> Listing: ...

    async def read(self, paths: Sequence[str], limit: int = MAX_BYTES) -> dict[str, str | Refusal]:
        """What of them exists, as text or as the reason why not."""
        ...


@dataclass(frozen=True, slots=True)
class FolderTree:
    """A folder, or only some of the folders in it."""

    root: Path
    starts: tuple[str, ...] = ("",)

    async def find(self, wanted: Wanted) -> Listing:
        return await asyncio.to_thread(_Walk(self.root, wanted).over, self.starts)

    async def read(self, paths: Sequence[str], limit: int = MAX_BYTES) -> dict[str, str | Refusal]:
        return await asyncio.to_thread(self._read, paths, limit)

    def _read(self, paths: Sequence[str], limit: int) -> dict[str, str | Refusal]:
        root = self.root.resolve()
        found: dict[str, str | Refusal] = {}
        for path in paths:
            place = (root / path).resolve()
            if not place.is_relative_to(root):
                found[path] = outside(path)
            elif place.is_file():
                found[path] = _text_of(path, place, limit)
        return found


@dataclass(slots=True)
class _Walk:
    root: Path
    wanted: Wanted
    paths: list[str] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    def over(self, starts: Sequence[str]) -> Listing:
        self.root = self.root.resolve()
        for start in starts:
            place = self.root / start
            if start and place.is_symlink() and not place.resolve().is_relative_to(self.root):
                self.refused.append(outside(start))
            elif place.is_dir():
                self._folder(place, start, 0)
            elif place.is_file() and self.wanted(start):
                self.paths.append(start)
        return listing(sorted(self.paths), self.refused)

    def _folder(self, place: Path, name: str, depth: int) -> None:
        real = os.path.realpath(place)
        if depth > MAX_DEPTH or len(self.seen) >= MAX_FOLDERS or real in self.seen:
            return
        self.seen.add(real)
        try:
            entries = sorted(os.scandir(place), key=lambda entry: entry.name)
        except OSError:
            return
        for entry in entries:
            path = f"{name}/{entry.name}" if name else entry.name
            if entry.is_symlink() and not Path(entry.path).resolve().is_relative_to(self.root):
                if self.wanted(path) or self.wanted(f"{path}/SKILL.md"):
                    self.refused.append(outside(path))
            elif entry.is_dir():
                if _is_looked_into(entry.name):
                    self._folder(Path(entry.path), path, depth + 1)
            elif self.wanted(path) and entry.is_file():
                self.paths.append(path)


def listing(paths: Sequence[str], refused: Sequence[Refusal]) -> Listing:
    """The first files; that there are more is told."""
    if len(paths) > MAX_FILES:
        said = f"{len(paths):,} files are more than {MAX_FILES:,}; this one and those after it are not read"
        cure = "Keep fewer resources in one place"
        refused = (*refused, Refusal(path=paths[MAX_FILES], code="too_many_files", message=said, cure=cure))
    return Listing(paths=tuple(paths[:MAX_FILES]), refused=tuple(refused))


def _is_looked_into(name: str) -> bool:
    return name in _SHOWN if name.startswith(".") else name not in _PASSED_BY


@dataclass(frozen=True, slots=True)
class CommitTree:
    """A commit of a repository or a mirror: exactly what a run from it would see."""

    git_dir: Path
    commit: str
    _objects: dict[str, str] = field(default_factory=dict)
    """Path → object, of files that were found; links are followed already."""

    async def find(self, wanted: Wanted) -> Listing:
        told = await private_git(self.git_dir)("ls-tree", "-r", "-z", "--full-tree", self.commit)
        files: dict[str, str] = {}
        links: dict[str, str] = {}
        for entry in nul_separated(told):
            head, _, path = entry.partition("\t")
            mode, _, name = head.split(" ")
            (links if mode == _LINK else files)[path] = name
        self._objects.update(files)
        aliases, refused = await self._follow(files, links, wanted)
        self._objects.update(aliases)
        paths = sorted(path for path in {**files, **aliases} if wanted(path))
        return listing(paths, refused)

    async def read(self, paths: Sequence[str], limit: int = MAX_BYTES) -> dict[str, str | Refusal]:
        """Call `find` first."""
        known = [path for path in paths if path in self._objects]
        sizes = await self._sizes([self._objects[path] for path in known])
        found: dict[str, str | Refusal] = {
            path: too_large(path, size, limit) for path, size in zip(known, sizes, strict=True) if size > limit
        }
        fitting = [path for path in known if path not in found]
        blobs = await read_objects(self.git_dir, [self._objects[path] for path in fitting]) if fitting else []
        for path, blob in zip(fitting, blobs, strict=True):
            found[path] = unreadable(path, "it is not in this clone") if blob.text is None else _clean(path, blob.text)
        return found

    async def _sizes(self, names: Sequence[str]) -> list[int]:
        if not names:
            return []
        git = private_git(self.git_dir)
        told = await git("cat-file", "--batch-check=%(objectsize)", stdin="".join(f"{name}\n" for name in names))
        return [int(line) if line.isdigit() else 0 for line in told.splitlines()]

    async def _follow(
        self, files: Mapping[str, str], links: Mapping[str, str], wanted: Wanted
    ) -> tuple[dict[str, str], tuple[Refusal, ...]]:
        """Files as they are seen through links of the tree; links that leave it are refused."""
        asked = [link for link in links if _may_matter(link, wanted)][:MAX_FILES]
        targets = await read_objects(self.git_dir, [links[link] for link in asked]) if asked else []
        leads = {link: _target(link, found.text or "") for link, found in zip(asked, targets, strict=True)}
        aliases: dict[str, str] = {}
        refused = []
        for link in asked:
            target = _end_of(link, leads)
            if target is None:
                if wanted(link) or wanted(f"{link}/SKILL.md"):
                    refused.append(outside(link))
            elif target in files:
                aliases[link] = files[target]
            else:
                below = ((path, path.removeprefix(target)) for path in files if path.startswith(f"{target}/"))
                aliases.update({link + rest: files[path] for path, rest in below if wanted(link + rest)})
        return aliases, tuple(refused)


def _may_matter(link: str, wanted: Wanted) -> bool:
    parts = link.split("/")
    return wanted(link) or any(part in _SHOWN or part == "skills" for part in parts)


def _target(link: str, text: str) -> str | None:
    """None where it leaves the tree."""
    if not text or text.startswith("/") or "\0" in text:
        return None
    path = posixpath.normpath(posixpath.join(posixpath.dirname(link), text))
    return None if path == ".." or path.startswith("../") or path == "." else path


def _end_of(link: str, leads: Mapping[str, str | None]) -> str | None:
    for _ in range(5):
        target = leads.get(link)
        if target is None or target not in leads:
            return target
        link = target
    return None


def _text_of(path: str, place: Path, limit: int) -> str | Refusal:
    try:
        with place.open("rb") as stream:
            content = stream.read(limit + 1)
    except OSError as refused:
        return unreadable(path, refused.strerror or str(refused))
    if len(content) > limit:
        return too_large(path, place.stat().st_size, limit)
    return _clean(path, content.decode("utf-8", "surrogateescape"))


def _clean(path: str, text: str) -> str | Refusal:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as refused:
        line = text.count("\n", 0, refused.start) + 1
        return Refusal(path=path, code="file_not_utf8", message=f"line {line} is not UTF-8", cure="Save it as UTF-8")
    return text.removeprefix("\ufeff").replace("\r\n", "\n")


def outside(path: str) -> Refusal:
    said = "it is a symbolic link that leaves the tree"
    return Refusal(path=path, code="path_outside", message=said, cure="Copy what it points at into the tree")


def too_large(path: str, size: int, limit: int) -> Refusal:
    said = f"it has {size:,} bytes, more than {limit:,}"
    return Refusal(path=path, code="file_too_large", message=said, cure="Move parts of it into files that it names")


def unreadable(path: str, why: str) -> Refusal:
    return Refusal(path=path, code="file_unreadable", message=f"it cannot be read: {why}", cure="Make it readable")
