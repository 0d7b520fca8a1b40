"""Lint and types in other languages: the project's own tool with its machine output, only when configured and trusted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ostinato.adapters.gatekeepers.context import GateContext
from ostinato.adapters.gatekeepers.installing import require_modules
from ostinato.adapters.gatekeepers.test_commands import (
    NOT_STARTED,
    into_file,
    missing_command,
    needs_modules,
    script_of,
)
from ostinato.adapters.tools.context import (
    ToolContext,
    ToolError,
    is_plain_file,
    last_line,
    relative,
    require_time,
    require_trust,
    run_project,
    scratch_folder,
)
from ostinato.domain.execution import FailureKind
from ostinato.domain.gates import Finding, Level
from ostinato.domain.lint_reports import LintKind, read_lint
from ostinato.domain.project import ROOT, Basis, Command, ProjectFacts, Purpose
from ostinato.domain.test_reports import Unreadable


@dataclass(frozen=True, slots=True, kw_only=True)
class _Linter:
    kind: LintKind
    words: tuple[str, ...]
    starts: tuple[str, ...]
    """The words that begin it."""
    with_errors: bool = False
    writes_file: bool = False
    """Its own; else the report is its standard output, before which a package manager may say what it runs."""


_LINTERS = (
    _Linter(kind=LintKind.ESLINT, words=("-f", "json", "-o", "{report}"), starts=("eslint",), writes_file=True),
    _Linter(kind=LintKind.BIOME, words=("--reporter=json", "--max-diagnostics=none"), starts=("biome",)),
    _Linter(kind=LintKind.TSC, words=("--pretty", "false"), starts=("tsc",)),
    _Linter(kind=LintKind.GO_VET, words=("-json",), starts=("go", "vet"), with_errors=True),
    _Linter(kind=LintKind.GOLANGCI, words=("--output.json.path=stdout", "--show-stats=false"), starts=("golangci-lint", "run")),
    _Linter(kind=LintKind.CARGO, words=("--message-format=json",), starts=("cargo", "clippy")),
    _Linter(kind=LintKind.CARGO, words=("--message-format=json",), starts=("cargo", "check")),
)  # fmt: skip
_EXECUTORS: Mapping[tuple[str, ...], int] = {
    ("npx", "--no-install"): 2,
    ("pnpm", "exec"): 2,
    ("yarn",): 1,
    ("bunx",): 1,
}


def lint_commands(project: ProjectFacts, purpose: Purpose) -> tuple[Command, ...]:
    """What Python's tools do not cover: what somebody has configured, nothing by convention alone. The root's serves all."""
    others = [
        command
        for command in project.survey.commands
        if command.purpose is purpose and command.basis is not Basis.CONVENTION and _is_other(project, command)
    ]
    at_root = [command for command in others if command.member == ROOT]
    if at_root:
        return tuple(at_root[:1])
    return tuple({command.member: command for command in reversed(others)}.values())


def _is_other(project: ProjectFacts, command: Command) -> bool:
    """Of no language are commands that serve whatever is there; where there is Python, its own gate runs them."""
    return command.language != "Python" if command.language else not project.is_python


async def command_findings(context: GateContext, command: Command) -> tuple[Finding, ...]:
    """What the tool finds by its own report; of a tool that has none, one finding when it is not content."""
    tools = replace(context.for_tools(), tree=context.tree / command.folder)
    require_trust(tools, "linting with the project's own tool")
    line = " ".join(command.argv)
    if needs_modules(command):
        await require_modules(context.for_tools(), tools.tree)
    with scratch_folder() as scratch:
        linter, argv = _reporting(command.argv, script_of(tools.tree, command))
        output = scratch / "findings"
        argv = tuple(word.replace("{report}", str(output)) for word in argv)
        redirected = linter is not None and not linter.writes_file
        wrapped = into_file(argv, output, with_errors=linter.with_errors) if linter and redirected else argv
        end = await run_project(tools, wrapped, scratch=scratch)
        require_time(end, f"`{line}`", tools.timeout_s)
        if end.exit_code in NOT_STARTED:
            raise missing_command(
                line, end, "[commands] lint" if command.purpose is Purpose.LINT else "[commands] types"
            )
        if linter is None:
            return () if end.ok else (_not_content(command, line, end.exit_code),)
        text = output.read_text(encoding="utf-8", errors="replace") if is_plain_file(output) else ""
    found = read_lint(linter.kind, text, f"what `{line}` wrote")
    if isinstance(found, Unreadable):
        said = last_line(end.tail or text)
        raise ToolError(FailureKind.TOOL, f"{found.report} {found.reason}: {said}", details=end.tail or text[-2000:])
    if not end.ok and not found:
        return (_not_content(command, line, end.exit_code),)
    return tuple(_placed(context, tools, finding) for finding in found)


def _reporting(argv: Sequence[str], script: str) -> tuple[_Linter | None, tuple[str, ...]]:
    """A script that is one plain call is made to report like the call itself."""
    plain = bool(script) and not set("|;&<>$`(){}\"'\\*~") & set(script)
    words = tuple(script.split()) if plain else _bare(argv) if not script else ()
    for linter in _LINTERS:
        if words[: len(linter.starts)] == linter.starts:
            gap = ("--",) if script and argv[0] == "npm" else ()
            at = len(argv) if script else len(argv) - len(words) + len(linter.starts)
            if linter.kind is LintKind.CARGO and "--" in argv:
                at = tuple(argv).index("--")
            if linter.kind in (LintKind.ESLINT, LintKind.BIOME, LintKind.TSC):
                at = len(argv)
            return linter, (*argv[:at], *gap, *linter.words, *argv[at:])
    return None, tuple(argv)


def _bare(argv: Sequence[str]) -> tuple[str, ...]:
    words = tuple(argv)
    return next((words[length:] for start, length in _EXECUTORS.items() if words[:length] == start), words)


def _not_content(command: Command, line: str, exit_code: int | None) -> Finding:
    message = f"`{line}` did not succeed"
    detail = f"exit {exit_code}"
    return Finding(tool=command.tool, rule="failed", path="", message=message, detail=detail, level=Level.ERROR)


def _placed(context: GateContext, tools: ToolContext, finding: Finding) -> Finding:
    """Relative to the repository, whatever folder the tool was run in; words without the checkout's place."""
    path = Path(finding.path)
    place = relative(context.tree, str(path if path.is_absolute() else tools.tree / path)) if finding.path else ""
    message = finding.message.replace(f"{context.tree.resolve()}/", "")
    return finding.model_copy(update={"path": place, "message": message})
