"""The performance gate's measuring: the project's benchmark in the checkouts of base and head, in turns."""

import time
from pathlib import Path

from ostinato.adapters.gatekeepers.context import GateContext
from ostinato.adapters.projects.choices import command_stated
from ostinato.adapters.projects.reading import Reader, table
from ostinato.adapters.tools.context import (
    ToolContext,
    ToolError,
    in_environment,
    last_line,
    require_time,
    require_trust,
    run_project,
    scratch_folder,
)
from ostinato.domain.execution import FailureKind
from ostinato.domain.gates import NOTHING_TO_CHECK
from ostinato.domain.performance import ROUNDS, BenchmarkSeen, read_benchmarks, timings_of
from ostinato.domain.project import ToolChoice
from ostinato.domain.test_reports import Unreadable

_WHOLE = "the benchmark"
_NO_TESTS = 5
_PYTEST = ("-m", "pytest", "--benchmark-only", "-q", "-p", "no:cacheprovider")


def choose_benchmark(context: GateContext) -> ToolChoice | None:
    """As stated at the base commit, whose checkout this is; else pytest-benchmark, where the environment has it."""
    reader = Reader(tree=context.tree)
    commands = table(reader.toml(".ostinato/config.toml"), "commands")
    if stated := command_stated(reader, commands, "benchmark"):
        return stated
    if in_environment(context.for_tools(), "pytest_benchmark"):
        return ToolChoice(
            tool="pytest-benchmark",
            argv=("python", *_PYTEST),
            source="pytest-benchmark is in the environment",
            own=True,
        )
    return None


async def observe_performance(base: GateContext, head: GateContext, *, rounds: int = ROUNDS) -> BenchmarkSeen:
    """Both checkouts with the base's command, before and after in turns, so that a slow minute slows both. Changes nothing."""
    started = time.monotonic()
    choice = choose_benchmark(base)
    commits = {"base_commit": base.commit, "commit": head.commit}
    if choice is None:
        return BenchmarkSeen(ran=False, code=NOTHING_TO_CHECK, message="there is no benchmark", **commits)
    command = " ".join(choice.argv)
    require_trust(base.for_tools(), "running the benchmark")
    before: list[dict[str, float]] = []
    after: list[dict[str, float]] = []
    for number in range(rounds):
        head.progress(f"benchmark, round {number + 1} of {rounds}")
        before.append(await _measure(base.for_tools(), choice))
        after.append(await _measure(head.for_tools(), choice))
    timings = timings_of(before, after)
    return BenchmarkSeen(
        ran=bool(timings),
        code="" if timings else NOTHING_TO_CHECK,
        message="" if timings else "no benchmark is in both commits",
        command=command,
        timings=timings,
        evidence=head.artifacts.put_json({"before": before, "after": after}),
        duration_s=round(time.monotonic() - started, 3),
        **commits,
    )


async def _measure(context: ToolContext, choice: ToolChoice) -> dict[str, float]:
    """Name → seconds."""
    with scratch_folder() as scratch:
        report = scratch / "benchmark.json"
        with_report = choice.tool == "pytest-benchmark"
        argv = (
            (context.environment.python, *_PYTEST, f"--benchmark-json={report}", f"--basetemp={scratch / 'tmp'}")
            if with_report
            else choice.argv
        )
        end = await run_project(context, argv, scratch=scratch)
        require_time(end, "the benchmark", context.timeout_s)
        if with_report and end.exit_code == _NO_TESTS:
            return {}
        if not end.ok:
            raise ToolError(
                FailureKind.TOOL,
                f"the benchmark failed in {_place(context.tree)} (exit {end.exit_code}): {last_line(end.tail)}",
                details=end.tail,
                recommendation="Run it by hand in the worktree, or set [commands] benchmark in .ostinato/config.toml",
            )
        if not with_report:
            return {_WHOLE: end.duration_s}
        said = read_benchmarks(report.read_text(encoding="utf-8") if report.is_file() else "")
    if isinstance(said, Unreadable):
        raise ToolError(FailureKind.TOOL, f"{said.report} {said.reason}", details=end.tail)
    return said


def _place(tree: Path) -> str:
    return tree.name
