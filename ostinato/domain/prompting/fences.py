"""Marks around text from outside. No such text can hold its mark, so none can close its own fence. Pure."""

import re
import unicodedata
from collections.abc import Iterable
from hashlib import sha256
from itertools import count

MARK_CHARS = 16
_JOINERS = frozenset("\u200c\u200d")
"""Invisible, and part of how words and emoji are written."""
_CONTROL = re.compile(r"[^\n\t\x20-\x7e]")
_HIDDEN_SELECTORS = range(0xE0100, 0xE01F0)
_LONGEST_SOURCE = 200


def cleaned(text: str) -> str:
    """Without what a person who looks at it would not see: control characters, turned directions, invisible letters."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROL.sub(lambda found: found[0] if _is_seen(found[0]) else "", lines)


def mark_for(texts: Iterable[str]) -> str:
    """Made of all of them and in none of them; the same texts give the same mark."""
    given = [text.casefold() for text in texts]
    made_of = sha256("\0".join(given).encode("utf-8", "surrogatepass"))
    for number in count():
        whole = made_of.copy()
        whole.update(str(number).encode())
        mark = whole.hexdigest()[:MARK_CHARS]
        if not any(mark in text for text in given):
            return mark
    raise AssertionError("a finite text holds finitely many marks")


def fenced(text: str, source: str, mark: str) -> str:
    """Between two lines that hold the mark; `source` says where it is from, in one line."""
    return f"<<<{mark} {one_line(source)}\n{text.rstrip()}\n{mark}>>>"


def one_line(source: str) -> str:
    return " ".join(cleaned(source).split())[:_LONGEST_SOURCE]


def _is_seen(char: str) -> bool:
    if char in _JOINERS:
        return True
    return unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co") and ord(char) not in _HIDDEN_SELECTORS
