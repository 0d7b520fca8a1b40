"""The built-in deterministic tools: `run_tool` runs one by name."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from ostinato.adapters.tools.complexity import map_complexity
from ostinato.adapters.tools.context import ToolContext, ToolError, ToolReport
from ostinato.adapters.tools.deadcode import find_dead_code
from ostinato.adapters.tools.dependencies import check_dependencies
from ostinato.adapters.tools.deployment import check_deployment
from ostinato.adapters.tools.documentation import check_documentation
from ostinato.adapters.tools.formatting import format_code
from ostinato.adapters.tools.generation import generate_tests
from ostinato.adapters.tools.imports_profile import profile_imports
from ostinato.adapters.tools.interface import check_interface
from ostinato.adapters.tools.linting import check_lint, fix_lint, modernise
from ostinato.adapters.tools.project_map import map_project
from ostinato.adapters.tools.security import scan_security
from ostinato.adapters.tools.testing import run_tests
from ostinato.adapters.tools.typing_check import check_types
from ostinato.domain.errors import UserError
from ostinato.domain.execution import Failure, FailureKind
from ostinato.domain.gates import Finding
from ostinato.domain.redaction import Redactor
from ostinato.domain.tools import tool_problems

__all__ = ("TOOL_NAMES", "ToolContext", "ToolReport", "run_tool")

_TOOLS: Mapping[str, Callable[[ToolContext], Awaitable[ToolReport]]] = {
    "lint.fix": fix_lint,
    "lint.check": check_lint,
    "format": format_code,
    "modernise": modernise,
    "types.check": check_types,
    "tests.run": run_tests,
    "tests.generate": generate_tests,
    "security.scan": scan_security,
    "deadcode.find": find_dead_code,
    "complexity.map": map_complexity,
    "project.map": map_project,
    "deps.check": check_dependencies,
    "docs.check": check_documentation,
    "profile.imports": profile_imports,
    "ui.check": check_interface,
    "deploy.check": check_deployment,
}
TOOL_NAMES = tuple(_TOOLS)


async def run_tool(name: str, context: ToolContext) -> ToolReport:
    """What the tool found or did, or its failure as a value; an unknown tool or argument is the caller's error."""
    if problems := tool_problems(name, context.args):
        raise UserError(problems)
    try:
        report = await _TOOLS[name](context)
    except ToolError as error:
        return ToolReport(tool=name, ok=False, summary=error.failure.message, failure=_clean(context, error.failure))
    except (ValueError, TypeError, KeyError) as error:
        failure = Failure(kind=FailureKind.TOOL, message=f"{name} could not understand what it was given: {error!r}")
        return ToolReport(tool=name, ok=False, summary=failure.message, failure=_clean(context, failure))
    return replace(report, findings=tuple(redacted(context.redactor, finding) for finding in report.findings))


def redacted(redactor: Redactor, finding: Finding) -> Finding:
    words = {"message": redactor.text(finding.message), "detail": redactor.text(finding.detail)}
    return finding.model_copy(update=words)


def _clean(context: ToolContext, failure: Failure) -> Failure:
    words = {"message": context.redactor.text(failure.message), "details": context.redactor.text(failure.details)}
    return failure.model_copy(update=words)
