"""complexity.map: cyclomatic complexity and maintainability, by radon."""

import json
from pathlib import Path
from typing import Any

from ostinato.adapters.tools.context import (
    ToolContext,
    ToolReport,
    counted,
    keep,
    relative,
    run_ours,
    scratch_folder,
    tracked_files,
)
from ostinato.domain.gates import Finding, Level

_THRESHOLD = 11
"""McCabe's limit of 10 is still simple enough to test."""


async def map_complexity(context: ToolContext) -> ToolReport:
    files = [str(context.tree / name) for name in await tracked_files(context) if name.endswith(".py")]
    threshold = int(context.args.get("threshold", _THRESHOLD))
    with scratch_folder() as scratch:
        blocks = await _radon(context, scratch, "cc", files)
        indexes = await _radon(context, scratch, "mi", files)
    measured = [(path, block) for path, found in blocks.items() if isinstance(found, list) for block in found]
    findings = tuple(_finding(context, path, block) for path, block in measured if block["complexity"] >= threshold)
    scores = [item["mi"] for item in indexes.values() if "mi" in item]
    highest = max((block["complexity"] for _, block in measured), default=0)
    return ToolReport(
        tool="complexity.map",
        ok=True,
        summary=f"{counted(len(measured), 'block')} measured, {counted(len(findings), 'complex one')}, highest {highest}",
        findings=tuple(sorted(findings, key=lambda finding: finding.detail, reverse=True)),
        changed=False,
        metrics={
            "blocks": len(measured),
            "complex": len(findings),
            "highest": highest,
            "mean": round(sum(block["complexity"] for _, block in measured) / max(len(measured), 1), 2),
            "maintainability_lowest": round(min(scores, default=100.0), 1),
        },
        evidence=keep(context, {"complexity": blocks, "maintainability": indexes}),
    )


async def _radon(context: ToolContext, scratch: Path, command: str, files: list[str]) -> dict[str, Any]:
    if not files:
        return {}
    done = await run_ours(context, "radon", command, "-j", *files, scratch=scratch, at=scratch, accept=(0,))
    return {relative(context.tree, path): found for path, found in json.loads(done.stdout).items()}


def _finding(context: ToolContext, path: str, block: dict[str, Any]) -> Finding:
    owner = f"{block['classname']}." if block.get("classname") else ""
    return Finding(
        tool="radon",
        rule=f"complexity-{block['rank']}",
        path=relative(context.tree, path),
        line=block["lineno"],
        message=f"{block['type']} {owner}{block['name']} is complex",
        detail=f"{block['complexity']:3d}",
        level=Level.INFO if block["rank"] in "ABC" else Level.WARNING,
    )
