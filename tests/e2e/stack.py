"""A stack: drives client.py as a process against a real embedded Temporal server and a real worker."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[2]
SELDOM_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> dict[str, Any]:
        """The `data` of its envelope; the envelope itself is checked."""
        envelope = json.loads(self.out)
        assert envelope["schema"] == "ostinato/1"
        found: dict[str, Any] = envelope["data"]
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """One OSTINATO_HOME with its server and worker, and the command line that uses it."""

    home: Path
    env: Mapping[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("OSTINATO_", "TEMPORAL_"))}
        return {**kept, "OSTINATO_HOME": str(self.home), **self.env}

    def command(self, *args: str) -> list[str]:
        return [sys.executable, str(ROOT / "client.py"), *args]

    def call(self, *args: str, timeout: float = 180) -> Ended:
        done = subprocess.run(
            self.command(*args),
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Ended(code=done.returncode, out=done.stdout, err=done.stderr)

    def ok(self, *args: str, timeout: float = 180) -> dict[str, Any]:
        """The data of a command that must end with 0."""
        ended = self.call(*args, "--json", timeout=timeout)
        assert ended.code == 0, f"{args} ended with {ended.code}\n{ended.out}\n{ended.err}"
        return ended.data

    def start(self, request: str, repository: Path, *options: str) -> str:
        """The id of a started run."""
        return str(self.ok("start", request, "--repo", str(repository), *options)["run_id"])

    def status(self, run_id: str) -> dict[str, Any]:
        return self.call("status", run_id, "--json").data

    def until(self, run_id: str, reached: Callable[[dict[str, Any]], bool], timeout: float = 120) -> dict[str, Any]:
        """The first status that fits."""
        limit = time.monotonic() + timeout
        status: dict[str, Any] = {}
        while time.monotonic() < limit:
            status = self.status(run_id)
            if reached(status):
                return status
            time.sleep(0.4)
        raise AssertionError(f"never reached; last: {json.dumps(status)[:3000]}\n{self.worker_log()[-3000:]}")

    def report(self, run_id: str) -> dict[str, Any]:
        return self.ok("report", run_id, "--format", "json")

    def finished(self, run_id: str, timeout: float = 180) -> dict[str, Any]:
        """The report of a run, once it has ended: its result is waited for, and seldom asked for, which takes a process."""
        stored, ask_at = self.home / "results" / f"{run_id}.json", time.monotonic() + SELDOM_S
        end = time.monotonic() + timeout
        while not stored.exists() and time.monotonic() < end:
            time.sleep(0.1)
            if time.monotonic() > ask_at:
                if self.status(run_id).get("outcome"):
                    break
                ask_at = time.monotonic() + SELDOM_S
        self.until(run_id, lambda status: bool(status.get("outcome")), timeout)
        return self.report(run_id)

    def worker_pid(self) -> int:
        return int(json.loads((self.home / "worker" / "worker.json").read_text())["pid"])

    def worker_log(self) -> str:
        log = self.home / "worker" / "worker.log"
        return log.read_text() if log.exists() else ""

    def kill_worker(self) -> None:
        """As a crash would: SIGKILL, no goodbye."""
        pid = self.worker_pid()
        os.kill(pid, signal.SIGKILL)
        psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], timeout=10)

    def asleep(self, *naps: str) -> list[psutil.Process]:
        """Every `sleep` for so many seconds that its steps began, and nobody ended."""
        return [
            process
            for process in psutil.process_iter(["cmdline", "cwd"])
            if process.info["cmdline"] in [["sleep", nap] for nap in naps]
            and (process.info["cwd"] or "").startswith(str(self.home))
        ]

    def kill_server(self) -> None:
        pid = int(json.loads((self.home / "server" / "server.json").read_text())["pid"])
        os.kill(pid, signal.SIGKILL)


def git(repository: Path, *args: str) -> str:
    return subprocess.run(
        ["git", "-C", str(repository), *args], check=True, capture_output=True, text=True
    ).stdout.strip()
