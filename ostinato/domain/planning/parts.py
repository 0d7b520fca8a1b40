"""What plans are composed of: a part is a step, and the strategies and circumstances in which it is one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ostinato.domain.plan import Strategy

D, P, H, S = Strategy.DIRECT, Strategy.PROGRESSIVE, Strategy.PHASED, Strategy.SYSTEMATIC
ALL = frozenset(Strategy)
THOROUGH = frozenset((P, H, S))
PHASES = frozenset((H, S))
FORMAL = frozenset((S,))

Kind = Literal["tool", "think", "work", "ask"]
Phase = Literal["look", "think", "build", "prove", "close"]

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
_CODE = ("sources", "tests")
_TOOL_READS: Mapping[str, tuple[str, ...]] = {
    "project.map": ("sources",),
    "security.scan": ("everything",),
    "deps.check": ("sources", "tests", "manifests"),
    "docs.check": ("sources", "tests", "docs"),
    "ui.check": ("web",),
    "deploy.check": ("delivery",),
    "profile.imports": ("sources",),
}
TOOL_WRITES: Mapping[str, tuple[str, ...]] = {
    "lint.fix": ("python",),
    "format": ("python",),
    "modernise": ("python",),
    "tests.generate": ("python tests",),
}
PATHS = frozenset(("lint.fix", "lint.check", "format", "modernise", "types.check", "security.scan"))
"""Tools that can look at one place only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    key: str
    name: str
    kind: Kind
    does: str
    """The tool; what a mind is told; what a person is asked."""
    after: tuple[str, ...] = ()
    """What it follows where it is part of the plan; else what that one follows."""
    on: frozenset[Strategy] = ALL
    when: tuple[str, ...] = ()
    """What must hold for the request and the project."""
    each: bool = False
    """Done in every place that the work is divided into."""
    reads: tuple[str, ...] = _CODE
    """Roles of files."""
    writes: tuple[str, ...] | None = ()
    """Roles of files; None: not stated."""
    minutes: float = 0.0
    """Prior for a mind or a person; tools have their own."""
    critical: bool = True
    args: Mapping[str, Any] = field(default_factory=dict)
    recovery: str = "idempotent"
    is_point: bool = False
    """A good place to return to lies behind it."""
    phase: Phase = "look"


def tool(key: str, name: str, *after: str, called: str = "", **more: Any) -> Part:
    """Analysis carries on when it fails; what changes files is critical."""
    is_writing = name in TOOL_WRITES
    base: dict[str, Any] = {
        "phase": "build" if is_writing else "prove" if after else "look",
        "reads": _TOOL_READS.get(name, _CODE),
        "writes": TOOL_WRITES.get(name, ()),
        "critical": is_writing,
    }
    return Part(key=key, name=called or _TOOL_NAMES[name], kind="tool", does=name, after=after, **{**base, **more})


def before(key: str = "baseline", **more: Any) -> Part:
    """The tests as they are before anything is changed: failures are findings."""
    return tool(key, "tests.run", called="Run the tests as they are", args={"allow_failures": True}, **more)


def verify(key: str, *after: str, called: str = "Verify with the tests", **more: Any) -> Part:
    """Failing tests do not stop the run here: the post gates judge them against the base."""
    given = {"phase": "prove", "is_point": True, **more}
    return tool(key, "tests.run", *after, called=called, args={"allow_failures": True}, **given)


def think(key: str, name: str, wanted: str, *after: str, minutes: float = 10, **more: Any) -> Part:
    """Work for a mind that leaves a note and no change."""
    given = {"phase": "think", **more}
    text = f"{wanted} Answer with a note; change no file."
    return Part(key=key, name=name, kind="think", does=text, after=after, minutes=minutes, **given)


def work(key: str, name: str, wanted: str, *after: str, minutes: float = 20, **more: Any) -> Part:
    """Work for a mind that changes files."""
    given = {"phase": "build", "writes": ("files",), **more}
    return Part(key=key, name=name, kind="work", does=wanted, after=after, minutes=minutes, **given)


def ask(key: str, name: str, question: str, *after: str, **more: Any) -> Part:
    """A person's look; `abort` ends the run."""
    given = {"on": PHASES, "when": ("looked at",), "is_point": True, "phase": "think", "minutes": 5.0, **more}
    return Part(key=key, name=name, kind="ask", does=question, after=after, reads=(), **given)
