"""Where a project keeps its code and its tests, from names alone."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from pathlib import PurePosixPath
from typing import Any

from ostinato.adapters.projects.reading import Reader, table, words
from ostinato.adapters.projects.setup_script import SetupScript

LANGUAGES = {
    "py": "Python", "pyi": "Python", "js": "JavaScript", "mjs": "JavaScript", "jsx": "JavaScript", "ts": "TypeScript",
    "tsx": "TypeScript", "html": "HTML", "htm": "HTML", "css": "CSS", "scss": "CSS", "md": "Markdown", "rst": "reStructuredText",
    "c": "C", "h": "C", "cc": "C++", "cpp": "C++", "hpp": "C++", "rs": "Rust", "go": "Go", "java": "Java", "kt": "Kotlin",
    "rb": "Ruby", "php": "PHP", "sh": "Shell", "bash": "Shell", "sql": "SQL", "yml": "YAML", "yaml": "YAML", "toml": "TOML",
    "json": "JSON", "cs": "C#", "swift": "Swift", "scala": "Scala", "lua": "Lua", "r": "R", "pyx": "Cython",
}  # fmt: skip
_NO_PACKAGES = frozenset(
    ["tests", "test", "docs", "doc", "examples", "example", "samples", "benchmarks", "benchmark", "build", "dist"]
)
_SIDE_FOLDERS = frozenset(["scripts", "tools", "ci", "bin", "etc", "data", "notebooks"])
_NO_MODULES = frozenset(["setup", "conftest", "noxfile", "versioneer", "tasks", "fabfile", "dodo"])


def count_languages(tracked: Iterable[str]) -> dict[str, int]:
    endings = Counter(_ending(name) for name in tracked)
    found: Counter[str] = Counter()
    for ending, count in endings.items():
        found[LANGUAGES.get(ending, "")] += count
    return {language: count for language, count in found.most_common() if language}


def is_test_file(name: str) -> bool:
    base = name.rpartition("/")[2]
    return base.endswith(".py") and (base.startswith("test_") or base.endswith("_test.py"))


def is_test_code(name: str) -> bool:
    """A test, or something that only tests use."""
    *folders, base = name.split("/")
    return is_test_file(name) or base == "conftest.py" or any(folder in ("tests", "test") for folder in folders)


def find_source_roots(
    reader: Reader,
    pyproject: dict[str, Any],
    cfg: dict[str, dict[str, str]],
    script: SetupScript,
    tracked: Sequence[str],
) -> tuple[str, ...]:
    """What is configured, else `src` where it holds packages, else the repository itself."""
    configured = [root for root in _configured_roots(pyproject, cfg, script) if (reader.tree / root).is_dir()]
    if configured:
        return tuple(dict.fromkeys(PurePosixPath(root).as_posix() for root in configured))
    return ("src",) if find_packages(tracked, ("src",)) and "src/__init__.py" not in tracked else (".",)


def find_packages(tracked: Sequence[str], roots: Iterable[str]) -> tuple[str, ...]:
    """Top-level import names in these roots, without tests, documentation and project scripts."""
    names: dict[str, None] = {}
    modules_tracked = [name for name in tracked if name.endswith(".py")]
    for root in roots:
        start = "" if root == "." else f"{root}/"
        inside = (name[len(start) :] for name in modules_tracked if name.startswith(start))
        parts = frozenset(tuple(name.split("/", 3)[:3]) for name in inside if not name.startswith("."))
        folders = {p[0] for p in parts if len(p) > 1 and p[0].isidentifier()} - _NO_PACKAGES
        packages = {f for f in folders if (f, "__init__.py") in parts} | _namespaces(folders, parts)
        modules = {p[0][:-3] for p in parts if len(p) == 1 and not is_test_file(p[0])} - _NO_MODULES - {"__init__"}
        main = packages - _SIDE_FOLDERS or packages
        names.update(dict.fromkeys(sorted(main)))
        names.update(dict.fromkeys(sorted(name for name in modules if name.isidentifier())))
    return tuple(names)


def find_test_paths(
    reader: Reader, pyproject: dict[str, Any], inis: Sequence[dict[str, str]], tracked: Sequence[str]
) -> tuple[str, ...]:
    """Configured for pytest, else the usual folders, else the folders of test files."""
    configured = words(table(pyproject, "tool", "pytest", "ini_options").get("testpaths"))
    for section in inis:
        configured = configured or tuple(section.get("testpaths", "").split())
    existing = tuple(PurePosixPath(path).as_posix() for path in configured if (reader.tree / path).exists())
    if existing:
        return existing
    files = [name for name in tracked if is_test_file(name)]
    usual = {name.partition("/")[0] for name in files} & {"tests", "test"}
    folders = {name.rpartition("/")[0] or "." for name in files if name.partition("/")[0] not in usual}
    return tuple(sorted(usual | folders))


def _ending(name: str) -> str:
    """What follows the last dot, where a name stands before it."""
    stem, _, ending = name.rpartition("/")[2].rpartition(".")
    return ending.lower() if stem else ""


def _namespaces(folders: set[str], parts: Collection[tuple[str, ...]]) -> set[str]:
    """Folders with modules or packages but no __init__.py of their own."""
    holding = {
        p[0] for p in parts if (len(p) == 2 and not is_test_file(p[1])) or (len(p) == 3 and p[2] == "__init__.py")
    }
    return (folders & holding) - _SIDE_FOLDERS - {"src"}


def _configured_roots(pyproject: dict[str, Any], cfg: dict[str, dict[str, str]], script: SetupScript) -> list[str]:
    setuptools = table(pyproject, "tool", "setuptools")
    roots = [table(setuptools, "package-dir").get(""), table(script.keywords, "package_dir").get("")]
    roots += words(table(setuptools, "packages", "find").get("where"))
    roots += words(cfg.get("options.packages.find", {}).get("where", ""))
    pairs = (line.partition("=") for line in cfg.get("options", {}).get("package_dir", "").splitlines())
    roots += [value.strip() for key, _, value in pairs if not key.strip()]
    wheel = table(pyproject, "tool", "hatch", "build", "targets", "wheel")
    roots += [PurePosixPath(package).parent.as_posix() for package in words(wheel.get("packages"))]
    poetry = table(pyproject, "tool", "poetry").get("packages")
    roots += [item.get("from") for item in poetry if isinstance(item, dict)] if isinstance(poetry, list) else []
    return [root for root in roots if isinstance(root, str) and root and not root.startswith(("/", ".."))]
