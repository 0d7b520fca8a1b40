"""Text within a number of terminal cells: folded, cut, shortened."""

from collections.abc import Sequence

from rich.cells import cell_len, chop_cells, set_cell_size
from rich.text import Text

from ostinato.cli.printable import printable

LABEL_CELLS = 11


def flat(text: str) -> str:
    """On one line, safe for a terminal."""
    return " ".join(printable(text).split())


def fold(text: str, cells: int) -> list[str]:
    """Lines of at most so many cells, broken between words, within one that is longer."""
    lines: list[str] = []
    line = ""
    for word in flat(text).split(" "):
        if line and cell_len(f"{line} {word}") > cells:
            lines.append(line)
            line = ""
        *full, rest = chop_cells(word, max(2, cells)) or [""]
        lines += full
        line = f"{line} {rest}" if line else rest
    return [*lines, line] if line else lines


def cut(text: str, cells: int) -> str:
    """At most so many cells, with … where something is left out."""
    line = flat(text)
    return line if cell_len(line) <= cells else set_cell_size(line, cells - 1).rstrip() + "…"


def cell(text: str, cells: int) -> str:
    """Exactly so many cells."""
    return set_cell_size(cut(text, cells), cells)


def some(names: Sequence[str], most: int = 3) -> str:
    """The first few, and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def row(label: str, value: str, width: int, style: str = "") -> list[Text]:
    """A label, and a value that stays in its column however long it is."""
    lead = f"  {label:<{LABEL_CELLS}}"
    folded = fold(value, width - len(lead)) or [""]
    return [
        Text.assemble((lead if index == 0 else " " * len(lead), "quiet"), (line, style))
        for index, line in enumerate(folded)
    ]


def item(value: str, width: int, *, mark: str = "·", style: str = "", indent: int = 4) -> list[Text]:
    """One of a list, with a hanging indent."""
    lead = " " * indent
    return [
        Text(f"{lead}{mark if index == 0 else ' ' * cell_len(mark)} {line}", style=style)
        for index, line in enumerate(fold(value, width - indent - cell_len(mark) - 1))
    ]
