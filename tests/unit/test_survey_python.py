"""Reading Python's packages: managers, members, commands by configuration and task runner."""

from pathlib import Path

import pytest

from tests.trees import command_in, commands_in, edges, facts_of, managers_in, member_in, survey_of

PROJECT = '[project]\nname = "calc"\nversion = "1"\ndependencies = []\n'


@pytest.mark.parametrize(
    ("files", "manager", "source"),
    [
        ({"pyproject.toml": PROJECT, "uv.lock": ""}, "uv", "uv.lock"),
        ({"pyproject.toml": PROJECT, "poetry.lock": ""}, "poetry", "poetry.lock"),
        ({"pyproject.toml": PROJECT, "pdm.lock": ""}, "pdm", "pdm.lock"),
        ({"pyproject.toml": PROJECT + "[tool.uv]\npackage = true\n"}, "uv", "pyproject.toml [tool.uv]"),
        ({"pyproject.toml": '[tool.poetry]\nname = "calc"\n'}, "poetry", "pyproject.toml [tool.poetry]"),
        ({"pyproject.toml": PROJECT + "[tool.hatch.envs.default]\n"}, "hatch", "pyproject.toml [tool.hatch]"),
        ({"pyproject.toml": PROJECT + "[tool.hatch.build.targets.wheel]\n"}, "pip", "pyproject.toml"),
        ({"Pipfile": ""}, "pipenv", "Pipfile"),
        ({"requirements.txt": "requests\n"}, "pip", "requirements.txt"),
        ({"setup.py": "from setuptools import setup\nsetup(name='calc')\n"}, "pip", "setup.py"),
    ],
)
def test_the_manager_is_locked_or_configured(tmp_path: Path, files: dict[str, str], manager: str, source: str) -> None:
    survey = survey_of(tmp_path, {"calc.py": "", **files})

    assert managers_in(survey) == [(manager, source)]


def test_commands_are_those_that_the_tools_and_gates_use(tmp_path: Path) -> None:
    configured = "[tool.ruff]\n[tool.mypy]\n[tool.pytest.ini_options]\n"

    facts = facts_of(tmp_path, {"calc.py": "", "pyproject.toml": PROJECT + configured})

    chosen = (facts.tests, facts.lint, facts.format, facts.types)
    assert [command_in(facts.survey, purpose).argv for purpose in ("test", "lint", "format", "types")] == [
        choice.argv for choice in chosen if choice
    ]


def test_a_fallback_of_ostinato_is_no_fact_of_the_project(tmp_path: Path) -> None:
    facts = facts_of(tmp_path, {"calc.py": ""})

    assert facts.lint is not None
    assert facts.survey.commands == ()


@pytest.mark.parametrize(
    ("section", "line"),
    [
        ('[tool.pdm.scripts]\nlint = "ruff check"\n', "pdm run lint"),
        ('[tool.poe.tasks]\nlint = "ruff check"\n', "poe lint"),
        ('[tool.taskipy.tasks]\nlint = "ruff check"\n', "task lint"),
        ('[tool.hatch.envs.default.scripts]\nlint = "ruff check"\n', "hatch run lint"),
        ('[tool.hatch.envs.style.scripts]\nlint = "ruff check"\n', "hatch run style:lint"),
    ],
)
def test_a_task_runner_says_it_where_no_tool_is_configured(tmp_path: Path, section: str, line: str) -> None:
    survey = survey_of(tmp_path, {"calc.py": "", "pyproject.toml": PROJECT + section})

    assert commands_in(survey)["lint"] == line


@pytest.mark.parametrize(
    ("extra", "line"),
    [
        ({}, "python -m build"),
        ({"uv.lock": ""}, "uv build"),
        ({"poetry.lock": ""}, "poetry build"),
    ],
)
def test_the_manager_builds(tmp_path: Path, extra: dict[str, str], line: str) -> None:
    backend = '[build-system]\nbuild-backend = "hatchling.build"\n'

    survey = survey_of(tmp_path, {"calc.py": "", "pyproject.toml": PROJECT + backend, **extra})

    build = command_in(survey, "build")
    assert (" ".join(build.argv), build.source) == (line, "pyproject.toml [build-system] hatchling.build")


def test_a_workspace_of_uv_has_members_that_use_each_other(tmp_path: Path) -> None:
    survey = survey_of(
        tmp_path,
        {
            "uv.lock": "",
            "pyproject.toml": PROJECT + '[tool.uv.workspace]\nmembers = ["packages/*"]\n',
            "packages/core/pyproject.toml": PROJECT.replace("calc", "calc.core"),
            "packages/web/pyproject.toml": '[project]\nname = "web"\ndependencies = ["Calc_Core>=1"]\n[tool.ruff]\n',
            "packages/web/test_web.py": "def test_it():\n    pass\n",
        },
    )

    assert edges(survey) == {"packages/web": ("packages/core",)}
    assert {member.manager for member in survey.members} == {"uv"}
    assert commands_in(survey, "packages/web")["test"] == "python -m pytest"
    assert command_in(survey, "lint", "packages/web").folder == "packages/web"


def test_a_dependency_by_path_in_an_extra_or_group_counts(tmp_path: Path) -> None:
    survey = survey_of(
        tmp_path,
        {
            "a/pyproject.toml": '[tool.poetry]\nname = "a"\n[tool.poetry.dependencies]\nb = { path = "../b" }\n',
            "b/pyproject.toml": '[project]\nname = "b"\n[project.optional-dependencies]\nx = ["c"]\n',
            "c/setup.py": "from setuptools import setup\nsetup(name='c')\n",
        },
    )

    assert edges(survey) == {"a": ("b",), "b": ("c",)}
    assert member_in(survey, "c").manifest == "c/setup.py"
