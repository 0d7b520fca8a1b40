"""A secret that a step writes and prints is kept nowhere but in the quarantine, which is named."""

import json
from pathlib import Path

import pytest

from tests.e2e.conftest import Stack
from tests.everywhere import assert_nowhere

KEY = "AKIA" + "Q3X7ZB5W" * 2
GAMES = {
    "writes and prints it": "echo $KEY; echo \"KEY = '$KEY'\" > src/config.py",
    "hides it behind attributes": "echo '* binary' > .gitattributes; echo \"KEY = '$KEY'\" > src/config.py",
    "names a file by it": "touch src/$KEY.txt",
}


def leaky(folder: Path, line: str) -> Path:
    """The definition itself does not hold the whole key."""
    file = folder / "leaky.yaml"
    run = f"KEY=$(printf '%s%s' {KEY[:9]} {KEY[9:]}); {line}"
    steps = [{"id": "leak", "run": run, "writes": ["**"]}]
    file.write_text(json.dumps({"id": "leaky", "version": 1, "steps": steps, "gates": {"post": []}}))
    return file


@pytest.mark.parametrize("game", GAMES)
def test_a_secret_that_a_step_writes_is_found_nowhere(
    own_stack: Stack, sample: Path, tmp_path: Path, game: str
) -> None:
    file = leaky(tmp_path, GAMES[game])

    run_id = own_stack.start("leak", sample, "--definition", str(file), "--trust")
    report = own_stack.finished(run_id)
    own_stack.call("down", timeout=90)

    kept = [path for path in (own_stack.home / "quarantine").iterdir() if path.name.startswith(run_id)]
    assert report["steps"][0]["error"]["kind"] == "secret"
    assert str(kept[0]) in json.dumps(report)
    assert_nowhere(KEY, own_stack.home, sample, but=(own_stack.home / "quarantine",))


def test_a_secret_that_is_only_printed_is_found_nowhere(own_stack: Stack, sample: Path, tmp_path: Path) -> None:
    file = leaky(tmp_path, "echo $KEY; echo $KEY >&2; exit 3")

    run_id = own_stack.start("leak", sample, "--definition", str(file), "--trust")
    report = own_stack.finished(run_id)
    own_stack.call("down", timeout=90)

    assert report["outcome"] == "failed"
    assert "[redacted:aws-access-key]" in json.dumps(report)
    assert_nowhere(KEY, own_stack.home, sample)
    with pytest.raises(AssertionError, match=r"temporal\.db"):  # the search does see what the server stores
        assert_nowhere("redacted:aws-access-key", own_stack.home / "server")
