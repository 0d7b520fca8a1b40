"""lint.check, lint.fix and modernise: the project's own linter, else ruff with our rules."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from ostinato.adapters.projects.manifest import read_manifest
from ostinato.adapters.tools.context import (
    ToolContext,
    ToolError,
    ToolReport,
    chosen_paths,
    counted,
    in_environment,
    keep,
    last_line,
    relative,
    require_time,
    run_ours,
    run_project,
    scratch_folder,
)
from ostinato.domain.execution import FailureKind
from ostinato.domain.gates import Finding, Level
from ostinato.domain.project import ToolChoice

FALLBACK_RULES = "E4,E7,E9,F,B"
_MINORS = range(9, 15)
_UNUSED = re.compile(r"`([^` ]+)")
_FLAKE8_FORMAT = "%(path)s\t%(row)d\t%(code)s\t%(text)s"


async def check_lint(context: ToolContext) -> ToolReport:
    findings, notes, command = await lint_findings(context)
    errors = sum(1 for finding in findings if finding.level is Level.ERROR)
    summary = f"{counted(len(findings), 'finding')}, {counted(errors, 'error')} ({command})" if findings else "clean"
    return ToolReport(
        tool="lint.check",
        ok=True,
        summary=summary,
        findings=findings,
        changed=False,
        metrics={"findings": len(findings), "errors": errors},
        evidence=keep(context, [finding.model_dump() for finding in findings]),
        notes=notes,
    )


async def fix_lint(context: ToolContext) -> ToolReport:
    with scratch_folder() as scratch:
        rules = context.args.get("select")
        select = ("--select", rules if isinstance(rules, str) else ",".join(rules)) if rules else ()
        before = await _ruff(context, scratch, *select, extra_rules="I")
        await _ruff(context, scratch, *select, "--fix", extra_rules="I")
        after = await _ruff(context, scratch, *select, extra_rules="I")
    fixed = max(len(before) - len(after), 0)
    return ToolReport(
        tool="lint.fix",
        ok=True,
        summary=f"{counted(fixed, 'finding')} fixed, {len(after)} left",
        findings=after,
        changed=before != after,
        metrics={"fixed": fixed, "left": len(after)},
        evidence=keep(context, {"before": _dumped(before), "after": _dumped(after)}),
    )


async def modernise(context: ToolContext) -> ToolReport:
    with scratch_folder() as scratch:
        rules = ("--select", "UP", *target_version(context))
        before = await _ruff(context, scratch, *rules)
        unused_before = await _ruff(context, scratch, "--select", "F401")
        await _ruff(context, scratch, *rules, "--fix")
        await _ruff(context, scratch, "--select", "F401", *_sparing(unused_before), "--fix")
        after = await _ruff(context, scratch, *rules)
    fixed = max(len(before) - len(after), 0)
    return ToolReport(
        tool="modernise",
        ok=True,
        summary=f"{counted(fixed, 'outdated construct')} rewritten, {len(after)} left to a person",
        findings=after,
        changed=before != after,
        metrics={"fixed": fixed, "left": len(after)},
        evidence=keep(context, {"before": _dumped(before), "after": _dumped(after)}),
    )


def _sparing(unused: Sequence[Finding]) -> tuple[str, ...]:
    """Imports that were unused before the rewriting are not its to remove: somebody may import them from here."""
    names = sorted({found[1] for finding in unused if (found := _UNUSED.match(finding.message))})
    return ("--config", f"lint.pyflakes.allowed-unused-imports={json.dumps(names)}")


async def lint_findings(context: ToolContext) -> tuple[tuple[Finding, ...], tuple[str, ...], str]:
    """(findings, notes, command) of the linter that the project has chosen, as far as it may be run."""
    choice = context.project.lint
    with scratch_folder() as scratch:
        if choice is not None and choice.tool in ("command", "make"):
            if context.trusted:
                return await _by_command(context, choice, scratch), (), " ".join(choice.argv)
            note = f"`{' '.join(choice.argv)}` was not run: the repository is not trusted"
            return await _ruff(context, scratch), (note,), "ruff check"
        if choice is not None and choice.tool in ("flake8", "pylint"):
            if context.trusted and in_environment(context, choice.tool):
                run = _flake8 if choice.tool == "flake8" else _pylint
                return await run(context, scratch), (), choice.tool
            why = "is not installed in the environment" if context.trusted else "was not run: not trusted"
            return await _ruff(context, scratch), (f"{choice.tool} {why}; ruff was used",), "ruff check"
        return await _ruff(context, scratch), (), "ruff check"


async def _ruff(context: ToolContext, scratch: Path, *flags: str, extra_rules: str = "") -> tuple[Finding, ...]:
    choice = context.project.lint
    output = scratch / "ruff.json"
    own = choice is not None and choice.own and choice.tool == "ruff"
    if not own:
        chosen = () if "--select" in flags else ("--select", ",".join(filter(None, (FALLBACK_RULES, extra_rules))))
        flags = ("--isolated", *(() if "--target-version" in flags else target_version(context)), *chosen, *flags)
    await run_ours(
        context, "ruff", "check", "--no-cache", "--exit-zero", "--output-format=json", f"--output-file={output}",
        *flags, "--", *chosen_paths(context), scratch=scratch, accept=(0,),
    )  # fmt: skip
    return tuple(_ruff_finding(context, item) for item in json.loads(output.read_text(encoding="utf-8")))


def _ruff_finding(context: ToolContext, item: dict[str, Any]) -> Finding:
    rule = item.get("code") or "syntax"
    serious = rule.startswith(("F", "E9", "syntax", "invalid-syntax"))
    return Finding(
        tool="ruff",
        rule=rule,
        path=relative(context.tree, item["filename"]),
        line=(item.get("location") or {}).get("row", 0),
        message=context.redactor.text(item["message"]),
        level=Level.ERROR if serious else Level.WARNING,
    )


async def _flake8(context: ToolContext, scratch: Path) -> tuple[Finding, ...]:
    output = scratch / "flake8.txt"
    argv = ("-m", "flake8", f"--format={_FLAKE8_FORMAT}", f"--output-file={output}", *chosen_paths(context))
    end = await run_project(context, (context.environment.python, *argv), scratch=scratch)
    require_time(end, "flake8", context.timeout_s)
    if end.exit_code not in (0, 1):
        raise ToolError(FailureKind.TOOL, f"flake8 could not finish: {last_line(end.tail)}", details=end.tail)
    rows = [line.split("\t", 3) for line in output.read_text(encoding="utf-8").splitlines() if line.count("\t") >= 3]
    return tuple(
        Finding(
            tool="flake8",
            rule=rule,
            path=relative(context.tree, path),
            line=int(row),
            message=message,
            level=Level.ERROR if rule.startswith(("F", "E9")) else Level.WARNING,
        )
        for path, row, rule, message in rows
    )


async def _pylint(context: ToolContext, scratch: Path) -> tuple[Finding, ...]:
    output = scratch / "pylint.json"
    targets = [str(path) for path in chosen_paths(context) if path != "."] or ["--recursive=y", "."]
    argv = (context.environment.python, "-m", "pylint", f"--output-format=json:{output}", *targets)
    end = await run_project(context, argv, scratch=scratch, extra={"PYLINTHOME": str(scratch)})
    require_time(end, "pylint", context.timeout_s)
    if not output.is_file() or (end.exit_code or 0) & 32:
        raise ToolError(FailureKind.TOOL, f"pylint could not finish: {last_line(end.tail)}", details=end.tail)
    return tuple(
        Finding(
            tool="pylint",
            rule=item["symbol"],
            path=relative(context.tree, item["path"]),
            line=item["line"],
            message=item["message"],
            level=Level.ERROR if item["type"] in ("error", "fatal") else Level.WARNING,
        )
        for item in json.loads(output.read_text(encoding="utf-8") or "[]")
    )


async def _by_command(context: ToolContext, choice: ToolChoice, scratch: Path) -> tuple[Finding, ...]:
    """A command says only whether it is content."""
    line = " ".join(choice.argv)
    end = await run_project(context, choice.argv, scratch=scratch)
    require_time(end, line, context.timeout_s)
    if end.ok:
        return ()
    message = f"`{line}` exited with {end.exit_code}"
    return (Finding(tool=choice.tool, rule="failed", path="", message=message, level=Level.ERROR),)


def target_version(context: ToolContext) -> tuple[str, ...]:
    """The lowest Python that the project supports."""
    try:
        wanted = SpecifierSet(read_manifest(context.tree).requires_python)
    except InvalidSpecifier:
        return ()
    if not str(wanted):
        return ()
    minor = next((minor for minor in _MINORS if f"3.{minor}" in wanted or f"3.{minor}.99" in wanted), None)
    return ("--target-version", f"py3{minor}") if minor else ()


def _dumped(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    return [finding.model_dump() for finding in findings]
