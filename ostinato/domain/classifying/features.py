"""What the model sees of a request: words, pairs, beginnings, pieces of words, cues and rules, each with a weight.

Weights are whole numbers, and patterns know ASCII only, so that every Python gives the same.
"""

import math
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from ostinato.domain.classifying.cues import CUES, RULES, TypeRule

READ_CHARS = 900
UNIT = 64
"""A feature that occurs once with weight 1."""
_TITLE_CHARS = 300
_LONG_TITLE = 160
_BODY_WORDS = 80
_FLAGS = re.ASCII | re.IGNORECASE
_WORD = re.compile(r"[a-z][a-z0-9+#]*(?:[-_./][a-z0-9+#]+)*|\d+(?:\.\d+)+|\d+|[?!]", re.ASCII)
_PARTS = re.compile(r"[-_./]")
_SENTENCE_END = re.compile(r"[.!?]\s")
_POLITE = re.compile(
    r"(?:(?:please|pls|kindly|hey|hi|hello|ok|okay|just|thanks)\b[\s,!.:]*"
    r"|(?:can|could|would|will) you (?:please |kindly |just |maybe )*"
    r"|(?:i|we) (?:would|'d) like (?:you )?to |i'd like (?:you )?to |(?:i|we) (?:want|need) (?:you )?to "
    r"|(?:you|we) (?:should|must|have to) |let'?s |help me (?:to )?)+",
    _FLAGS,
)
_THANKS = re.compile(
    r"(?:[\s,;.!-]+(?:please|pls|thanks|thank you|thx|cheers|if (?:possible|you can)|asap|(?:as )?soon(?: as possible)?"
    r"|when you have (?:the )?time|for (?:me|us))\b)+[\s.!]*$",
    _FLAGS,
)
_SECRET = re.compile(
    r"[\s,;.(-]{0,3}(?:(?:and|with|use|using|here is|the|my|our)\s+)*(?:(?:api )?(?:token|key|password|secret|credentials?)s?\s*(?:is|are|=|:)?\s*)?"
    r"\[redacted:[\w-]+\]\)?",
    _FLAGS,
)
"""What stands where a secret was, with the words that lead to it."""
_LEADS_WITH_ASKING = re.compile(r"(?:can|could|would|will) you ", _FLAGS)
_COMMON = frozenset((
    "the", "a", "an", "of", "to", "in", "on", "for", "and", "or", "is", "be", "with", "by", "at", "from", "this", "that",
    "it", "as", "are", "was",
))  # fmt: skip
_RULES = tuple((rule, re.compile(rule.pattern, _FLAGS)) for rule in RULES)
_CUES = tuple((name, re.compile(pattern, _FLAGS)) for name, pattern in CUES.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A request as the model reads it."""

    weights: dict[str, int]
    """By feature, in units of 1/64; in the order of the text."""
    surfaces: dict[str, str]
    """The words of the request that a feature stands for."""
    words: tuple[str, ...]
    """Of the title."""
    rules: tuple[tuple[TypeRule, str], ...]
    """Those that matched, with what they matched, in the table's order."""


def normalise(text: str) -> tuple[str, str]:
    """Title and body, without courtesies; of a long title only the first sentence."""
    read = unicodedata.normalize("NFC", text).strip()[:READ_CHARS]
    if "[redacted:" in read:
        read = _SECRET.sub("", read)
    title, _, body = read.partition("\n")
    title = _plain(title)
    if not body and len(title) > _LONG_TITLE and (end := _SENTENCE_END.search(title, 40)):
        title, body = title[: end.end()], title[end.end() :]
    return title.strip(), body


def _plain(title: str) -> str:
    title = title.strip(" \t\r-*#>\"'`")
    title = _THANKS.sub("", title) or title
    if not (polite := _POLITE.match(title)):
        return title
    rest = title[polite.end() :]
    asked = _LEADS_WITH_ASKING.search(title[: polite.end()])
    return (rest.rstrip("? ") if asked else rest) or title


def read(text: str) -> Reading:
    title, body = normalise(text)
    words = _words(title)
    rules = tuple(
        (rule, match[0].strip()) for rule, pattern in _RULES if (match := pattern.search(title[:_TITLE_CHARS]))
    )
    tenths: dict[str, int] = {}
    surfaces: dict[str, str] = {}
    for name, weight, surface in _occurrences(title, body, words, rules):
        tenths[name] = tenths.get(name, 0) + weight
        surfaces.setdefault(name, surface)
    return Reading(
        weights={name: _damped(weight) for name, weight in tenths.items()},
        surfaces=surfaces,
        words=tuple(words),
        rules=rules,
    )


def _damped(tenths: int) -> int:
    """Repetition counts less and less."""
    return UNIT * tenths // 10 if tenths <= 10 else round(UNIT * (1 + math.log(tenths / 10)))


def _words(title: str) -> list[str]:
    found = _WORD.findall(title.lower())
    return ["#ver" if "." in word and word[0].isdigit() else "#n" if word.isdigit() else word for word in found]


def _occurrences(
    title: str, body: str, words: list[str], rules: tuple[tuple[TypeRule, str], ...]
) -> Iterator[tuple[str, int, str]]:
    """Name, weight in tenths, and the words it stands for."""
    yield from _of_words(words)
    for word in words:
        yield from _of_pieces(word)
    yield from _of_patterns(title, body, rules)
    for word in _WORD.findall(body.lower())[:_BODY_WORDS]:
        if word not in _COMMON:
            yield f"b_{word}", 5, word
    if body:
        yield "?body", 10, ""
    yield f"?length{min(5, len(words).bit_length())}", 10, ""


def _of_words(words: list[str]) -> Iterator[tuple[str, int, str]]:
    for word in words:
        yield word, 10, word
        for part in _PARTS.split(word):
            if 1 < len(part) < len(word):
                yield part, 7, part
    for first, second in pairwise(words):
        yield f"{first} {second}", 10, f"{first} {second}"
    for place, word in enumerate(words[:2]):
        yield f"^{place}{word}", 15, word
    if len(words) > 1:
        yield f"^^{words[0]} {words[1]}", 10, f"{words[0]} {words[1]}"
    if words:
        yield f"${words[-1]}", 10, words[-1]


def _of_pieces(word: str) -> Iterator[tuple[str, int, str]]:
    if len(word) < 4 or word[0] == "#":
        return
    framed = f"<{word}>"
    for size in (4, 5):
        for start in range(len(framed) - size + 1):
            yield f"~{framed[start : start + size]}", 5, word
    yield f"~p{word[:3]}", 5, word


def _of_patterns(title: str, body: str, rules: tuple[tuple[TypeRule, str], ...]) -> Iterator[tuple[str, int, str]]:
    for name, pattern in _CUES:
        if match := pattern.search(title):
            yield f"?{name}", 20, match[0].lower()
        elif body and pattern.search(body):
            yield f"b?{name}", 10, ""
    for place, (rule, matched) in enumerate(rules):
        yield f"!{rule.task_type}:{rule.name}", 6, matched.lower()
        if place == 0:
            yield f"!!{rule.task_type}:{rule.name}", 10, matched.lower()
    if not rules:
        yield "!none", 10, ""
