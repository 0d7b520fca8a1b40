"""Benchmarks and gates by a command, run for real in two checkouts."""

from pathlib import Path
from typing import Any

import pytest

from ostinato.adapters.gatekeepers import GateContext, observe_benchmark, observe_command
from ostinato.adapters.gatekeepers.custom import observe_custom
from ostinato.adapters.gatekeepers.performance import observe_performance
from ostinato.adapters.tools.context import ToolError
from ostinato.domain.custom_gates import CustomGate
from ostinato.domain.gates import Status
from ostinato.domain.performance import judge_performance
from tests.integration.toolkit import a_context, a_tree


def a_gate(folder: Path, files: dict[str, str], *, trusted: bool = True) -> GateContext:
    context = a_context(a_tree(folder / "tree", files), folder / "artifacts", trusted=trusted)
    fields: dict[str, Any] = {name: getattr(context, name) for name in context.__dataclass_fields__ if name != "args"}
    return GateContext(commit="c0ffee", **fields)


def benched(folder: Path, length: str, line: str = "sleep $(cat length)") -> GateContext:
    return a_gate(folder, {"length": length, ".ostinato/config.toml": f'[commands]\nbenchmark = "{line}"\n'})


async def test_a_slower_head_fails(tmp_path: Path) -> None:
    seen = await observe_performance(benched(tmp_path / "a", "0.1"), benched(tmp_path / "b", "0.6"))

    verdict = judge_performance(seen)

    assert [len(timing.before_s) for timing in seen.timings] == [3]
    assert (verdict.status, verdict.code) == (Status.FAIL, "performance_worse")


async def test_the_command_is_the_bases(tmp_path: Path) -> None:
    head = benched(tmp_path / "b", "0.6", line="true")

    seen = await observe_performance(benched(tmp_path / "a", "0.1"), head)

    assert judge_performance(seen).code == "performance_worse"


async def test_without_a_benchmark_nothing_is_run(tmp_path: Path) -> None:
    seen = await observe_performance(a_gate(tmp_path / "a", {"a": ""}), a_gate(tmp_path / "b", {"a": ""}))

    assert (seen.ran, seen.code) == (False, "nothing_to_check")


async def test_a_benchmark_that_fails_is_said(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="exit 3"):
        await observe_performance(benched(tmp_path / "a", "", "exit 3"), benched(tmp_path / "b", ""))


@pytest.mark.parametrize(("run", "count"), [("test -f a", 0), (("test", "-f", "b"), 1)])
async def test_a_command_of_its_own_is_a_gate(tmp_path: Path, run: str | tuple[str, ...], count: int) -> None:
    observation = await observe_custom(CustomGate(name="has-file", run=run), a_gate(tmp_path, {"a": ""}))

    assert (observation.gate, observation.ran, observation.findings_count) == ("has-file", True, count)


async def test_a_command_that_takes_too_long_could_not_judge(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="did not finish within"):
        await observe_custom(CustomGate(name="slow", run="sleep 30", timeout_s=0.5), a_gate(tmp_path, {"a": ""}))


async def test_a_repository_that_is_not_trusted_has_no_gates_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="not trusted"):
        await observe_custom(CustomGate(name="own", run="true"), a_gate(tmp_path, {"a": ""}, trusted=False))


async def test_what_could_not_run_is_a_value_with_its_reason(tmp_path: Path) -> None:
    untrusted = a_gate(tmp_path / "a", {".ostinato/config.toml": '[commands]\nbenchmark = "true"\n'}, trusted=False)

    command = await observe_command(CustomGate(name="own", run="true"), untrusted)
    benchmark = await observe_benchmark(untrusted, untrusted)

    assert (command.gate, command.ran, command.code) == ("own", False, "not_trusted")
    assert (benchmark.ran, benchmark.code) == (False, "not_trusted")
