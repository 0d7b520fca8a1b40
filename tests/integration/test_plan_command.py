"""`plan` looks and touches nothing: not a byte of the repository, next to nothing of the home, and no server."""

import hashlib
import json
from pathlib import Path

import pytest

from ostinato.cli import connecting, main
from ostinato.cli.exits import Exit
from scripts.sample import make_sample

REQUESTS: tuple[tuple[str, ...], ...] = (
    ("fix the lint errors",),
    ("the login crashes on an empty password", "--trust"),
    ("review the last change", "--template", "code_review"),
    ("tidy up", "--format", "mermaid"),
    ("tidy up", "--json"),
)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OSTINATO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("COLUMNS", "80")
    return make_sample(tmp_path / "tally")


def content(folder: Path) -> dict[str, tuple[str, int, int]]:
    """Every file with its hash, mode and time of change; `.git` included."""
    return {
        str(path.relative_to(folder)): (
            hashlib.sha256(path.read_bytes() if path.is_file() else b"").hexdigest(),
            path.lstat().st_mode,
            path.lstat().st_mtime_ns,
        )
        for path in sorted(folder.rglob("*"))
    }


@pytest.mark.parametrize("words", REQUESTS, ids=" ".join)
def test_not_a_byte_of_the_repository_or_the_home_changes(
    repository: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    before = content(repository)

    code = main(["plan", *words, "--repo", str(repository)])

    assert code == Exit.OK
    assert content(repository) == before
    assert content(tmp_path / "home") == {}


def test_a_stated_type_leaves_its_correction_in_the_home_and_nothing_else(repository: Path, tmp_path: Path) -> None:
    before = content(repository)

    main(["plan", "tidy up", "--type", "research", "--repo", str(repository)])

    kept = [name for name in content(tmp_path / "home") if (tmp_path / "home" / name).is_file()]
    assert content(repository) == before
    assert sorted(Path(name).suffix for name in kept) == [".jsonl", ".lock"]


def test_no_server_is_asked_or_started(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a server was wanted")

    for name in ("with_client", "ensure_stack", "_ensure_embedded"):
        monkeypatch.setattr(connecting, name, refuse)
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")

    assert main(["plan", "tidy up", "--repo", str(repository)]) == Exit.OK


def test_a_program_that_is_not_here_is_missing(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = "".join(f"  - {{id: s{n}, run: {run}}}\n" for n, run in enumerate(("no-such-tool x", "./go", "cd x && y")))
    (tmp_path / "ship.yaml").write_text(f"id: ship\nversion: 1\nsteps:\n{lines}")

    main(["plan", "ship", "--definition", str(tmp_path / "ship.yaml"), "--repo", str(repository), "--trust", "--json"])

    missing = json.loads(capsys.readouterr().out)["data"]["missing"]
    assert [lack["code"] for lack in missing if lack["code"].startswith("no_")] == ["no_program", "no_file"]


def test_mermaid_stands_in_the_envelope_too(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["plan", "tidy up", "--repo", str(repository), "--format", "mermaid"])
    alone = capsys.readouterr().out

    main(["plan", "tidy up", "--repo", str(repository), "--format", "mermaid", "--json"])

    assert alone.startswith("flowchart TD\n")
    assert json.loads(capsys.readouterr().out)["data"]["mermaid"] == alone


def test_what_is_not_a_terminal_gets_no_colour(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["plan", "fix the lint errors", "--repo", str(repository)])

    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert max(map(len, out.splitlines())) <= 80
