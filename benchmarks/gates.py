"""What do the gates cost beside the same tools by hand, in one shell line?

Method: a generated Python project of 200 files, 50 of them tests. By hand is what a careful person runs once at the head, in a
fresh clone, one after the other: ruff, mypy, bandit, detect-secrets, pytest with coverage; the same versions, no caches. Ostinato is a run
of one step that changes a line, with the usual four gates. Both by turns. Two figures, each over one pass by hand:

- `head`: the base was judged before, as it is for the second run from a commit: from the last step to the verdicts (`validation_s`).
  It holds the commit, a fresh checkout, its environment and the tools, which run side by side.
- `base_and_head`: the first run from a commit. The tools run at both, so twice the work: from the first step to the verdicts. It is
  given over two passes by hand, too, which is what telling new findings from old ones takes by hand.

Beside seconds by the clock, seconds of processor time: of the line by hand, and of the worker with everything that it starts, for a whole
run. On a machine with other work, many processes side by side get more of it than one after the other, so there the clock flatters
the gates; processor time does not.

Every pass must find the same: no failing test, and a verdict of every gate.

Command: python -m benchmarks.gates
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import psutil

from benchmarks.keeping import check_completed, keep, running_stack, spread, wait_for_result
from tests.e2e.stack import Stack
from tests.repositories import commit, make_repository

MODULES: Final = 150
TESTS: Final = 50
FUNCTIONS: Final = 8
REPEATS: Final = 3
LIMIT_S: Final = 600.0
GATES: Final = ("tests", "lint", "types", "security")
PYPROJECT: Final = """\
[project]
name = "shop"
version = "1"

[tool.pytest.ini_options]
testpaths = ["tests"]
pythonpath = ["src"]

[tool.ruff]
line-length = 120

[tool.mypy]
strict = true
files = ["src", "tests"]
mypy_path = "src"
"""
BY_HAND: Final = (
    "ruff check --no-cache . && mypy --cache-dir={scratch}/mypy && bandit -q -r src --exit-zero -f json -o {scratch}/bandit.json"
    " && detect-secrets scan --no-verify --all-files > {scratch}/secrets.json"
    " && COVERAGE_FILE={scratch}/coverage coverage run --source=src -m pytest -q -p no:cacheprovider"
    " && COVERAGE_FILE={scratch}/coverage coverage json -q -o {scratch}/coverage.json"
)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="ostinato-bench-") as folder, running_stack(Path(folder)) as stack:
        figures = _measure(stack, Path(folder))
    keep("gates", figures)


def _measure(stack: Stack, folder: Path) -> dict[str, Any]:
    repository = make_repository(folder / "shop", _project())
    _by_hand(repository, folder / "warm-up")
    hand: list[float] = []
    head: list[float] = []
    both: list[float] = []
    cpu: dict[str, list[float]] = {"by_hand": [], "head": [], "base_and_head": []}
    for number in range(REPEATS):
        commit(repository, {"src/shop/part000.py": _module(0) + f"ROUND = {number}\n"}, f"Round {number}")
        began = _used()
        hand.append(_by_hand(repository, folder / f"hand{number}a"))
        cpu["by_hand"].append(_used() - began)
        first = _run(stack, folder, repository, f"first-{number}")
        cpu["base_and_head"].append(first["cpu_s"])
        both.append(first["execution_s"] + first["validation_s"])
        hand.append(_by_hand(repository, folder / f"hand{number}b"))
        again = _run(stack, folder, repository, f"again-{number}")
        cpu["head"].append(again["cpu_s"])
        head.append(again["validation_s"])
    middle = spread(hand)["median"]
    used = {name: spread(values) for name, values in cpu.items()}
    work = used["by_hand"]["median"]
    return {
        "files": MODULES + TESTS,
        "tests": TESTS * FUNCTIONS,
        "goal": 1.15,
        "by_hand_s": spread(hand),
        "head_s": spread(head),
        "base_and_head_s": spread(both),
        "head_over_by_hand": round(spread(head)["median"] / middle, 2),
        "base_and_head_over_by_hand": round(spread(both)["median"] / middle, 2),
        "base_and_head_over_twice_by_hand": round(spread(both)["median"] / middle / 2, 2),
        "cpu_s": used,
        "cpu_head_over_by_hand": round(used["head"]["median"] / work, 2),
        "cpu_base_and_head_over_twice_by_hand": round(used["base_and_head"]["median"] / work / 2, 2),
        "load_after": round(os.getloadavg()[0], 1),
    }


def _used() -> float:
    """Processor seconds of what this process started and has waited for; the server and the worker are not."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def _used_by_worker(stack: Stack) -> float:
    """With everything that it started and has waited for."""
    spent = psutil.Process(stack.worker_pid()).cpu_times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def _by_hand(repository: Path, place: Path) -> float:
    """Seconds of one shell line in a fresh clone; the clone counts, for the gates make one too."""
    scratch = place.with_suffix(".scratch")
    scratch.mkdir()
    line = f"git clone -q --shared {repository} {place} && cd {place} && " + BY_HAND.format(scratch=scratch)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    began = time.perf_counter()
    done = subprocess.run(["/bin/sh", "-c", line], env={**os.environ, "PATH": path}, capture_output=True, text=True)
    taken = time.perf_counter() - began
    if done.returncode != 0 or f"{TESTS * FUNCTIONS} passed" not in done.stdout:
        raise AssertionError(f"the line by hand failed: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return taken


def _run(stack: Stack, folder: Path, repository: Path, name: str) -> dict[str, float]:
    """The metrics of a run whose gates all came to a verdict."""
    definition = folder / f"{name}.json"
    step = {"id": "edit", "run": f"echo 'NAME = \"{name}\"' >> src/shop/part001.py", "writes": ["src/shop/part001.py"]}
    definition.write_text(json.dumps({"id": "edit", "steps": [step], "gates": {"post": GATES}}))
    began = _used_by_worker(stack)
    report = wait_for_result(
        stack, stack.start("note it", repository, "--definition", str(definition), "--trust", "--yes"), LIMIT_S
    )
    check_completed(report)
    judged = {
        gate["gate"]: gate for gate in report["gates"] if gate["stage"] == "post" and gate["status"] in ("pass", "warn")
    }
    if not judged.keys() >= set(GATES) or judged["tests"]["metrics"]["passed"] != TESTS * FUNCTIONS:
        raise AssertionError(f"not every gate passed: {report['gates']}"[:3000])
    return {**report["metrics"], "cpu_s": _used_by_worker(stack) - began}


def _project() -> dict[str, str]:
    modules = {f"src/shop/part{number:03}.py": _module(number) for number in range(MODULES)}
    tests = {f"tests/test_part{number:03}.py": _tests(number) for number in range(TESTS)}
    return {"pyproject.toml": PYPROJECT, "src/shop/__init__.py": "", **modules, **tests}


def _module(number: int) -> str:
    before = f"from shop.part{number - 1:03} import add0 as before\n\n\n" if number % 10 else ""
    used = "before(left, right)" if number % 10 else "left + right"
    return before + "\n\n".join(
        f"def add{each}(left: int, right: int) -> int:\n"
        f'    """The sum, and {each} more."""\n'
        f"    sums: dict[str, int] = {{}}\n"
        f'    for name, value in (("left", left), ("right", right)):\n'
        f"        sums[name] = sums.get(name, 0) + value\n"
        f"    if left > {1000 + each}:\n"
        f'        return sums["left"]\n'
        f'    return sums["left"] + sums["right"] + ({used}) - left - right + {each}\n'
        for each in range(FUNCTIONS)
    )


def _tests(number: int) -> str:
    names = ", ".join(f"add{each}" for each in range(FUNCTIONS))
    cases = "\n\n".join(
        f"def test_add{each}() -> None:\n    assert add{each}(1, 2) == 3 + {each}\n" for each in range(FUNCTIONS)
    )
    return f"from shop.part{number:03} import {names}\n\n\n{cases}"


if __name__ == "__main__":
    main()
