"""How soon does the next step run after the worker was killed?

Method: a chain of steps of 0.6 s; the worker gets SIGKILL at moments spread over a step (preparing, running, committing,
between two steps); `ostinato up` is called at once. Measured from the start of `up`, which is what a person waits, to the next
line that a step's command writes. The run must complete, with one commit a step.

Command: python -m benchmarks.restart
"""

import json
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from benchmarks.keeping import check_completed, keep, running_stack, spread, wait_for_result
from tests.e2e.stack import Stack, git
from tests.repositories import make_repository

STEPS: Final = 8
STEP_S: Final = 0.6
SAMPLES: Final = 9


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="ostinato-bench-") as folder, running_stack(Path(folder)) as stack:
        samples = [_restart(stack, Path(folder) / str(number), number / SAMPLES) for number in range(SAMPLES)]
    keep(
        "restart",
        {
            "goal": "restart to next step <= 3 s",
            "from_up_s": spread(samples),
            "all": [round(seconds, 2) for seconds in samples],
        },
    )


def _restart(stack: Stack, place: Path, share: float) -> float:
    """`share` is how far into a step the kill comes."""
    repository, journal = make_repository(place / "project"), place / "journal.txt"
    file = place / "definition.json"
    file.write_text(json.dumps(_definition(journal)))
    run_id = stack.start("a chain", repository, "--definition", str(file), "--trust")
    _until_lines(journal, 2)
    time.sleep(share * STEP_S * 1.5)
    stack.kill_worker()
    before = len(_lines(journal))
    began = time.time()
    stack.ok("up")
    following = _until_lines(journal, before + 1)
    _check(stack, repository, run_id)
    return following - began


def _definition(journal: Path) -> dict[str, Any]:
    names = [f"s{number}" for number in range(STEPS)]
    steps = [
        {
            "id": name,
            "run": f"date +%s.%N >> {journal}; sleep {STEP_S}; echo {name} > {name}.txt",
            "writes": [f"{name}.txt"],
            "depends_on": names[number - 1 : number] if number else [],
        }
        for number, name in enumerate(names)
    ]
    return {"id": "chain", "version": 1, "steps": steps, "gates": {"post": []}}


def _check(stack: Stack, repository: Path, run_id: str) -> None:
    report = wait_for_result(stack, run_id, 120)
    check_completed(report)
    made = git(
        repository, "log", "--format=%(trailers:key=Ostinato-Step,valueonly)", f"main..ostinato/{run_id}"
    ).split()
    if sorted(made) != [f"s{number}" for number in range(STEPS)]:
        raise AssertionError(f"commits of steps: {made}")


def _lines(journal: Path) -> list[str]:
    return journal.read_text().split() if journal.exists() else []


def _until_lines(journal: Path, count: int) -> float:
    """The time that the line of that number tells."""
    limit = time.monotonic() + 60
    while time.monotonic() < limit:
        if len(lines := _lines(journal)) >= count:
            return float(lines[count - 1])
        time.sleep(0.01)
    raise TimeoutError(f"{journal} never had {count} lines")


if __name__ == "__main__":
    main()
