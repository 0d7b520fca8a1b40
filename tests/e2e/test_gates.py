"""Gates on real repositories: what goes back to work, what fails, what a run may not touch, and what lands."""

import asyncio
import json
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from ostinato.adapters.processes import can_cut_network
from tests.e2e.conftest import Stack, git
from tests.repositories import commit, make_repository

pytestmark = [pytest.mark.e2e, pytest.mark.server]

PYPROJECT = """\
[project]
name = "calc"
version = "1"

[tool.pytest.ini_options]
testpaths = ["tests"]

[tool.coverage.report]
fail_under = 80

[tool.ruff]
line-length = 100

[tool.mypy]
strict = true
"""
CALC = "def add(a: int, b: int) -> int:\n    return a + b\n"
TESTS = """\
from calc import add


def test_add() -> None:
    assert add(1, 2) == 3


def test_negative() -> None:
    assert add(-1, -2) == -3
"""
OLD = "import sys\n\nfrom calc import add\n\n\ndef test_red_before() -> None:\n    assert add(1, 1) == 3\n"
PROJECT = {"pyproject.toml": PYPROJECT, "calc.py": CALC, "tests/test_calc.py": TESTS, ".gitignore": "*.pth\n"}
PLAIN = {"README.md": "# Plain\n", "length": "0.05\n"}
CONFIGURED = """\
[commands]
benchmark = "sleep $(cat length)"

[policy]
deny_write = ["vault/**"]
deny_commands = ["curl"]
network = "deny"

[[gates.custom]]
name = "readable"
run = ["test", "-r", "README.md"]
"""


def a_definition(folder: Path, *lines: str, custom: Sequence[Mapping[str, Any]] = (), post: Sequence[str] = ()) -> Path:
    """Steps one after the other, by shell lines."""
    ids = [f"s{number}" for number in range(len(lines))]
    steps = [
        {"id": step, "run": line, "depends_on": ids[max(0, number - 1) : number]}
        for number, (step, line) in enumerate(zip(ids, lines, strict=True))
    ]
    file = folder / f"{'-'.join(ids)}.json"
    file.write_text(json.dumps({"id": "work", "steps": steps, "gates": {"post": [*post], "custom": [*custom]}}))
    return file


def ended(stack: Stack, request: str, repository: Path, definition: Path, *options: str) -> dict[str, Any]:
    """The report of a run that has ended."""
    run_id = stack.start(request, repository, "--definition", str(definition), "--interaction", "minimal", *options)
    return stack.finished(run_id)


def gates_of(report: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {gate["gate"]: gate for gate in report["gates"] if gate["stage"] == "post"}


def refs_of(report: Mapping[str, Any], repository: Path) -> dict[str, str]:
    """Gate → the commit that its ref is on."""
    listed = git(repository, "for-each-ref", "--format=%(refname) %(objectname)", "refs/ostinato")
    pairs = (line.split() for line in listed.splitlines() if f"/{report['run_id']}/gates/" in line)
    return {name.rsplit("/", 1)[1]: commit for name, commit in pairs}


def test_what_a_linter_finds_is_fixed_and_what_was_red_before_is_told_apart(stack: Stack, tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "calc", {**PROJECT, "tests/test_old.py": OLD})
    own = [
        {"name": "licence", "run": "test -f calc.py"},
        {"name": "spelling", "run": "! grep -rq teh calc.py", "severity": "minor"},
        {"name": "red-before", "run": "exit 3"},
    ]
    line = "printf 'import os\\n\\nSAID = \"teh\"\\n' | cat - calc.py > new && mv new calc.py"
    definition = a_definition(tmp_path, line, custom=own, post=["tests", "lint", "types"])

    report = ended(stack, "say it in calc", repository, definition, "--trust")

    gates = gates_of(report)
    assert (report["outcome"], [step["id"] for step in report["steps"]]) == ("completed", ["s0", "fix-1"])
    assert {name: (gate["status"], gate["code"]) for name, gate in gates.items()} == {
        "tests": ("pass", "tests_passed"),
        "lint": ("pass", "lint_passed"),
        "types": ("pass", "types_passed"),
        "licence": ("pass", "gate_command_passed"),
        "spelling": ("warn", "gate_command_failed"),
        "red-before": ("pass", "gate_command_passed"),
        "integrity": ("pass", "integrity_kept"),
    }
    assert [gates[name]["inherited_count"] for name in ("tests", "lint", "red-before")] == [1, 1, 1]
    tree = git(repository, "rev-parse", f"{report['head_commit']}^{{tree}}")
    assert {(gate["commit"], gate["tree"]) for gate in gates.values()} == {(report["head_commit"], tree)}
    assert refs_of(report, repository) == dict.fromkeys(gates, report["head_commit"])

    ahead = git(repository, "commit-tree", tree, "-p", report["head_commit"], "-m", "One more")
    git(repository, "update-ref", f"refs/heads/{report['branch']}", ahead)
    refused = stack.call("merge", report["run_id"], "--json").data["error"]
    assert (refused["code"], ahead[:10] in refused["message"]) == ("not_proven", True)

    git(repository, "update-ref", f"refs/heads/{report['branch']}", report["head_commit"])
    commit(repository, {"NOTES.md": "meanwhile\n"}, "Meanwhile")
    merged = stack.ok("merge", report["run_id"])

    assert (merged["merged"], git(repository, "rev-parse", "main")) == (True, merged["commit"])
    judged = {gate["gate"]: gate["commit"] for gate in merged["gates"]}
    assert judged == dict.fromkeys([name for name in gates if name != "integrity"], merged["commit"])


def test_a_run_whose_tests_fail_is_refined_and_passes(stack: Stack, tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "calc", PROJECT)
    definition = a_definition(tmp_path, "sed -i 's/a + b/a - b/' calc.py", post=["tests"])
    options = ("--interaction", "checkpoint", "--yes", "--trust")
    run_id = stack.start("subtract", repository, "--definition", str(definition), *options)

    stack.until(run_id, lambda status: bool(status["pending_decisions"]))
    [handed] = json.loads(stack.call("decisions", run_id, "--json").out)["data"]
    (Path(handed["worktree"]) / "calc.py").write_text(CALC)
    stack.ok("decide", run_id, handed["id"], "done", "--note", "the sign was wrong")
    report = stack.finished(run_id)

    assert handed["step_id"] == "fix-1"
    assert "test_negative" in handed["context"]
    assert (report["outcome"], gates_of(report)["tests"]["status"]) == ("completed", "pass")
    assert [(entry["step"], entry["strategy"], entry["code"]) for entry in report["recoveries"]] == [
        ("fix-1", "iterative_refinement", "tests_introduced")
    ]
    assert gates_of(report)["tests"]["commit"] == report["head_commit"]


GAMES = {
    "tests/test_calc.py": (
        "python -c \"import pathlib; p = pathlib.Path('tests/test_calc.py'); t = p.read_text(); "
        "p.write_text('import pytest\\n' + t[:t.index('def test_neg')].replace('def test_', '@pytest.mark.skip\\ndef test_'))\""
    ),
    "calc.py": (
        'printf \'import os  # noqa: F401\\nX: int = "a"  # type: ignore\\nY: int = "b"\\n\' | cat - calc.py > new && mv new calc.py'
    ),
    "pyproject.toml": "sed -i 's/fail_under = 80/fail_under = 10/; s/= 100/= 300/; s/strict = true/strict = false/' pyproject.toml",
    ".ostinato/config.toml": "mkdir .ostinato && printf '[commands]\\ntest = \"true\"\\n' > .ostinato/config.toml",
    "conftest.py": "printf 'def pytest_runtest_makereport(item): ...\\n' > conftest.py; echo 'import os; os._exit(0)' > trap.pth",
}
NAMED = {
    ("tests/test_calc.py", "test_removed"),
    ("tests/test_calc.py", "test_skipped"),
    ("calc.py", "suppression_added"),
    ("pyproject.toml", "threshold_lowered"),
    ("pyproject.toml", "configuration_edited"),
    (".ostinato/config.toml", "configuration_edited"),
    ("conftest.py", "hook_added"),
    ("conftest.py", "configuration_edited"),
}


def test_every_game_is_named_and_what_it_hides_is_found_all_the_same(stack: Stack, tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "calc", PROJECT)
    installs = f"echo {repository} > $(python -c 'import site; print(site.getsitepackages()[0])')/__editable__.calc.pth"
    definition = a_definition(tmp_path, *GAMES.values(), installs, post=["tests", "types"])

    report = ended(stack, "make calc better", repository, definition, "--trust")
    merged = stack.call("merge", report["run_id"], "--json")

    gates = gates_of(report)
    assert {(found["path"], found["rule"]) for found in gates["integrity"]["introduced"]} == NAMED
    assert (gates["integrity"]["status"], gates["tests"]["code"]) == ("fail", "tests_fewer")
    assert [(found["path"], found["rule"]) for found in gates["types"]["introduced"]] == [("calc.py", "assignment")]
    assert any("base's configuration in .ostinato/config.toml, pyproject.toml" in note for note in report["notes"])
    assert report["outcome"] == "failed"
    assert "types: 1 new finding introduced by the run" in report["failure"]["headline"]
    assert (merged.code, merged.data["error"]["code"]) == (2, "not_proven")
    assert git(repository, "rev-parse", "main") == report["base_commit"]


def test_a_limit_that_the_request_is_about_counts_as_the_run_left_it(stack: Stack, tmp_path: Path) -> None:
    pyproject = PYPROJECT.replace("line-length = 100", 'line-length = 100\nlint.select = ["E501"]')
    repository = make_repository(tmp_path / "calc", {"pyproject.toml": pyproject, "calc.py": CALC})
    edit = f"sed -i 's/= 100/= 120/' pyproject.toml; echo '# {'x' * 108}' >> calc.py"
    definition = a_definition(tmp_path, edit, post=["lint"])

    report = ended(stack, "raise the line length to 120", repository, definition, "--trust")

    gates = gates_of(report)
    assert (report["outcome"], gates["lint"]["code"]) == ("completed", "lint_passed")
    assert (gates["integrity"]["code"], len(gates["integrity"]["introduced"])) == ("integrity_asked", 2)


def test_a_policy_and_a_benchmark_hold_a_run_to_what_was_there(stack: Stack, tmp_path: Path) -> None:
    """Steps that write where they may not, reach for the network, and make the benchmark slow."""
    repository = make_repository(tmp_path / "plain", {**PLAIN, ".ostinato/config.toml": CONFIGURED})
    with socket.create_server(("127.0.0.1", 0)) as server:
        connect = f"exec 3<>/dev/tcp/127.0.0.1/{server.getsockname()[1]}"
        steps = ("mkdir vault && echo 0.4 > length && echo mine > vault/key", f"! bash -c '{connect}'")
        definition = a_definition(tmp_path, *steps, post=["performance"])
        report = ended(stack, "make it slow", repository, definition, "--trust")

    gates = gates_of(report)
    assert {name: (gate["status"], gate["code"]) for name, gate in gates.items()} == {
        "readable": ("pass", "gate_command_passed"),
        "performance": ("fail", "performance_worse"),
        "integrity": ("pass", "integrity_kept"),
        "permissions": ("fail", "write_denied"),
    }
    assert gates["permissions"]["introduced"][0]["path"] == "vault/key"
    if asyncio.run(can_cut_network()):
        assert report["steps"][1]["state"] == "succeeded"


def test_what_a_policy_denies_is_refused_before_anything_runs(stack: Stack, tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "plain", {**PLAIN, ".ostinato/config.toml": CONFIGURED})
    definition = a_definition(tmp_path, "echo one > one && curl --version")

    report = ended(stack, "fetch it", repository, definition, "--trust")

    assert (report["outcome"], report["stop"]["code"]) == ("failed", "preflight_failed")
    assert "s0: `curl` is denied" in report["stop"]["message"]


def test_a_gate_of_ones_own_needs_trust_and_is_held_against_the_run(stack: Stack, tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "calc", {"calc.py": f"import os\n\n\n{CALC}"})
    definition = tmp_path / "fix.json"
    own = [{"name": "licence", "run": "touch /nowhere/at/all"}]
    steps = [{"id": "fix", "tool": "lint.fix", "writes": ["**"]}]
    definition.write_text(json.dumps({"id": "fix", "steps": steps, "gates": {"post": ["lint"], "custom": own}}))

    report = ended(stack, "fix the lint errors", repository, definition)
    merged = stack.call("merge", report["run_id"], "--json")

    gate = gates_of(report)["licence"]
    assert (gate["status"], gate["code"], gate["unproven"]) == ("skipped", "not_trusted", True)
    assert (report["outcome"], merged.data["error"]["code"]) == ("degraded", "not_proven")
