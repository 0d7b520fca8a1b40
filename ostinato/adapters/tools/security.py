"""security.scan: bandit for insecure code, detect-secrets for secrets. A secret itself is never reported."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from ostinato.adapters.tools.context import (
    ToolContext,
    ToolReport,
    chosen_paths,
    counted,
    keep,
    relative,
    run_ours,
    scratch_folder,
    tracked_files,
)
from ostinato.domain.gates import Finding, Level

_LEVELS = {"HIGH": Level.ERROR, "MEDIUM": Level.WARNING, "LOW": Level.INFO}
_BATCH = 500
_LARGEST_BYTES = 1024 * 1024
_IN_TESTS = ("B101",)
"""Assertions are what tests are made of."""


async def scan_security(context: ToolContext) -> ToolReport:
    findings = await security_findings(context)
    serious = sum(1 for finding in findings if finding.level is Level.ERROR)
    secrets = sum(1 for finding in findings if finding.tool == "detect-secrets")
    return ToolReport(
        tool="security.scan",
        ok=True,
        summary=f"{counted(len(findings), 'finding')}, {serious} serious, {counted(secrets, 'possible secret')}",
        findings=findings,
        changed=False,
        metrics={"findings": len(findings), "serious": serious, "secrets": secrets},
        evidence=keep(context, [finding.model_dump() for finding in findings]),
    )


async def security_findings(context: ToolContext) -> tuple[Finding, ...]:
    files = _within(await tracked_files(context), chosen_paths(context))
    with scratch_folder() as scratch:
        code = [name for name in files if name.endswith(".py")]
        insecure = [finding for batch in _batches(code) for finding in await _bandit(context, scratch, batch)]
        small = [name for name in files if (context.tree / name).stat().st_size <= _LARGEST_BYTES]
        secret = [finding for batch in _batches(small) for finding in await _secrets(context, scratch, batch)]
    return (*insecure, *secret)


def _within(files: Sequence[str], paths: Sequence[str]) -> list[str]:
    folders = [Path(path) for path in paths]
    return [name for name in files if any(Path(name).is_relative_to(folder) or folder == Path() for folder in folders)]


def _batches(files: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(files), _BATCH):
        yield files[start : start + _BATCH]


async def _bandit(context: ToolContext, scratch: Path, files: Sequence[str]) -> list[Finding]:
    output, empty = scratch / "bandit.json", scratch / "bandit.yaml"
    empty.write_text("{}\n", encoding="utf-8")
    named = [f"./{name}" for name in files]
    flags = ("-q", "-f", "json", "-o", str(output), "-c", str(empty), "--exit-zero")
    await run_ours(context, "bandit", *flags, *named, scratch=scratch, accept=(0, 1))
    results = json.loads(output.read_text(encoding="utf-8"))["results"]
    return [
        Finding(
            tool="bandit",
            rule=item["test_id"],
            path=relative(context.tree, item["filename"]),
            line=item["line_number"],
            message=context.redactor.text(_told(item["test_id"], item["issue_text"])),
            level=_LEVELS.get(item["issue_severity"], Level.INFO),
        )
        for item in results
        if not (item["test_id"] in _IN_TESTS and "test" in item["filename"])
    ]


def _told(rule: str, text: str) -> str:
    """Bandit quotes the password it suspects."""
    return text.split(":")[0] if rule in ("B105", "B106", "B107") else text


async def _secrets(context: ToolContext, scratch: Path, files: Sequence[str]) -> list[Finding]:
    named = [f"./{name}" for name in files]
    done = await run_ours(
        context, "detect_secrets", "scan", "--no-verify", "--all-files", *named, scratch=scratch, accept=(0,)
    )
    results = json.loads(done.stdout)["results"]
    return [
        Finding(
            tool="detect-secrets",
            rule=item["type"],
            path=relative(context.tree, path),
            line=item["line_number"],
            message=f"possible secret: {item['type']}",
            level=Level.ERROR,
        )
        for path, items in results.items()
        for item in items
    ]
