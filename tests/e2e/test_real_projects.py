"""Well-known projects, from their source distributions: the main job on code that nobody made for us."""

import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.e2e.conftest import Stack, git

pytestmark = [pytest.mark.e2e, pytest.mark.server, pytest.mark.heavy]

PROJECTS = ("inflection==0.5.1", "tabulate==0.9.0", "humanize==4.12.3")


@pytest.fixture(params=PROJECTS)
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A repository with one commit: the project as it was released."""
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:", request.param]
    fetched = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=180)
    if fetched.returncode != 0:
        pytest.skip(f"{request.param} cannot be had from a package index here: {fetched.stderr[-300:]}")
    archive = next(tmp_path.glob("*.tar.gz"))
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path, filter="data")
    repository = tmp_path / archive.name.removesuffix(".tar.gz")
    git(repository, "init", "-q", "-b", "main")
    git(repository, "-c", "core.excludesFile=", "add", "-A", "-f")
    git(
        repository,
        "-c",
        "user.name=Released",
        "-c",
        "user.email=released@example.com",
        "commit",
        "-q",
        "-m",
        "Released",
    )
    return repository


def test_lint_and_format_keep_a_real_project_as_green_as_it_was(stack: Stack, project: Path) -> None:
    ended = stack.call(
        "run", "fix the lint errors and format the code", "--repo", str(project), "--trust", "--no-input", "--json"
    )

    report = ended.data
    gates = {gate["gate"]: gate for gate in report["gates"] if gate["stage"] == "post"}
    assert report["outcome"] == "completed", ended.err[-3000:]
    assert gates["tests"]["status"] in ("pass", "warn"), gates["tests"]
    assert gates["tests"]["metrics"]["passed"] > 10
    assert any(step["files_changed"] for step in report["steps"])
    assert git(project, "status", "--porcelain") == ""
