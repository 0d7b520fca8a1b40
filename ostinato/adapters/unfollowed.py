"""Files below a folder in which an agent may have put anything: reached without following a link, waiting for a pipe, or
being led elsewhere by what changes meanwhile. A hard link needs no care: out of a sandbox's mounts none can be made.
"""

import contextlib
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


def make_folder_below(root: Path, inner: PurePath) -> None:
    """What else stands in the way is removed."""
    for depth in range(1, len(inner.parts) + 1):
        part = PurePath(*inner.parts[:depth])
        with _folder(root, part.parent) as outer:
            with contextlib.suppress(FileNotFoundError):
                if not stat.S_ISDIR(os.stat(part.name, dir_fd=outer, follow_symlinks=False).st_mode):
                    os.unlink(part.name, dir_fd=outer)
            with contextlib.suppress(FileExistsError):
                os.mkdir(part.name, mode=0o700, dir_fd=outer)


def write_below(root: Path, path: PurePath, text: str) -> None:
    """A new file, for its owner alone, in place of whatever file or link is there."""
    make_folder_below(root, path.parent)
    with _folder(root, path.parent) as folder:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path.name, dir_fd=folder)
        number = os.open(path.name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode=0o600, dir_fd=folder)
    with os.fdopen(number, "w", encoding="utf-8") as stream:
        stream.write(text)


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
