"""types.check: the project's own checker and configuration when trusted (they load plugins), else a lenient mypy."""

import json
from collections.abc import Sequence
from pathlib import Path

from ostinato.adapters.projects.choices import Configuration
from ostinato.adapters.projects.reading import Reader, table
from ostinato.adapters.tools.context import (
    ToolContext,
    ToolError,
    ToolReport,
    counted,
    in_environment,
    keep,
    last_line,
    relative,
    require_time,
    run_ours,
    run_project,
    scratch_folder,
    tracked_files,
)
from ostinato.domain.execution import FailureKind
from ostinato.domain.gates import Finding, Level

_LENIENT = ("--config-file=", "--ignore-missing-imports", "--follow-imports=silent", "--explicit-package-bases")


async def check_types(context: ToolContext) -> ToolReport:
    findings, notes, command = await type_findings(context)
    errors = sum(1 for finding in findings if finding.level is Level.ERROR)
    return ToolReport(
        tool="types.check",
        ok=True,
        summary=f"{counted(errors, 'type error')} ({command})",
        findings=findings,
        changed=False,
        metrics={"findings": len(findings), "errors": errors},
        evidence=keep(context, [finding.model_dump() for finding in findings]),
        notes=notes,
    )


async def type_findings(context: ToolContext) -> tuple[tuple[Finding, ...], tuple[str, ...], str]:
    """(findings, notes, command)."""
    if not any(name.endswith(".py") for name in await tracked_files(context)):
        return (), (), "nothing to check"
    choice = context.project.types
    own = choice is not None and choice.own
    notes: list[str] = []
    with scratch_folder() as scratch:
        if choice is not None and own and not context.trusted:
            notes.append(f"{choice.source} was not used: the repository is not trusted; mypy checked leniently")
        elif choice is not None and own and choice.tool == "command":
            return await _by_command(context, choice.argv, scratch), (), " ".join(choice.argv)
        elif choice is not None and own and choice.tool == "pyright":
            if in_environment(context, "pyright"):
                return await _pyright(context, scratch), (), "pyright"
            notes.append("pyright is configured but not installed in the environment; mypy checked leniently")
        elif own:
            try:
                return await _mypy(context, scratch, await _own_arguments(context)), (), "mypy"
            except ToolError as failed:
                if failed.failure.kind is not FailureKind.TOOL:
                    raise
                notes.append(f"the project's mypy configuration could not be used: {failed}")
        return await _mypy(context, scratch, (*_LENIENT, *await _sources(context))), tuple(notes), "mypy"


async def _own_arguments(context: ToolContext) -> tuple[str, ...]:
    """Nothing but the configuration where it names what to check."""
    configuration = Configuration.of(Reader(tree=context.tree))
    ini = configuration.reader.ini("mypy.ini").get("mypy") or configuration.setup_cfg.get("mypy", {})
    named = {**table(configuration.pyproject, "tool", "mypy"), **ini}
    return () if {"files", "packages", "modules"} & named.keys() else await _sources(context)


async def _sources(context: ToolContext) -> tuple[str, ...]:
    """The project's packages and modules, as paths."""
    roots = [context.tree / root for root in context.project.source_roots]
    found = [
        place for root in roots for name in context.project.packages for place in (root / name, root / f"{name}.py")
    ]
    paths = [relative(context.tree, str(path)) for path in found if path.exists()]
    if paths:
        return ("--", *paths)
    return ("--", *(name for name in await tracked_files(context) if name.endswith(".py")))


async def _mypy(context: ToolContext, scratch: Path, arguments: Sequence[str]) -> tuple[Finding, ...]:
    common = ["--output=json", "--no-error-summary", "--no-color-output", f"--cache-dir={scratch / 'mypy'}"]
    if context.environment.ready:
        common.append(f"--python-executable={context.environment.python}")
    else:
        common.append("--no-site-packages")
    if context.trusted and in_environment(context, "mypy"):
        return await _projects_mypy(context, scratch, (*common, *arguments))
    done = await run_ours(context, "mypy", *common, *arguments, scratch=scratch, accept=(0, 1, 2))
    findings = _mypy_findings(context, done.stdout)
    if done.exit_code not in (0, 1) and not findings:
        said = context.redactor.text(done.stderr or done.stdout)
        raise ToolError(FailureKind.TOOL, f"mypy could not finish: {last_line(said)}", details=said)
    return findings


async def _projects_mypy(context: ToolContext, scratch: Path, arguments: Sequence[str]) -> tuple[Finding, ...]:
    end = await run_project(context, (context.environment.python, "-P", "-m", "mypy", *arguments), scratch=scratch)
    require_time(end, "mypy", context.timeout_s)
    findings = _mypy_findings(context, context.artifacts.read_text(end.output_ref))
    if end.exit_code not in (0, 1) and not findings:
        raise ToolError(FailureKind.TOOL, f"mypy could not finish: {last_line(end.tail)}", details=end.tail)
    return findings


def _mypy_findings(context: ToolContext, output: str) -> tuple[Finding, ...]:
    found = []
    for line in output.splitlines():
        if not line.startswith("{"):
            continue
        item = json.loads(line)
        found.append(
            Finding(
                tool="mypy",
                rule=item.get("code") or "mypy",
                path=relative(context.tree, item["file"]),
                line=max(item.get("line", 0), 0),
                message=context.redactor.text(item["message"]),
                level=Level.INFO if item.get("severity") == "note" else Level.ERROR,
            )
        )
    return tuple(found)


async def _pyright(context: ToolContext, scratch: Path) -> tuple[Finding, ...]:
    argv = (context.environment.python, "-m", "pyright", "--outputjson", "--pythonpath", context.environment.python)
    end = await run_project(context, argv, scratch=scratch)
    require_time(end, "pyright", context.timeout_s)
    text = context.artifacts.read_text(end.output_ref)
    try:
        items = json.loads(text[text.index("{") : text.rindex("}") + 1])["generalDiagnostics"]
    except (ValueError, KeyError) as problem:
        raise ToolError(FailureKind.TOOL, f"pyright could not finish: {last_line(text)}", details=text) from problem
    return tuple(
        Finding(
            tool="pyright",
            rule=item.get("rule", "pyright"),
            path=relative(context.tree, item["file"]),
            line=item["range"]["start"]["line"] + 1,
            message=item["message"].splitlines()[0],
            level={"error": Level.ERROR, "warning": Level.WARNING}.get(item["severity"], Level.INFO),
        )
        for item in items
    )


async def _by_command(context: ToolContext, argv: Sequence[str], scratch: Path) -> tuple[Finding, ...]:
    line = " ".join(argv)
    end = await run_project(context, argv, scratch=scratch)
    require_time(end, line, context.timeout_s)
    message = f"`{line}` exited with {end.exit_code}"
    return () if end.ok else (Finding(tool="command", rule="failed", path="", message=message, level=Level.ERROR),)
