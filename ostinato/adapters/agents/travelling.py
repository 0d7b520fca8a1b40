"""Files of a session as they may leave this machine: no secret in them, nothing broken, nothing too big."""

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from ostinato.adapters.atomic import make_folder
from ostinato.adapters.unfollowed import open_below
from ostinato.domain.redaction import Redactor

MOST_BYTES = 32 * 1024 * 1024
"""Of all files of one session."""
MOST_FILES = 2_000
LOGINS = frozenset(("auth.json", "credentials", "credentials.json", ".credentials.json", ".netrc", ".git-credentials"))
"""Another worker has its own."""
_DATABASE = b"SQLite format 3\0"
_SIGNATURES = frozenset(("signature", "thoughtSignature", "thought_signature"))
"""Of a provider, over what stands beside them: what is altered must not bear one."""
_SEALED = frozenset(("thinking", "redacted_thinking"))
_GONE = object()
_LEFT = {"type": "text", "text": "[redacted]"}
Change = Callable[[str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    files: Mapping[str, bytes] = field(default_factory=dict)
    """By their paths in the private folder; empty: they are not taken along."""
    problem: str = ""
    """Why not; empty where a later look will do."""


def pack(private: Path, paths: Sequence[Path], redactor: Redactor, *, is_live: bool) -> Packed:
    """What another worker needs to go on. While the agent is at work, a database in use is left for later."""
    taken = [path for path in paths if path.name not in LOGINS]
    sizes = list(_sizes(private, taken))
    if sum(sizes) > MOST_BYTES or len(taken) > MOST_FILES:
        return Packed(problem=f"its session is too big to be taken along: {sum(sizes):,} bytes in {len(taken)} files")
    files = {}
    for path in taken:
        try:
            with open_below(private, path) as stream:
                raw = stream.read(MOST_BYTES + 1)
        except OSError:
            continue
        if is_live and raw.startswith(_DATABASE):
            return Packed()
        clean = redacted(raw, redactor)
        if clean is None or redactor.secrets(path.as_posix()):
            return Packed(problem="its session holds a secret that cannot be taken out of it")
        files[path.as_posix()] = clean
    return Packed(files=files)


def unpack(files: Mapping[str, bytes], private: Path) -> bool:
    """Puts them into a folder that is new. False: one of them has no place there."""
    if not all(_is_inside(name) for name in files):
        return False
    for name, data in files.items():
        place = make_folder((private / name).parent) / PurePosixPath(name).name
        place.write_bytes(data)
    return True


def _sizes(private: Path, paths: Sequence[Path]) -> Iterator[int]:
    for path in paths:
        with contextlib.suppress(OSError), open_below(private, path) as stream:
            yield os.fstat(stream.fileno()).st_size


def redacted(raw: bytes, redactor: Redactor) -> bytes | None:
    """None: what is no text cannot be altered, and holds a secret.

    A thought that held one is left out: it bears a signature that would not hold any more.
    """
    text = _text(raw)
    if text is None:
        return raw if redactor.bytes(raw) == raw else None
    clean = _whole(text, redactor.text)
    return clean.encode() if not redactor.secrets(clean) else None


def _whole(text: str, change: Change) -> str:
    """JSON as one document or by the line; a last line that was not finished is left out; other text as it is."""
    if not text.lstrip().startswith(("{", "[")):
        return change(text)
    if (document := _parsed(text)) is not _GONE:
        return _written(text, document, change)
    return "".join(_lines(text, change))


def _lines(text: str, change: Change) -> Iterator[str]:
    for line in text.splitlines(keepends=True):
        value = _parsed(line)
        if value is not _GONE:
            yield _written(line, value, change)
        elif line.endswith("\n"):
            yield change(line)


def _written(text: str, value: Any, change: Change) -> str:
    """What did not change stays byte for byte."""
    made = _mapped(value, change)
    if made == value:
        return text
    return json.dumps({} if made is _GONE else made, ensure_ascii=False) + text[len(text.rstrip()) :]


def _mapped(value: Any, change: Change) -> Any:
    match value:
        case str():
            return change(value)
        case list():
            made = [each for one in value if (each := _mapped(one, change)) is not _GONE]
            return made if made or not value else [_LEFT]
        case dict() if str(value.get("type")) in _SEALED:
            return value if all(change(said) == said for said in _texts(value)) else _GONE
        case dict():
            made_of = {change(str(name)): _mapped(inner, change) for name, inner in value.items()}
            kept = {name: inner for name, inner in made_of.items() if inner is not _GONE}
            signed = _SIGNATURES & kept.keys()
            return {n: i for n, i in kept.items() if n not in signed} if signed and kept != value else kept
        case _:
            return value


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            for each in value:
                yield from _texts(each)
        case dict():
            for name, each in value.items():
                yield str(name)
                yield from _texts(each)
        case _:
            pass


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return _GONE


def _text(raw: bytes) -> str | None:
    if b"\0" in raw[:8192]:
        return None
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return bool(name) and not path.is_absolute() and ".." not in path.parts
