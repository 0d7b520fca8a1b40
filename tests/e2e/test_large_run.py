"""A run that is carried by shards and goes on in new executions: killed in the middle, every step is there once."""

import time
from collections import Counter
from pathlib import Path

import pytest

from tests.e2e.conftest import Stack, git

pytestmark = [pytest.mark.e2e, pytest.mark.server, pytest.mark.timeout(600)]
STEPS, CAP = 230, 8


def definition(folder: Path) -> tuple[Path, Path]:
    """A plan of three dependencies each, all of them writing; the journal has a line for each execution."""
    journal = folder / "journal.txt"
    steps = []
    for n in range(STEPS):
        after = ", ".join(f"s{n - gap}" for gap in (9, 17, 31) if n >= gap)
        line = f"echo s{n} >> {journal}; echo {n} > f{n}.txt"
        steps.append(f'  - {{id: s{n}, run: "{line}", writes: ["f{n}.txt"], depends_on: [{after}]}}')
    file = folder / "large.yaml"
    listed = "\n".join(steps)
    file.write_text(f"id: large\nversion: 1\nmax_parallel: {CAP}\nsteps:\n{listed}\ngates: {{post: []}}\n")
    return file, journal


@pytest.mark.heavy
def test_a_large_run_whose_worker_is_killed_has_every_step_once(own_stack: Stack, sample: Path, tmp_path: Path) -> None:
    file, journal = definition(tmp_path)
    options = ("--definition", str(file), "--trust", "--yes", "--max-parallel", str(CAP))
    run_id = own_stack.start("large", sample, *options)

    for share in (0.3, 0.8):
        until_lines(journal, int(STEPS * share))
        own_stack.kill_worker()
        own_stack.ok("up")
    report = own_stack.finished(run_id, timeout=400)

    log = git(sample, "log", "--format=%(trailers:key=Ostinato-Step,valueonly)", f"main..ostinato/{run_id}")
    assert report["outcome"] == "completed", report["stop"]
    assert sorted(log.split()) == sorted(f"s{n}" for n in range(STEPS))
    again = [name for name, times in Counter(journal.read_text().split()).items() if times > 1]
    assert len(again) <= 2 * CAP, "only what ran when the worker was killed may run again"


def until_lines(journal: Path, count: int, timeout: float = 200) -> None:
    limit = time.monotonic() + timeout
    while not journal.exists() or len(journal.read_text().split()) < count:
        assert time.monotonic() < limit, "the run does not go on"
        time.sleep(0.1)
