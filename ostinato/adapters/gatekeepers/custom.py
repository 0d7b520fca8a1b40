"""Gates by a command of their own."""

import time
from dataclasses import replace

from ostinato.adapters.gatekeepers.context import GateContext
from ostinato.adapters.tools.context import last_line, require_time, require_trust, run_project, scratch_folder
from ostinato.domain.custom_gates import CustomGate
from ostinato.domain.gates import Finding, Level, Observation


async def observe_custom(gate: CustomGate, context: GateContext) -> Observation:
    """Raises ToolError when it cannot run or takes too long. Runs in a checkout that nobody else needs."""
    started = time.monotonic()
    tools = replace(context.for_tools(), timeout_s=min(gate.timeout_s, context.timeout_s))
    require_trust(tools, f"the gate {gate.name}")
    with scratch_folder() as scratch:
        end = await run_project(tools, gate.argv, scratch=scratch)
    require_time(end, f"the gate {gate.name}", tools.timeout_s)
    failed = Finding(
        tool=gate.name,
        rule="failed",
        path="",
        message=f"`{gate.line}` did not succeed",
        detail=context.redactor.text(f"exit {end.exit_code}: {last_line(end.tail)}"),
        level=Level.ERROR,
    )
    return Observation(
        gate=gate.name,
        commit=context.commit,
        ran=True,
        command=gate.line,
        findings=() if end.ok else (failed,),
        findings_count=0 if end.ok else 1,
        evidence=end.output_ref,
        duration_s=round(time.monotonic() - started, 3),
    )
