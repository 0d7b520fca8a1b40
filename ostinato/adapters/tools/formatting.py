"""format: the project's own formatter, else ruff."""

from dataclasses import replace

from ostinato.adapters.projects.reading import Reader, table
from ostinato.adapters.tools.context import (
    ToolContext,
    ToolError,
    ToolReport,
    chosen_paths,
    in_environment,
    last_line,
    require_time,
    require_trust,
    run_ours,
    run_project,
    scratch_folder,
)
from ostinato.adapters.tools.linting import target_version
from ostinato.domain.execution import FailureKind


async def format_code(context: ToolContext) -> ToolReport:
    choice = context.project.format
    notes: list[str] = []
    with scratch_folder() as scratch:
        if choice is not None and choice.tool in ("command", "make"):
            require_trust(context, " ".join(choice.argv))
            end = await run_project(context, choice.argv, scratch=scratch)
            require_time(end, "the format command", context.timeout_s)
            return _formatted(context, end.tail, end.ok, " ".join(choice.argv))
        if choice is not None and choice.tool == "black":
            if context.trusted and in_environment(context, "black"):
                argv = (context.environment.python, "-m", "black", *chosen_paths(context))
                end = await run_project(context, argv, scratch=scratch, extra={"BLACK_CACHE_DIR": str(scratch)})
                require_time(end, "black", context.timeout_s)
                return _formatted(context, end.tail, end.ok, "black")
            notes.append("black is configured but not installed in the environment; ruff format writes the same style")
        own = choice is not None and choice.own and choice.tool == "ruff"
        flags = () if own else ("--isolated", *target_version(context), *_line_length(context))
        done = await run_ours(
            context, "ruff", "format", "--no-cache", *flags, "--", *chosen_paths(context), scratch=scratch, accept=(0,)
        )
    report = _formatted(context, done.stdout, True, "ruff format")
    return replace(report, notes=tuple(notes))


def _line_length(context: ToolContext) -> tuple[str, ...]:
    """Black's, where black is the project's formatter."""
    choice = context.project.format
    if choice is None or choice.tool != "black":
        return ()
    length = table(Reader(tree=context.tree).toml("pyproject.toml"), "tool", "black").get("line-length", 88)
    return ("--line-length", str(length)) if isinstance(length, int) else ()


def _formatted(context: ToolContext, said: str, ok: bool, command: str) -> ToolReport:
    if not ok:
        raise ToolError(FailureKind.TOOL, f"{command} could not finish: {last_line(said)}", details=said)
    return ToolReport(tool="format", ok=True, summary=last_line(said), evidence=context.artifacts.put_text(said))
