"""Where resources lie: by the paths that real tools use, in a repository and in a user's home."""

import re
from dataclasses import dataclass

from ostinato.domain.resources import Kind

_TOOLS = ("ostinato", "agents", "claude", "codex", "opencode", "github")
"""Strongest first where two of them hold the same name."""
_SKILL = re.compile(
    rf"^(?P<above>(?:.+/)?)\.(?P<tool>{'|'.join(_TOOLS)})/skills/(?:[^/]+/){{1,3}}SKILL\.md$", re.IGNORECASE
)
_PLAIN_SKILL = re.compile(r"^skills/(?:[^/]+/){1,3}SKILL\.md$", re.IGNORECASE)
_AGENT = re.compile(r"^\.(?P<tool>ostinato|claude)/agents/.+\.md$")
_COMMAND = re.compile(r"^\.(?P<tool>ostinato|claude)/commands/.+\.md$")
_MODE = re.compile(r"^\.ostinato/modes/[^/]+\.md$")
_CONTEXT = re.compile(r"^(?:[^/]+/){0,8}(?:\.claude/CLAUDE|AGENTS|CLAUDE|GEMINI)\.md$")
_INSIDE_A_TOOL = re.compile(rf"(?:^|/)\.(?:{'|'.join(_TOOLS)})/(?!CLAUDE\.md$)|(?:^|/)(?:node_modules|\.git)/")
_USER_CONTEXT = (".claude/CLAUDE.md", ".codex/AGENTS.md", ".gemini/GEMINI.md")
USER_SERVERS = ".claude.json"
USER_FOLDERS = (
    ".config/ostinato/skills", ".config/ostinato/modes", ".config/ostinato/agents", ".config/ostinato/commands",
    ".agents/skills", ".claude/skills", ".claude/agents", ".claude/commands", ".codex/skills",
)  # fmt: skip
"""All that is looked at in a home, besides a few files by name."""
USER_FILES = (*_USER_CONTEXT, USER_SERVERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    kind: Kind
    rank: int
    """Among those of the same origin; the lower counts."""
    folder: str = ""
    """What the name of an agent, a command or a mode is counted from."""


def in_repository(path: str) -> Place | None:
    """What kind of resource a file of a repository would be."""
    if not path.endswith((".md", ".MD", ".mcp.json")):
        return None  # nearly every file: the patterns below need not look at it
    if found := _SKILL.match(path):
        return Place(kind=Kind.SKILL, rank=_rank(found["tool"]) + 10 * found["above"].count("/"))
    if _PLAIN_SKILL.match(path):
        return Place(kind=Kind.SKILL, rank=len(_TOOLS))
    for kind, pattern in ((Kind.AGENT, _AGENT), (Kind.COMMAND, _COMMAND)):
        if found := pattern.match(path):
            return Place(kind=kind, rank=_rank(found["tool"]), folder=f".{found['tool']}/{kind}s/")
    if _MODE.match(path):
        return Place(kind=Kind.MODE, rank=0, folder=".ostinato/modes/")
    if path == ".mcp.json":
        return Place(kind=Kind.SERVER, rank=0)
    if _CONTEXT.match(path) and not _INSIDE_A_TOOL.search(path):
        return Place(kind=Kind.CONTEXT, rank=path.count("/"))
    return None


def in_home(path: str) -> Place | None:
    """The same for a path from a user's home on."""
    if path == USER_SERVERS:
        return Place(kind=Kind.SERVER, rank=0)
    if path in _USER_CONTEXT:
        return Place(kind=Kind.CONTEXT, rank=_USER_CONTEXT.index(path))
    own = path.removeprefix(".config/ostinato/")
    if own != path:
        place = in_repository(f".ostinato/{own}")
        return None if place is None else Place(kind=place.kind, rank=0, folder=f".config/ostinato/{place.kind}s/")
    if any(path.startswith(f"{folder}/") for folder in USER_FOLDERS):
        return in_repository(path)
    return None


def _rank(tool: str) -> int:
    return _TOOLS.index(tool.lower())
