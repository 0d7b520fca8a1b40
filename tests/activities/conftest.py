"""A bench on a small repository without Python, so that no environment is prepared."""

from pathlib import Path

import pytest

from tests.activities.bench import Bench
from tests.repositories import make_repository


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    repository = make_repository(tmp_path / "repository", {"README.md": "# Sample\n", "notes.txt": "one\n"})
    (tmp_path / "home").mkdir()
    return Bench(repository=repository, home=tmp_path / "home")
