"""The names in a request that could be those of files, folders, modules or definitions."""

import re
from dataclasses import dataclass
from itertools import pairwise

from ostinato.domain.evidence.places import LANGUAGES

READ_CHARS = 6_000
MOST_NAMES = 40
_URL = re.compile(r"\b\w+://\S+")
_PATH = re.compile(r"(?<![\w./@-])\.{0,2}/?(?:[\w.@+-]+/)*[\w.@+-]+(?:/|\b)")
_DOTTED = re.compile(r"\b[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+\b")
_QUOTED = re.compile(r"`([^`\n]{1,80})`")
_CALL = re.compile(r"\b([A-Za-z_]\w{2,})\(\)")
_CAMEL = re.compile(r"\b(?:[A-Z][a-z0-9]+){2,}[A-Z]?\b|\b[a-z]+(?:[A-Z][a-z0-9]+)+\b")
_SNAKE = re.compile(r"\b[A-Za-z]\w*_\w+\b")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9]{2,}")
_EXTENSIONS = frozenset(LANGUAGES) | {
    ".toml", ".yaml", ".yml", ".json", ".cfg", ".ini", ".txt", ".lock", ".xml", ".gradle", ".tf", ".proto", ".mod",
}  # fmt: skip
_SAID_OFTEN = """
    about add adds after again all also and any api app application apply are around audit because been before
    better between both bug build bump but can change changes check class clean code command commands component
    config crash create data debug default delete dependencies dependency deploy design develop document
    documentation does doing done each empty end ensure error errors every everything example fail failing fails
    feature file files find first fix for format from function functions generate get give given has have help how
    implement improve into introduce issue its just keep known last let library like lint list look make makes many
    may method missing module modules more most move need needs new not now off old once one only option options
    other our out package packages page performance please problem project pull purpose python quick read refactor
    release remove rename repair replace repository request return review rewrite run same security set setting
    should show simple slow small some something source speed start state still support system take test tested
    testing tests than that the their them then there these they this tidy time too type types under unit update
    upgrade use used user users using value values very vulnerabilities want was way what when where whether which
    while who whole why will with without work works write wrong you your
"""
"""Words of requests that are also names of files everywhere; as words they point at none."""
_EVERYDAY = frozenset(_SAID_OFTEN.split())
_PRODUCT = re.compile(r"[A-Z]\w+\.js")
"""Node.js and its like."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    paths: tuple[str, ...] = ()
    """Whole or ends of paths."""
    modules: tuple[str, ...] = ()
    """Dotted."""
    identifiers: tuple[str, ...] = ()
    """What code may define."""
    words: tuple[str, ...] = ()
    """Plain, lower case; pairs are joined: ratelimiter."""


def names_in(text: str) -> Names:
    """At most MOST_NAMES of a kind, in the order of the text."""
    read = _URL.sub(" ", text[:READ_CHARS])
    paths = [found for found in map(_cleaned, _PATH.findall(read)) if _is_path(found)]
    rest = read
    for path in sorted(paths, key=len, reverse=True):
        rest = rest.replace(path, " ")
    dotted = _DOTTED.findall(rest)
    quoted = [name.strip("() ") for name in _QUOTED.findall(rest)]
    plain = [name for name in quoted if re.fullmatch(r"[A-Za-z_]\w+", name)]
    identifiers = [*plain, *_CALL.findall(rest), *_CAMEL.findall(rest), *_SNAKE.findall(rest)]
    identifiers += [name.rpartition(".")[2] for name in dotted]
    return Names(
        paths=_few(paths),
        modules=_few(dotted),
        identifiers=_few(identifiers),
        words=_few(_words(_DOTTED.sub(" ", rest))),
    )


def folded(name: str) -> str:
    """As names are compared: RateLimiter, rate_limiter and rate-limiter are one."""
    return name.replace("_", "").replace("-", "").lower()


def _words(text: str) -> list[str]:
    """Pairs first: they say more than each of their words."""
    found = [word.lower() for word in _WORD.findall(text)]
    pairs = [one + other for one, other in pairwise(found) if _says(one) or _says(other)]
    singles = [form for word in found if _says(word) for form in _forms(word)]
    return [*singles, *pairs]


def _says(word: str) -> bool:
    return word not in _EVERYDAY


def _forms(word: str) -> tuple[str, ...]:
    """With and without the plural's s."""
    return (word, word[:-1]) if word.endswith("s") and len(word) > 4 else (word, f"{word}s")


def _cleaned(path: str) -> str:
    return path.removeprefix("./").strip("/").rstrip(".")


def _is_path(name: str) -> bool:
    """With a folder, or with an ending that files have."""
    ending = f".{name.rpartition('.')[2].lower()}" if "." in name.strip(".") else ""
    return "/" in name or (ending in _EXTENSIONS and not _PRODUCT.fullmatch(name))


def _few(names: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))[:MOST_NAMES]
