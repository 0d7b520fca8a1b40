"""A failing test of pytest or unittest, run once more alone."""

from dataclasses import replace

from ostinato.adapters.tools.context import ToolContext, ToolError, run_project, scratch_folder
from ostinato.adapters.tools.testing import TestRun, observe_tests
from ostinato.domain.gates import Finding
from ostinato.domain.test_reports import ReportKind, TestReport, read_report
from ostinato.domain.test_reports.flaky import MOST_RERUNS


async def forgive_flaky(context: ToolContext, run: TestRun) -> tuple[TestRun, tuple[str, ...]]:
    """(the run with tests that passed alone counted as passed, their names)."""
    if not run.counts or run.foreign or not 0 < len(run.findings) <= MOST_RERUNS:
        return run, ()
    flaky = [finding for finding in run.findings if await _passes(context, finding)]
    metrics = {
        **run.metrics,
        "passed": run.metrics["passed"] + len(flaky),
        "failed": run.metrics["failed"] - len(flaky),
    }
    left = tuple(finding for finding in run.findings if finding not in flaky)
    return replace(run, findings=left, metrics=metrics), tuple(finding.message for finding in flaky)


async def _passes(context: ToolContext, finding: Finding) -> bool:
    if finding.tool == "unittest":
        return await _passes_unittest(context, finding.message)
    try:
        again = await observe_tests(context, paths=(finding.message,), cover=False)
    except ToolError:
        return False
    return not again.findings and not again.foreign and again.metrics["passed"] == again.metrics["collected"] > 0


async def _passes_unittest(context: ToolContext, name: str) -> bool:
    roots = [str(context.tree / path) for path in (*context.project.test_paths, ".")]
    argv = (context.environment.python, "-m", "unittest", name)
    with scratch_folder() as scratch:
        end = await run_project(context, argv, scratch=scratch, extra={"PYTHONPATH": ":".join(roots)})
    said = read_report(ReportKind.UNITTEST_TEXT, context.artifacts.read_text(end.output_ref))
    return end.ok and isinstance(said, TestReport) and said.passed == said.collected > 0
