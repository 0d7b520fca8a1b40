"""A plan that fits any kind of work, and what a second likely kind would look at."""

from collections.abc import Iterable, Sequence

from ostinato.domain.classification import TaskType
from ostinato.domain.planning.catalogue.closing import closing
from ostinato.domain.planning.parts import TOOL_WRITES, Part, ask, before, think, tool, verify, work

GENERIC: tuple[Part, ...] = (
    tool("map", "project.map"),
    before(),
    think(
        "investigate",
        "Find out what is wanted",
        "Say what kind of work this is, which files it is about, what would show that it is done, and what is not clear.",
        "map",
        "baseline",
    ),
    ask("approve", "Approve what was found out", "What is wanted is written down. Do it like this?", "investigate"),
    work(
        "change",
        "Do what was asked for",
        "Do it in this worktree with the smallest change that does it. Where only an answer is wanted, change nothing.",
        "approve",
        each=True,
        minutes=25,
    ),
    tool("lint", "lint.check", "change", each=True),
    verify("verify", "change"),
    *closing(
        "change",
        "lint",
        "verify",
        judge="Judge the change by what was found out at the start: is all of it done, and nothing else?",
        has=("lint.check",),
    ),
)


def looked_at_too(parts: Sequence[Part], other: Iterable[Part], kind: TaskType) -> tuple[Part, ...]:
    """The tools by which the other kind judges, after whatever these parts write; none that is there already."""
    known = {part.does for part in parts}
    writing = tuple(part.key for part in parts if part.kind == "work" or part.does in TOOL_WRITES)
    found: dict[str, Part] = {}
    for part in other:
        if part.kind == "tool" and part.does not in TOOL_WRITES and part.does not in known | found.keys():
            key = f"also-{part.does.replace('.', '-')}"
            name = f"{part.name}, in case it is {kind.replace('_', ' ')}"
            found[part.does] = tool(key, part.does, *writing[-1:], called=name, args=part.args)
    return tuple(found.values())
