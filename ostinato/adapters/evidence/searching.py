"""Searches of a commit for fixed words: where names are defined, and who imports what."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ostinato.adapters.evidence.contents import read_blobs
from ostinato.adapters.git.command import Git
from ostinato.domain.errors import ExternalError
from ostinato.domain.evidence.importing import PYTHON, SCRIPTS, imports_of, is_imported, search_words
from ostinato.domain.evidence.places import LANGUAGES

MOST_WORDS = 12
MOST_READ = 40
"""Files that are read whole, because a line alone does not tell."""
MOST_BYTES = 400_000
_LINES_PER_FILE = 30
_KEYWORD = r"\b(?:def|class|function\*?|func|fn|struct|interface|type|enum|trait|const|let|var|record|module|void)\s+(?:\([^)]*\)\s*)?"
_SPANS_LINES = re.compile(r"^\s*[\w*,\s.]+,?\s*\)?\s*(#.*)?$")
"""What a line of an import in parentheses looks like."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Definitions:
    files: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By name: files that define it."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependents:
    files: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


async def find_definitions(git: Git, commit: str, names: Sequence[str], limit_s: float) -> Definitions:
    """Files with a line that looks like a definition of the name, in any known language."""
    wanted = names[:MOST_WORDS]
    if not wanted:
        return Definitions()
    lines, notes = await _search(git, commit, wanted, LANGUAGES, limit_s, "definitions")
    found: dict[str, list[str]] = {name: [] for name in wanted}
    for name in wanted:
        pattern = re.compile(rf"{_KEYWORD}{re.escape(name)}\b|^{re.escape(name)}\s*(:[^=]+)?=[^=]")
        found[name] = list(dict.fromkeys(path for path, line in lines if name in line and pattern.search(line)))
    return Definitions(files=found, notes=notes)


async def find_dependents(git: Git, commit: str, paths: Sequence[str], limit_s: float) -> Dependents:
    """Files that import one of these, Python and scripts only. Lines decide where they can, else the file is read."""
    found: dict[str, None] = {}
    notes: list[str] = []
    for endings in (PYTHON, SCRIPTS):
        targets = [path for path in paths if path.endswith(endings)]
        if targets:
            lines, said = await _search(git, commit, _words(targets), endings, limit_s, "dependents")
            sure, unsure = _by_line(lines, targets)
            names = {f"{commit}:{path}": path for path in unsure[:MOST_READ]}
            read = await read_blobs(git, list(names), limit_s=limit_s, most_bytes=MOST_BYTES)
            whole = [names[at] for at, text in read.items() if _means(names[at], imports_of(names[at], text), targets)]
            found |= dict.fromkeys((*sure, *whole))
            notes += [*said, *_left_out(len(unsure) - MOST_READ)]
    return Dependents(files=tuple(found), notes=tuple(notes))


def _words(paths: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(search_words(path) for path in paths))[:MOST_WORDS]


def _by_line(lines: Sequence[tuple[str, str]], targets: Sequence[str]) -> tuple[list[str], list[str]]:
    """Files of which a line proves it; files of which one could be part of a longer import."""
    sure: dict[str, None] = {}
    unsure: dict[str, None] = {}
    for path, line in lines:
        if _means(path, imports_of(path, line), targets):
            sure[path] = None
        elif path.endswith(PYTHON) and _SPANS_LINES.match(line):
            unsure[path] = None
    return list(sure), [path for path in unsure if path not in sure]


def _means(path: str, imported: Iterable[str], targets: Sequence[str]) -> bool:
    names = tuple(imported)
    return bool(names) and any(path != target and is_imported(target, names, path) for target in targets)


async def _search(
    git: Git, commit: str, words: Sequence[str], endings: Iterable[str], limit_s: float, what: str
) -> tuple[list[tuple[str, str]], tuple[str, ...]]:
    """Lines that hold one of the words, with their paths; nothing, and a note, when it takes too long."""
    patterns = [option for word in words for option in ("-e", word)]
    globs = [f":(glob)**/*{ending}" for ending in endings]
    command = (
        "grep",
        "-z",
        "-I",
        "-w",
        "-F",
        "--no-color",
        "--no-line-number",
        "--no-column",
        "--no-heading",
        "--no-break",
        f"-m{_LINES_PER_FILE}",
        *patterns,
        commit,
        "--",
        *globs,
    )
    try:
        done = await git.attempt(*command, timeout_s=limit_s)
    except ExternalError as error:
        return [], (f"{what} were not looked for: {error.code}",)
    found = []
    for entry in done.stdout.split("\n"):
        path, _, line = entry.removeprefix(f"{commit}:").partition("\0")
        found.append((path, line[:1_000]))
    return found, ()


def _left_out(count: int) -> list[str]:
    return [f"{count} files that may depend on it were not read"] if count > 0 else []
