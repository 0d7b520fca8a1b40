"""The test gate in any language: the project's own command, made to write its report; what failed is run once more alone."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ostinato.adapters.gatekeepers.context import GateContext
from ostinato.adapters.gatekeepers.installing import require_modules
from ostinato.adapters.processes import ProcessEnd
from ostinato.adapters.projects.reading import Reader, table
from ostinato.adapters.tools.context import (
    ToolContext,
    ToolError,
    is_plain_file,
    relative,
    require_time,
    require_trust,
    run_project,
    scratch_folder,
)
from ostinato.domain.execution import FailureKind
from ostinato.domain.gates import NOTHING_TO_CHECK, Finding, Level, Observation
from ostinato.domain.plan import GateName
from ostinato.domain.project import ROOT, Command
from ostinato.domain.test_reports import (
    Coverage,
    CoverageKind,
    Parsed,
    ReportKind,
    TestReport,
    Unreadable,
    combined,
    read_coverage,
    read_report,
)
from ostinato.domain.test_reports.flaky import choose_reruns, has_passed_alone, settle_flaky
from ostinato.domain.test_reports.model import LONGEST_REPORT, REPORT_UNREADABLE
from ostinato.domain.test_reports.runners import BY_EXIT, BY_WORDS, Variation, alone, vary

_INTO_FILE = 'out=$1; shift; exec "$@" >"$out"'
_ALL_INTO_FILE = f"{_INTO_FILE} 2>&1"
NOT_STARTED = (126, 127)
_MOST_REPORTS = 2_000
_MANAGERS = ("npm", "pnpm", "yarn", "bun")
_GUESSED = (ReportKind.PYTEST_TEXT, ReportKind.UNITTEST_TEXT, ReportKind.CARGO, ReportKind.GO, ReportKind.TAP)
_COVERAGE = (
    ("coverage/coverage-summary.json", CoverageKind.ISTANBUL),
    ("coverage/lcov.info", CoverageKind.LCOV),
    ("coverage/cobertura-coverage.xml", CoverageKind.COBERTURA),
    ("target/site/jacoco/jacoco.xml", CoverageKind.JACOCO),
    ("build/reports/jacoco/test/jacocoTestReport.xml", CoverageKind.JACOCO),
    ("coverage.xml", CoverageKind.COBERTURA),
    ("coverage.json", CoverageKind.COVERAGE_PY),
    ("coverage.out", CoverageKind.GO),
    ("cover.out", CoverageKind.GO),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ended:
    """One run of a command, and what its reports say."""

    end: ProcessEnd
    report: TestReport
    unreadable: tuple[Unreadable, ...]
    coverage: Coverage | None
    weak: str
    evidence: str


async def observe_test_command(context: GateContext, command: Command) -> Observation:
    """By its own report where the runner has one; runs the repository's code, so it needs trust."""
    tools = replace(context.for_tools(), tree=context.tree / command.folder)
    line = " ".join(command.argv)
    require_trust(tools, "running tests")
    script = script_of(tools.tree, command)
    with scratch_folder() as scratch:
        varied = vary(command.argv, script=script, folder=str(scratch))
        if needs_modules(command, varied.runner):
            await require_modules(context.for_tools(), tools.tree)
        first = await _run(tools, varied, scratch=scratch, line=line)
        if first.end.exit_code in NOT_STARTED and not first.report.collected:
            raise missing_command(line, first.end, "[commands] test")
        steady = await _passing_alone(tools, command, script, first)
    report = settle_flaky(first.report, steady)
    return _seen(context, line, replace(first, report=report), steady)


def needs_modules(command: Command, runner: str = "") -> bool:
    """Commands of JavaScript packages; node's own runner may do without any."""
    return command.language in ("JavaScript", "TypeScript") and runner != "node"


async def observe_test_commands(context: GateContext, commands: Sequence[Command]) -> Observation:
    """Of several packages, one after the other, as one observation; one that cannot run speaks for all."""
    seen = [(command, await observe_test_command(context, command)) for command in commands]
    if stopped := next((one for _, one in seen if not one.ran and one.code != NOTHING_TO_CHECK), None):
        return stopped
    ran = [(command, one) for command, one in seen if one.ran]
    if len(ran) <= 1:
        return ran[0][1] if ran else seen[0][1] if seen else _nothing(context, "no test command was found")
    metrics = {
        key: sum(one.metrics.get(key, 0) for _, one in ran) for key in ("collected", "passed", "failed", "skipped")
    }
    return ran[0][1].model_copy(
        update={
            "command": "; ".join(one.command for _, one in ran),
            "findings": tuple(_of_member(command, finding) for command, one in ran for finding in one.findings),
            "metrics": metrics if any("collected" in one.metrics for _, one in ran) else {},
            "flaky": tuple(name for _, one in ran for name in one.flaky),
            "weak": next((one.weak for _, one in ran if one.weak), ""),
            "evidence": context.artifacts.put_json([one.evidence for _, one in ran]),
        }
    )


def _of_member(command: Command, finding: Finding) -> Finding:
    start = "" if command.member == ROOT else f"{command.member}: "
    return finding.model_copy(update={"message": f"{start}{finding.message}"})


def script_of(folder: Path, command: Command) -> str:
    """What the package manager would run for this command; empty where it is no script."""
    argv = command.argv
    if argv[0] not in _MANAGERS or len(argv) != 3 or argv[1] not in ("run", "run-script"):
        return ""
    scripts = table(Reader(tree=folder).json("package.json"), "scripts")
    line = scripts.get(argv[2])
    return line if isinstance(line, str) else ""


def into_file(argv: Sequence[str], file: Path, *, with_errors: bool) -> tuple[str, ...]:
    """The same command with its output in a file, and its own exit code."""
    return ("/bin/sh", "-c", _ALL_INTO_FILE if with_errors else _INTO_FILE, "sh", str(file), *argv)


def missing_command(line: str, end: ProcessEnd, setting: str) -> ToolError:
    return ToolError(
        FailureKind.ENVIRONMENT_MISSING,
        f"`{line}` could not be started: a command was not found",
        details=end.tail,
        recommendation=f"Install what it names where the worker runs, or set {setting} in .ostinato/config.toml",
    )


async def _run(tools: ToolContext, varied: Variation, *, scratch: Path, line: str) -> _Ended:
    argv = varied.argv
    if varied.from_output:
        argv = into_file(argv, Path(varied.report), with_errors=varied.with_errors)
    if varied.report:
        Path(varied.report).unlink(missing_ok=True)
    started = time.time() - 1
    end = await run_project(tools, argv, scratch=scratch, extra=varied.env)
    require_time(end, f"`{line}`", tools.timeout_s)
    parsed = _reports(tools.tree, varied, since=started)
    readable = [report for report in parsed if isinstance(report, TestReport)]
    guessed = varied.kind is None and bool(readable)
    text = _text(Path(varied.report)) if varied.from_output else None
    evidence = tools.artifacts.put_text(tools.redactor.text(f"{text}\n{end.tail}")) if text else end.output_ref
    return _Ended(
        end=end,
        report=combined(varied.runner or "command", readable),
        unreadable=tuple(report for report in parsed if isinstance(report, Unreadable)),
        coverage=_coverage(tools.tree, since=started),
        weak=BY_WORDS if guessed else varied.weak,
        evidence=evidence,
    )


def _reports(tree: Path, varied: Variation, *, since: float) -> list[Parsed]:
    if varied.kind is None:
        return _guessed(Path(varied.report))
    if varied.report:
        return [_read(varied.kind, Path(varied.report), f"the report of {varied.runner}")]
    files = [file for pattern in varied.in_tree for file in _fresh(tree, pattern, since)][:_MOST_REPORTS]
    if not files:
        return [Unreadable(report=f"the report of {varied.runner}", reason="none was written")]
    return [_read(varied.kind, file, relative(tree, str(file))) for file in files]


def _fresh(tree: Path, pattern: str, since: float) -> Iterator[Path]:
    """Written by this run: what lay there before, committed perhaps, proves nothing."""
    for file in sorted(tree.glob(pattern)):
        if is_plain_file(file) and file.stat().st_mtime >= since:
            yield file


def _read(kind: ReportKind, file: Path, name: str) -> Parsed:
    text = _text(file)
    if text is None:
        return Unreadable(report=name, reason="none was written, or it is no plain file of a sane size")
    return read_report(kind, text, name)


def _text(file: Path) -> str | None:
    try:
        if not is_plain_file(file) or file.stat().st_size > LONGEST_REPORT:
            return None
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


def _guessed(file: Path) -> list[Parsed]:
    """Of a command that starts we know not what: whatever its words look like."""
    text = _text(file) or ""
    readable = (read for kind in _GUESSED if isinstance(read := read_report(kind, text), TestReport))
    return [report] if (report := next(readable, None)) else []


def _coverage(tree: Path, *, since: float) -> Coverage | None:
    for name, kind in _COVERAGE:
        for file in _fresh(tree, name, since):
            measured = read_coverage(kind, _text(file) or "", name)
            if isinstance(measured, Coverage):
                return measured
    return None


async def _passing_alone(tools: ToolContext, command: Command, script: str, first: _Ended) -> tuple[str, ...]:
    """Names of the failing tests that pass when each is run once more by itself."""
    passed = []
    for case in () if first.unreadable else choose_reruns(first.report):
        with scratch_folder() as scratch:
            varied = alone(command.argv, case, script=script, folder=str(scratch))
            if varied is None:
                continue
            again = await _run(tools, varied, scratch=scratch, line=" ".join(varied.argv))
        if not again.unreadable and again.end.ok and has_passed_alone(case, again.report):
            passed.append(case.name)
    return tuple(passed)


def _seen(context: GateContext, line: str, ended: _Ended, flaky: tuple[str, ...]) -> Observation:
    report, end = ended.report, ended.end
    findings = [_finding(context, report.tool, case.path, case.line, case.name, case.reason) for case in report.bad]
    findings += [one.finding for one in ended.unreadable]
    counted = ended.weak != BY_EXIT and bool(report.collected)
    if ended.unreadable and not counted:
        return _unread(context, line, ended, findings)
    if not end.ok and not findings and not flaky and (counted or ended.weak == BY_EXIT):
        message = f"`{line}` did not succeed" + (", though no test failed" if counted else "")
        findings.append(_finding(context, report.tool, "", 0, message, _ending(end)))
    if not counted and ended.weak != BY_EXIT and not findings:
        return _nothing(context, "no tests were found")
    metrics = report.metrics if counted else {}
    if ended.coverage:
        metrics = {**metrics, "coverage_pct": ended.coverage.percent}
    return Observation(
        gate=GateName.TESTS,
        commit=context.commit,
        ran=True,
        command=line,
        findings=tuple(findings),
        metrics=metrics,
        proof="run in the checkout by the project's own command; what it imported is not known",
        flaky=flaky,
        weak=ended.weak,
        evidence=ended.evidence,
    )


def _finding(context: GateContext, tool: str, path: str, line: int, name: str, reason: str) -> Finding:
    tree = str(context.tree.resolve())
    return Finding(
        tool=tool,
        rule="failed",
        path=relative(context.tree, path) if path else "",
        line=line,
        message=name.replace(tree + "/", ""),
        detail=context.redactor.text(reason.replace(tree + "/", "")),
        level=Level.ERROR,
    )


def _ending(end: ProcessEnd) -> str:
    return f"exit {end.exit_code}" if end.exit_code is not None else f"ended by signal {end.signal}"


def _unread(context: GateContext, line: str, ended: _Ended, findings: Sequence[Finding]) -> Observation:
    why = ended.unreadable[0]
    return Observation(
        gate=GateName.TESTS,
        commit=context.commit,
        ran=False,
        code=REPORT_UNREADABLE,
        message=f"`{line}` {_ending(ended.end)}: {why.report} {why.reason}",
        cure="Run the project's tests by hand in the worktree, or set [commands] test in .ostinato/config.toml",
        command=line,
        findings=tuple(findings),
        evidence=ended.evidence,
    )


def _nothing(context: GateContext, message: str) -> Observation:
    return Observation(gate=GateName.TESTS, commit=context.commit, ran=False, code=NOTHING_TO_CHECK, message=message)
