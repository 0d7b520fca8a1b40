"""How near does a run come to the shortest possible time, and what would batches by level cost?

Method: generated skewed DAGs with fixed seeds; durations are lognormal with a median of 2 s (sigma 0.9, at most 30 s), commands
that sleep and write nothing (`writes: []`), run by the real engine from the command line. The makespan is from the first
step's start to the last one's end, as reported; the bound is max(critical path, work / cap) of the nominal durations.
Three ways each: `learned` (each step's `expected` is its true duration, as history would say), `unknown` (no `expected`), and
`levels` (every step depends on all of the level before, durations known): what batching costs. `scale` below 1 shortens all
durations of a large DAG so that the benchmark ends in reasonable time; that makes the ratio worse, never better.
No-op: the same DAGs with commands that end at once, as steps a second; there the bound says nothing.

Command: python -m benchmarks.makespan [--quick]
"""

import argparse
import json
import random
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.keeping import check_completed, executing_s, keep, running_stack, wait_for_result
from tests.e2e.stack import Stack
from tests.repositories import make_repository

MEDIAN_S: Final = 2.0
SIGMA: Final = 0.9
LONGEST_S: Final = 30.0
WAYS: Final = ("learned", "unknown", "levels")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    steps: int
    cap: int
    seed: int
    scale: float = 1.0

    @property
    def name(self) -> str:
        return f"{self.steps}-steps-cap-{self.cap}-seed-{self.seed}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    id: str
    seconds: float
    needs: tuple[str, ...]
    level: int


CASES: Final = (
    Case(steps=60, cap=4, seed=1),
    Case(steps=60, cap=8, seed=2),
    Case(steps=60, cap=16, seed=3),
    Case(steps=150, cap=8, seed=4, scale=0.5),
    Case(steps=150, cap=16, seed=5),
    Case(steps=500, cap=16, seed=6, scale=0.25),
)
QUICK: Final = (Case(steps=60, cap=8, seed=2, scale=0.5), Case(steps=150, cap=8, seed=4, scale=0.25))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two DAGs at half the durations")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory(prefix="ostinato-bench-") as folder, running_stack(Path(folder)) as stack:
        cases = [_measure(stack, Path(folder), case) for case in (QUICK if quick else CASES)]
    medians = {way: round(statistics.median(case["ratios"][way] for case in cases), 3) for way in WAYS}
    figures = {
        "goal": "median ratio <= 1.05 learned, <= 1.10 unknown, and >= 20 % under levels",
        "median_ratio": medians,
        "learned_under_levels_pct": round(
            100 * (1 - statistics.median(case["makespan_s"]["learned"] / case["makespan_s"]["levels"] for case in cases)), 1
        ),
        "cases": cases,
    }  # fmt: skip
    keep("makespan_quick" if quick else "makespan", figures)


def _measure(stack: Stack, folder: Path, case: Case) -> dict[str, Any]:
    nodes = make_dag(case)
    bound = lower_bound_s(nodes, case.cap)
    repository = make_repository(folder / case.name)
    makespans = {way: _run(stack, repository, case, nodes, way) for way in WAYS}
    idle = _run(stack, repository, case, nodes, "no-op")
    return {
        "case": case.name,
        "scale": case.scale,
        "work_s": round(sum(node.seconds for node in nodes), 1),
        "bound_s": round(bound, 2),
        "bound_is": "critical path" if bound > sum(node.seconds for node in nodes) / case.cap else "work / cap",
        "makespan_s": {way: round(seconds, 2) for way, seconds in makespans.items()},
        "ratios": {way: round(seconds / bound, 3) for way, seconds in makespans.items()},
        "no_op": {"makespan_s": round(idle, 2), "steps_a_second": round(case.steps / idle, 1)},
    }


def make_dag(case: Case) -> list[Node]:
    """Each step needs up to three of those before it, near ones; every fifth or so begins a branch of its own.

    Some graphs come out bound by their critical path, some by the work that there is.
    """
    chance = random.Random(case.seed)
    nodes: list[Node] = []
    for number in range(case.steps):
        near = nodes[-10 * case.cap :]
        wanted = 0 if number < case.cap or chance.random() < 0.2 else chance.choice((1, 1, 2, 3))
        needs = chance.sample(near, min(wanted, len(near)))
        seconds = min(LONGEST_S, chance.lognormvariate(0.0, SIGMA) * MEDIAN_S) * case.scale
        nodes.append(
            Node(
                id=f"n{number:03}",
                seconds=round(seconds, 3),
                needs=tuple(sorted(node.id for node in needs)),
                level=1 + max((node.level for node in needs), default=-1),
            )
        )
    return nodes


def lower_bound_s(nodes: Sequence[Node], cap: int) -> float:
    ends: dict[str, float] = {}
    for node in nodes:
        ends[node.id] = node.seconds + max((ends[name] for name in node.needs), default=0.0)
    return max(max(ends.values()), sum(node.seconds for node in nodes) / cap)


def _run(stack: Stack, repository: Path, case: Case, nodes: Sequence[Node], way: str) -> float:
    file = repository.parent / f"{case.name}-{way}.json"
    steps = [_spec(node, nodes, way) for node in nodes]
    content = {"id": "dag", "version": 1, "max_parallel": case.cap, "steps": steps, "gates": {"post": []}}
    file.write_text(json.dumps(content))
    run_id = stack.start("a generated graph", repository, "--definition", str(file), "--trust")
    report = wait_for_result(stack, run_id, 900)
    check_completed(report)
    _check_order(report, nodes)
    return executing_s(report)


def _spec(node: Node, nodes: Sequence[Node], way: str) -> dict[str, Any]:
    needs = [other.id for other in nodes if other.level == node.level - 1] if way == "levels" else list(node.needs)
    command = "true" if way == "no-op" else f"sleep {node.seconds}"
    spec = {"id": node.id, "run": command, "writes": [], "depends_on": needs}
    return spec if way in ("unknown", "no-op") else {**spec, "expected": node.seconds}


def _check_order(report: dict[str, Any], nodes: Sequence[Node]) -> None:
    """The work was done: every step ran, after what it needs."""
    steps = {step["id"]: step for step in report["steps"]}
    for node in nodes:
        early = [name for name in node.needs if steps[name]["ended_at"] > steps[node.id]["started_at"]]
        if early or steps[node.id]["state"] != "succeeded":
            raise AssertionError(f"{node.id} is {steps[node.id]['state']} and began before the end of {early}")


if __name__ == "__main__":
    main()
