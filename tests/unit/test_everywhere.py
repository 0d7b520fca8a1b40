"""The search for a kept secret finds it wherever it is."""

import gzip
import zlib
from pathlib import Path

import pytest

from tests.everywhere import assert_nowhere
from tests.repositories import commit, git, make_repository

SECRET = "horse-battery-staple"


@pytest.mark.parametrize(
    "data",
    [SECRET.encode(), gzip.compress(SECRET.encode()), zlib.compress(SECRET.encode()), SECRET.encode("utf-16-le")],
    ids=["plain", "gzip", "zlib", "utf-16"],
)
def test_files_of_any_kind_are_read(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.db").write_bytes(b"clean")
    assert_nowhere(SECRET, tmp_path)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "b").write_bytes(data)

    with pytest.raises(AssertionError, match="deep/b"):
        assert_nowhere(SECRET, tmp_path)

    assert_nowhere(SECRET, tmp_path, but=(tmp_path / "deep",))


@pytest.mark.parametrize("pack", [False, True])
def test_objects_that_nothing_reaches_are_read(tmp_path: Path, pack: bool) -> None:
    repository = make_repository(tmp_path / "repository", {"a": "1"})
    commit(repository, {"b": SECRET})
    (repository / "b").unlink()
    git(repository, *(("gc", "-q") if pack else ("reset", "-q", "--hard", "HEAD~1")))

    with pytest.raises(AssertionError, match="an object of"):
        assert_nowhere(SECRET, tmp_path)
