"""What a repository, a plan's end and a diff show of a request: facts that adapters read and the domain judges."""

from ostinato.domain.base import Fact

MOST_MATCHES = 30
MOST_NAMED = 20


class MatchedFile(Fact):
    """A file that a name in the request points at."""

    path: str
    score: float
    """0 to 1: how surely the name means this file."""
    why: tuple[str, ...]
    size_bytes: int = 0
    commits: int = 0
    """Of the recent ones, those that touched it."""
    churn_lines: int = 0
    """Lines added and removed by them."""
    is_test: bool = False
    owners: tuple[str, ...] = ()


class Evidence(Fact):
    """What was found at one commit. Lists are capped; the counts beside them are not."""

    commit: str
    files: int = 0
    """Tracked at the commit."""
    matches: tuple[MatchedFile, ...] = ()
    """Best first."""
    matched: int = 0
    tests: tuple[str, ...] = ()
    """Near what matched, or matched themselves."""
    packages: tuple[str, ...] = ()
    languages: dict[str, int] = {}
    """Of the matched files."""
    dependents: tuple[str, ...] = ()
    """Files that import what matched."""
    dependents_count: int = 0
    owners: tuple[str, ...] = ()
    recent_commits: int = 0
    """How far back churn was counted."""
    notes: tuple[str, ...] = ()
    """What was not looked at, and why."""

    @property
    def sources(self) -> tuple[MatchedFile, ...]:
        return tuple(match for match in self.matches if not match.is_test)

    @property
    def is_sure(self) -> bool:
        """Whether the request named a file, or something that is defined in one, rather than a word like its name."""
        return any(match.score >= SURE for match in self.matches)


SURE = 0.7


class ChangedFile(Fact):
    path: str
    kind: str
    """added, modified, deleted, renamed."""
    added: int = 0
    removed: int = 0
    is_binary: bool = False


class DiffFacts(Fact):
    """What really changed between two commits."""

    files: tuple[ChangedFile, ...] = ()
    """At most MOST_CHANGED."""
    files_count: int = 0
    lines_added: int = 0
    lines_removed: int = 0
    packages: tuple[str, ...] = ()
    public_removed: tuple[str, ...] = ()
    """Public names that are gone, as path:name."""
    majors: tuple[str, ...] = ()
    """Dependencies whose major version changed: "requests 1 → 2"."""
    dependencies_changed: tuple[str, ...] = ()
    """Added or removed ones: "+ httpx", "- requests"."""
    notes: tuple[str, ...] = ()

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(file.path for file in self.files)


MOST_CHANGED = 300
