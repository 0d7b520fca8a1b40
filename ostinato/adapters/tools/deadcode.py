"""deadcode.find: what nothing uses, by vulture."""

import re

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

_LINE = re.compile(r"^(?P<path>.+?):(?P<line>\d+): (?P<message>.+?) \((?P<confidence>\d+)% confidence")
_DEFAULT_CONFIDENCE = 60
_FOUND, _UNREADABLE = 3, 1


async def find_dead_code(context: ToolContext) -> ToolReport:
    """Tests are read too, so that what they use counts as used; only findings in the code itself are told."""
    files = [name for name in await tracked_files(context) if name.endswith(".py")]
    confidence = int(context.args.get("min_confidence", _DEFAULT_CONFIDENCE))
    findings: tuple[Finding, ...] = ()
    if files:
        with scratch_folder() as scratch:
            flags = ("--config", str(scratch / "none.toml"), "--min-confidence", str(confidence), "--sort-by-size")
            (scratch / "none.toml").write_text("", encoding="utf-8")
            named = [f"./{name}" for name in files]
            done = await run_ours(context, "vulture", *flags, *named, scratch=scratch, accept=(0, _FOUND, _UNREADABLE))
        matches = (_LINE.match(line) for line in done.stdout.splitlines())
        findings = tuple(
            Finding(
                tool="vulture",
                rule=match["message"].rsplit(" ", 1)[0].replace(" ", "-"),
                path=relative(context.tree, match["path"]),
                line=int(match["line"]),
                message=match["message"],
                detail=f"{match['confidence']} % sure",
                level=Level.INFO,
            )
            for match in matches
            if match
        )
    return ToolReport(
        tool="deadcode.find",
        ok=True,
        summary=f"{counted(len(findings), 'unused definition')} found",
        findings=findings,
        changed=False,
        metrics={"findings": len(findings), "files": len(files)},
        evidence=keep(context, [finding.model_dump() for finding in findings]),
    )
