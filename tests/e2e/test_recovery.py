"""Failures of real processes, each with its class and its cure, and what is done about them."""

import json
import os
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Stack, git
from tests.repositories import make_repository

pytestmark = [pytest.mark.e2e, pytest.mark.server]

RESET_S = 8
LIMITED = (
    "echo x >> {at}/limited; test $(wc -l < {at}/limited) -ge 2 && date +%s.%N > {at}/after && exit 0; "
    f"date +%s.%N > {{at}}/before; echo 'HTTP/1.1 429 Too Many Requests'; echo 'Retry-After: {RESET_S}'; exit 1"
)
FULL = "unshare -Urm sh -c 'mount -t tmpfs -o size=64k none /mnt && head -c 200000 /dev/zero > /mnt/f'"
HUNGRY = "python3 -c 'import time; x = b\"x\" * (150 << 20); time.sleep(60)'"
DEPLOY = "test -e {at}/rolled-back && touch {at}/deployed || {{ echo the new version does not answer; exit 1; }}"
HELPED: dict[str, dict[str, Any]] = {
    "flaky": {"run": "echo x >> {at}/tries; test $(wc -l < {at}/tries) -ge 3", "retry": {"max_attempts": 3}},
    "limited": {"run": LIMITED, "account": "acme"},
    "same-account": {"run": "date +%s.%N > {at}/same", "account": "acme", "depends_on": ["pause"]},
    "pause": {"run": "sleep 1"},
    "other-way": {"run": "no-such-converter in out", "fallback": "echo made > other.txt", "writes": ["other.txt"]},
    "deploy": {
        "run": DEPLOY,
        "deployment": {"roll_back": "touch {at}/rolled-back", "diagnose": "echo the log says: port taken"},
    },
    "optional": {"run": "exit 3", "relax": True},
}
HOPELESS: dict[str, dict[str, Any]] = {
    "full": {"run": FULL},
    "hungry": {"run": HUNGRY, "limits": {"memory": "60M"}},
    "missing": {"run": "no-such-program --version"},
    "undone": {"run": "touch {at}/half; exit 5", "compensate": "rm {at}/half"},
}
CLASSES = {
    "full": ("storage", "critical", "disk_full", "ostinato gc"),
    "hungry": ("resource_exhaustion", "critical", "limit_memory", "limits.memory"),
    "missing": ("dependency_violation", "critical", "missing_command", "Install it"),
    "undone": ("failure", "major", "exit_status", "ostinato logs"),
}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "shop", {"app.py": "VALUE = 1\n"})


def a_definition(folder: Path, steps: dict[str, dict[str, Any]], **fields: Any) -> str:
    def placed(value: Any) -> Any:
        return value.format(at=folder) if isinstance(value, str) and "{at}" in value else value

    listed = [
        {"id": name, **{key: _deep(placed, value) for key, value in step.items()}, **fields}
        for name, step in steps.items()
    ]
    file = folder / "flow.json"
    whole = {"id": "flow", "max_parallel": 8, "steps": listed, "gates": {"post": []}}
    file.write_text(json.dumps(whole))
    return str(file)


def _deep(change: Any, value: Any) -> Any:
    return {key: change(inner) for key, inner in value.items()} if isinstance(value, dict) else change(value)


def strategies(report: dict[str, Any]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for entry in report["recoveries"]:
        found.setdefault(entry["step"], []).append(entry["strategy"])
    return found


def test_steps_that_can_be_helped_are_helped(stack: Stack, tmp_path: Path, repository: Path) -> None:
    run_id = stack.start("go", repository, "--definition", a_definition(tmp_path, HELPED), "--trust")
    shown = ""

    def is_seen(status: dict[str, Any]) -> bool:
        nonlocal shown
        shown = stack.call("status", run_id).out if status.get("quotas") else ""
        return "waits until" in shown

    parked = stack.until(run_id, is_seen)
    report = stack.finished(run_id)

    [quota] = parked["quotas"]
    before, after, same = (float((tmp_path / name).read_text()) for name in ("before", "after", "same"))
    assert (quota["account"], quota["step"]) == ("acme", "limited")
    assert "acme waits until" in shown
    assert before + RESET_S <= min(after, same)
    assert strategies(report) == {
        "flaky": ["retry", "retry"],
        "limited": ["wait_for_reset"],
        "other-way": ["fallback_command"],
        "deploy": ["diagnose_roll_back_retry"],
        "optional": ["relax"],
    }
    assert report["outcome"] == "completed"
    assert (tmp_path / "deployed").exists()
    assert "deploy: the log says: port taken" in report["notes"]
    assert git(repository, "show", f"ostinato/{run_id}:other.txt") == "made"


@pytest.mark.skipif(os.system("unshare -Urm true 2>/dev/null") != 0, reason="no user namespaces here")
def test_steps_that_cannot_be_helped_are_told_with_class_and_cure(
    stack: Stack, tmp_path: Path, repository: Path
) -> None:
    began = time.monotonic()
    file = a_definition(tmp_path, HOPELESS, critical=False)
    ended = stack.call("run", "--definition", file, "--repo", str(repository), "--trust", "--no-input", "--json")

    report = ended.data
    told = {it["id"]: it for it in report["failure"]["failures"] if it["kind"] == "step"}
    text = stack.call("report", report["run_id"], "--format", "md").out
    shown = stack.call("report", report["run_id"]).out
    assert report["outcome"] == "degraded"
    assert set(told) == set(CLASSES)
    for name, (error_class, severity, code, cure) in CLASSES.items():
        found = told[name]
        assert (found["error_class"], found["severity"], found["code"]) == (error_class, severity, code)
        assert cure in found["recommendation"]
        assert f"[{error_class}: {code}, {severity}]" in text
        assert f"{error_class}: {code}, {severity}" in shown
    assert ("resources", "mid", "limit_memory") in {(it["gate"], it["stage"], it["code"]) for it in report["gates"]}
    assert not (tmp_path / "half").exists()
    assert "compensate" in strategies(report)["undone"]
    assert time.monotonic() - began < 40


def test_a_failure_goes_back_or_asks_as_its_step_says(stack: Stack, tmp_path: Path, repository: Path) -> None:
    steps: dict[str, dict[str, Any]] = {
        "good": {"run": "echo 1 > good.txt", "writes": ["good.txt"]},
        "asked": {"run": "test -e {at}/repaired", "on_failure": "ask", "depends_on": ["good"]},
        "back": {"run": "test -e {at}/mended", "on_failure": "roll_back", "depends_on": ["asked"]},
    }
    run_id = stack.start("go", repository, "--definition", a_definition(tmp_path, steps), "--trust")
    status = stack.until(run_id, lambda status: bool(status.get("pending_decisions")))
    [decision] = status["pending_decisions"]
    (tmp_path / "repaired").touch()
    stack.ok("decide", run_id, decision["id"], "rerun")

    paused = stack.until(run_id, lambda status: status["paused"])
    (tmp_path / "mended").touch()
    stack.ok("resume", run_id)
    report = stack.finished(run_id)

    states = {todo["id"]: todo["state"] for todo in paused["todos"]}
    assert decision["step_id"] == "asked"
    assert (states["good"], states["back"]) == ("succeeded", "pending")
    assert strategies(report) == {"asked": ["escalate"], "back": ["roll_back"]}
    assert report["outcome"] == "completed"
    assert datetime.fromisoformat(report["ended_at"])
