"""Artifacts: everything big, kept once under the hash of its content. Callers redact what they put; `writer` redacts itself."""

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from ostinato.domain.errors import ExternalError
from ostinato.domain.redaction import LONGEST_SECRET, Redactor

MIB = 1024 * 1024
OUTPUT_CAP_BYTES = 20 * MIB
LARGEST_TAIL_BYTES = 4 * MIB
"""The tail is held in memory until the output ends, the head is not."""

_REFERENCE = re.compile(r"sha256:([0-9a-f]{64})")
_BLOCK_BYTES = 64 * 1024
_RECENT_BYTES = 2 * LONGEST_SECRET


class ArtifactStore:
    """Content-addressed files; putting the same content twice keeps one."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put_bytes(self, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        with _unwritable(self._root):
            if not self._is_renewed(digest):
                temporary = self.open_temporary()
                with temporary:
                    temporary.write(data)
                self.keep(Path(temporary.name), digest)
        return f"sha256:{digest}"

    def _is_renewed(self, digest: str) -> bool:
        """It is there, and as young as if it were written now: a clean-up goes by the age of what nobody names yet."""
        place = self._place(digest)
        with suppress(OSError):
            os.utime(place)
        return place.exists()

    def put_text(self, text: str) -> str:
        return self.put_bytes(text.encode("utf-8", "replace"))

    def put_json(self, value: Any) -> str:
        return self.put_text(json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1))

    def path(self, ref: str) -> Path:
        """Where the content of a reference lies; refuses what is not a reference or is not here."""
        match = _REFERENCE.fullmatch(ref)
        if match is None or not (place := self._place(match[1])).is_file():
            raise ExternalError(
                f"No artifact {ref[:80]!r} in {self._root}. It may belong to another OSTINATO_HOME or have been cleaned up.",
                code="artifact_unknown",
            )
        return place

    def read_text(self, ref: str, limit: int | None = None) -> str:
        """The first `limit` characters, or all; what is not UTF-8 is replaced."""
        with self.path(ref).open(encoding="utf-8", errors="replace", newline="") as file:
            return file.read(limit)

    def read_json(self, ref: str) -> Any:
        return json.loads(self.path(ref).read_bytes())

    def writer(self, redact: Redactor, cap_bytes: int = OUTPUT_CAP_BYTES) -> "ArtifactWriter":
        return ArtifactWriter(self, redact, cap_bytes)

    def open_temporary(self) -> IO[bytes]:
        """A private file on the same disk, to be given to `keep`."""
        folder = self._root / "unfinished"
        with _unwritable(self._root):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return tempfile.NamedTemporaryFile(dir=folder, delete=False)

    def keep(self, file: Path, digest: str) -> str:
        """Moves a finished file under the hash of its content."""
        with _unwritable(self._root):
            place = self._place(digest)
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            file.replace(place)
        return f"sha256:{digest}"

    def _place(self, digest: str) -> Path:
        return self._root / digest[:2] / digest[2:]


class ArtifactWriter:
    """A stream on its way into the store: redacted before it reaches the disk; of too much, head and tail are kept.

    One thread writes; `tail` and `size` may be asked from another.
    """

    def __init__(self, store: ArtifactStore, redactor: Redactor, cap_bytes: int) -> None:
        self._store = store
        self._redactor = redactor
        self._tail_cap = min(cap_bytes // 2, LARGEST_TAIL_BYTES)
        self._head_cap = cap_bytes - self._tail_cap
        self._file = store.open_temporary()
        self._digest = hashlib.sha256()
        self._pending = bytearray()
        self._later = bytearray()
        self._forgotten = 0
        self._recent = b""
        self._ref = ""
        self.size = 0
        """Bytes written to it, kept or not."""

    def write(self, data: bytes) -> None:
        room = max(self._head_cap - self.size, 0)
        self.size += len(data)
        self._recent = (self._recent + data)[-_RECENT_BYTES:]
        if room:
            self._take(data[:room])
        if len(data) > room:
            self._postpone(data[room:])

    def tail(self, chars: int) -> str:
        """The end of what was written so far, redacted."""
        size = min(chars * 4, _RECENT_BYTES - LONGEST_SECRET)
        return self._redactor.end_of(self._recent, size).decode("utf-8", "replace")[-chars:]

    def close(self) -> str:
        """The reference of what was kept; closing again gives the same."""
        if not self._ref:
            with _unwritable(Path(self._file.name).parent), self._file:
                self._finish()
            self._ref = self._store.keep(Path(self._file.name), self._digest.hexdigest())
        return self._ref

    def discard(self) -> None:
        """Nothing is kept. Harmless after `close`."""
        self._file.close()
        Path(self._file.name).unlink(missing_ok=True)

    def _take(self, data: bytes) -> None:
        self._pending += data
        if len(self._pending) >= _BLOCK_BYTES + LONGEST_SECRET:
            clean, rest = self._redactor.split(bytes(self._pending))
            self._pending = bytearray(rest)
            self._emit(clean)

    def _postpone(self, data: bytes) -> None:
        """Cut back to the tail only now and then: moving it at each small write would cost more than the writing."""
        self._later += data
        kept = self._tail_cap + LONGEST_SECRET
        if len(self._later) >= 2 * kept:
            self._forgotten += len(self._later) - kept
            del self._later[:-kept]

    def _finish(self) -> None:
        if self._forgotten or len(self._later) > self._tail_cap + LONGEST_SECRET:
            self._finish_with_gap()
        else:
            self._take(bytes(self._later))
            self._emit(self._redactor.bytes(bytes(self._pending)))
        self._later.clear()

    def _finish_with_gap(self) -> None:
        """The head's last bytes may end in half a secret and are left out too; the tail begins after enough context."""
        size = min(self._tail_cap, len(self._later) - LONGEST_SECRET)
        kept = self._redactor.end_of(bytes(self._later), size)
        head, rest = self._redactor.split(bytes(self._pending))
        left_out = self._forgotten + len(self._later) - size + len(rest)
        self._emit(head)
        self._emit(f"\n[… about {left_out:,} bytes left out …]\n".encode())
        self._emit(kept)

    def _emit(self, data: bytes) -> None:
        self._digest.update(data)
        with _unwritable(Path(self._file.name).parent):
            self._file.write(data)


@contextmanager
def _unwritable(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ExternalError(
            f"Cannot write to {folder}: {error.strerror or error}. Free the disk or make it writable, or set OSTINATO_HOME.",
            code="artifact_not_written",
        ) from error
