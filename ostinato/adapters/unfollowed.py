"""Files below a folder in which an agent may have put anything: reached without following a link, waiting for a pipe, or
being led elsewhere by what changes meanwhile. A hard link needs no care: out of a sandbox's mounts none can be made.
"""

import json
import os
import stat
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import Any, BinaryIO

MOST_DEEP = 60
"""What lies deeper is nobody's session."""
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def files_below(root: Path, inner: Path, *, without: Collection[str] = ()) -> tuple[Path, ...]:
    """Plain files below `root / inner`, by their paths from `root` on, in order. `without`: folders of these names."""
    found, waiting = list[Path](), [inner]
    while waiting:
        place = waiting.pop()
        try:
            with _folder(root, place) as number, os.scandir(number) as entries:
                for entry in entries:
                    if entry.is_file(follow_symlinks=False):
                        found.append(place / entry.name)
                    elif entry.is_dir(follow_symlinks=False) and entry.name not in without:
                        waiting += [place / entry.name] if len(place.parts) < MOST_DEEP else []
        except OSError:
            continue
    return tuple(sorted(found))


def open_below(root: Path, path: PurePath) -> BinaryIO:
    """For reading; OSError where it is no plain file, or a part of its path is a link."""
    with _folder(root, path.parent) as folder:
        number = os.open(path.name, _FILE, dir_fd=folder)
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise OSError(f"{path} is no plain file")
    return os.fdopen(number, "rb")


def read_object_below(root: Path, path: PurePath) -> Mapping[str, Any] | None:
    """None where there is no such plain file, or it is not a JSON object."""
    try:
        with open_below(root, path) as stream:
            value = json.loads(stream.read())
    except (OSError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


@contextmanager
def _folder(root: Path, inner: PurePath) -> Iterator[int]:
    if inner.is_absolute() or ".." in inner.parts:
        raise OSError(f"{inner} is not below {root}")
    number = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in inner.parts:
            number, outer = os.open(part, _FOLDER, dir_fd=number), number
            os.close(outer)
        yield number
    finally:
        os.close(number)
