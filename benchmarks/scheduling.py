"""How long does pure code take to schedule a plan of 10,000 steps to its end?

Method: generated DAGs (the generator of makespan.py), with claims on some steps and without any; `Schedule` of the domain is
asked for the next step until nothing may start, the running step with the earliest nominal end is settled, and so on to the
end. The time is for making the schedule and for all of its events, in one process, without Temporal. It is checked that no
step began before those it needs, that the cap held, and that every step ended. The nominal makespan stands beside its bound.

Command: python -m benchmarks.scheduling
"""

import heapq
import time
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any, Final

from benchmarks.keeping import keep, spread
from benchmarks.makespan import Case, Node, lower_bound_s, make_dag
from ostinato.domain.execution import StepState
from ostinato.domain.ids import StepId
from ostinato.domain.plan import CommandAction, Plan, Step
from ostinato.domain.schedule import Schedule

SIZES: Final = (1_000, 2_000, 10_000)
CAP: Final = 16
REPEATS: Final = 5


def main() -> None:
    measured = {f"{size}_steps{'_with_claims' if claims else ''}": _measure(size, claims=claims) for size in SIZES for claims in (False, True)}  # fmt: skip
    keep("scheduling", {"goal": "10,000 steps in under 1 s", "by_plan": measured})


def _measure(size: int, *, claims: bool) -> dict[str, Any]:
    case = Case(steps=size, cap=CAP, seed=size)
    nodes = make_dag(case)
    plan = _plan(nodes, claims=claims)
    runs = [_schedule(plan, nodes) for _ in range(REPEATS)]
    bound = lower_bound_s(nodes, CAP)
    return {
        "seconds": spread([seconds for seconds, _ in runs]),
        "microseconds_a_step": round(min(seconds for seconds, _ in runs) / size * 1e6, 1),
        "nominal_makespan_over_bound": round(runs[0][1] / bound, 3),
    }


def _plan(nodes: Sequence[Node], *, claims: bool) -> Plan:
    """With claims, every fourth step writes in one of 64 folders, so that some must wait for each other."""
    steps = tuple(
        Step(
            id=StepId(node.id),
            name=node.id,
            action=CommandAction(shell="true"),
            depends_on=tuple(StepId(name) for name in node.needs),
            writes=(str(PurePosixPath(f"part{number // 4 % 64}") / "**"),) if claims and number % 4 == 0 else (),
            expected_s=node.seconds,
        )
        for number, node in enumerate(nodes)
    )
    return Plan(id="generated", max_parallel=CAP, steps=steps)


def _schedule(plan: Plan, nodes: Sequence[Node]) -> tuple[float, float]:
    """Seconds of real time, and the nominal makespan."""
    seconds = {node.id: node.seconds for node in nodes}
    running: list[tuple[float, StepId]] = []
    starts: dict[str, float] = {}
    ends: dict[str, float] = {}
    now = 0.0
    began = time.perf_counter()
    schedule = Schedule.of(plan)
    while not schedule.is_over:
        while (step := schedule.next_start(CAP)) is not None:
            starts[step.id] = now
            heapq.heappush(running, (now + seconds[step.id], step.id))
        now, ended = heapq.heappop(running)
        ends[ended] = now
        schedule.settle(ended, StepState.SUCCEEDED)
    taken = time.perf_counter() - began
    _check(nodes, starts, ends)
    return taken, now


def _check(nodes: Sequence[Node], starts: dict[str, float], ends: dict[str, float]) -> None:
    if len(ends) != len(nodes):
        raise AssertionError(f"{len(ends)} of {len(nodes)} steps ended")
    for node in nodes:
        if any(ends[name] > starts[node.id] for name in node.needs):
            raise AssertionError(f"{node.id} began before the end of what it needs")
    marks = sorted([(at, 1) for at in starts.values()] + [(at, -1) for at in ends.values()])
    working = 0
    for _, change in marks:
        working += change
        if working > CAP:
            raise AssertionError(f"{working} steps ran at once")


if __name__ == "__main__":
    main()
