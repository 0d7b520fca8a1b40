"""A dozen of the trials of `make chaos`: each fault once, some twice. The full table stands in the README."""

from pathlib import Path

import pytest

from tests.chaos.__main__ import main

pytestmark = [pytest.mark.e2e, pytest.mark.server, pytest.mark.slow, pytest.mark.timeout(900)]


def test_whatever_is_killed_nothing_is_lost_or_done_twice(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    status = main(["--trials", "12", "--seed", "3", "--evidence", str(tmp_path / "evidence")])

    assert status == 0, capfd.readouterr().err
