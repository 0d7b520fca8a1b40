"""Run a project's tests: outcome of each, coverage, and proof of whose code ran."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ostinato.adapters.processes import ProcessEnd
from ostinato.adapters.tools.context import (
    ToolContext,
    ToolError,
    ToolReport,
    counted,
    last_line,
    relative,
    require_environment,
    require_time,
    require_trust,
    run_project,
    scratch_folder,
)
from ostinato.domain.execution import Failure, FailureKind
from ostinato.domain.gates import Finding, Level
from ostinato.domain.project import ToolChoice

_PYTEST = ToolChoice(tool="pytest", argv=("python", "-m", "pytest"), source="ostinato's fallback", own=False)
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]+\b")
_DURATION = re.compile(r"\b\d+(?:\.\d+)?\s?(?:ms|s|seconds)\b")
_NO_TESTS, _USAGE_ERRORS = 5, (3, 4)
_COVERAGE_CONFIG = """[run]
data_file = {data}
source = {sources}
[report]
ignore_errors = True
omit =
    */tests/*
    */test/*
    */test_*.py
    */*_test.py
    */conftest.py
include =
{include}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    percent: float
    lines: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class TestRun:
    __test__ = False

    command: str
    findings: tuple[Finding, ...]
    metrics: dict[str, float]
    proof: str
    foreign: tuple[str, ...]
    """First-party modules that came from elsewhere than the tree."""
    evidence: str
    counts: bool
    """False where only an exit code is known."""
    covered: dict[str, Covered]
    """Path → what ran of it."""


async def run_tests(context: ToolContext) -> ToolReport:
    run = await observe_tests(context)
    failed = len(run.findings)
    allowed = context.args.get("allow_failures") is True
    failure = None
    if failed and not allowed:
        failure = Failure(
            kind=FailureKind.EXIT_STATUS,
            message=f"{counted(failed, 'test')} failed" if run.counts else run.findings[0].message,
            details="\n".join(str(finding) for finding in run.findings[:20]),
            recommendation="Correct the code or the tests; `ostinato logs` has the output",
        )
    return ToolReport(
        tool="tests.run",
        ok=failure is None,
        summary=_summary(run),
        findings=run.findings,
        changed=False,
        metrics=run.metrics,
        evidence=run.evidence,
        failure=failure,
        notes=tuple(f"{name} was imported from elsewhere than the checkout" for name in run.foreign),
    )


async def observe_tests(
    context: ToolContext, *, paths: Sequence[str] = (), arguments: Sequence[str] = (), cover: bool = True
) -> TestRun:
    """By the project's runner; `paths` and `arguments` are pytest's, which then runs whatever the project chose."""
    require_trust(context, "running tests")
    choice = context.project.tests or _PYTEST
    if paths or arguments:
        choice = _PYTEST
    if choice.tool not in ("pytest", "unittest"):
        return await _by_command(context, choice)
    require_environment(context)
    with scratch_folder() as scratch:
        if choice.tool == "unittest":
            start = context.project.test_paths or (".",)
            return await _witnessed(context, scratch, ("ostinato_unittest", *start), cover=cover, command=choice)
        flags = (
            "pytest", "-p", "no:pytest_cov", "-p", "ostinato_pytest", "--maxfail=0", "--continue-on-collection-errors", "-o", f"cache_dir={scratch / 'cache'}",
            f"--basetemp={scratch / 'tmp'}", "-q", *arguments, *paths,
        )  # fmt: skip
        return await _witnessed(context, scratch, flags, cover=cover, command=choice)


async def _by_command(context: ToolContext, choice: ToolChoice) -> TestRun:
    line = " ".join(choice.argv)
    with scratch_folder() as scratch:
        end = await run_project(context, choice.argv, scratch=scratch)
    require_time(end, line, context.timeout_s)
    message = f"`{line}` did not succeed"
    failed = Finding(
        tool=choice.tool, rule="failed", path="", message=message, detail=f"exit {end.exit_code}", level=Level.ERROR
    )
    return TestRun(
        command=line,
        findings=() if end.ok else (failed,),
        metrics={},
        proof="run in the checkout by the project's own command; what it imported is not known",
        foreign=(),
        evidence=end.output_ref,
        counts=False,
        covered={},
    )


async def _witnessed(
    context: ToolContext, scratch: Path, module: Sequence[str], *, cover: bool, command: ToolChoice
) -> TestRun:
    witness = scratch / "witness.json"
    config = scratch / "coveragerc"
    config.write_text(_coverage_config(context, scratch), encoding="utf-8")
    measured = ("-m", "coverage", "run", f"--rcfile={config}", "-m") if cover else ("-m",)
    end = await run_project(
        context,
        (context.environment.python, *measured, *module),
        scratch=scratch,
        extra={"OSTINATO_WITNESS": str(witness), "OSTINATO_PACKAGES": ",".join(context.project.packages)},
    )
    require_time(end, "the tests", context.timeout_s)
    said = _read_witness(context, witness, end)
    covered, percent = await _coverage(context, scratch, config) if cover else ({}, None)
    findings = tuple(
        _finding(context, command.tool, scratch, name, test)
        for name, test in said["tests"].items()
        if test["outcome"] in ("failed", "error")
    )
    foreign, proof = _proof(context, said["modules"])
    return TestRun(
        command=" ".join(command.argv),
        findings=findings,
        metrics=_metrics(said["tests"], percent),
        proof=proof,
        foreign=foreign,
        evidence=end.output_ref,
        counts=True,
        covered=covered,
    )


def _read_witness(context: ToolContext, witness: Path, end: ProcessEnd) -> dict[str, Any]:
    try:
        said: dict[str, Any] = json.loads(witness.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        said = {}
    if not said or end.exit_code in _USAGE_ERRORS:
        raise ToolError(
            FailureKind.TOOL,
            f"the tests could not be run (exit {end.exit_code}): {last_line(end.tail)}",
            details=end.tail,
            recommendation="Run the project's tests by hand in the worktree, or set commands.test in .ostinato/config.toml",
        )
    for part in witness.parent.glob("witness.json.*"):
        said["modules"].update(json.loads(part.read_text(encoding="utf-8"))["modules"])
    return said


def _metrics(tests: dict[str, Any], percent: float | None) -> dict[str, float]:
    outcomes = Counter(test["outcome"] for test in tests.values())
    metrics: dict[str, float] = {
        "collected": len(tests),
        "passed": outcomes["passed"],
        "failed": outcomes["failed"] + outcomes["error"],
        "skipped": outcomes["skipped"],
    }
    return metrics if percent is None else {**metrics, "coverage_pct": round(percent, 2)}


def _finding(context: ToolContext, tool: str, scratch: Path, name: str, test: dict[str, Any]) -> Finding:
    reason = next(iter(str(test["reason"]).strip().splitlines()), "")
    for place in (str(scratch), str(context.tree.resolve()) + "/", str(context.tree) + "/"):
        reason = reason.replace(place, "")
    reason = _DURATION.sub("…", _ADDRESS.sub("0x…", reason))[:300]
    return Finding(
        tool=tool,
        rule="failed" if test["outcome"] == "failed" else "error",
        path=relative(context.tree, test["path"]) if test["path"] else "",
        line=test["line"],
        message=name,
        detail=context.redactor.text(reason),
        level=Level.ERROR,
    )


def _proof(context: ToolContext, modules: dict[str, str]) -> tuple[tuple[str, ...], str]:
    """(modules from elsewhere, words that say what is known)."""
    tree = context.tree.resolve()
    inside = [name for name, place in modules.items() if Path(place).is_relative_to(tree)]
    foreign = tuple(f"{name} ({place})" for name, place in modules.items() if name not in inside)
    packages = sorted({name.partition(".")[0] for name in inside})
    named = ", ".join(f"`{name}`" for name in packages)
    proof = f"{counted(len(inside), 'module')} of {named} imported from the checkout" if inside else ""
    return foreign, proof


def _coverage_config(context: ToolContext, scratch: Path) -> str:
    roots = [(context.tree / root).resolve() for root in context.project.source_roots or (".",)]
    include = [
        f"    {place}"
        for root in roots
        for name in context.project.packages
        for place in (root / name / "*", root / f"{name}.py")
    ]
    return _COVERAGE_CONFIG.format(
        data=scratch / "coverage.data",
        sources="\n    " + "\n    ".join(map(str, roots)),
        include="\n".join(include),
    )


async def _coverage(context: ToolContext, scratch: Path, config: Path) -> tuple[dict[str, Covered], float | None]:
    """Line coverage by file and in all; nothing where nothing was measured."""
    output = scratch / "coverage.json"
    argv = (context.environment.python, "-m", "coverage", "json", f"--rcfile={config}", "-q", "-o", str(output))
    await run_project(context, argv, scratch=scratch)
    try:
        measured = json.loads(output.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}, None
    files = measured["files"].items()
    covered = {
        relative(context.tree, path): Covered(
            percent=float(entry["summary"]["percent_covered"]), lines=frozenset(entry["executed_lines"])
        )
        for path, entry in files
    }
    return covered, float(measured["totals"]["percent_covered"])


def _summary(run: TestRun) -> str:
    if not run.counts:
        return f"`{run.command}` " + ("failed" if run.findings else "succeeded")
    if not run.metrics["collected"]:
        return "no tests found"
    parts = [f"{int(run.metrics['passed'])} passed"]
    parts += [f"{int(run.metrics[name])} {name}" for name in ("failed", "skipped") if run.metrics[name]]
    coverage = run.metrics.get("coverage_pct")
    return ", ".join(parts) + (f", coverage {coverage:.0f} %" if coverage is not None else "")
