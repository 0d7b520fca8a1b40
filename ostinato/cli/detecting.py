"""What a repository is made of, read without running any of it."""

from pathlib import Path

from ostinato.adapters.git.repository import RepositoryState, inspect_repository
from ostinato.adapters.projects import inspect_project
from ostinato.domain.project import ProjectFacts


async def detect(path: Path, base: str | None = None) -> tuple[RepositoryState, ProjectFacts]:
    repository = await inspect_repository(path, base)
    return repository, await project_of(repository)


async def project_of(repository: RepositoryState) -> ProjectFacts:
    listed = await repository.git()("ls-files", "-z")
    tracked = sorted(name for name in listed.split("\0") if name)
    return inspect_project(repository.root, repository.base_commit, tracked)
