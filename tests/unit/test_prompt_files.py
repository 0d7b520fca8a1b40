"""Somebody's own prompt templates, read from a folder."""

from pathlib import Path

import pytest

from ostinato.adapters.prompt_files import templates_with
from ostinato.domain.errors import UserError
from ostinato.domain.prompting import PartName, shipped_templates
from tests.repositories import write


def test_without_a_folder_the_shipped_ones_are_used(tmp_path: Path) -> None:
    assert templates_with(tmp_path / "none") == shipped_templates()


def test_of_two_folders_the_last_one_counts(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"one/parts/step.md": "ONE $items", "two/parts/step.md": "TWO $items", "one/parts/mode.md": "M $items"},
    )

    made = templates_with(tmp_path / "one", tmp_path / "two")

    assert (made.parts[PartName.STEP], made.parts[PartName.MODE]) == ("TWO $items", "M $items")


def test_a_file_of_no_known_name_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {"parts/steps.md": "$items"})

    with pytest.raises(UserError, match="no template of that name"):
        templates_with(tmp_path)


def test_a_link_that_leads_out_is_passed_by(tmp_path: Path) -> None:
    write(tmp_path, {"secret.md": "SECRET $items", "own/parts/mode.md": "M $items"})
    (tmp_path / "own" / "parts" / "step.md").symlink_to(tmp_path / "secret.md")

    made = templates_with(tmp_path / "own")

    assert "SECRET" not in made.parts[PartName.STEP]


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "step.md").write_bytes(b"\xff\xfe $items")

    with pytest.raises(UserError, match="no UTF-8"):
        templates_with(tmp_path)
