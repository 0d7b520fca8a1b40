"""Which files of a repository the names in a request mean: ranked, capped, each with why."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ostinato.domain.evidence import MOST_MATCHES, MOST_NAMED
from ostinato.domain.evidence.naming import Names, folded
from ostinato.domain.evidence.places import is_test, subject_of

WHOLE_PATH, END_OF_PATH, MODULE, DEFINES, IDENTIFIER, WORD, FOLDER = 1.0, 0.9, 0.9, 0.8, 0.75, 0.5, 0.2
ANOTHER_FOLDER = 0.25
"""What a second folder adds that is named too: "the git adapters" means adapters/git."""
TOO_COMMON = 20
"""A word that is the name of more files than this means none of them."""
_ENTRANCES = frozenset(("__init__", "index", "mod", "main", "__main__"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    path: str
    score: float
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Matching:
    best: tuple[Candidate, ...]
    """At most MOST_MATCHES, best first."""
    total: int
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class _Found:
    scores: dict[str, float] = field(default_factory=dict)
    why: dict[str, list[str]] = field(default_factory=dict)

    def add(self, path: str, score: float, why: str) -> None:
        self.scores[path] = max(score, self.scores.get(path, 0.0))
        self.why.setdefault(path, []).append(why)


class Catalogue:
    """The files of a commit, by folded name and by folder. Built once for each commit."""

    def __init__(self, paths: Iterable[str]) -> None:
        self.paths = tuple(paths)
        self.known = frozenset(self.paths)
        self._by_stem: dict[str, list[str]] = {}
        self._by_folder: dict[str, list[str]] = {}
        self._folders: dict[str, list[str]] = {}
        for path in self.paths:
            folder, _, name = path.rpartition("/")
            self._by_stem.setdefault(name.split(".", 1)[0].replace("_", "").replace("-", "").lower(), []).append(path)
            self._by_folder.setdefault(folder, []).append(path)
        for folder in self._by_folder:
            for name in folder.split("/"):
                self._folders.setdefault(folded(name), []).append(folder)

    def named(self, folded_stem: str) -> Sequence[str]:
        return self._by_stem.get(folded_stem, ())

    def inside(self, folded_name: str) -> list[str]:
        """The files in all folders of this name, and below."""
        return [path for folder in self._folders.get(folded_name, ()) for path in self._by_folder[folder]]

    def ending(self, end: str) -> list[str]:
        """Files whose path ends so, at a folder's border; a folder stands for the files in and below it."""
        if end in self.known:
            return [end]
        name = end.rpartition("/")[2]
        found = [path for path in self.named(folded(name.split(".", 1)[0])) if path.endswith(f"/{end}")]
        if found or "." in name:
            return found
        return [path for path in self.inside(folded(name)) if f"/{end}/" in f"/{path}"]


def match_names(names: Names, catalogue: Catalogue, definitions: Mapping[str, Sequence[str]] | None = None) -> Matching:
    """`definitions` are the files that define an identifier, where somebody looked. Beside a sure match faint ones go."""
    found, notes = _Found(), list[str]()
    for path in names.paths:
        _match_path(path, catalogue, found, notes)
    for module in names.modules:
        _match_module(module, catalogue, found)
    for identifier in names.identifiers:
        _match_identifier(identifier, catalogue, (definitions or {}).get(identifier, ()), found)
    for word in names.words:
        _match_word(word, catalogue, found, notes)
    least = max(found.scores.values(), default=0.0) / 2
    kept = [path for path, score in found.scores.items() if score >= least]
    ranked = sorted(kept, key=lambda path: (-found.scores[path], is_test(path), len(path), path))
    best = tuple(
        Candidate(path=path, score=found.scores[path], why=tuple(dict.fromkeys(found.why[path]))[:3])
        for path in ranked[:MOST_MATCHES]
    )
    return Matching(best=best, total=len(ranked), notes=tuple(notes))


def nearby_tests(paths: Iterable[str], catalogue: Catalogue) -> tuple[str, ...]:
    """Tests of the same subject; without any, those in test folders of the same name. At most MOST_NAMED."""
    listed = list(paths)
    near = [path for path in listed if is_test(path)]
    for path in listed:
        subject = folded(_subject(path))
        stems = (f"test{subject}", f"{subject}test", f"{subject}tests", f"{subject}spec", subject)
        near += [test for stem in stems for test in catalogue.named(stem) if is_test(test)]
    if not near:
        folders = {path.split("/")[-2] for path in listed if "/" in path}
        near = [test for name in sorted(folders) for test in catalogue.inside(folded(name)) if is_test(test)]
    return tuple(dict.fromkeys(near))[:MOST_NAMED]


def _subject(path: str) -> str:
    stem = path.rpartition("/")[2].split(".", 1)[0]
    return path.split("/")[-2] if stem in _ENTRANCES and "/" in path else subject_of(path)


def _match_path(path: str, catalogue: Catalogue, found: _Found, notes: list[str]) -> None:
    matched = catalogue.ending(path)
    if not matched and "." in path.rpartition("/")[2]:
        notes.append(f"{path} is not in the repository")
    for one in matched[:TOO_COMMON]:
        score = WHOLE_PATH if one == path else END_OF_PATH
        found.add(one, score, f"{path} is named")


def _match_module(module: str, catalogue: Catalogue, found: _Found) -> None:
    """a.b.c as a/b/c.*, a/b/c/__init__.py, and as a name in a/b.*"""
    for dotted in (module, module.rpartition(".")[0]):
        as_path = dotted.replace(".", "/")
        stem = folded(as_path.rpartition("/")[2])
        files = [path for path in catalogue.named(stem) if f"/{path}".rsplit(".", 1)[0].endswith(f"/{as_path}")]
        inits = [path for path in catalogue.named("init") if f"/{path}".endswith(f"/{as_path}/__init__.py")]
        for path in (*files, *inits):
            found.add(path, MODULE, f"module {dotted} is named")
        if files or inits:
            return


def _match_identifier(name: str, catalogue: Catalogue, defining: Sequence[str], found: _Found) -> None:
    for path in defining[:TOO_COMMON]:
        found.add(path, DEFINES - (0.2 if is_test(path) else 0.0), f"defines {name}")
    named = catalogue.named(folded(name))
    if len(named) <= TOO_COMMON:
        for path in named:
            found.add(path, IDENTIFIER, f"is called like {name}")


def _match_word(word: str, catalogue: Catalogue, found: _Found, notes: list[str]) -> None:
    named = [path for path in catalogue.named(word) if not is_test(path)]
    if len(named) > TOO_COMMON:
        notes.append(f"{len(named)} files are called “{word}”: too many to mean one")
        return
    for path in named:
        found.add(path, WORD, f"is called “{word}”")
    if not named:
        inside = catalogue.inside(word)
        if len(inside) <= 10 * TOO_COMMON:
            for path in inside:
                found.add(
                    path, min(WORD, FOLDER + ANOTHER_FOLDER * (path in found.scores)), f"lies in a folder “{word}”"
                )
