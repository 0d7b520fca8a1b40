"""What a repository is made of: facts that plans and gates are built on."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Literal

from ostinato.domain.base import Fact

ROOT = "."
"""The path of the repository itself among its packages."""


class Purpose(StrEnum):
    TEST = "test"
    LINT = "lint"
    FORMAT = "format"
    TYPES = "types"
    BUILD = "build"


class Basis(StrEnum):
    """What a command rests on, the strongest first: of two commands for one job the stronger is taken."""

    STATED = "stated"
    """By a person, in .ostinato/config.toml."""
    SCRIPT = "script"
    """A script of the manifest (package.json)."""
    CONFIGURED = "configured"
    """The tool's own configuration file, or a declared dependency."""
    TARGET = "target"
    """Of a Makefile, a justfile, a Taskfile, or a Python task runner."""
    CI = "ci"
    """Only CI runs it."""
    CONVENTION = "convention"
    """The language's standard tool; nothing in the project names it."""


class ToolChoice(Fact):
    """Which tool does a job in this project, and who says so."""

    tool: str
    """ruff, black, flake8, mypy, pyright, pytest, unittest, make, tox, nox, pre-commit."""
    argv: tuple[str, ...]
    source: str
    """Where it is configured ("pyproject.toml [tool.ruff]"), or "ostinato's fallback"."""
    own: bool
    """The project's own: it runs only when its user trusts the repository."""


class Command(ToolChoice):
    """How the project itself does one job, for one of its packages."""

    own: bool = True
    purpose: Purpose
    basis: Basis
    language: str = ""
    """Empty when it serves whatever is there."""
    member: str = ROOT
    """Path of the package that it serves."""
    folder: str = ROOT
    """Where it is to be run."""
    confirmed_by: str = ""
    """The CI file that runs the same; empty when none does."""

    @property
    def confidence(self) -> Literal["high", "medium", "low"]:
        if self.confirmed_by or self.basis in (Basis.STATED, Basis.SCRIPT):
            return "high"
        return "low" if self.basis is Basis.CONVENTION else "medium"


class PackageManager(Fact):
    language: str
    tool: str
    """uv, poetry, pdm, hatch, pip; npm, pnpm, yarn, bun; go; cargo; maven, gradle."""
    source: str
    folder: str = ROOT


class Member(Fact):
    """One package of the repository, by its manifest."""

    path: str
    name: str
    language: str
    manager: str
    manifest: str
    depends_on: tuple[str, ...] = ()
    """Paths of the members that it uses."""


class Survey(Fact):
    """What is there in any language. Bounded: what did not fit is named in the notes."""

    managers: tuple[PackageManager, ...] = ()
    members: tuple[Member, ...] = ()
    commands: tuple[Command, ...] = ()
    ci: tuple[str, ...] = ()
    """Files that say what CI runs."""

    @property
    def is_monorepo(self) -> bool:
        return len(self.members) > 1

    def commands_of(self, member: str = ROOT) -> tuple[Command, ...]:
        return tuple(command for command in self.commands if command.member == member)

    def command(self, purpose: Purpose, member: str = ROOT) -> Command | None:
        return next((command for command in self.commands_of(member) if command.purpose is purpose), None)

    def member_of(self, file: str) -> Member | None:
        """The innermost member that holds the file."""
        holding = [member for member in self.members if holds(member.path, file)]
        return max(holding, key=lambda member: (member.path != ROOT, len(member.path)), default=None)

    def touched(self, files: Iterable[str]) -> tuple[Member, ...]:
        """Members that hold one of the files, in the order of `members`."""
        found = {member.path for file in files if (member := self.member_of(file))}
        return tuple(member for member in self.members if member.path in found)

    def dependents(self, paths: Iterable[str]) -> tuple[Member, ...]:
        """Members that use one of these, directly or through others; without these themselves."""
        given = frozenset(paths)
        reached = set(given)
        while more := {m.path for m in self.members if m.path not in reached and reached.intersection(m.depends_on)}:
            reached |= more
        return tuple(member for member in self.members if member.path in reached - given)


class ProjectFacts(Fact):
    commit: str
    languages: dict[str, int] = {}
    """Language → number of tracked files."""
    files: int = 0
    source_roots: tuple[str, ...] = ()
    """Folders that go on the import path, relative ("." or "src")."""
    packages: tuple[str, ...] = ()
    """Top-level import names found in them."""
    test_paths: tuple[str, ...] = ()
    test_files: int = 0
    dependencies_declared: bool = False
    manifest: str = ""
    """The file that declares them; empty when there is none."""
    tests: ToolChoice | None = None
    lint: ToolChoice | None = None
    format: ToolChoice | None = None
    types: ToolChoice | None = None
    notes: tuple[str, ...] = ()
    benchmark: str = ""
    """What says that there is one to measure; empty: nothing does."""
    survey: Survey = Survey()

    @property
    def is_python(self) -> bool:
        return self.languages.get("Python", 0) > 0

    @property
    def for_gates(self) -> "ProjectFacts":
        """As small as gates need it: the commands that test, lint and check types, and where they belong."""
        wanted = (Purpose.TEST, Purpose.LINT, Purpose.TYPES)
        commands = tuple(command for command in self.survey.commands if command.purpose in wanted)
        return self.model_copy(update={"survey": Survey(members=self.survey.members, commands=commands)})

    @property
    def without_survey(self) -> "ProjectFacts":
        """What steps and gates need of it: small enough to travel with each of them."""
        return self.model_copy(update={"survey": Survey()})


def holds(folder: str, file: str) -> bool:
    return folder == ROOT or file == folder or file.startswith(f"{folder}/")


def folders_above(path: str) -> Iterator[str]:
    """The folder itself, then each above it, the root last."""
    while path != ROOT:
        yield path
        path = path.rpartition("/")[0] or ROOT
    yield ROOT
