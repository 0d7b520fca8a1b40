"""Quality gates: what their tools see at one commit. Facts only; the verdict is the domain's."""

import time
from collections.abc import Awaitable, Callable, Mapping

from ostinato.adapters.gatekeepers.checks import observe_lint, observe_security, observe_types
from ostinato.adapters.gatekeepers.context import GateContext
from ostinato.adapters.gatekeepers.custom import observe_custom
from ostinato.adapters.gatekeepers.performance import observe_performance
from ostinato.adapters.gatekeepers.running import observe_test_run
from ostinato.adapters.tools import redacted
from ostinato.adapters.tools.context import ToolError
from ostinato.domain.custom_gates import CustomGate
from ostinato.domain.execution import Failure, FailureKind
from ostinato.domain.gates import Observation
from ostinato.domain.performance import BenchmarkSeen
from ostinato.domain.plan import GateName

__all__ = ("GateContext", "observe", "observe_benchmark", "observe_command")

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


async def observe_command(gate: CustomGate, context: GateContext) -> Observation:
    """A gate of the definition or the configuration; one that could not run says why."""
    try:
        seen = await observe_custom(gate, context)
    except ToolError as error:
        seen = _unable(gate.name, context, error.failure)
    findings = tuple(redacted(context.redactor, finding) for finding in seen.findings)
    return seen.model_copy(update={"findings": findings})


async def observe_benchmark(base: GateContext, head: GateContext) -> BenchmarkSeen:
    """Both commits in turns; nothing else should run beside it."""
    try:
        return await observe_performance(base, head)
    except ToolError as error:
        seen = _unable("performance", head, error.failure)
        said = {name: getattr(seen, name) for name in ("code", "message", "cure", "evidence")}
        return BenchmarkSeen(ran=False, base_commit=base.commit, commit=head.commit, **said)


def _unable(gate: str, context: GateContext, failure: Failure) -> Observation:
    return Observation(
        gate=gate,
        commit=context.commit,
        ran=False,
        code=_CODES.get(failure.kind, "tool_failed"),
        message=context.redactor.text(failure.message),
        cure=failure.recommendation,
        evidence=context.artifacts.put_text(context.redactor.text(failure.details)) if failure.details else "",
    )
