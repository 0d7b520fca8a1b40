"""How long the main job takes, from words to a proven branch, and how soon it goes on after a killed worker.

Method: one fresh OSTINATO_HOME with its embedded server; the sample repository; wall-clock time of the command line as a
process. Restart: the worker is killed with SIGKILL in the middle of a step; the time runs from the end of `ostinato up` and,
apart, from its start, to the moment the interrupted step's command runs again. Memory: resident set of the worker after the runs.
"""

import json
import os
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import psutil

from scripts.demo import REQUEST
from scripts.sample import make_sample
from tests.e2e.stack import Stack

SIMPLE = "fix the lint errors"
REPEATS = 3
RESULTS = Path(__file__).parent / "results"
SLOW_STEP = """\
id: slow
version: 1
steps:
  - {{id: slow, run: "date +%s.%N >> {journal}; sleep 5"}}
gates: {{post: []}}
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(home=Path(folder) / "home")
        try:
            figures = measure(stack, Path(folder))
        finally:
            stack.call("down", timeout=60)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "first_run.json").write_text(json.dumps(figures, indent=1) + "\n")
    print(json.dumps(figures, indent=1))


def measure(stack: Stack, folder: Path) -> dict[str, object]:
    stack.ok("up")
    demo = timed_run(stack, REQUEST, make_sample(folder / "demo"))
    simple = [timed_run(stack, SIMPLE, make_sample(folder / f"simple{n}")) for n in range(REPEATS)]
    restarts = [restart(stack, folder, n) for n in range(REPEATS)]
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cores": os.cpu_count(),
        "demo_s": round(demo, 1),
        "simple_run_s": round(statistics.median(simple), 1),
        "restart_to_step_from_up_started_s": round(statistics.median(total for total, _ in restarts), 2),
        "restart_to_step_from_up_ended_s": round(statistics.median(after for _, after in restarts), 2),
        "worker_rss_mb": round(psutil.Process(stack.worker_pid()).memory_info().rss / 1e6),
    }


def timed_run(stack: Stack, request: str, repository: Path) -> float:
    started = time.monotonic()
    stack.ok("run", request, "--repo", str(repository), "--trust", "--no-input", timeout=300)
    return time.monotonic() - started


def restart(stack: Stack, folder: Path, number: int) -> tuple[float, float]:
    """Seconds from the start and from the end of `up` to the step's next try."""
    journal = folder / f"journal{number}.txt"
    definition = folder / f"slow{number}.yaml"
    definition.write_text(SLOW_STEP.format(journal=journal))
    repository = make_sample(folder / f"restart{number}")
    run_id = stack.start("a slow step", repository, "--definition", str(definition), "--trust")
    until_lines(journal, 1)
    stack.kill_worker()
    began = time.time()
    stack.call("up")
    ended = time.time()
    again = until_lines(journal, 2)
    stack.finished(run_id)
    return again - began, again - ended


def until_lines(journal: Path, count: int) -> float:
    """The time that the line of that number tells."""
    limit = time.monotonic() + 60
    while time.monotonic() < limit:
        lines = journal.read_text().split() if journal.exists() else []
        if len(lines) >= count:
            return float(lines[count - 1])
        time.sleep(0.01)
    raise TimeoutError(f"{journal} never had {count} lines")


if __name__ == "__main__":
    main()
