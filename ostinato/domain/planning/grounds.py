"""What a plan is shaped by besides the request: which files and packages it is about, and where things lie. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence

from ostinato.domain.base import Fact
from ostinato.domain.classification import Classification
from ostinato.domain.project import ROOT, ProjectFacts
from ostinato.domain.references import literal

MAX_AREAS = 6
_BESIDE = re.compile(r"(^|/)(tests?|__tests__|specs?|docs?)/")
"""Tests and documents go with what they belong to; they are no area of their own."""
_FILE = re.compile(r"[^/]\.(py|js|ts|jsx|tsx|mjs|cjs|go|rs|java)$")
_TESTS = ("**/test*/**", "**/*test*", "**/*.spec.*")
_SUFFIXES: Mapping[str, tuple[str, ...]] = {
    "Python": ("**/*.py", "**/*.pyi"),
    "JavaScript": ("**/*.js", "**/*.mjs", "**/*.cjs", "**/*.jsx"),
    "TypeScript": ("**/*.ts", "**/*.tsx"),
    "Go": ("**/*.go",),
    "Rust": ("**/*.rs",),
    "Java": ("**/*.java",),
}
_FIXED: Mapping[str, tuple[str, ...]] = {
    "everything": ("**",),
    "python": ("**/*.py", "**/*.pyi"),
    "python tests": ("**/test*/**", "**/*test*.py"),
    "docs": ("**/*.md", "**/*.rst", "**/*.txt", "docs/**"),
    "delivery": ("**/*Dockerfile*", "**/*.yml", "**/*.yaml", "deploy/**"),
    "web": ("**/*.html", "**/*.css", "**/*.js", "**/*.jsx", "**/*.ts", "**/*.tsx", "**/*.vue"),
    "manifests": ("**/pyproject.toml", "**/requirements*.txt", "**/package.json", "**/go.mod", "**/Cargo.toml"),
    "benchmarks": ("benchmarks/**", "**/bench*/**"),
}


class Place(Fact):
    """A part of the repository that the request touches: a package, or an area of one."""

    path: str
    name: str
    language: str = ""
    """Empty: not known, or several."""


class Grounds(Fact):
    """Evidence from the repository; all of it may be missing."""

    packages: tuple[Place, ...] = ()
    """Packages that the request touches."""
    used_by: tuple[str, ...] = ()
    """Names of packages that use these."""
    files: tuple[str, ...] = ()
    """Files that the request is about."""

    @property
    def areas(self) -> tuple[Place, ...]:
        """Folders that hold the files and do not lie in each other; none where it would be one, or many."""
        folders = sorted({name.rpartition("/")[0] for name in self.files if not _BESIDE.search(name)})
        outer = [one for one in folders if not any(one != two and _lies_in(one, two) for two in folders)]
        if not 1 < len(outer) <= MAX_AREAS:
            return ()
        return tuple(Place(path=path, name=path) for path in outer)


def grounds_of(project: ProjectFacts, classification: Classification) -> Grounds:
    """From the files that the request was matched with, and the packages that they lie in."""
    survey = project.survey
    touched = [member for member in survey.touched(classification.paths) if member.path != ROOT]
    users = survey.dependents(member.path for member in touched)
    return Grounds(
        packages=tuple(Place(path=member.path, name=member.name, language=member.language) for member in touched),
        used_by=tuple(member.name for member in users if member.path != ROOT),
        files=classification.paths,
    )


def globs_of(roles: Iterable[str], project: ProjectFacts, place: Place | None, grounds: Grounds) -> tuple[str, ...]:
    """Path globs of what a step reads or writes, as texts of a definition; within one place, all of the place."""
    if place is not None:
        return (literal(f"{place.path}/**"),)
    found: list[str] = []
    for role in roles:
        found += _FIXED.get(role) or _known(role, project, grounds)
    return tuple(map(literal, dict.fromkeys(found)))


def _known(role: str, project: ProjectFacts, grounds: Grounds) -> Sequence[str]:
    if role == "tests":
        return [path if _FILE.search(path) else _below(path) for path in project.test_paths] or _TESTS
    if role == "files":
        return sorted({_below(name.rpartition("/")[0]) for name in grounds.files})
    return _sources(project, grounds)


def _sources(project: ProjectFacts, grounds: Grounds) -> Sequence[str]:
    """Where code is known to lie, and where the request says that it is worked on."""
    roots = [root for root in project.source_roots if root != ROOT]
    if roots and not project.survey.is_monorepo:
        return [_below(path) for path in (*roots, *(place.path for place in (*grounds.packages, *grounds.areas)))]
    known = [glob for name in project.languages for glob in _SUFFIXES.get(name, ())]
    return [*known, *(_below(place.path) for place in (*grounds.packages, *grounds.areas))] if known else ["**"]


def _below(folder: str) -> str:
    return "**" if folder in ("", ROOT) else f"{folder}/**"


def _lies_in(path: str, folder: str) -> bool:
    return folder == "" or path.startswith(f"{folder}/")
