"""Where the files that describe a project lie, from one pass over the tracked names."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ostinato.adapters.projects.reading import Reader
from ostinato.domain.project import ROOT, Command, Member, PackageManager

MOST_MANIFESTS = 60
"""Of one language: the rest is named in a note."""
_MOST_STARS = 6
_FOREIGN = frozenset(["node_modules", "vendor", "third_party", "site-packages", ".venv", "venv", ".yarn"])
_SAMPLES = frozenset(
    (
        *("testdata", "fixtures", "__fixtures__", "fixture", "examples", "example", "samples", "templates", "template"),
        *("docs", "doc", "benchmarks", "demo", "playground", "archetype-resources"),
    )
)


@dataclass(slots=True, kw_only=True)
class Found:
    """What one reader of a language found. Commands are candidates: for one job there may be several."""

    managers: list[PackageManager] = field(default_factory=list)
    members: list[Member] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)

    def add(self, other: "Found") -> None:
        self.managers += other.managers
        self.members += other.members
        self.commands += other.commands


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    reader: Reader
    names: frozenset[str]
    ordered: Sequence[str]
    marked: dict[str, list[str]]
    """Name of a describing file → folders that hold one, the shallowest first."""

    @classmethod
    def of(cls, reader: Reader, tracked: Iterable[str], marks: frozenset[str]) -> "Grounds":
        ordered = sorted(tracked)
        marked: dict[str, list[str]] = {}
        for name in ordered:
            folder, _, base = name.rpartition("/")
            if base in marks:
                marked.setdefault(base, []).append(folder or ROOT)
        for folders in marked.values():
            folders.sort(key=_depth)
        return cls(reader=reader, names=frozenset(ordered), ordered=ordered, marked=marked)

    def folders(self, *bases: str, also: Sequence[str] = ()) -> list[str]:
        """Those that hold one of the files, without other people's code and samples; `also` are samples to keep."""
        found = {folder for base in bases for folder in self.marked.get(base, ()) if not _is_in(folder, _FOREIGN)}
        kept = sorted((f for f in found if f in also or not _is_in(f, _SAMPLES)), key=lambda f: (*_depth(f), f))
        if len(kept) > MOST_MANIFESTS:
            self.reader.note(bases[0], f"lies in {len(kept)} folders; the first {MOST_MANIFESTS} were read")
        return kept[:MOST_MANIFESTS]

    def named(self, folder: str, *bases: str) -> str:
        """The first of these files that the folder holds, by its path; empty when it holds none."""
        return next((name for base in bases if (name := join(folder, base)) in self.names), "")

    def nearest(self, folder: str, *bases: str) -> str:
        """The same, also looking in the folders above."""
        places = above(folder)
        return next((name for place in places if (name := self.named(place, *bases))), "")

    def beginning(self, folder: str, *starts: str) -> str:
        """A file of the folder itself whose name begins so."""
        for start in starts:
            place = join(folder, start)
            at = bisect_left(self.ordered, place)
            if (
                at < len(self.ordered)
                and self.ordered[at].startswith(place)
                and "/" not in self.ordered[at][len(place) :]
            ):
                return self.ordered[at]
        return ""

    def below(self, folder: str) -> Sequence[str]:
        """Names in the folder, relative to it."""
        if folder == ROOT:
            return self.ordered
        start, end = bisect_left(self.ordered, f"{folder}/"), bisect_left(self.ordered, f"{folder}0")
        return [name[len(folder) + 1 :] for name in self.ordered[start:end]]

    def matching(self, base: str, root: str, patterns: Iterable[str]) -> list[str]:
        """Folders with such a file that a workspace at `root` names; a leading ! takes out again."""
        kept: list[str] = []
        inside = [folder for folder in self.marked.get(base, ()) if not _is_in(folder, _FOREIGN)]
        for pattern in [pattern for pattern in patterns if pattern.count("*") <= _MOST_STARS][:MOST_MANIFESTS]:
            wanted = _pattern(join(root, pattern.lstrip("!").removeprefix("./").strip("/") or ROOT))
            if pattern.startswith("!"):
                kept = [folder for folder in kept if not wanted.fullmatch(folder)]
            else:
                kept += [folder for folder in inside if wanted.fullmatch(folder) and folder not in kept]
        return kept


def join(folder: str, name: str) -> str:
    """Of a folder and what lies in it; "../x" and "./x" are followed, and never leave the repository."""
    if folder == ROOT and "." not in name[:2] and "/." not in name:
        return name
    parts = [] if folder == ROOT else folder.split("/")
    for part in name.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts) or ROOT


def above(folder: str) -> list[str]:
    """The folder, then each above it, the root last."""
    parts = [] if folder == ROOT else folder.split("/")
    return ["/".join(parts[:count]) or ROOT for count in range(len(parts), -1, -1)]


def base_of(name: str) -> str:
    return name.rpartition("/")[2]


def folder_of(name: str) -> str:
    return name.rpartition("/")[0] or ROOT


def _depth(folder: str) -> tuple[int]:
    return (0 if folder == ROOT else folder.count("/") + 1,)


def _is_in(folder: str, kinds: frozenset[str]) -> bool:
    return not kinds.isdisjoint(folder.split("/"))


def _pattern(glob: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*/?|\*|\?|\{[^{}]*\})", glob)
    words = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(words.get(part) or _choice(part) for part in parts))


def _choice(part: str) -> str:
    if part.startswith("{") and part.endswith("}"):
        return "(?:" + "|".join(map(re.escape, part[1:-1].split(","))) + ")"
    return re.escape(part)
