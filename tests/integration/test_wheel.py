"""The wheel, installed where nothing else of ours is: the commands, and a run by the worker that it carries."""

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import uv

from ostinato import __version__
from scripts.sample import make_sample

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.server, pytest.mark.timeout(900)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """A fresh environment with the wheel, an empty folder to stand in, and a home of its own."""

    folder: Path

    @property
    def env(self) -> dict[str, str]:
        ours = ("OSTINATO_", "TEMPORAL_", "PYTHON", "VIRTUAL_ENV")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        return {**kept, "OSTINATO_HOME": str(self.folder / "home")}

    def call(self, *args: str) -> str:
        """Standard output of a command that must end with 0."""
        command = [str(self.folder / "env" / "bin" / "ostinato"), *args]
        done = subprocess.run(
            command,
            cwd=self.folder / "empty",
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, f"{args} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    run_uv("build", "--wheel", "--quiet", "--out-dir", str(folder), str(ROOT), cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("installed")
    (folder / "empty").mkdir()
    run_uv("venv", "--quiet", "--python", sys.executable, "env", cwd=folder)
    constraints = str(ROOT / "constraints.txt")
    run_uv("pip", "install", "--quiet", "--python", "env/bin/python", "-c", constraints, str(wheel), cwd=folder)
    installation = Installation(folder=folder)
    yield installation
    installation.call("down")


def test_the_wheel_owns_one_top_level_name(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())

    assert {name.split("/")[0] for name in names} == {"ostinato", f"ostinato-{__version__}.dist-info"}
    assert {"ostinato/_app/worker.py", "ostinato/_app/workflows/run.py", "ostinato/_app/activities/steps.py"} <= names
    assert {"ostinato/py.typed", "ostinato/adapters/history/migrations/env.py"} <= names


def test_the_installed_command_helps_and_finds_its_tools(installed: Installation) -> None:
    said = installed.call("--help")
    checks = json.loads(installed.call("doctor", "--json"))

    assert f"Ostinato {__version__}" in said
    assert checks["data"]["healthy"] is True


def test_an_installed_worker_takes_a_request_to_a_branch(installed: Installation, tmp_path: Path) -> None:
    repository = make_sample(tmp_path / "tally")

    words = ("run", "fix lint errors and format", "--repo", str(repository), "--trust", "--no-input", "--json")
    ended = json.loads(installed.call(*words))
    report = json.loads(installed.call("report", ended["data"]["run_id"], "--format", "json", "--json"))

    branch = f"ostinato/{ended['data']['run_id']}"
    listed = subprocess.run(["git", "-C", str(repository), "branch", "--list", branch], capture_output=True, text=True)
    assert branch in listed.stdout
    assert report["data"]["outcome"] == "completed"


def run_uv(*args: str, cwd: Path) -> Sequence[str]:
    env = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run([uv.find_uv_bin(), *args], cwd=cwd, env=env, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()
