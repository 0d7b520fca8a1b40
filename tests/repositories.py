"""Builders of real git repositories, and what tests ask of them."""

import hashlib
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from ostinato.adapters.git.mirror import open_mirror
from ostinato.adapters.git.objects import Author, StepKey
from ostinato.adapters.git.repository import RepositoryState, inspect_repository
from ostinato.domain.ids import RunId, StepId

RUN = RunId("tidy-up-1a2b")
FILES: Mapping[str, str] = {"README.md": "# Sample\n", "src/app.py": "def answer():\n    return 42\n"}
AUTHOR = Author(name="Ada", email="ada@example.org")


def git(repository: Path, *args: str, env: Mapping[str, str] | None = None) -> str:
    """Standard output of a git that knows neither the user's configuration nor the environment's."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    alone = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(
        ["git", "-C", str(repository), "-c", "protocol.file.allow=always", *args],
        capture_output=True,
        text=True,
        env={**clean, **alone, **(env or {})},
    )
    assert done.returncode == 0, f"git {args}: {done.stderr}"
    return done.stdout.strip()


def write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


def commit(repository: Path, files: Mapping[str, str], message: str = "Change") -> str:
    """Commits everything in the working tree after writing the files; returns the commit."""
    write(repository, files)
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "--allow-empty", "-m", message)
    return git(repository, "rev-parse", "HEAD")


def make_repository(
    path: Path,
    files: Mapping[str, str] = FILES,
    *,
    commits: Sequence[Mapping[str, str]] = (),
    branch: str = "main",
    user: tuple[str, str] | None = ("Sam", "sam@example.org"),
) -> Path:
    """A repository at `path`: `files` in its first commit, then one commit for each of `commits`."""
    path.mkdir(parents=True, exist_ok=True)
    git(path, "init", "-q", "-b", branch, "--template=")
    if user is not None:
        git(path, "config", "user.name", user[0])
        git(path, "config", "user.email", user[1])
    for number, changes in enumerate([files, *commits], start=1):
        write(path, changes)
        git(path, "add", "-A")
        identity = ("-c", "user.name=Sam", "-c", "user.email=sam@example.org")
        git(path, *identity, "commit", "-q", "--allow-empty", "-m", f"Commit {number}")
    return path


def fingerprint(repository: Path) -> dict[str, str]:
    """Every file of the repository with its hash, but for git's objects and the refs that are ours."""
    return {
        str(file.relative_to(repository)): _hash(file)
        for file in sorted(repository.rglob("*"))
        if (file.is_file() or file.is_symlink()) and not _is_ours(file.relative_to(repository))
    }


def plant_hooks(repository: Path, marker: Path, names: Sequence[str]) -> None:
    """Hooks that leave a line in the marker file when something runs them."""
    folder = repository / ".git" / "hooks"
    folder.mkdir(exist_ok=True)
    for name in names:
        script(folder / name, f'echo {name} >> "{marker}"')


def script(path: Path, body: str) -> Path:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def a_key(step: str = "lint", execution: int = 1, run: RunId = RUN) -> StepKey:
    return StepKey(run_id=run, step_id=StepId(step), execution=execution)


async def an_open_mirror(repository: Path, home: Path, run: RunId = RUN) -> tuple[RepositoryState, Path]:
    state = await inspect_repository(repository)
    return state, await open_mirror(state, home / "repos" / state.repository_id, run)


def _hash(file: Path) -> str:
    content = os.fsencode(file.readlink()) if file.is_symlink() else file.read_bytes()
    return hashlib.sha256(content).hexdigest()


def _is_ours(path: Path) -> bool:
    text = path.as_posix()
    return "/objects/" in text or "refs/ostinato" in text or "refs/heads/ostinato" in text
