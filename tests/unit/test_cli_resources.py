import json
from pathlib import Path

import pytest

from ostinato.cli import main
from tests.repositories import make_repository, write

SKILL = "---\nname: {name}\ndescription: Handles invoices that crash.\n---\nDo it.\n"
FILES = {
    ".claude/skills/invoices/SKILL.md": SKILL.format(name="invoices"),
    ".claude/skills/bad/SKILL.md": "---\nname: bad\n---\nx\n",
    "AGENTS.md": "# Rules\n",
}


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    write(home, {".claude/skills/invoices/SKILL.md": SKILL.format(name="invoices")})
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("OSTINATO_HOME", str(tmp_path / "state"))
    return make_repository(tmp_path / "shop", FILES)


def test_what_there_is_and_what_is_wrong_is_listed_in_80_columns(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(shop, {"AGENTS.md": "# Other rules\n"})

    assert main(["resources", "--repo", str(shop)]) == 0

    told = capsys.readouterr().out
    assert "fix-a-defect" in told
    assert "for .claude/skills/invoices/SKILL.md" in told
    assert "description is missing" in told
    assert "→ Add description: to the front matter" in told
    assert "not committed" in told
    assert max(map(len, told.splitlines())) <= 80


def test_what_a_request_would_get_says_why_and_what_it_would_not(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["resources", "--repo", str(shop), "--for", "the invoices crash"]) == 0

    told = capsys.readouterr().out
    assert "because it is for bug_fix" in told
    assert "the repository is not trusted" in told
    assert "of 30,000 tokens" in told


def test_a_name_shows_the_full_text(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["resources", "fix-a-defect", "--repo", str(shop)]) == 0

    assert "Reproduce it as a test" in capsys.readouterr().out


def test_an_unknown_name_is_refused_with_the_nearest_one(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["resources", "invoces", "--repo", str(shop)]) == 2

    assert "Did you mean invoices?" in capsys.readouterr().err


def test_programs_get_everything_but_the_texts(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["resources", "--repo", str(shop), "--kind", "skill", "--for", "the invoices crash", "--json"])

    data = json.loads(capsys.readouterr().out)["data"]
    assert {each["kind"] for each in data["resources"]} == {"skill"}
    assert all("text" not in each and each["cost"]["full"] for each in data["resources"])
    assert [problem["code"] for problem in data["broken"]] == ["resource_invalid"]
    assert data["activation"]["skills"][0]["name"] == "fix-a-defect"


def test_a_folder_without_a_repository_has_resources_too(
    tmp_path: Path, shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "plain", {"AGENTS.md": "# Plain\n"})

    assert main(["resources", "--repo", str(tmp_path / "plain"), "--kind", "context"]) == 0

    assert "AGENTS.md" in capsys.readouterr().out
