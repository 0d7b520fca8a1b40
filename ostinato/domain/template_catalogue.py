"""The steps of the twelve task types, as the data of definitions. Steps come after what they depend on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ostinato.domain.classification import TaskType


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A step's data, and what must hold for it to be part of the plan."""

    step: Mapping[str, Any]
    when: tuple[str, ...] = ()


_TOOL_NAMES: Mapping[str, str] = {
    "lint.fix": "Fix lint",
    "lint.check": "Check lint",
    "format": "Format the code",
    "modernise": "Modernise the syntax",
    "types.check": "Check types",
    "tests.run": "Run the tests",
    "tests.generate": "Generate tests",
    "security.scan": "Scan for insecure code and secrets",
    "deadcode.find": "Find dead code",
    "complexity.map": "Map complexity",
    "project.map": "Map the project",
    "deps.check": "Check dependencies",
    "docs.check": "Check documentation",
    "profile.imports": "Measure imports",
    "ui.check": "Check the interface",
    "deploy.check": "Check delivery files",
}
_SOURCES = ["**/*.py", "**/*.pyi"]
_WRITES: Mapping[str, list[str]] = {
    "lint.fix": _SOURCES,
    "format": _SOURCES,
    "modernise": _SOURCES,
    "tests.generate": ["**/test*/**", "**/*test*.py"],
}
_TOLERANT: Mapping[str, Any] = {"with": {"allow_failures": True}}


def _tool(key: str, tool: str, *after: str, when: tuple[str, ...] = (), **more: Any) -> Part:
    """A tool step. Analysis carries on when it fails; what changes files is critical."""
    base: dict[str, Any] = {"id": key, "name": _TOOL_NAMES[tool], "tool": tool, "depends_on": after}
    base |= {"writes": _WRITES.get(tool, ()), "critical": tool in _WRITES}
    return Part(step={**base, **more}, when=when)


def _before(key: str = "baseline") -> Part:
    """The tests as they are before anything is changed: failures are findings."""
    return _tool(key, "tests.run", name="Run the tests as they are", **_TOLERANT)


def _verify(*after: str, when: tuple[str, ...] = ()) -> Part:
    """Failing tests do not stop the run here: the post gates judge them against the base."""
    return _tool(
        "verify",
        "tests.run",
        *after,
        name="Verify with the tests",
        active="Verifying with the tests",
        when=when,
        **_TOLERANT,
    )


def _mind(key: str, name: str, wanted: str, *after: str, when: tuple[str, ...] = (), **more: Any) -> Part:
    """Work for a mind: a coding agent, or a person."""
    prompt = "{{ inputs.request }}\n\n" + wanted
    return Part(
        step={"id": key, "name": name, "agent": "any", "prompt": prompt, "depends_on": after, **more}, when=when
    )


_READS_ONLY: Mapping[str, Any] = {"writes": ()}
TEMPLATES: Mapping[TaskType, tuple[Part, ...]] = {
    TaskType.CODE_IMPLEMENTATION: (
        _tool("map", "project.map"),
        _before(),
        _mind(
            "implement",
            "Implement what was asked for",
            "Implement it in this worktree, with tests for the new behaviour. Keep to the style of the code around it.",
            "map",
            "baseline",
        ),
        _tool("lint", "lint.check", "implement"),
        _tool("types", "types.check", "implement"),
        _verify("implement"),
    ),
    TaskType.BUG_FIX: (
        _before("reproduce"),
        _tool("types", "types.check"),
        _tool("lint", "lint.check"),
        _mind(
            "fix",
            "Fix the defect",
            "Write a test that fails because of the defect, then fix its cause with the smallest change that makes the "
            "test pass.",
            "reproduce",
            "types",
            "lint",
        ),
        _verify("fix"),
    ),
    TaskType.REFACTORING: (
        _tool("complexity", "complexity.map"),
        _tool("dead-code", "deadcode.find"),
        _before(),
        _mind(
            "refactor",
            "Refactor the code",
            "Change the shape of the code and not its behaviour; the tests stay as they are and keep passing.",
            "complexity",
            "dead-code",
            "baseline",
        ),
        _tool("compare", "complexity.map", "refactor", name="Compare complexity"),
        _verify("refactor"),
    ),
    TaskType.TESTING: (
        _before(),
        _tool("generate", "tests.generate", "baseline"),
        _mind("write", "Write the tests", "Write the tests with the project's own framework.", when=("foreign",)),
        _verify("generate"),
    ),
    TaskType.DOCUMENTATION: (
        _tool("map", "project.map"),
        _tool("docs", "docs.check"),
        _mind(
            "write",
            "Write the documentation",
            "Write it for the reader who needs it, next to what it describes; every example must work.",
            "map",
            "docs",
        ),
        _tool("links", "docs.check", "write", name="Check documentation again"),
    ),
    TaskType.CODE_REVIEW: (
        _tool("lint", "lint.check"),
        _tool("types", "types.check"),
        _tool("complexity", "complexity.map"),
        _tool("scan", "security.scan"),
        _before("tests"),
        _mind(
            "review",
            "Review the code",
            "Read the findings of the steps before and the code itself; answer with a note that names each problem's "
            "place. Change no file.",
            "lint",
            "types",
            "complexity",
            "scan",
            "tests",
            **_READS_ONLY,
        ),
    ),
    TaskType.SECURITY_AUDIT: (
        _tool("scan", "security.scan"),
        _tool("dependencies", "deps.check"),
        _tool("map", "project.map"),
        _tool("dead-code", "deadcode.find"),
        _tool("complexity", "complexity.map"),
        _mind(
            "repair",
            "Repair what was found",
            "Repair the cause of each finding that matters, with a test that shows it closed.",
            "scan",
            "dependencies",
            when=("repair",),
        ),
        _tool("rescan", "security.scan", "repair", name="Scan once more", when=("repair",)),
    ),
    TaskType.PERFORMANCE_OPTIMIZATION: (
        _tool("imports", "profile.imports"),
        _tool("complexity", "complexity.map"),
        _before(),
        _mind(
            "optimise",
            "Make it faster",
            "Measure first, change what the measurement points at, and measure again. Behaviour stays as it is.",
            "imports",
            "complexity",
            "baseline",
            when=("change",),
        ),
        _tool("measure", "profile.imports", "optimise", name="Measure imports again", when=("change",)),
        _verify("optimise", when=("change",)),
    ),
    TaskType.DEPLOYMENT: (
        _tool("delivery", "deploy.check"),
        _tool("scan", "security.scan"),
        _before("tests"),
        _mind(
            "deliver",
            "Deliver what was asked for",
            "Prepare or carry out the delivery. What happens outside the repository is not undone by a rollback.",
            "delivery",
            "scan",
            "tests",
            recovery="ask",
        ),
        _tool("recheck", "deploy.check", "deliver", name="Check delivery files again"),
    ),
    TaskType.RESEARCH: (
        _tool("map", "project.map"),
        _tool("complexity", "complexity.map"),
        _tool("dead-code", "deadcode.find"),
        _mind(
            "answer",
            "Answer the question",
            "Answer with a note that names the places in the code it rests on. Change no file.",
            "map",
            "complexity",
            "dead-code",
            when=("question",),
            **_READS_ONLY,
        ),
    ),
    TaskType.UI_DESIGN: (
        _tool("interface", "ui.check"),
        _tool("map", "project.map"),
        _mind(
            "design",
            "Design the interface",
            "Make the change in this worktree; it must work with the keyboard and for a screen reader too.",
            "interface",
            "map",
        ),
        _tool("recheck", "ui.check", "design", name="Check the interface again"),
        _verify("design"),
    ),
    TaskType.MAINTENANCE: (
        _tool("modernise", "modernise", when=("modernise",)),
        _tool("dead-code", "deadcode.find", when=("dead",)),
        _tool("complexity", "complexity.map", when=("dead",)),
        _tool("dependencies", "deps.check", when=("upgrade",)),
        _mind(
            "upgrade",
            "Upgrade what is outdated",
            "Change the declared versions and whatever code has to follow.",
            "dependencies",
            when=("upgrade",),
        ),
        _tool("lint", "lint.fix", "modernise", "upgrade", when=("lint",)),
        _tool("format", "format", "lint", when=("format",)),
        _tool("types", "types.check", "format", when=("types",)),
        _mind("tidy", "Tidy up", "Do the upkeep with the project's own tools.", when=("foreign",)),
        _tool("generate", "tests.generate", "format", when=("generate",)),
        _verify("generate", "format"),
    ),
}
