"""The main job, from words to a proven branch, driven as a person drives it."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import ROOT, Stack, git

pytestmark = [pytest.mark.e2e, pytest.mark.server]


OURS = (".git/objects", ".git/refs/ostinato", ".git/refs/heads/ostinato", ".git/logs/refs/heads/ostinato")


def fingerprint(repository: Path) -> dict[str, str]:
    """Every file of the working tree and of .git, but objects and the refs that are ours."""
    found = {}
    for path in sorted(repository.rglob("*")):
        name = path.relative_to(repository).as_posix()
        if path.is_file() and not name.startswith(OURS):
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def suite_is_green(repository: Path) -> bool:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]
    return (
        subprocess.run(
            command, cwd=repository, capture_output=True, env={"PYTHONPATH": "src", "PATH": ""}, check=False
        ).returncode
        == 0
    )


def test_the_demo_ends_with_a_proven_branch(stack: Stack, tmp_path: Path) -> None:
    sample = tmp_path / "tally"
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "demo.py"), str(sample)],
        env=stack.environment(),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    branch = git(sample, "for-each-ref", "--format=%(refname:short)", "refs/heads/ostinato")
    report = stack.report(branch.removeprefix("ostinato/"))
    assert "completed" in done.stdout
    assert report["outcome"] == "completed"
    assert {gate["gate"]: gate["status"] for gate in report["gates"] if gate["stage"] == "post"} == {
        "tests": "pass", "lint": "pass", "types": "pass", "security": "pass", "integrity": "pass",
    }  # fmt: skip
    assert {gate["commit"] for gate in report["gates"] if gate["stage"] == "post"} == {git(sample, "rev-parse", branch)}
    assert "tests/test_generated" in git(sample, "diff", "--name-only", "main", branch)


@pytest.mark.heavy
def test_lint_and_format_change_the_code_and_keep_the_tests_green(stack: Stack, sample: Path) -> None:
    before = fingerprint(sample)

    report = stack.ok("run", "fix the lint errors and format the code", "--repo", str(sample), "--trust", "--no-input")

    assert report["outcome"] == "completed"
    assert fingerprint(sample) == before
    git(sample, "checkout", "-q", f"ostinato/{report['run_id']}")
    assert "import os" not in (sample / "src/tally/money.py").read_text()
    assert suite_is_green(sample)


def test_an_audit_finds_what_is_there_and_changes_nothing(stack: Stack, sample: Path) -> None:
    before = git(sample, "rev-parse", "HEAD")

    report = stack.ok("run", "audit this project for security problems", "--repo", str(sample), "--trust", "--no-input")

    assert report["classification"]["task_type"] == "security_audit"
    assert "B602" in {finding["rule"] for step in report["steps"] for finding in step["findings"]}
    assert report["head_commit"] == before
    inherited = [gate for gate in report["gates"] if gate["gate"] == "security"]
    assert inherited[0]["status"] == "pass"


def test_merge_moves_main_to_the_judged_commit(stack: Stack, sample: Path) -> None:
    report = stack.ok("run", "fix the lint errors and format the code", "--repo", str(sample), "--trust", "--no-input")

    merged = stack.call("merge", report["run_id"])

    assert merged.code == 0, merged.err
    assert git(sample, "rev-parse", "main") == report["head_commit"]
    assert git(sample, "status", "--porcelain") == ""


def test_merge_refuses_a_dirty_base_and_a_failed_gate(stack: Stack, sample: Path) -> None:
    good = stack.ok("run", "fix the lint errors and format the code", "--repo", str(sample), "--trust", "--no-input")
    (sample / "README.md").write_text("mine\n")

    dirty = stack.call("merge", good["run_id"])

    assert dirty.code != 0
    assert "uncommitted" in dirty.err + dirty.out
    assert (sample / "README.md").read_text() == "mine\n"


def test_a_base_that_moved_is_merged_judged_again_and_then_landed(stack: Stack, sample: Path) -> None:
    report = stack.ok("run", "fix the lint errors and format the code", "--repo", str(sample), "--trust", "--no-input")
    (sample / "NOTES.md").write_text("meanwhile\n")
    git(sample, "add", "NOTES.md")
    git(sample, "commit", "-q", "-m", "Meanwhile")

    merged = stack.call("merge", report["run_id"], "--json")

    assert merged.code == 0, merged.err
    assert git(sample, "log", "-1", "--format=%P", "main").count(" ") == 1
    assert {gate["gate"] for gate in merged.data["gates"]} == {"tests", "lint", "types", "security"}


def test_uncommitted_work_is_carried_along_only_when_asked(stack: Stack, sample: Path) -> None:
    (sample / "src/tally/extra.py").write_text("import os\n\nVALUE = 1\n")

    carried = stack.ok("run", "fix the lint errors", "--repo", str(sample), "--trust", "--no-input", "--include-dirty")

    first = git(sample, "log", "--reverse", "--format=%H", f"main..ostinato/{carried['run_id']}").split()[0]
    assert "src/tally/extra.py" in git(sample, "show", "--name-only", "--format=", first)
    assert (sample / "src/tally/extra.py").read_text() == "import os\n\nVALUE = 1\n"


def test_the_same_id_is_the_same_run(stack: Stack, sample: Path) -> None:
    first = stack.start("fix the lint errors", sample, "--trust", "--id", "nightly-1")
    second = stack.start("fix the lint errors", sample, "--trust", "--id", "nightly-1")

    assert first == second == "nightly-1"
    assert stack.finished(first)["outcome"] == "completed"


def test_a_secret_in_the_request_reaches_neither_server_nor_disk(stack: Stack, sample: Path) -> None:
    token = "ghp_" + "Zq8" * 12
    request = f"fix the lint errors, my token is {token}"

    run_id = stack.start(request, sample, "--trust", "--yes", "--id", "secretive", "--type", "maintenance")
    stack.finished(run_id)

    holding = [path for path in stack.home.rglob("*") if path.is_file() and token.encode() in path.read_bytes()]
    assert holding == []
    assert "[redacted" in stack.report(run_id)["request"]
