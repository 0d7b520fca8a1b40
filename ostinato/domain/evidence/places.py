"""What a path says by itself: its language, whether it is a test or prose, the package it belongs to."""

import re
from collections.abc import Collection, Iterable
from pathlib import PurePosixPath

LANGUAGES = {
    ".py": "Python", ".pyi": "Python", ".js": "JavaScript", ".jsx": "JavaScript", ".mjs": "JavaScript",
    ".cjs": "JavaScript", ".ts": "TypeScript", ".tsx": "TypeScript", ".go": "Go", ".rs": "Rust", ".java": "Java",
    ".kt": "Kotlin", ".rb": "Ruby", ".php": "PHP", ".cs": "C#", ".c": "C", ".h": "C", ".cc": "C++", ".cpp": "C++",
    ".hpp": "C++", ".swift": "Swift", ".scala": "Scala", ".sh": "Shell", ".sql": "SQL", ".css": "CSS", ".scss": "CSS",
    ".html": "HTML", ".vue": "Vue", ".svelte": "Svelte", ".md": "Markdown", ".rst": "reStructuredText",
}  # fmt: skip
MANIFESTS = frozenset(
    (
        "pyproject.toml",
        "setup.py",
        "package.json",
        "go.mod",
        "Cargo.toml",
        "pom.xml",
        "build.gradle",
        "build.gradle.kts",
    )
)
_TEST = re.compile(
    r"(^|/)(tests?|__tests__|spec|specs|testing)/|(^|/)(test_[^/]*|[^/]*_test|[^/]*[.-](test|spec)|[^/]*Tests?|conftest)\.\w+$"
)
_PROSE = re.compile(
    r"(^|/)docs?/|\.(md|rst|adoc|txt)$|(^|/)(README|CHANGELOG|LICENSE|CONTRIBUTING)[^/]*$", re.IGNORECASE
)
_CONTAINERS = frozenset(
    ("src", "lib", "libs", "packages", "apps", "services", "crates", "cmd", "internal", "pkg", "modules")
)


def language_of(path: str) -> str:
    """Empty for a kind of file that is no language."""
    return LANGUAGES.get(PurePosixPath(path).suffix.lower(), "")


def is_test(path: str) -> bool:
    return _TEST.search(path) is not None


def is_prose(path: str) -> bool:
    """Text for people: documentation, not code. Requirements are no prose."""
    return _PROSE.search(path) is not None and "requirements" not in path and not path.endswith("CMakeLists.txt")


def subject_of(path: str) -> str:
    """The stem without what marks a test: parser for test_parser.py, parser.spec.ts and ParserTest.java."""
    stem = path.rsplit("/", 1)[-1].split(".")[0]
    stem = re.sub(r"^test_|_test$|-test$|(?<=[a-z0-9])Tests?$", "", stem)
    return stem.lower()


def manifest_folders(paths: Iterable[str]) -> frozenset[str]:
    """Folders that declare a package of their own; the top is not one of them."""
    return frozenset(
        path.rpartition("/")[0] for path in paths if "/" in path and path.rpartition("/")[2] in MANIFESTS
    )  # fmt: skip


def package_of(path: str, declared: Collection[str] = ()) -> str:
    """The nearest folder with a manifest, else two folders deep, not counting mere containers; "." at the top."""
    folders = path.split("/")[:-1]
    for depth in range(len(folders), 0, -1):
        folder = "/".join(folders[:depth])
        if folder in declared:
            return folder
    named = [depth for depth, name in enumerate(folders, start=1) if name not in _CONTAINERS]
    return "/".join(folders[: named[:2][-1]] if named else folders) or "."


def packages_of(paths: Iterable[str], declared: Collection[str] = ()) -> tuple[str, ...]:
    """Each once, in the order of the paths; tests and prose are counted with no package."""
    listed = [path for path in paths if not (is_test(path) or is_prose(path))]
    return tuple(dict.fromkeys(package_of(path, declared) for path in listed))
