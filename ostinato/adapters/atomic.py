"""Files that are whole or absent, and locks between processes."""

import contextlib
import fcntl
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from ostinato.domain.errors import ExternalError


def make_folder(path: Path) -> Path:
    """Only the owner may look inside: logs and databases hold the text of requests."""
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise _not_writable(path, error) from error
    return path


def write_atomically(path: Path, text: str) -> None:
    """Readers see the old file or the new one, never half of it."""
    make_folder(path.parent)
    try:
        number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise _not_writable(path.parent, error) from error
    try:
        with os.fdopen(number, "w", encoding="utf-8") as stream:
            stream.write(text)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def read_json_object(path: Path) -> Mapping[str, Any] | None:
    """None when the file is absent or is not a JSON object."""
    try:
        value = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def try_lock(path: Path) -> TextIO | None:
    """The held lock, released when the stream is closed or its process ends; None when another holds it."""
    stream = _open_lock(path)
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        stream.close()
        return None
    return stream


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Waits for its turn."""
    with _open_lock(path) as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _open_lock(path: Path) -> TextIO:
    make_folder(path.parent)
    try:
        return path.open("a", encoding="utf-8")
    except OSError as error:
        raise _not_writable(path, error) from error


def _not_writable(path: Path, error: OSError) -> ExternalError:
    return ExternalError(
        f"Cannot write {path}: {error.strerror or error}. Make it writable, or set OSTINATO_HOME to a folder that is",
        code="home_unwritable",
    )
