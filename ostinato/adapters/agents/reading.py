"""What every parser of an agent's lines needs: nothing that an agent prints is believed to have the expected shape."""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

MOST_TEXT = 4_000
"""Of one event: the whole is in the transcript."""


def read_object(line: str) -> dict[str, Any] | None:
    """A line's JSON object; None for everything else that may stand on a line."""
    line = line.strip()
    if not line.startswith("{"):
        return None
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def inner(value: Any, *names: str) -> Any:
    """What lies under the names, one in the other; None where any of them is missing."""
    for name in names:
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects of a list; none where it is no list."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def words(value: Any) -> str:
    """Text as it is, anything else as JSON, nothing as nothing; whole."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def cut(text: str, most: int = MOST_TEXT) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def digest_of(value: Any) -> str:
    return sha256(words(value).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def whole(value: Any) -> int:
    """A count: what is none counts as nothing."""
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0 else 0


def micro_usd(dollars: Any) -> int | None:
    if not isinstance(dollars, int | float) or isinstance(dollars, bool):
        return None
    return round(dollars * 1_000_000)


def in_tree(path: str, tree: Path) -> str:
    """Relative to the worktree where it lies in it."""
    if not Path(path).is_absolute():
        return path
    for root in (tree, tree.resolve()):
        if Path(path).is_relative_to(root):
            return Path(path).relative_to(root).as_posix()
    return path
