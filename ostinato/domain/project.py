"""What a repository is made of: facts that plans and gates are built on."""

from ostinato.domain.base import Fact


class ToolChoice(Fact):
    """Which tool does a job in this project, and who says so."""

    tool: str
    """ruff, black, flake8, mypy, pyright, pytest, unittest, make, tox, nox, pre-commit."""
    argv: tuple[str, ...]
    source: str
    """Where it is configured ("pyproject.toml [tool.ruff]"), or "ostinato's fallback"."""
    own: bool
    """The project's own: it runs only when its user trusts the repository."""


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

    @property
    def is_python(self) -> bool:
        return self.languages.get("Python", 0) > 0
