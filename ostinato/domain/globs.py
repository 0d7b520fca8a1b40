"""Path globs: `*` and `?` stay inside a folder, `**` crosses folders, `**/` is any folder or none, the rest is literal."""

import re
from collections.abc import Iterator
from functools import lru_cache

_TOKEN = re.compile(r"(\*\*/?|\*|\?)")
_MEANING = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}

_ONE, _STAR, _DEEP, _OPTION, _END = "one", "star", "deep", "option", ""
_PARTS = {"**/": (_OPTION, _DEEP, "/"), "**": (_DEEP,), "*": (_STAR,), "?": (_ONE,)}
_FREE = {_STAR: (1,), _DEEP: (1,), _OPTION: (1, 3)}
"""How far one may go on without reading a character."""

_OTHER = "\0"
"""Stands for every character that neither glob names."""

State = tuple[int, int, bool]


def matches(glob: str, path: str) -> bool:
    return _compiled(glob).fullmatch(path) is not None


@lru_cache(maxsize=65_536)
def meet(left: str, right: str) -> bool:
    """Whether some path matches both: exact, the globs are walked together as two automata."""
    if not (_agree(_head(left), _head(right)) and _agree(_tail(left)[::-1], _tail(right)[::-1])):
        return False
    if not is_pattern(left):
        return all(left.split("/")) and matches(right, left)
    if not is_pattern(right):
        return all(right.split("/")) and matches(left, right)
    return _walk_meets(_parts(left), _parts(right))


def is_pattern(glob: str) -> bool:
    return "*" in glob or "?" in glob


@lru_cache(maxsize=65_536)
def literal_folders(glob: str) -> tuple[str, ...]:
    """The folders that every match lies in, outermost ("") first; a glob without a wildcard ends in itself."""
    folders = [""]
    for name in glob.split("/"):
        if is_pattern(name):
            break
        folders.append(f"{folders[-1]}/{name}")
    return tuple(folders)


@lru_cache(maxsize=65_536)
def _compiled(glob: str) -> re.Pattern[str]:
    return re.compile("".join(_MEANING.get(part, re.escape(part)) for part in _TOKEN.split(glob)), re.DOTALL)


def _head(glob: str) -> str:
    """What every match begins with."""
    return _TOKEN.split(glob, maxsplit=1)[0]


def _tail(glob: str) -> str:
    """What every match ends with."""
    return _TOKEN.split(glob)[-1]


def _agree(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


@lru_cache(maxsize=65_536)
def _parts(glob: str) -> tuple[str, ...]:
    """Characters and wildcards one by one, and the end."""
    return (*(part for token in _TOKEN.split(glob) for part in _PARTS.get(token, token)), _END)


def _walk_meets(left: tuple[str, ...], right: tuple[str, ...]) -> bool:
    """The third of a state: whether a name has begun, for a path has no empty names."""
    pending: list[State] = [(0, 0, False)]
    seen = set(pending)
    while pending:
        state = pending.pop()
        if left[state[0]] == right[state[1]] == _END and state[2]:
            return True
        new = [following for following in _following(left, right, state) if following not in seen]
        seen.update(new)
        pending += new
    return False


def _following(left: tuple[str, ...], right: tuple[str, ...], state: State) -> Iterator[State]:
    at_left, at_right, in_name = state
    one, other = left[at_left], right[at_right]
    for step in _FREE.get(one, ()):
        yield at_left + step, at_right, in_name
    for step in _FREE.get(other, ()):
        yield at_left, at_right + step, in_name
    for char in _readable(one, other):
        if char != "/" or in_name:
            yield at_left + (one != _STAR and one != _DEEP), at_right + (other != _STAR and other != _DEEP), char != "/"


def _readable(one: str, other: str) -> Iterator[str]:
    """A character of each kind that both accept at this place."""
    named = next((part for part in (one, other) if len(part) == 1), None)
    return (
        char for char in ((_OTHER, "/") if named is None else (named,)) if _accepts(one, char) and _accepts(other, char)
    )


def _accepts(part: str, char: str) -> bool:
    return part in (char, _DEEP) or (part in (_ONE, _STAR) and char != "/")
