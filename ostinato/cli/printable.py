"""Text from tools and repositories, made safe for a terminal."""

import re
import unicodedata

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")


def printable(text: str) -> str:
    """Without escape sequences and control characters; tabs and line ends stay."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char for char in _ESCAPES.sub("", text) if char in "\n\t" or unicodedata.category(char) not in ("Cc", "Cs")
    )
