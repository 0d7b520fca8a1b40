"""Preparing a worktree's environment: what is in it, what is not, reuse, and refusal."""

import shutil
import subprocess
from pathlib import Path

import pytest

from ostinato.adapters.home import Home
from ostinato.adapters.toolbox import ensure_toolbox
from tests.integration.toolkit import CALC, a_tree, an_environment, listed

_DECLARED = '[project]\nname = "calc"\nversion = "1.2"\ndependencies = ["no-such-distribution-at-all"]\n'


def said_by(command: str, *statement: str) -> str:
    options = ("-BP", "-c") if statement else ()
    done = subprocess.run((command, *options, *statement), capture_output=True, text=True, cwd="/", env={}, check=False)
    return (done.stdout or done.stderr).strip()


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("PIP_NO_INDEX", "1")


async def test_a_simple_project_is_ready_without_a_network_and_imports_from_its_tree(tmp_path: Path) -> None:
    tree = a_tree(tmp_path / "my prøject", {"src/calc/__init__.py": CALC})

    environment = await an_environment(tree, home=tmp_path / "home", trusted=False)

    assert environment.ready
    assert said_by(environment.python, "import calc; print(calc.__file__)") == str(tree / "src/calc/__init__.py")
    assert listed(tree) == {"src/calc/__init__.py"}


async def test_the_test_tools_are_there_and_nothing_else_of_ours(tmp_path: Path) -> None:
    tree = a_tree(tmp_path / "calc", {"calc.py": CALC})

    environment = await an_environment(tree, home=tmp_path / "home")

    assert said_by(environment.python, "import pytest, hypothesis, coverage; print('all')") == "all"
    for name in ("temporalio", "pydantic", "ostinato", "mypy"):
        assert "No module named" in said_by(environment.python, f"import {name}")


async def test_the_projects_own_version_of_a_test_tool_wins(tmp_path: Path) -> None:
    tree = a_tree(tmp_path / "calc", {"pytest.py": "own = True\n", "calc.py": CALC})

    environment = await an_environment(tree, home=tmp_path / "home")

    assert said_by(environment.python, "import pytest; print(pytest.own)") == "True"


async def test_a_static_project_has_its_metadata_and_its_command(tmp_path: Path) -> None:
    text = '[project]\nname = "my-calc"\nversion = "1.2"\n[project.scripts]\nmy-calc = "calc:main"\n'
    tree = a_tree(tmp_path / "calc", {"pyproject.toml": text, "calc.py": "def main():\n    print('ran')\n"})

    environment = await an_environment(tree, home=tmp_path / "a home")

    assert said_by(environment.python, "from importlib.metadata import version; print(version('my-calc'))") == "1.2"
    command = Path(environment.path) / "bin" / "my-calc"
    assert said_by(str(command)) == "ran"


async def test_a_second_preparation_reuses_the_first(tmp_path: Path) -> None:
    tree = a_tree(tmp_path / "calc", {"calc.py": CALC})
    first = await an_environment(tree, home=tmp_path / "home")

    second = await an_environment(tree, home=tmp_path / "home")

    assert (first.reused, second.reused, second.ready) == (False, True, True)


async def test_a_reused_environment_points_at_the_tree_it_was_asked_for(tmp_path: Path) -> None:
    await an_environment(a_tree(tmp_path / "calc", {"calc.py": CALC}), home=tmp_path / "home")
    other = a_tree(tmp_path / "moved" / "calc", {"calc.py": CALC})

    environment = await an_environment(other, home=tmp_path / "home")

    assert environment.reused
    assert said_by(environment.python, "import calc; print(calc.__file__)") == str(other / "calc.py")


async def test_a_changed_manifest_makes_it_again(tmp_path: Path) -> None:
    tree = a_tree(tmp_path / "calc", {"calc.py": CALC})
    await an_environment(tree, home=tmp_path / "home")

    (tree / "pyproject.toml").write_text('[project]\nname = "calc"\nversion = "2"\n')

    assert not (await an_environment(tree, home=tmp_path / "home")).reused


async def test_what_a_crash_left_behind_is_made_again(tmp_path: Path) -> None:
    tree = a_tree(tmp_path / "calc", {"calc.py": CALC})
    broken = tmp_path / "home" / "environments" / "calc" / "lib"
    broken.mkdir(parents=True)
    (broken / "half.txt").write_text("half")

    environment = await an_environment(tree, home=tmp_path / "home")

    assert (environment.ready, environment.reused) == (True, False)


async def test_requirements_of_an_untrusted_repository_are_not_installed(tmp_path: Path) -> None:
    tree = a_tree(tmp_path / "calc", {"calc.py": CALC, "pyproject.toml": _DECLARED})

    environment = await an_environment(tree, home=tmp_path / "home", trusted=False)

    assert (environment.ready, "--trust" in environment.cure) == (False, True)
    assert not (tmp_path / "home" / "environments").exists()


async def test_a_failed_installation_says_why_and_what_to_do(tmp_path: Path) -> None:
    tree = a_tree(tmp_path / "calc", {"calc.py": CALC, "pyproject.toml": _DECLARED})

    environment = await an_environment(tree, home=tmp_path / "home")

    assert not environment.ready
    assert environment.message.startswith("the requirements could not be installed: ")
    assert "network" in environment.cure


async def test_a_python_that_is_not_there_is_named(tmp_path: Path) -> None:
    text = '[project]\nname = "calc"\nversion = "1"\nrequires-python = ">=3.99"\n'
    tree = a_tree(tmp_path / "calc", {"calc.py": CALC, "pyproject.toml": text})

    environment = await an_environment(tree, home=tmp_path / "home")

    assert (environment.ready, ">=3.99" in environment.cure) == (False, True)


async def test_a_project_that_must_be_built_is_installed_from_its_tree(tmp_path: Path) -> None:
    script = "from setuptools import setup\nfrom setuptools.command.build_py import build_py\n"
    script += "setup(name='calc', py_modules=['calc'], cmdclass={'build_py': build_py})\n"
    tree = a_tree(tmp_path / "calc", {"calc.py": CALC, "setup.py": script})

    environment = await an_environment(tree, home=tmp_path / "home")

    assert environment.ready or "could not be installed" in environment.message
    assert listed(tree) == {"calc.py", "setup.py"}


async def test_another_language_needs_no_environment(tmp_path: Path) -> None:
    tree = a_tree(tmp_path / "web", {"index.html": "<p>"})

    environment = await an_environment(tree, home=tmp_path / "home")

    assert (environment.ready, environment.message) == (False, "no Python project found")


def test_the_toolbox_is_made_once_and_again_when_it_is_gone(tmp_path: Path) -> None:
    home = Home(root=tmp_path)
    first = ensure_toolbox(home)
    made = (first / "pytest").stat().st_ino

    assert ((ensure_toolbox(home) / "pytest").stat().st_ino, len(list(home.toolbox.iterdir()))) == (made, 1)
    shutil.rmtree(first)
    assert (ensure_toolbox(home) / "pytest").is_dir()
