"""The gates that read: lint, types, security."""

from collections.abc import Awaitable, Callable, Sequence

from ostinato.adapters.gatekeepers.context import GateContext
from ostinato.adapters.gatekeepers.lint_commands import command_findings, lint_commands
from ostinato.adapters.tools.context import ToolContext, keep, tracked_files
from ostinato.adapters.tools.linting import lint_findings
from ostinato.adapters.tools.security import security_findings
from ostinato.adapters.tools.typing_check import type_findings
from ostinato.domain.gates import NOTHING_TO_CHECK, Finding, Observation
from ostinato.domain.plan import GateName
from ostinato.domain.project import Purpose


async def observe_lint(context: GateContext) -> Observation:
    return await _observe(GateName.LINT, Purpose.LINT, context, lint_findings)


async def observe_types(context: GateContext) -> Observation:
    return await _observe(GateName.TYPES, Purpose.TYPES, context, type_findings)


_Python = Callable[[ToolContext], Awaitable[tuple[tuple[Finding, ...], tuple[str, ...], str]]]


async def _observe(gate: GateName, purpose: Purpose, context: GateContext, look: _Python) -> Observation:
    """Python by our tools or the project's, other languages by what the project has configured."""
    commands = lint_commands(context.project, purpose)
    has_python = bool(await _python_files(context))
    if not has_python and not commands:
        return _nothing(gate, context)
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    lines: list[str] = []
    if has_python:
        findings, notes, line = await look(context.for_tools())
        lines.append(line)
    for command in commands:
        line = " ".join(command.argv)
        if has_python and not context.trusted:
            notes = (*notes, f"`{line}` was not run: the repository is not trusted")
            continue
        findings = (*findings, *await command_findings(context, command))
        lines.append(line)
    return await _seen(gate, context, findings, "; ".join(lines), notes)


async def observe_security(context: GateContext) -> Observation:
    """Secrets are looked for in every file, so there is something to check in any language."""
    if not await tracked_files(context.for_tools()):
        return _nothing(GateName.SECURITY, context)
    findings = await security_findings(context.for_tools())
    return await _seen(GateName.SECURITY, context, findings, "bandit, detect-secrets", ())


async def _python_files(context: GateContext) -> int:
    return sum(1 for name in await tracked_files(context.for_tools()) if name.endswith(".py"))


async def _seen(
    gate: GateName, context: GateContext, findings: Sequence[Finding], command: str, notes: Sequence[str]
) -> Observation:
    return Observation(
        gate=gate,
        commit=context.commit,
        ran=True,
        command=command,
        message="; ".join(notes),
        findings=tuple(findings),
        metrics={"files": await _python_files(context)},
        evidence=keep(context.for_tools(), [finding.model_dump() for finding in findings]),
    )


def _nothing(gate: GateName, context: GateContext) -> Observation:
    message = (
        "there are no files"
        if gate is GateName.SECURITY
        else "there are no Python files, and no tool of another language is configured"
    )
    return Observation(gate=gate, commit=context.commit, ran=False, code=NOTHING_TO_CHECK, message=message)
