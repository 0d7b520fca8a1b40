"""profile.imports: which imports make the package slow to start."""

import re

from ostinato.adapters.tools.context import (
    ToolContext,
    ToolError,
    ToolReport,
    keep,
    last_line,
    require_environment,
    require_time,
    require_trust,
    run_project,
    scratch_folder,
)
from ostinato.domain.execution import FailureKind
from ostinato.domain.gates import Finding, Level

_ROW = re.compile(r"^import time:\s+(\d+) \|\s+(\d+) \|(\s*)(\S+)$", re.MULTILINE)
_THRESHOLD_MS = 50.0
_SHOWN = 50


async def profile_imports(context: ToolContext) -> ToolReport:
    require_trust(context, "importing the package")
    require_environment(context)
    if not context.project.packages:
        return ToolReport(tool="profile.imports", ok=True, summary="no package to import", changed=False)
    statement = "import " + ", ".join(context.project.packages)
    with scratch_folder() as scratch:
        end = await run_project(
            context, (context.environment.python, "-X", "importtime", "-c", statement), scratch=scratch
        )
    require_time(end, "the import", context.timeout_s)
    if not end.ok:
        raise ToolError(FailureKind.TOOL, f"`{statement}` failed: {last_line(end.tail)}", details=end.tail)
    rows = [
        (name, int(own) / 1000, int(total) / 1000)
        for own, total, _, name in _ROW.findall(context.artifacts.read_text(end.output_ref))
    ]
    slowest = sorted(rows, key=lambda row: -row[1])[:_SHOWN]
    threshold = float(context.args.get("threshold_ms", _THRESHOLD_MS))
    total = sum(total for name, _, total in rows if name in context.project.packages)
    findings = tuple(_finding(name, own, total) for name, own, total in slowest if own >= threshold)
    first = f", slowest {slowest[0][0]} ({slowest[0][1]:.0f} ms itself)" if slowest else ""
    return ToolReport(
        tool="profile.imports",
        ok=True,
        summary=f"{len(rows)} imports in {total:.0f} ms{first}",
        findings=findings,
        changed=False,
        metrics={"imports": len(rows), "total_ms": round(total, 1), "slow": len(findings)},
        evidence=keep(context, [{"module": n, "self_ms": own, "total_ms": total} for n, own, total in slowest]),
    )


def _finding(name: str, own: float, total: float) -> Finding:
    detail = f"{own:.0f} ms itself, {total:.0f} ms with what it imports"
    return Finding(tool="importtime", rule="slow-import", path="", message=name, detail=detail, level=Level.INFO)
