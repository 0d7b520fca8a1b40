"""What is said of a repository: the doctor's table, the lines of `plan`, the configuration that `init` writes."""

import json
import subprocess
import tomllib
from pathlib import Path

import pytest
from rich.text import Text

from ostinato.cli import main
from ostinato.cli.configuring import config_text
from ostinato.cli.projects import SHOWN_MEMBERS, project_lines, summary_lines
from ostinato.domain.project import Basis, Command, Member, ProjectFacts, Purpose, Survey
from tests.trees import facts_of, planted

MONOREPO = {
    "package.json": json.dumps({"name": "shop", "workspaces": ["packages/*"], "scripts": {"test": "turbo run test"}}),
    "packages/ui/package.json": json.dumps({"name": "@shop/ui", "scripts": {"test": "vitest run"}}),
    "packages/app/package.json": json.dumps({"name": "@shop/app", "dependencies": {"@shop/ui": "*"}}),
    "index.js": "",
    "yarn.lock": "",
}


def words(lines: list[Text]) -> str:
    return "\n".join(" ".join(line.plain.split()) for line in lines)


def test_the_table_has_every_fact_with_its_source(tmp_path: Path) -> None:
    text = words(project_lines(facts_of(tmp_path, MONOREPO)))

    assert "languages JavaScript 1" in text
    assert "yarn JavaScript yarn.lock" in text
    assert "packages/app @shop/app JavaScript yarn uses packages/ui" in text
    assert "packages/ui test yarn run test packages/ui/package.json scripts.test" in text


def test_what_does_not_fit_the_table_is_counted() -> None:
    members = tuple(
        Member(path=f"p{n}", name="p", language="Go", manager="go", manifest="go.mod") for n in range(SHOWN_MEMBERS + 3)
    )

    text = words(project_lines(ProjectFacts(commit="c0ffee", survey=Survey(members=members))))

    assert "… 3 more: --json lists them" in text


def test_a_plan_says_it_in_a_few_lines(tmp_path: Path) -> None:
    text = words(summary_lines(facts_of(tmp_path, MONOREPO)))

    assert text.splitlines() == [
        "project JavaScript 1 · yarn (yarn.lock) · 3 packages",
        "test yarn run test package.json scripts.test",
    ]


def test_a_command_says_who_confirms_it() -> None:
    command = Command(
        purpose=Purpose.TEST,
        tool="go",
        argv=("go", "test"),
        source="go.mod",
        basis=Basis.CONVENTION,
        confirmed_by=".github/workflows/ci.yml",
    )

    text = words(project_lines(ProjectFacts(commit="c0ffee", survey=Survey(commands=(command,)))))

    assert "go.mod · CI runs it: .github/workflows/ci.yml" in text


def test_the_configuration_tells_packages_and_commands_as_comments(tmp_path: Path) -> None:
    text = config_text(facts_of(tmp_path, MONOREPO))

    assert '# test = ["yarn", "run", "test"]    # package.json scripts.test' in text
    assert "# Package: packages/app (@shop/app, JavaScript, yarn), uses packages/ui" in text
    assert "# packages/ui: test: yarn run test    (packages/ui/package.json scripts.test)" in text
    assert tomllib.loads(text) == {"run": {}, "commands": {}, "gates": {}, "budget": {}}


@pytest.mark.parametrize("evil", ["x\ntest = ['rm']", "x\r[commands]", "x\u2028y = 1", "x\x1b[2J", "x\x7f"])
def test_names_of_a_repository_cannot_break_out_of_their_line(tmp_path: Path, evil: str) -> None:
    manifest = json.dumps({"name": evil, "scripts": {"test": "jest"}, "packageManager": "yarn@1"})
    files = {
        "package.json": manifest,
        "b/package.json": json.dumps({"name": evil, "scripts": {f"test:{evil}": "jest"}}),
    }

    facts = facts_of(tmp_path, files)

    assert tomllib.loads(config_text(facts)) == {"run": {}, "commands": {}, "gates": {}, "budget": {}}
    assert all(len(line.plain.splitlines()) == 1 for line in project_lines(facts) if line.plain)
    assert "\x1b" not in words([*project_lines(facts), *summary_lines(facts)])


def test_doctor_and_init_answer_programs_with_the_survey(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OSTINATO_HOME", str(tmp_path / "home"))
    tree = tmp_path / "tree"
    planted(tree, MONOREPO)
    for line in (("init", "-q"), ("add", "-A"), ("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x")):
        subprocess.run(["git", *line], cwd=tree, check=True)

    main(["init", "--repo", str(tree), "--json"])

    survey = json.loads(capsys.readouterr().out)["data"]["project"]["survey"]
    assert [member["path"] for member in survey["members"]] == [".", "packages/app", "packages/ui"]
    assert "# Package: packages/ui" in (tree / ".ostinato" / "config.toml").read_text()
