"""What a supervised tree of processes uses, looked at from outside now and then, and whether the system killed for memory."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import psutil

from ostinato.domain.midway import Resource, exceeded
from ostinato.domain.precautions import Limits, Usage

SAMPLE_EVERY_S = 2.0
SAMPLE_SOON_S = 0.25
"""With limits stated, a look at this interval for the first seconds, when most of what goes wrong does."""
_SOON_FOR = 40


@dataclass(slots=True)
class Meter:
    """Of one supervisor's descendants. Blocking: call it from a thread."""

    pid: int
    folder: Path
    limits: Limits
    peak: Usage = field(default_factory=Usage)
    samples: int = 0
    _free_before: int = field(init=False, default=0)
    _size_before: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        if self.limits.disk_bytes is not None:
            self._free_before = free_bytes(self.folder) or 0
            self._size_before = sum(_sizes(self.folder))

    @property
    def interval_s(self) -> float:
        return SAMPLE_SOON_S if self.limits.is_stated and self.samples < _SOON_FOR else SAMPLE_EVERY_S

    def look(self) -> Resource | Literal[""]:
        """The limit that is passed now, or an empty text."""
        tree = self._tree()
        usage = Usage(memory_bytes=_memory(tree), processes=len(tree), disk_bytes=self._growth())
        self.peak = self.peak.most(usage)
        self.samples += 1
        return exceeded(usage, self.limits)

    def kill(self) -> None:
        """At once, without asking: what is over its limit has no time to say goodbye. The supervisor ends the rest."""
        for process in self._tree():
            try:
                process.kill()
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                pass

    def _tree(self) -> list[psutil.Process]:
        try:
            return psutil.Process(self.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def _growth(self) -> int:
        """The folder is measured only where its file system lost as much as the limit: that is one cheap question."""
        limit = self.limits.disk_bytes
        if limit is None:
            return 0
        lost = max(0, self._free_before - (free_bytes(self.folder) or 0))
        return lost if lost <= limit else max(0, sum(_sizes(self.folder)) - self._size_before)


def oom_kills() -> int:
    """How often this machine's kernel has ended a process for want of memory, control groups included."""
    try:
        lines = Path("/proc/vmstat").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)


def free_bytes(folder: Path) -> int | None:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def _memory(tree: list[psutil.Process]) -> int:
    """What each has to itself; what they share counts once."""
    own, shared = 0, 0
    for process in tree:
        try:
            used = process.memory_info()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        common = getattr(used, "shared", 0)
        own += max(0, used.rss - common)
        shared = max(shared, common)
    return own + shared


def _sizes(folder: Path) -> Iterator[int]:
    """Allocated bytes of every file; what vanishes meanwhile counts as nothing."""
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                yield os.lstat(f"{place}/{name}").st_blocks * 512
            except OSError:
                continue
