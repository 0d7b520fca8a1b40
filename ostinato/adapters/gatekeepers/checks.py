"""The gates that read: lint, types, security."""

from collections.abc import Sequence

from ostinato.adapters.gatekeepers.context import GateContext
from ostinato.adapters.tools.context import keep, tracked_files
from ostinato.adapters.tools.linting import lint_findings
from ostinato.adapters.tools.security import security_findings
from ostinato.adapters.tools.typing_check import type_findings
from ostinato.domain.gates import NOTHING_TO_CHECK, Finding, Observation
from ostinato.domain.plan import GateName


async def observe_lint(context: GateContext) -> Observation:
    if not await _python_files(context):
        return _nothing(GateName.LINT, context)
    findings, notes, command = await lint_findings(context.for_tools())
    return await _seen(GateName.LINT, context, findings, command, notes)


async def observe_types(context: GateContext) -> Observation:
    if not await _python_files(context):
        return _nothing(GateName.TYPES, context)
    findings, notes, command = await type_findings(context.for_tools())
    return await _seen(GateName.TYPES, context, findings, command, notes)


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
    message = "there are no files" if gate is GateName.SECURITY else "there are no Python files"
    return Observation(gate=gate, commit=context.commit, ran=False, code=NOTHING_TO_CHECK, message=message)
