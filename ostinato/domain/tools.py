"""The built-in deterministic tools, as data: what each does, needs and takes."""

from collections.abc import Mapping

from ostinato.domain.base import Fact
from ostinato.domain.errors import Problem


class ToolInfo(Fact):
    name: str
    description: str
    writes: bool = False
    """It may change files of the worktree."""
    needs_environment: bool = False
    """Nothing it does works without a prepared environment."""
    runs_code: bool = False
    """It executes the repository's code, so its user must trust the repository."""
    expected_s: float = 5.0
    args: Mapping[str, str] = {}
    """Argument → what it means. All of them are optional."""


_PATHS = {"paths": "files or folders to look at, relative to the repository; all of it when left out"}

_ALL = (
    ToolInfo(
        name="lint.fix",
        description="Fix what the linter can fix safely",
        writes=True,
        expected_s=3,
        args={**_PATHS, "select": "rules to fix, such as F401 or I; the configured ones when left out"},
    ),
    ToolInfo(name="lint.check", description="List what the linter objects to", expected_s=2, args=_PATHS),
    ToolInfo(name="format", description="Format the code", writes=True, expected_s=2, args=_PATHS),
    ToolInfo(
        name="modernise",
        description="Rewrite outdated syntax for the Python versions that the project supports",
        writes=True,
        expected_s=2,
        args=_PATHS,
    ),
    ToolInfo(name="types.check", description="Check types", expected_s=15, args=_PATHS),
    ToolInfo(
        name="tests.run",
        description="Run the tests and measure coverage",
        needs_environment=True,
        runs_code=True,
        expected_s=20,
        args={"allow_failures": "true: failing tests are findings, not a failure of the step"},
    ),
    ToolInfo(
        name="tests.generate",
        description="Write property tests for what is not covered; keep those that pass, are stable and raise coverage",
        writes=True,
        needs_environment=True,
        runs_code=True,
        expected_s=45,
        args={
            "modules": "modules to write tests for, by import name; those with low coverage when left out",
            "limit": "how many modules at most (5)",
            "below_pct": "only modules with less coverage than this (90)",
        },
    ),
    ToolInfo(name="security.scan", description="Look for insecure code and for secrets", expected_s=6, args=_PATHS),
    ToolInfo(
        name="deadcode.find",
        description="Find code that nothing uses",
        expected_s=4,
        args={"min_confidence": "report from this confidence on, in percent (60)"},
    ),
    ToolInfo(
        name="complexity.map",
        description="Measure complexity and maintainability",
        expected_s=4,
        args={"threshold": "functions from this cyclomatic complexity on are findings (11)"},
    ),
    ToolInfo(name="project.map", description="Map modules, classes, functions and imports", expected_s=2),
    ToolInfo(name="deps.check", description="Compare declared with imported dependencies", expected_s=2),
    ToolInfo(name="docs.check", description="Find missing docstrings and broken links", expected_s=2),
    ToolInfo(
        name="profile.imports",
        description="Measure which imports are slow",
        needs_environment=True,
        runs_code=True,
        expected_s=5,
        args={"threshold_ms": "imports that take at least this long themselves are findings (50)"},
    ),
    ToolInfo(name="ui.check", description="Check HTML for accessibility and structure", expected_s=2),
    ToolInfo(name="deploy.check", description="Check container, CI and version files", expected_s=1),
)

TOOLS: Mapping[str, ToolInfo] = {tool.name: tool for tool in _ALL}


def tool_problems(name: str, args: Mapping[str, object], *, field: str = "tool") -> tuple[Problem, ...]:
    """Every reason why this tool cannot be called so: unknown tool, unknown arguments."""
    tool = TOOLS.get(name)
    if tool is None:
        return (
            Problem(
                code="tool_unknown",
                field=field,
                message=f"there is no tool {name!r}",
                cure=f"Use one of: {', '.join(TOOLS)}",
            ),
        )
    known = ", ".join(tool.args) or "none"
    return tuple(
        Problem(
            code="tool_arg_unknown",
            field=f"{field}.args.{arg}",
            message=f"{name} takes no argument {arg!r}",
            cure=f"It takes: {known}",
        )
        for arg in args
        if arg not in tool.args
    )
