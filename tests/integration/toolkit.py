"""Small real projects and the contexts to run tools on them."""

import subprocess
from pathlib import Path
from typing import Any

from ostinato.adapters.artifacts import ArtifactStore
from ostinato.adapters.environments import prepare_environment
from ostinato.adapters.home import Home
from ostinato.adapters.projects import inspect_project
from ostinato.adapters.tools import ToolContext
from ostinato.domain.project import ProjectFacts
from ostinato.domain.redaction import Redactor
from ostinato.domain.workspace import Environment

NO_ENVIRONMENT = Environment(ready=False, message="none was prepared", cure="prepare one")
CALC = "def add(a: int, b: int) -> int:\n    return a + b\n"
TEST_CALC = "from calc import add\n\n\ndef test_add() -> None:\n    assert add(1, 2) == 3\n"


def a_tree(folder: Path, files: dict[str, str]) -> Path:
    """A git repository with these files, staged."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    subprocess.run(("git", "init", "-q"), cwd=folder, check=True)
    subprocess.run(("git", "add", "-A"), cwd=folder, check=True)
    return folder


def listed(tree: Path) -> set[str]:
    """Every file in the tree, git's own left out."""
    return {p.relative_to(tree).as_posix() for p in tree.rglob("*") if p.is_file() and ".git" not in p.parts}


def inspected(tree: Path) -> ProjectFacts:
    return inspect_project(tree, "c0ffee", sorted(listed(tree)))


async def an_environment(tree: Path, *, home: Path, trusted: bool = True) -> Environment:
    folder = home / "environments" / tree.name
    return await prepare_environment(tree, folder, project=inspected(tree), trusted=trusted, home=Home(root=home))


def a_context(
    tree: Path, artifacts: Path, *, environment: Environment = NO_ENVIRONMENT, trusted: bool = True, **args: Any
) -> ToolContext:
    return ToolContext(
        tree=tree,
        environment=environment,
        project=inspected(tree),
        trusted=trusted,
        args=args,
        artifacts=ArtifactStore(artifacts),
        redactor=Redactor(),
        marker="test-step",
        timeout_s=120,
        progress=lambda line: None,
    )
