"""tests.generate: property tests by Hypothesis's ghostwriter; what fails, wavers or covers nothing new is dropped."""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ostinato.adapters.projects.layout import is_test_code
from ostinato.adapters.tools.context import (
    ToolContext,
    ToolError,
    ToolReport,
    counted,
    keep,
    last_line,
    require_environment,
    require_time,
    require_trust,
    run_ours,
    run_project,
    scratch_folder,
)
from ostinato.adapters.tools.purity import body_lines, pure_functions
from ostinato.adapters.tools.source_code import SourceFile, read_sources
from ostinato.adapters.tools.testing import Covered, TestRun, observe_tests
from ostinato.domain.gates import Finding, Level

SEEDS = (1, 20_000, 987_654)
_FUZZ, _FUZZ_TEST = "fuzz:", "test_fuzz_"
_LIMIT, _BELOW_PCT = 5, 90.0
_NO_COVER = Covered(percent=0.0, lines=frozenset())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Verdict:
    module: str
    path: str
    """Of the generated file; empty when it was dropped."""
    reason: str
    counterexamples: tuple[Finding, ...] = ()


_AT_ONCE = max(1, min(4, os.cpu_count() or 1))
"""Modules worked on side by side; each has a file of its own."""


async def generate_tests(context: ToolContext) -> ToolReport:
    require_trust(context, "generating tests")
    require_environment(context)
    base = await _baseline(context)
    sources = _candidates(context, await read_sources(context), base)
    places = asyncio.Semaphore(_AT_ONCE)

    async def attempt(source: SourceFile) -> _Verdict:
        async with places:
            context.progress(f"writing tests for {source.module}")
            return await _try_module(context, source, base)

    verdicts = await asyncio.gather(*map(attempt, sources))
    kept = [verdict for verdict in verdicts if verdict.path]
    notes = tuple(f"{'kept' if v.path else 'dropped'} {v.module}: {v.reason}" for v in verdicts)
    findings = tuple(finding for verdict in verdicts for finding in verdict.counterexamples)
    return ToolReport(
        tool="tests.generate",
        ok=True,
        summary=f"{counted(len(kept), 'test file')} kept, {len(verdicts) - len(kept)} dropped"
        if verdicts
        else "no module is left whose functions could be tested so",
        findings=findings,
        changed=bool(kept),
        metrics={"kept": len(kept), "dropped": len(verdicts) - len(kept), "counterexamples": len(findings)},
        evidence=keep(context, {"verdicts": notes, "kept": [verdict.path for verdict in kept]}),
        notes=notes,
    )


async def _baseline(context: ToolContext) -> TestRun | None:
    """What the tests cover today; None where there are none, or they cannot run."""
    if not context.project.test_files:
        return None
    choice = context.project.tests
    paths = () if choice is None or choice.tool in ("pytest", "unittest") else context.project.test_paths or (".",)
    try:
        return await observe_tests(context, paths=paths)
    except ToolError:
        return None


def _covered(run: TestRun | None, path: str) -> Covered:
    return run.covered.get(path, _NO_COVER) if run else _NO_COVER


def _candidates(context: ToolContext, sources: Sequence[SourceFile], base: TestRun | None) -> list[SourceFile]:
    """Least covered first."""
    named = context.args.get("modules") or ()
    wanted = (named,) if isinstance(named, str) else tuple(named)
    below = float(context.args.get("below_pct", _BELOW_PCT))
    found = [
        source
        for source in sources
        if source.tree is not None
        and source.module.partition(".")[0] in context.project.packages
        and not is_test_code(source.path)
        and not source.module.endswith("__main__")
        and pure_functions(source.tree)
        and (source.module in wanted if wanted else _covered(base, source.path).percent < below)
        and not (context.tree / _target(context, source)).exists()
    ]
    found.sort(key=lambda source: (_covered(base, source.path).percent, source.path))
    return found[: int(context.args.get("limit", _LIMIT))]


def _target(context: ToolContext, source: SourceFile) -> str:
    folders = [path for path in context.project.test_paths if (context.tree / path).is_dir() and path != "."]
    return f"{folders[0] if folders else 'tests'}/test_generated_{source.module.replace('.', '_')}.py"


async def _try_module(context: ToolContext, source: SourceFile, base: TestRun | None) -> _Verdict:
    """The file stays in the tree only when every check was passed."""
    target = context.tree / _target(context, source)
    fresh = not target.parent.exists()
    verdict = None
    try:
        verdict = await _judge_module(context, source, base, target)
        return verdict
    finally:
        if verdict is None or not verdict.path:
            target.unlink(missing_ok=True)
            if fresh and target.parent.is_dir() and not any(target.parent.iterdir()):
                target.parent.rmdir()


async def _judge_module(context: ToolContext, source: SourceFile, base: TestRun | None, target: Path) -> _Verdict:
    assert source.tree is not None
    dropped = _Verdict(module=source.module, path="", reason="")
    functions = pure_functions(source.tree)
    counterexamples: list[Finding] = []
    run = None
    while functions:
        problem = await _write(context, source.module, target, functions)
        if problem:
            return replace(dropped, reason=problem, counterexamples=tuple(counterexamples))
        run = await _run(context, target, SEEDS[0], cover=True)
        if not run.findings:
            break
        counterexamples += [
            _counterexample(source, f) for f in run.findings if f.message.rpartition("::")[2].startswith(_FUZZ_TEST)
        ]
        functions = _left(functions, run.findings)
    dropped = replace(dropped, counterexamples=tuple(counterexamples))
    if not functions or run is None or not run.metrics["passed"]:
        return replace(dropped, reason="no generated test passes")
    before, after = _covered(base, source.path), _covered(run, source.path)
    gained = (after.lines - before.lines) & body_lines(source.tree)
    if not gained:
        return replace(dropped, reason="the tests cover nothing that was not covered before")
    for seed in SEEDS[1:]:
        if (await _run(context, target, seed, cover=False)).findings:
            return replace(dropped, reason="the tests do not pass with every seed")
    path = target.relative_to(context.tree).as_posix()
    return replace(dropped, path=path, reason=f"{counted(len(gained), 'more line')} covered, stable over 3 seeds")


async def _write(context: ToolContext, module: str, target: Path, functions: Sequence[str]) -> str:
    """Empty when the file was written, else why not."""
    with scratch_folder() as scratch:
        draft = scratch / target.name
        argv = (context.environment.python, "-m", "ostinato_ghostwriter", module, str(draft), *functions)
        end = await run_project(context, argv, scratch=scratch)
        require_time(end, f"writing tests for {module}", context.timeout_s)
        text = draft.read_text(encoding="utf-8") if end.ok and draft.is_file() else ""
        if not text:
            return f"nothing could be written: {last_line(end.tail)}"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        name = target.relative_to(context.tree).as_posix()
        isolated = ("--isolated", "--no-cache", "--quiet")
        flags = ("--fix", "--exit-zero", "--select", "F401,I")
        await run_ours(context, "ruff", "check", *isolated, *flags, name, scratch=scratch)
        await run_ours(context, "ruff", "format", *isolated, name, scratch=scratch)
    return ""


async def _run(context: ToolContext, target: Path, seed: int, *, cover: bool) -> TestRun:
    path = target.relative_to(context.tree).as_posix()
    return await observe_tests(context, paths=(path,), arguments=(f"--hypothesis-seed={seed}",), cover=cover)


def _left(functions: Sequence[str], failed: Sequence[Finding]) -> tuple[str, ...]:
    """A property that was only guessed gives way to the mere absence of errors; a function that fails that is left out."""
    names = [finding.message.rpartition("::")[2] for finding in failed]
    left = []
    for function in functions:
        about = [name for name in names if f"_{function.removeprefix(_FUZZ)}" in name]
        if not about:
            left.append(function)
        elif not function.startswith(_FUZZ) and not any(name.startswith(_FUZZ_TEST) for name in about):
            left.append(_FUZZ + function)
    return tuple(left) if left != list(functions) else ()


def _counterexample(source: SourceFile, finding: Finding) -> Finding:
    name = finding.message.rpartition("::")[2].removeprefix(_FUZZ_TEST)
    return Finding(
        tool="hypothesis",
        rule="counterexample",
        path=source.path,
        message=f"{name} fails for some of the values that its signature allows",
        detail=finding.detail,
        level=Level.INFO,
    )
