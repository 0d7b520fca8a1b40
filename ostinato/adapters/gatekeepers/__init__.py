"""Quality gates: what their tools see at one commit. Facts only; the verdict is the domain's."""

import time
from collections.abc import Awaitable, Callable, Mapping

from ostinato.adapters.gatekeepers.checks import observe_lint, observe_security, observe_types
from ostinato.adapters.gatekeepers.context import GateContext
from ostinato.adapters.gatekeepers.running import observe_test_run
from ostinato.adapters.tools import redacted
from ostinato.adapters.tools.context import ToolError
from ostinato.domain.execution import Failure, FailureKind
from ostinato.domain.gates import Observation
from ostinato.domain.plan import GateName

__all__ = ("GateContext", "observe")

_GATES: Mapping[GateName, Callable[[GateContext], Awaitable[Observation]]] = {
    GateName.TESTS: observe_test_run,
    GateName.LINT: observe_lint,
    GateName.TYPES: observe_types,
    GateName.SECURITY: observe_security,
}
_CODES: Mapping[FailureKind, str] = {
    FailureKind.NOT_TRUSTED: "not_trusted",
    FailureKind.ENVIRONMENT_MISSING: "environment_missing",
    FailureKind.TIMEOUT: "timed_out",
}


async def observe(gate: GateName, context: GateContext) -> Observation:
    """Carries every finding; a gate that could not run says why and what to do. Changes nothing, so it may be repeated."""
    started = time.monotonic()
    try:
        seen = await _GATES[gate](context)
    except ToolError as error:
        seen = _unable(gate, context, error.failure)
    findings = tuple(redacted(context.redactor, finding) for finding in seen.findings)
    took = {"findings": findings, "findings_count": len(findings), "duration_s": round(time.monotonic() - started, 3)}
    return seen.model_copy(update=took)


def _unable(gate: GateName, context: GateContext, failure: Failure) -> Observation:
    return Observation(
        gate=gate,
        commit=context.commit,
        ran=False,
        code=_CODES.get(failure.kind, "tool_failed"),
        message=context.redactor.text(failure.message),
        cure=failure.recommendation,
        evidence=context.artifacts.put_text(context.redactor.text(failure.details)) if failure.details else "",
    )
