"""Reading JavaScript and TypeScript: scripts, managers, workspaces, tools by their configuration."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.trees import command_in, commands_in, edges, facts_of, managers_in, member_in, survey_of


def package(**fields: Any) -> str:
    return json.dumps({"name": "shop", "version": "1.0.0", **fields})


@pytest.mark.parametrize(
    ("files", "manager", "source"),
    [
        ({"package-lock.json": "{}"}, "npm", "package-lock.json"),
        ({"yarn.lock": ""}, "yarn", "yarn.lock"),
        ({"pnpm-lock.yaml": ""}, "pnpm", "pnpm-lock.yaml"),
        ({"bun.lockb": ""}, "bun", "bun.lockb"),
        ({"pnpm-workspace.yaml": "packages: []"}, "pnpm", "pnpm-workspace.yaml"),
        (
            {"yarn.lock": "", "package.json": package(packageManager="pnpm@9.1.0")},
            "pnpm",
            "package.json packageManager",
        ),
        (
            {"package.json": package(devEngines={"packageManager": {"name": "yarn"}})},
            "yarn",
            "package.json devEngines.packageManager",
        ),
        ({}, "npm", "npm comes with Node; nothing names another"),
    ],
)
def test_the_package_manager_is_stated_or_locked(
    tmp_path: Path, files: dict[str, str], manager: str, source: str
) -> None:
    survey = survey_of(tmp_path, {"package.json": package(), "index.js": "", **files})

    assert managers_in(survey) == [(manager, source)]


def test_lock_files_of_two_managers_are_named(tmp_path: Path) -> None:
    facts = facts_of(tmp_path, {"package.json": package(), "yarn.lock": "", "package-lock.json": "{}"})

    assert managers_in(facts.survey) == [("yarn", "yarn.lock")]
    assert any("several package managers" in note for note in facts.notes)


def test_scripts_are_the_projects_own_words(tmp_path: Path) -> None:
    scripts = {"test": "vitest run", "lint": "eslint .", "type-check": "tsc --noEmit", "build": "vite build"}

    survey = survey_of(tmp_path, {"package.json": package(scripts=scripts), "yarn.lock": "", "tsconfig.json": "{}"})

    assert commands_in(survey) == {
        "test": "yarn run test",
        "lint": "yarn run lint",
        "types": "yarn run type-check",
        "build": "yarn run build",
    }
    assert (command_in(survey, "test").tool, command_in(survey, "test").source) == (
        "vitest",
        "package.json scripts.test",
    )


def test_the_placeholder_of_npm_init_is_no_test(tmp_path: Path) -> None:
    scripts = {"test": 'echo "Error: no test specified" && exit 1'}

    survey = survey_of(tmp_path, {"package.json": package(scripts=scripts)})

    assert survey.commands == ()


@pytest.mark.parametrize(
    ("files", "purpose", "line", "source"),
    [
        ({"vitest.config.ts": ""}, "test", "npx --no-install vitest run", "vitest.config.ts"),
        ({"jest.config.js": ""}, "test", "npx --no-install jest", "jest.config.js"),
        ({".mocharc.yml": ""}, "test", "npx --no-install mocha", ".mocharc.yml"),
        ({".eslintrc.json": "{}"}, "lint", "npx --no-install eslint .", ".eslintrc.json"),
        ({"biome.jsonc": "{}"}, "lint", "npx --no-install biome lint", "biome.jsonc"),
        ({"biome.json": "{}"}, "format", "npx --no-install biome format --write", "biome.json"),
        ({".prettierrc": ""}, "format", "npx --no-install prettier --write .", ".prettierrc"),
        (
            {"package.json": package(devDependencies={"jest": "^29"})},
            "test",
            "npx --no-install jest",
            "package.json dependency jest",
        ),
        (
            {"package.json": package(prettier={})},
            "format",
            "npx --no-install prettier --write .",
            "package.json prettier",
        ),
    ],
)
def test_without_a_script_the_tools_configuration_counts(
    tmp_path: Path, files: dict[str, str], purpose: str, line: str, source: str
) -> None:
    survey = survey_of(tmp_path, {"package.json": package(), **files})

    command = command_in(survey, purpose)
    assert (" ".join(command.argv), command.source, command.confidence) == (line, source, "medium")


@pytest.mark.parametrize(
    ("tsconfig", "line"),
    [
        ('{\n  // strict, please\n  "compilerOptions": {"strict": true,},\n}', "npx --no-install tsc --noEmit"),
        ('{"references": [{"path": "a"}], /* "x": 1 */ "files": ["https://x//y"]}', "npx --no-install tsc --build"),
    ],
)
def test_tsconfig_may_have_comments_and_commas(tmp_path: Path, tsconfig: str, line: str) -> None:
    manifest = package(devDependencies={"typescript": "^5"})

    facts = facts_of(tmp_path, {"package.json": manifest, "tsconfig.json": tsconfig})

    assert commands_in(facts.survey) == {"types": line}
    assert (member_in(facts.survey, ".").language, facts.notes) == ("TypeScript", ("no Python files",))


@pytest.mark.parametrize(
    "root",
    [
        {"package.json": package(workspaces=["packages/*", "!packages/old"])},
        {"package.json": package(workspaces={"packages": ["./packages/*", "!packages/old"]}), "yarn.lock": ""},
        {"package.json": package(), "pnpm-workspace.yaml": "packages:\n  - packages/**\n  - '!packages/old'\n"},
        {"package.json": package(), "lerna.json": '{"packages": ["packages/{ui,api}"]}'},
    ],
)
def test_workspaces_and_who_uses_whom_are_found(tmp_path: Path, root: dict[str, str]) -> None:
    files = {
        "packages/ui/package.json": package(name="@shop/ui", scripts={"test": "jest"}),
        "packages/api/package.json": package(name="@shop/api", dependencies={"@shop/ui": "workspace:*", "react": "1"}),
    }

    survey = survey_of(tmp_path, {**root, **files})

    assert [member.path for member in survey.members] == [".", "packages/api", "packages/ui"]
    assert edges(survey) == {"packages/api": ("packages/ui",)}
    assert (command_in(survey, "test", "packages/ui").folder) == "packages/ui"


@pytest.mark.parametrize(
    ("files", "line"),
    [
        ({"turbo.json": '{"tasks": {"test": {}}}'}, "npx --no-install turbo run test"),
        ({"turbo.json": '{"pipeline": {"test": {}}}'}, "npx --no-install turbo run test"),
        ({"nx.json": '{"targetDefaults": {"test": {}}}'}, "npx --no-install nx run-many -t test"),
    ],
)
def test_a_conductor_runs_the_tests_of_every_package(tmp_path: Path, files: dict[str, str], line: str) -> None:
    survey = survey_of(tmp_path, {"package.json": package(workspaces=["packages/*"]), **files})

    assert commands_in(survey) == {"test": line}


def test_other_peoples_packages_and_samples_are_left_out(tmp_path: Path) -> None:
    names = ("node_modules/x", "vendor/y", "tests/fixtures/z", "examples/demo")

    survey = survey_of(tmp_path, {f"{name}/package.json": package() for name in (".", *names)} | {"package.json": "{}"})

    assert [member.path for member in survey.members] == ["."]


def test_a_sample_that_a_workspace_names_is_a_package(tmp_path: Path) -> None:
    files = {"package.json": package(workspaces=["examples/*"]), "examples/demo/package.json": package(name="demo")}

    survey = survey_of(tmp_path, files)

    assert [member.path for member in survey.members] == [".", "examples/demo"]
