"""Files that an agent writes while it works: read as they grow."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ostinato.adapters.unfollowed import open_below


@dataclass(slots=True, kw_only=True)
class GrowingFiles:
    folder: Path
    find: Callable[[], Iterable[Path]]
    """Those in it that are of interest: asked each time."""
    _read: dict[Path, int] = field(default_factory=dict)
    _partial: dict[Path, bytes] = field(default_factory=dict)

    def lines(self) -> Iterator[str]:
        """Those that are new and whole, of one file after the other."""
        for file in self.find():
            try:
                with open_below(self.folder, file.relative_to(self.folder)) as stream:
                    stream.seek(self._read.get(file, 0))
                    grown = stream.read()
            except OSError:
                continue
            self._read[file] = self._read.get(file, 0) + len(grown)
            *whole, self._partial[file] = (self._partial.get(file, b"") + grown).split(b"\n")
            yield from (line.decode("utf-8", "replace") for line in whole)
