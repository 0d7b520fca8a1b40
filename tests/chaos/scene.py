"""Where a trial happens: its folders, its stack, and who is alive there."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.chaos.plan import Trial
from tests.e2e.stack import Stack

MARKER = "OSTINATO_STEP"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One execution of a step's command, as it told itself."""

    at: float
    step: str
    marker: str


@dataclass(slots=True, kw_only=True)
class Scene:
    trial: Trial
    folder: Path
    run_id: str
    log: list[str] = field(default_factory=list)
    """What the harness did, in order."""
    began: float = field(default_factory=time.time)
    retried_at: float = 0.0

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def repository(self) -> Path:
        return self.folder / "project"

    @property
    def journal(self) -> Path:
        return self.folder / "journal.txt"

    @property
    def hook_marker(self) -> Path:
        return self.folder / "hooks-that-ran.txt"

    @property
    def remote(self) -> Path:
        return self.folder / "checkpoints.git"

    @property
    def stack(self) -> Stack:
        return Stack(home=self.home, env={"OSTINATO_CHECKPOINT_REMOTE": str(self.remote)})

    @property
    def mirror(self) -> Path:
        return next(iter(self.home.glob("repos/*/mirror.git")), self.home / "repos" / "none")

    def say(self, text: str) -> None:
        self.log.append(f"{time.time() - self.began:7.2f} {text}")

    def lines(self) -> list[Line]:
        text = self.journal.read_text() if self.journal.exists() else ""
        fields = [line.split() for line in text.splitlines()]
        return [Line(at=float(at), step=step, marker=marker) for at, step, marker in fields]

    def pid_of(self, part: str) -> int | None:
        """Of the server or the worker, if it is alive."""
        try:
            pid = int(json.loads((self.home / part / f"{part}.json").read_text())["pid"])
        except (OSError, ValueError, KeyError):
            return None
        return pid if is_alive(pid) else None

    def step_processes(self) -> list[psutil.Process]:
        """Commands of the run's steps and what they started."""
        return [process for process in _processes() if self.run_id in _environ(process).get(MARKER, "")]

    def processes(self) -> list[psutil.Process]:
        """Everything that works for this trial's home."""
        return [process for process in _processes() if _environ(process).get("OSTINATO_HOME") == str(self.home)]


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    until(lambda: not is_alive(pid), 5)


def name_of(pid: int) -> str:
    try:
        return " ".join(psutil.Process(pid).cmdline())[:200]
    except psutil.Error:
        return "gone"


def until(condition: Callable[[], bool], limit_s: float, pause_s: float = 0.02) -> bool:
    """Whether it came true in time."""
    end = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(pause_s)
    return True


def _processes() -> Iterator[psutil.Process]:
    for process in psutil.process_iter(["status"]):
        if process.info["status"] != psutil.STATUS_ZOMBIE:
            yield process


def _environ(process: psutil.Process) -> dict[str, str]:
    try:
        return process.environ()
    except (psutil.Error, OSError):
        return {}
