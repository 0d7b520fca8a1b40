"""Reading a project: layout, declared requirements, chosen tools, and broken files."""

from pathlib import Path

import pytest

from ostinato.adapters.projects import inspect_project
from ostinato.adapters.projects.manifest import read_manifest
from ostinato.domain.project import ProjectFacts


def inspected(tree: Path, files: dict[str, str]) -> ProjectFacts:
    for name, text in files.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return inspect_project(tree, "c0ffee", sorted(files))


def test_a_src_layout_is_recognised(tmp_path: Path) -> None:
    facts = inspected(tmp_path, {"src/calc/__init__.py": "", "tests/test_calc.py": "import pytest\n"})

    assert (facts.source_roots, facts.packages, facts.test_paths) == (("src",), ("calc",), ("tests",))


def test_a_flat_layout_leaves_tests_documentation_and_scripts_out(tmp_path: Path) -> None:
    names = ("calc/__init__.py", "extra.py", "setup.py", "docs/conf.py", "tests/__init__.py", "scripts/x.py")

    facts = inspected(tmp_path, dict.fromkeys(names, ""))

    assert (facts.source_roots, facts.packages) == ((".",), ("calc", "extra"))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject.toml", '[tool.setuptools.package-dir]\n"" = "lib"\n'),
        ("pyproject.toml", '[tool.setuptools.packages.find]\nwhere = ["lib"]\n'),
        ("pyproject.toml", '[tool.hatch.build.targets.wheel]\npackages = ["lib/calc"]\n'),
        ("setup.cfg", "[options]\npackage_dir =\n    = lib\n"),
        ("setup.py", "from setuptools import setup\nsetup(package_dir={'': 'lib'})\n"),
    ],
)
def test_a_configured_source_root_wins(tmp_path: Path, name: str, text: str) -> None:
    facts = inspected(tmp_path, {name: text, "lib/calc/__init__.py": ""})

    assert (facts.source_roots, facts.packages) == (("lib",), ("calc",))


def test_the_projects_own_tools_come_first(tmp_path: Path) -> None:
    facts = inspected(
        tmp_path,
        {
            "calc.py": "",
            ".flake8": "[flake8]\n",
            "pyproject.toml": "[tool.black]\n[tool.mypy]\nstrict = true\n[tool.pytest.ini_options]\n",
        },
    )

    chosen = [(c.tool, c.own) for c in (facts.lint, facts.format, facts.types, facts.tests) if c]
    assert chosen == [("flake8", True), ("black", True), ("mypy", True), ("pytest", True)]


def test_without_configuration_the_fallbacks_are_chosen(tmp_path: Path) -> None:
    facts = inspected(tmp_path, {"calc.py": ""})

    chosen = [(c.tool, c.own) for c in (facts.lint, facts.format, facts.types, facts.tests) if c]
    assert chosen == [("ruff", False), ("ruff", False), ("mypy", False), ("pytest", False)]


@pytest.mark.parametrize(
    ("files", "tool"),
    [
        ({".ostinato/config.toml": '[commands]\ntest = "make check"\n', "pytest.ini": "[pytest]\n"}, "command"),
        ({"test_calc.py": "def test_add():\n    pass\n", "Makefile": "test:\n\ttrue\n"}, "pytest"),
        ({"test_calc.py": "import unittest\nclass T(unittest.TestCase):\n    pass\n"}, "unittest"),
        ({"Makefile": "test: build\n\ttrue\n", "tox.ini": "[tox]\n"}, "make"),
        ({"tox.ini": "[tox]\n", "noxfile.py": ""}, "tox"),
        ({"noxfile.py": ""}, "nox"),
    ],
)
def test_the_test_command_is_found_in_order_of_authority(tmp_path: Path, files: dict[str, str], tool: str) -> None:
    facts = inspected(tmp_path, {"calc.py": "", **files})

    assert facts.tests is not None
    assert (facts.tests.tool, facts.tests.own) == (tool, True)


@pytest.mark.parametrize("name", ["pyproject.toml", "setup.cfg", "tox.ini", ".ostinato/config.toml", "setup.py"])
def test_a_broken_file_becomes_a_note(tmp_path: Path, name: str) -> None:
    facts = inspected(tmp_path, {"calc.py": "", name: "[broken\n= = ="})

    assert any(note.startswith(name) for note in facts.notes)


def test_a_table_of_the_wrong_kind_is_no_error(tmp_path: Path) -> None:
    facts = inspected(tmp_path, {"calc.py": "", "pyproject.toml": 'project = 1\ntool = "x"\ndependency-groups = [2]\n'})

    assert facts.packages == ("calc",)


def test_a_repository_without_python_is_only_counted(tmp_path: Path) -> None:
    facts = inspected(tmp_path, {"main.go": "", "web/app.ts": "", "web/util.ts": ""})

    assert (facts.is_python, facts.languages) == (False, {"TypeScript": 2, "Go": 1})


def test_requirements_that_ostinato_supplies_need_no_installation(tmp_path: Path) -> None:
    text = (
        '[project]\nname = "calc"\ndependencies = []\n[project.optional-dependencies]\ntest = ["pytest>=8", "ruff"]\n'
    )
    (tmp_path / "pyproject.toml").write_text(text)

    manifest = read_manifest(tmp_path)

    assert not manifest.needs_installation


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject.toml", '[project]\nname = "calc"\ndependencies = ["Requests_Oauth>=1"]\n'),
        ("pyproject.toml", '[tool.poetry.dependencies]\npython = "^3.11"\nrequests-oauth = "*"\n'),
        ("pyproject.toml", "[dependency-groups]\ntest = [\"requests.oauth; python_version > '3'\"]\n"),
        ("setup.cfg", "[options]\ninstall_requires =\n    requests-oauth\n"),
        ("setup.py", "import setuptools\nsetuptools.setup(install_requires=['requests-oauth'])\n"),
        ("requirements.txt", "# ours\n-r other.txt\nrequests-oauth==1.0  # pinned\n"),
    ],
)
def test_declared_requirements_are_found(tmp_path: Path, name: str, text: str) -> None:
    facts = inspected(tmp_path, {"calc.py": "", name: text})

    assert facts.dependencies_declared
    assert read_manifest(tmp_path).needs == ("requests-oauth",)


def test_computed_requirements_and_extensions_need_a_build(tmp_path: Path) -> None:
    (tmp_path / "setup.py").write_text(
        "from setuptools import setup\nsetup(install_requires=read(), ext_modules=EXT)\n"
    )

    manifest = read_manifest(tmp_path)

    assert (manifest.computed, manifest.must_build) == (True, True)
