"""Whether a request is about a finding: then it is named, and passes."""

import re
from collections.abc import Iterable, Iterator

from ostinato.domain.classification import Classification
from ostinato.domain.integrity.model import CODES, Weakening

_CLAUSES = re.compile(r"[;,!?\n]|\.(?:\s|$)|\b(?:but|and then|then|however)\b", re.IGNORECASE)
_FORBIDS = re.compile(
    r"\b(?:not|n't|never|without|avoid|no|keep|leave|instead of|rather than|don't|do not|must not|unless)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"[a-z][a-z_.-]*[a-z]|[a-z]")
_NAMED = re.compile(r"`([^`]+)`|\"([^\"]+)\"|'([^']{3,})'|\b(\w+(?:::\w+)+)|\b(\w*[a-z]\w*_\w+)\b|\b([\w./-]+\.(?:py|js|jsx|ts|tsx|go|rs|java|kt|toml|cfg|ini|ya?ml|json))\b|\b([A-Z]+\d+|[a-z]+[A-Z]\w+|(?:Test|It)[A-Z]\w+)\b")  # fmt: skip
_ONE = re.compile(
    r"\b(?:the|a|an|this|that|one)\s+(?:[\w-]+\s+){0,3}?(?:test|spec|case|suppression|rule|threshold)\b", re.IGNORECASE
)


def is_asked_for(
    finding: Weakening, classification: Classification, request: str, paths: Iterable[str] = (), *, of_its_kind: int = 1
) -> bool:
    """By the task's type, or by a clause that wants such a thing done and does not name another place.

    `paths` are files that the request is about; `of_its_kind` is how many findings of this code there are: who speaks of
    one test has not asked for ten.
    """
    code = CODES[finding.code]
    if classification.task_type in code.types:
        return True
    about = frozenset((*classification.paths, *paths))
    return any(
        _is_about(clause, finding, about, of_its_kind)
        for clause in _clauses(request)
        if _says(clause, code.verbs) and (_says(clause, code.nouns) or _names_settings(clause, finding))
    )


def _clauses(request: str) -> Iterator[str]:
    """Those that forbid nothing."""
    for clause in _CLAUSES.split(request):
        if clause.strip() and not _FORBIDS.search(clause):
            yield clause


def _says(clause: str, words: frozenset[str]) -> bool:
    said = set(_WORD.findall(clause.lower()))
    return any(word in said or _stem(word) in {_stem(each) for each in said} for word in words)


def _names_settings(clause: str, finding: Weakening) -> bool:
    """All that were changed, each by the words of its name: the line length, for `ruff.line-length`. A name of one
    word, like `files`, may be said of anything."""
    said = re.sub(r"[\W_]+", " ", clause.lower())
    names = [re.sub(r"[\W_]+", " ", setting.rpartition(".")[2].lower()).strip() for setting in finding.settings]
    return bool(names) and all(" " in name and f" {name} " in f" {said} " for name in names)


def _stem(word: str) -> str:
    for ending in ("ing", "ed", "es", "s", "e"):
        if word.endswith(ending) and len(word) - len(ending) > 2:
            return word.removesuffix(ending)
    return word


def _is_about(clause: str, finding: Weakening, about: frozenset[str], of_its_kind: int) -> bool:
    if _names_settings(clause, finding):
        return True
    named = [next(part for part in found if part) for found in _NAMED.findall(clause)]
    if named:
        return any(_fits(name, finding) for name in named)
    if _ONE.search(clause):
        return of_its_kind == 1 and (not about or finding.path in about)
    return True


def _fits(name: str, finding: Weakening) -> bool:
    """A name of the request and the place of the finding: the test, its file, a folder above, a setting."""
    wanted = name.lower().strip("./ ")
    subject, path = finding.subject.lower(), finding.path.lower()
    last = re.split(r"[:.]+", subject)[-1] if subject else ""
    return (
        wanted in (subject, last, path)
        or subject.startswith(f"{wanted}::")
        or path.endswith(f"/{wanted}")
        or path.startswith(f"{wanted}/")
        or (bool(wanted) and wanted in re.findall(r"[a-z0-9_-]+", subject.split("::")[-1]))
        or (last != "" and f"{path}::{subject}".endswith(f"::{wanted}"))
    )
