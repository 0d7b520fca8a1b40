"""Whether a secret is kept anywhere: files, databases, git objects of every kind, whatever they are packed with."""

import gzip
import subprocess
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

LIMIT_BYTES = 64 * 1024 * 1024


def assert_nowhere(secret: str, *places: Path, but: tuple[Path, ...] = ()) -> None:
    """In no file below the places (server's database, artifacts, logs, results, payloads) and in no git object, reachable or not.

    `but` are folders where it may be: what is quarantined is kept for a person.
    """
    found = [*_in_files(secret, places, but), *_in_objects(secret, places, but)]
    assert found == [], f"the secret is kept in {found}"


def _in_files(secret: str, places: tuple[Path, ...], but: tuple[Path, ...]) -> Iterator[str]:
    for place in places:
        for path in (place, *place.rglob("*")) if place.is_dir() else (place,):
            if any(path.is_relative_to(folder) for folder in but):
                continue
            if secret in path.name:
                yield f"the name of {path}"
            if path.is_file() and not path.is_symlink() and _holds(path.read_bytes(), secret.encode()):
                yield str(path)


def _holds(data: bytes, secret: bytes) -> bool:
    return any(form in data for form in _forms(secret)) or any(secret in inner for inner in _unpacked(data))


def _forms(secret: bytes) -> tuple[bytes, ...]:
    return secret, secret.decode().encode("utf-16-le")


def _unpacked(data: bytes) -> Iterator[bytes]:
    """What it would be as a loose object or a compressed file."""
    ways: tuple[tuple[bytes, Callable[[bytes], bytes]], ...] = (
        (b"\x1f\x8b", gzip.decompress),
        (b"\x78", zlib.decompress),
        (b"\x28\xb5\x2f\xfd", _zstd),
    )
    for magic, unpack in ways:
        if data.startswith(magic) and len(data) < LIMIT_BYTES:
            try:
                yield unpack(data)
            except (OSError, EOFError, zlib.error, ValueError):
                continue


def _zstd(data: bytes) -> bytes:
    done = subprocess.run(("zstd", "-dcq"), input=data, capture_output=True, check=False)
    if done.returncode != 0:
        raise ValueError("not unpacked")
    return done.stdout


def _in_objects(secret: str, places: tuple[Path, ...], but: tuple[Path, ...]) -> Iterator[str]:
    """All of them, those of packs and those that nothing reaches included."""
    for repository in _repositories(places, but):
        shown = subprocess.run(
            ("git", f"--git-dir={repository}", "cat-file", "--batch-all-objects", "--unordered", "--batch"),
            capture_output=True,
            check=True,
        ).stdout
        if secret.encode() in shown:
            yield f"an object of {repository}"
        refs = subprocess.run(
            ("git", f"--git-dir={repository}", "for-each-ref"), capture_output=True, check=True
        ).stdout
        if secret.encode() in refs:
            yield f"a ref of {repository}"


def _repositories(places: tuple[Path, ...], but: tuple[Path, ...]) -> Iterator[Path]:
    for place in places:
        for head in place.rglob("HEAD"):
            if (head.parent / "objects").is_dir() and not any(head.is_relative_to(folder) for folder in but):
                yield head.parent
