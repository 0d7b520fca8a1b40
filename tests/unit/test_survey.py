"""Which of several grounds wins, what CI adds, how a polyglot repository looks, and what broken files do."""

import json
import os
from pathlib import Path

import pytest

from ostinato.adapters.projects import inspect_project
from ostinato.adapters.projects.surveying import MOST_COMMANDS, MOST_MEMBERS
from ostinato.domain.project import Basis, Member, Survey
from tests.trees import command_in, commands_in, edges, facts_of, planted, survey_of

PACKAGE = json.dumps({"name": "shop", "scripts": {"test": "jest"}})
CRATE = '[package]\nname = "shop"\n'
BY_HAND = '[commands]\ntest = "make it so"\n'
WORKFLOW = ".github/workflows/ci.yml"


def workflow(*lines: str, folder: str = "") -> str:
    step = {"run": "\n".join(lines), **({"working-directory": folder} if folder else {})}
    return json.dumps({"on": "push", "jobs": {"test": {"steps": [{"uses": "actions/checkout@v4"}, step]}}})


@pytest.mark.parametrize(
    ("files", "basis", "line"),
    [
        ({".ostinato/config.toml": BY_HAND, "package.json": PACKAGE}, Basis.STATED, "/bin/sh -c make it so"),
        ({"package.json": PACKAGE, "jest.config.js": "", "Makefile": "test:\n"}, Basis.SCRIPT, "npm run test"),
        (
            {"jest.config.js": "", "package.json": "{}", "Makefile": "test:\n"},
            Basis.CONFIGURED,
            "npx --no-install jest",
        ),
        (
            {"Makefile": "test: all\n\tx\n", "Cargo.toml": CRATE, WORKFLOW: workflow("cargo test")},
            Basis.TARGET,
            "make test",
        ),
        ({"Cargo.toml": CRATE, WORKFLOW: workflow("cargo test --all")}, Basis.CI, "cargo test --all"),
        ({"Cargo.toml": CRATE}, Basis.CONVENTION, "cargo test"),
    ],
)
def test_the_stronger_ground_wins(tmp_path: Path, files: dict[str, str], basis: Basis, line: str) -> None:
    command = command_in(survey_of(tmp_path, files), "test")

    assert (command.basis, " ".join(command.argv)) == (basis, line)


@pytest.mark.parametrize(
    ("file", "text", "line"),
    [
        ("Makefile", ".PHONY: test\ntest: build\n\ttrue\n", "make test"),
        ("justfile", "x := '1'\n@test *args: build\n  true\n", "just test"),
        ("Taskfile.yml", "version: '3'\ntasks:\n  test:\n    cmds: [true]\n", "task test"),
    ],
)
def test_targets_of_task_runners_serve_any_language(tmp_path: Path, file: str, text: str, line: str) -> None:
    survey = survey_of(tmp_path, {file: text, "main.c": ""})

    assert (commands_in(survey), command_in(survey, "test").source) == ({"test": line}, f"{file} (test)")


@pytest.mark.parametrize(
    ("file", "text"),
    [
        (WORKFLOW, workflow("npm ci", "npm test")),
        (WORKFLOW, workflow("set -e && CI=1 npm run test -- --coverage")),
        (WORKFLOW, workflow("npx jest --ci | tee ${{ runner.temp }}/log")),
        (".gitlab-ci.yml", "stages: [test]\nunit:\n  script:\n    - npm ci\n    - npm test\n"),
        (".circleci/config.yml", "jobs:\n  t:\n    steps:\n      - checkout\n      - run: {command: npm test}\n"),
        (".travis.yml", "language: node_js\nscript: npm test\n"),
    ],
)
def test_ci_that_runs_the_same_confirms_a_command(tmp_path: Path, file: str, text: str) -> None:
    survey = survey_of(tmp_path, {"package.json": PACKAGE, file: text})

    command = command_in(survey, "test")
    assert (command.argv, command.confirmed_by, survey.ci) == (("npm", "run", "test"), file, (file,))


def test_ci_confirms_a_convention(tmp_path: Path) -> None:
    survey = survey_of(tmp_path, {"go.mod": "module x\n", WORKFLOW: workflow("go vet ./...")})

    assert (command_in(survey, "lint").confidence, command_in(survey, "test").confidence) == ("high", "low")


@pytest.mark.parametrize(
    ("line", "purpose", "argv"),
    [
        ("uv run --frozen pytest -q", "test", ("uv", "run", "--frozen", "pytest", "-q")),
        ("python manage.py test", "test", ("python", "manage.py", "test")),
        ("pre-commit run --all-files", "lint", ("pre-commit", "run", "--all-files")),
        ("DEBUG=1 tox -e py312", "test", ("/bin/sh", "-c", "DEBUG=1 tox -e py312")),
    ],
)
def test_ci_supplies_what_nobody_declares(tmp_path: Path, line: str, purpose: str, argv: tuple[str, ...]) -> None:
    survey = survey_of(tmp_path, {"app.py": "", "requirements.txt": "django\n", WORKFLOW: workflow(line)})

    command = command_in(survey, purpose)
    assert (command.argv, command.source, command.confidence) == (argv, f"{WORKFLOW} (job test)", "high")


@pytest.mark.parametrize(
    "line",
    [
        "pytest $ARGS",
        "npm test",
        "make test",
        "echo pytest",
        "if pytest; then true; fi",
        "pip install pytest",
        "pytest '",
    ],
)
def test_a_line_that_cannot_stand_alone_supplies_nothing(tmp_path: Path, line: str) -> None:
    survey = survey_of(tmp_path, {"main.c": "", WORKFLOW: workflow(line)})

    assert survey.commands == ()


@pytest.mark.parametrize(
    "text", [workflow("go test -race ./...", folder="api"), workflow("cd api && go test -race ./...")]
)
def test_a_line_of_ci_belongs_to_the_package_that_it_runs_in(tmp_path: Path, text: str) -> None:
    survey = survey_of(tmp_path, {"api/go.mod": "module x\n", "web/package.json": PACKAGE, WORKFLOW: text})

    assert commands_in(survey, "api")["test"] == "go test -race ./..."
    assert commands_in(survey, "web")["test"] == "npm run test"


def test_a_polyglot_repository_keeps_its_languages_apart(tmp_path: Path) -> None:
    survey = survey_of(
        tmp_path,
        {
            "Makefile": "test:\n\ttrue\n",
            "services/api/pyproject.toml": '[project]\nname = "api"\n[tool.pytest.ini_options]\n',
            "services/api/api.py": "",
            "services/jobs/go.mod": "module example.com/jobs\n",
            "web/package.json": PACKAGE,
            "engine/Cargo.toml": CRATE,
            "ledger/pom.xml": "<project><artifactId>ledger</artifactId></project>",
        },
    )

    assert {member.path: member.manager for member in survey.members} == {
        "services/api": "pip",
        "services/jobs": "go",
        "web": "npm",
        "engine": "cargo",
        "ledger": "maven",
    }
    tests = {command.member: " ".join(command.argv) for command in survey.commands if command.purpose == "test"}
    assert tests == {
        ".": "make test",
        "services/api": "python -m pytest",
        "services/jobs": "go test ./...",
        "web": "npm run test",
        "engine": "cargo test",
        "ledger": "mvn test",
    }


def test_two_languages_at_the_root_have_a_command_each(tmp_path: Path) -> None:
    survey = survey_of(tmp_path, {"Cargo.toml": CRATE, "package.json": PACKAGE, "src/lib.rs": ""})

    tests = {command.language: " ".join(command.argv) for command in survey.commands if command.purpose == "test"}
    assert tests == {"JavaScript": "npm run test", "Rust": "cargo test"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("package.json", "{"),
        ("package.json", "[1]"),
        ("package.json", "[" * 100_000),
        ("package.json", '{"version": ' + "9" * 10_000 + "}"),
        ("Cargo.toml", "[package"),
        ("Cargo.toml", "x = " + "[" * 100_000),
        ("pom.xml", "<project>"),
        (WORKFLOW, "jobs: [unclosed"),
        (WORKFLOW, "jobs: !!int ''"),
        (WORKFLOW, "- 1"),
        ("pnpm-workspace.yaml", "a: b: c"),
        ("Taskfile.yml", "? [a]: {"),
        ("package.json", " " * (2 * 1024 * 1024 + 1)),
        (WORKFLOW, "#" * (256 * 1024 + 1)),
        ("services/api/pyproject.toml", "x ="),
    ],
)
def test_a_broken_file_is_a_note_that_names_it(tmp_path: Path, name: str, text: str) -> None:
    facts = facts_of(tmp_path, {"package.json": "{}", name: text})

    assert any(note.startswith(name) for note in facts.notes), facts.notes


@pytest.mark.parametrize(
    "name", ["package.json", "go.mod", "Cargo.toml", "pom.xml", "build.gradle", "Makefile", WORKFLOW]
)
def test_bytes_that_are_no_text_are_a_note(tmp_path: Path, name: str) -> None:
    planted(tmp_path, {name: ""})
    (tmp_path / name).write_bytes(b"\xff\xfe\x00test:\n")

    facts = inspect_project(tmp_path, "c0ffee", [name])

    assert any(note.startswith(f"{name} could not be read") for note in facts.notes)


@pytest.mark.parametrize(
    ("name", "text"),
    [("package.json", r'{"name": "a\ud800", "scripts": {"test": "jest"}}'), ("caf\udce9/package.json", PACKAGE)],
)
def test_halves_of_characters_do_not_keep_facts_from_travelling(tmp_path: Path, name: str, text: str) -> None:
    facts = facts_of(tmp_path, {name: text, "a.js": ""})

    assert facts.files == 2
    assert type(facts).model_validate_json(facts.model_dump_json()) == facts


@pytest.mark.parametrize("name", ["package.json", "Cargo.toml", "pyproject.toml"])
def test_a_link_out_of_the_repository_is_not_followed(tmp_path: Path, name: str) -> None:
    planted(tmp_path, {f"secret/{name}": PACKAGE, "tree/calc.py": ""})
    os.symlink(tmp_path / "secret" / name, tmp_path / "tree" / name)

    facts = inspect_project(tmp_path / "tree", "c0ffee", [name, "calc.py"])

    assert f"{name} is a link out of the repository and was not read" in facts.notes
    assert "shop" not in facts.survey.model_dump_json()


@pytest.mark.parametrize(
    "value", [1, "x", [1, None], {"a": [1]}, {"packages": {"x": 1}}, ["[", "**/**/**/**/**/**/x", "../..", "/"]]
)
def test_values_of_the_wrong_kind_are_passed_over(tmp_path: Path, value: object) -> None:
    manifest = json.dumps(dict.fromkeys(("name", "workspaces", "scripts", "dependencies", "packageManager"), value))
    ci = json.dumps({"jobs": value, "defaults": value, "build": {"script": value}, "script": value})

    survey = survey_of(
        tmp_path, {"package.json": manifest, WORKFLOW: ci, ".gitlab-ci.yml": ci, ".circleci/config.yml": ci}
    )

    assert [member.path for member in survey.members] == ["."]


def test_the_survey_of_a_huge_repository_stays_small(tmp_path: Path) -> None:
    files = {f"packages/p{n:03}/package.json": PACKAGE.replace("shop", f"p{n}") for n in range(120)}

    facts = facts_of(tmp_path, files)

    assert (len(facts.survey.members), len(facts.survey.commands)) == (MOST_MEMBERS, MOST_MEMBERS)
    assert len(facts.survey.commands) <= MOST_COMMANDS
    assert len(facts.survey.model_dump_json()) < 25_000
    assert any("packages were found; 40 are listed" in note for note in facts.notes)


def a_member(path: str, *uses: str) -> Member:
    return Member(path=path, name=path, language="Go", manager="go", manifest=f"{path}/go.mod", depends_on=uses)


def test_files_belong_to_the_innermost_package(tmp_path: Path) -> None:
    survey = Survey(members=(a_member("."), a_member("api"), a_member("api/client"), a_member("web")))

    touched = survey.touched(["api/client/x.go", "README.md", "api/x.go", "webby/x.go"])

    assert [member.path for member in touched] == [".", "api", "api/client"]


def test_dependents_are_found_through_others_and_circles(tmp_path: Path) -> None:
    survey = Survey(
        members=(a_member("a"), a_member("b", "a", "d"), a_member("c", "b"), a_member("d", "c"), a_member("e"))
    )

    assert [member.path for member in survey.dependents(["a"])] == ["b", "c", "d"]


def test_other_languages_do_not_make_the_gates_claim_anything(tmp_path: Path) -> None:
    facts = facts_of(tmp_path, {"package.json": PACKAGE, "index.js": ""})

    assert (facts.tests, facts.lint, facts.is_python) == (None, None, False)
    assert edges(facts.survey) == {}


def test_what_a_person_states_counts_in_any_language(tmp_path: Path) -> None:
    facts = facts_of(tmp_path, {".ostinato/config.toml": BY_HAND, "index.js": ""})

    assert facts.tests is not None
    assert (facts.tests.tool, facts.tests.argv) == ("command", ("/bin/sh", "-c", "make it so"))


def test_without_its_survey_a_project_is_the_same_to_tools_and_gates(tmp_path: Path) -> None:
    facts = facts_of(tmp_path, {"calc.py": "", "pyproject.toml": CRATE.replace("package", "project")})

    lean = facts.without_survey

    assert (lean.survey, lean.tests, lean.packages) == (Survey(), facts.tests, facts.packages)
