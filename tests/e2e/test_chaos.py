"""As many trials of `make chaos` as there are faults: each comes once. The full table stands in the README."""

from pathlib import Path

import pytest

from tests.chaos.__main__ import main
from tests.chaos.plan import Kind

pytestmark = [pytest.mark.e2e, pytest.mark.server, pytest.mark.slow, pytest.mark.timeout(900)]


def test_whatever_is_killed_nothing_is_lost_or_done_twice(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    status = main(["--trials", str(len(Kind)), "--seed", "3", "--evidence", str(tmp_path / "evidence")])

    assert status == 0, capfd.readouterr().err
