"""What to run, and how it ended."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ostinato.domain.midway import Resource
from ostinato.domain.precautions import Limits, Usage

TAIL_CHARS = 4_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSpec:
    """A command with nothing implied: it sees exactly this folder and this environment."""

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str]
    timeout_s: float
    grace_s: float = 3.0
    """Between asking its processes to end and killing them."""
    marker: str = ""
    """Put in the environment as OSTINATO_STEP, so that a restarted worker finds what a killed supervisor left."""
    limits: Limits = field(default_factory=Limits)
    """Over one of them its processes are killed."""
    wrappers: int = 0
    """Processes of a sandbox that the command starts first, above the one that passes signals on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessEnd:
    exit_code: int | None
    """None when a signal ended it. 127: no such command; 126: there, but it cannot be executed."""
    signal: int | None
    timed_out: bool
    missing: bool
    duration_s: float
    tail: str
    """The last 4,000 characters of its output, redacted."""
    output_ref: str
    """Artifact with its output: standard output and error as they came, redacted."""
    output_bytes: int
    """All it wrote, kept or not."""
    survivors: tuple[int, ...] = ()
    """Processes that could not be killed: another user's, or stuck in the kernel."""
    exceeded: Resource | Literal[""] = ""
    """memory, disk or processes: the limit for which its processes were killed."""
    peak: Usage = field(default_factory=Usage)
    """What was seen in use at most: looked at every 2 s, so short peaks and short commands are missed."""
    out_of_memory: bool = False
    """It was killed, and the kernel counts one more process that it ended for want of memory."""
    disk_free_bytes: int | None = None
    """Where it ran, at its end; None where it succeeded."""

    @property
    def ok(self) -> bool:
        return self.exit_code == 0 and not self.timed_out and not self.exceeded


@dataclass(frozen=True, slots=True, kw_only=True)
class Quick:
    exit_code: int
    """As a shell gives it: 124 timed out, 126 and 127 not started, 128 + n ended by signal n."""
    stdout: str
    stderr: str
    raw: bytes = b""
    """Standard output before decoding, for names that are not UTF-8."""

    @property
    def ok(self) -> bool:
        return self.exit_code == 0
