"""What every benchmark does with its figures, and the waits they share."""

import json
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tests.e2e.stack import ROOT, Stack

RESULTS: Final = Path(__file__).parent / "results"


def keep(name: str, figures: Mapping[str, Any]) -> None:
    """Writes results/<name>.json, with where and when it was measured, and prints it."""
    whole = {**_circumstances(), **figures}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(whole, indent=1) + "\n")
    print(json.dumps(whole, indent=1))


def _circumstances() -> dict[str, Any]:
    described = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "revision": described.stdout.strip(),
        "load_before": round(os.getloadavg()[0], 1),
    }


@contextmanager
def running_stack(folder: Path) -> Iterator[Stack]:
    """A stack of the benchmark's own, stopped at the end."""
    stack = Stack(home=folder / "home")
    stack.ok("up")
    try:
        yield stack
    finally:
        stack.call("down", timeout=90)


def wait_for_result(stack: Stack, run_id: str, limit_s: float) -> dict[str, Any]:
    """The report of a run, without asking the server while it runs."""
    stored = stack.home / "results" / f"{run_id}.json"
    end = time.monotonic() + limit_s
    while not stored.exists():
        if time.monotonic() > end:
            raise TimeoutError(f"{run_id} did not end within {limit_s:.0f} s\n{stack.worker_log()[-2000:]}")
        time.sleep(0.05)
    stack.finished(run_id, 30)
    return stack.report(run_id)


def check_completed(report: Mapping[str, Any]) -> None:
    """A benchmark that did not do the work has no figure."""
    if report["outcome"] != "completed":
        raise AssertionError(
            f"{report['run_id']} ended {report['outcome']}: {report.get('stop')} {report['steps']}"[:3000]
        )


def executing_s(report: Mapping[str, Any]) -> float:
    """From the first step's start to the last step's end."""
    starts = [datetime.fromisoformat(step["started_at"]) for step in report["steps"]]
    ends = [datetime.fromisoformat(step["ended_at"]) for step in report["steps"]]
    return (max(ends) - min(starts)).total_seconds()


def spread(values: Sequence[float]) -> dict[str, Any]:
    """Median, best, worst and how many."""
    return {
        "median": round(statistics.median(values), 3),
        "best": round(min(values), 3),
        "worst": round(max(values), 3),
        "samples": len(values),
    }
