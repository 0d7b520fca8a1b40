"""A person at the wheel: plan surgery, retry, rollback, fork, pause, terminate, and a reset from outside."""

import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from ostinato.adapters.temporal.server_binary import find_binary
from tests.e2e.conftest import Stack, git
from tests.repositories import make_repository

pytestmark = [pytest.mark.e2e, pytest.mark.server]

CHAIN = """\
id: chain
max_parallel: 1
steps:
  - {{id: one, run: "echo x >> {at}/one; echo 1 > one.txt", writes: [one.txt]}}
  - {{id: hold, run: "echo x >> {at}/hold; for n in $(seq 600); do test -e {at}/go && exit 0; sleep 0.1; done; exit 1",
      writes: [], depends_on: [one]}}
  - {{id: two, run: "echo x >> {at}/two; echo 2 > two.txt", writes: [two.txt], depends_on: [hold]}}
  - {{id: three, run: "echo x >> {at}/three; echo 3 > three.txt", writes: [three.txt], depends_on: [two]}}
gates: {{post: []}}
"""
FAILING = """\
id: failing
steps:
  - {{id: one, run: "echo x >> {at}/one; echo 1 > one.txt", writes: [one.txt]}}
  - {{id: two, run: "echo x >> {at}/two; test -e {at}/fixed && echo 2 > two.txt", writes: [two.txt], depends_on: [one]}}
  - {{id: three, run: "echo x >> {at}/three; cat two.txt > three.txt", writes: [three.txt], depends_on: [two]}}
gates: {{post: []}}
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "shop", {"app.py": "VALUE = 1\n"})


def a_file(folder: Path, text: str) -> str:
    (folder / "flow.yaml").write_text(text.format(at=folder))
    return str(folder / "flow.yaml")


def held(stack: Stack, repository: Path, folder: Path) -> str:
    """A run whose step `hold` runs until the file `go` is there."""
    run_id = str(
        stack.ok("start", "--definition", a_file(folder, CHAIN), "--repo", str(repository), "--trust")["run_id"]
    )
    stack.until(run_id, lambda status: state_of(status, "hold") == "running")
    return run_id


def failed(stack: Stack, repository: Path, folder: Path) -> str:
    words = ("run", "--definition", a_file(folder, FAILING), "--repo", str(repository), "--trust", "--no-input")
    ended = stack.call(*words, "--json")
    assert ended.code == 1, ended.err
    return str(ended.data["run_id"])


def completed(stack: Stack, repository: Path, folder: Path) -> str:
    (folder / "fixed").touch()
    words = ("run", "--definition", a_file(folder, FAILING), "--repo", str(repository), "--trust", "--no-input")
    return str(stack.ok(*words)["run_id"])


def state_of(status: dict[str, Any], name: str) -> str:
    return next((str(todo["state"]) for todo in status.get("todos", ()) if todo["id"] == name), "")


def states(stack: Stack, run_id: str) -> dict[str, str]:
    return {step["id"]: step["state"] for step in stack.ok("steps", run_id)["steps"]}


def times(folder: Path, name: str) -> int:
    """How often the step began."""
    return len((folder / name).read_text().splitlines()) if (folder / name).exists() else 0


def files(repository: Path, run_id: str) -> list[str]:
    return git(repository, "ls-tree", "--name-only", "-r", f"ostinato/{run_id}").splitlines()


def subjects(repository: Path, run_id: str) -> list[str]:
    """Of the run's own commits, oldest first."""
    return git(repository, "log", "--reverse", "--format=%s", f"HEAD..ostinato/{run_id}").splitlines()


def test_a_running_plan_is_changed_and_shows_by_whom(stack: Stack, repository: Path, tmp_path: Path) -> None:
    run_id = held(stack, repository, tmp_path)
    (tmp_path / "more.yaml").write_text(
        "- {id: four, run: 'cat one.txt > four.txt', writes: [four.txt], depends_on: [two]}\n"
    )

    stack.ok("steps", run_id, "skip", "three", "--note", "not today")
    stack.ok("steps", run_id, "edit", "two", "--run", "echo other > two.txt", "--name", "Say it otherwise")
    stack.ok("steps", run_id, "add", str(tmp_path / "more.yaml"))
    (tmp_path / "go").touch()
    report = stack.finished(run_id)

    changes = stack.ok("steps", run_id, "--diff")["changes"]
    assert report["outcome"] == "completed"
    assert files(repository, run_id) == ["app.py", "four.txt", "one.txt", "two.txt"]
    assert git(repository, "show", f"ostinato/{run_id}:two.txt") == "other"
    assert [(change["kind"], change["step"]) for change in changes] == [
        ("skip", "three"),
        ("edit", "two"),
        ("add", "four"),
    ]
    assert all(change["by"] and change["at"] for change in changes)
    assert changes[1]["after"] == {"name": "Say it otherwise", "line": "echo other > two.txt"}


@pytest.mark.heavy
def test_a_refused_change_says_why(stack: Stack, repository: Path, tmp_path: Path) -> None:
    run_id = held(stack, repository, tmp_path)
    (tmp_path / "bad.yaml").write_text("- {id: one, run: 'true'}\n- {id: five, run: 'true', depends_on: [nobody]}\n")

    started = stack.call("steps", run_id, "skip", "hold", "--json")
    unknown = stack.call("steps", run_id, "edit", "nobody", "--priority", "2", "--json")
    circle = stack.call("steps", run_id, "edit", "two", "--after", "three", "--json")
    no_plan = stack.call("steps", run_id, "add", str(tmp_path / "bad.yaml"), "--json")
    stack.ok("terminate", run_id, "--yes")

    refused = [ended.data["error"]["code"] for ended in (started, unknown, circle)]
    problems = {(item["code"], item["line"]) for item in no_plan.data["error"]["problems"]}
    assert {ended.code for ended in (started, unknown, circle, no_plan)} == {2}
    assert refused == ["step_started", "step_unknown", "dependency_cycle"]
    assert problems == {("step_duplicate", 1), ("dependency_unknown", 2)}


def test_the_list_of_steps_says_what_each_waits_for(stack: Stack, repository: Path, tmp_path: Path) -> None:
    run_id = held(stack, repository, tmp_path)

    found = {step["id"]: step for step in stack.ok("steps", run_id)["steps"]}
    text = stack.call("steps", run_id).out
    stack.ok("terminate", run_id, "--yes")

    assert found["two"]["waits_for"] == "waits for hold"
    assert found["hold"]["state"] == "running"
    assert "waits for two" in text


def test_a_failed_run_goes_on_with_the_failed_part_only(stack: Stack, repository: Path, tmp_path: Path) -> None:
    run_id = failed(stack, repository, tmp_path)
    (tmp_path / "fixed").touch()

    report = stack.ok("retry", run_id, "--no-input")

    assert report["outcome"] == "completed"
    assert [times(tmp_path, name) for name in ("one", "two", "three")] == [1, 2, 1]
    assert subjects(repository, run_id) == ["One", "Two", "Three"]
    assert {change["step"] for change in report["changes"]} == {"two", "three"}


def test_a_run_that_goes_on_is_not_hidden_by_its_old_result(stack: Stack, repository: Path, tmp_path: Path) -> None:
    run_id = held(stack, repository, tmp_path)
    stack.call("cancel", run_id)

    stack.ok("retry", run_id, "--detach")
    status = stack.until(run_id, lambda status: state_of(status, "hold") == "running")
    listed = {line["run_id"]: line["state"] for line in rows(stack.ok("list"))}
    (tmp_path / "go").touch()
    report = stack.finished(run_id)

    assert status["outcome"] is None
    assert listed[run_id] == "executing"
    assert report["outcome"] == "completed"
    assert (times(tmp_path, "one"), times(tmp_path, "hold")) == (1, 2)


def test_nothing_is_retried_of_a_run_that_completed(stack: Stack, repository: Path, tmp_path: Path) -> None:
    run_id = completed(stack, repository, tmp_path)

    refused = stack.call("retry", run_id, "--json")
    again = stack.ok("retry", run_id, "two", "--no-input")

    assert (refused.code, refused.data["error"]["code"]) == (2, "nothing_to_retry")
    assert again["outcome"] == "completed"
    assert [times(tmp_path, name) for name in ("one", "two", "three")] == [1, 2, 2]


def test_a_finished_run_goes_back_and_then_on_again(stack: Stack, repository: Path, tmp_path: Path) -> None:
    run_id = completed(stack, repository, tmp_path)

    rolled = stack.ok("rollback", run_id, "one", "--no-input")
    back = files(repository, run_id)
    stack.ok("retry", run_id, "--no-input")

    assert rolled["outcome"] == "rolled_back"
    assert back == ["app.py", "one.txt"]
    assert subjects(repository, run_id) == ["One", "Two", "Three"]
    assert [times(tmp_path, name) for name in ("one", "two", "three")] == [1, 2, 2]


@pytest.mark.heavy
def test_single_files_go_back_as_a_commit_of_their_own(stack: Stack, repository: Path, tmp_path: Path) -> None:
    run_id = completed(stack, repository, tmp_path)

    unknown = stack.call("rollback", run_id, "0-start", "--files", "nobody.txt", "--json")
    stack.ok("rollback", run_id, "0-start", "--files", "two.txt", "--no-input")

    assert (unknown.code, unknown.data["error"]["code"]) == (2, "path_unknown")
    assert files(repository, run_id) == ["app.py", "one.txt", "three.txt"]
    assert len(subjects(repository, run_id)) == 4


def test_an_open_run_goes_back_is_paused_and_goes_on(stack: Stack, repository: Path, tmp_path: Path) -> None:
    run_id = held(stack, repository, tmp_path)

    rolled = stack.ok("rollback", run_id, "0-start")
    waiting = states(stack, run_id)
    (tmp_path / "go").touch()
    stack.ok("resume", run_id)
    report = stack.finished(run_id)

    assert rolled["state"] == "paused"
    assert waiting == dict.fromkeys(("one", "hold", "two", "three"), "pending")
    assert report["outcome"] == "completed"
    assert subjects(repository, run_id) == ["One", "Two", "Three"]
    assert (times(tmp_path, "one"), times(tmp_path, "hold")) == (2, 2)


@pytest.mark.heavy
def test_a_rollback_that_cannot_be_done_ends_no_run(stack: Stack, repository: Path, tmp_path: Path) -> None:
    run_id = held(stack, repository, tmp_path)
    order = json.dumps({"checkpoint": "0-start", "files": ["nobody.txt"], "by": "ada"})
    which = ("-w", f"ostinato-{run_id}", "--name", "roll_back", "--input", order)

    temporal(stack, "workflow", "update", "execute", *which)
    told = stack.until(run_id, lambda status: bool(status["paused"]))
    (tmp_path / "go").touch()
    stack.ok("resume", run_id)

    assert "not rolled back to 0-start" in " ".join(told["notes"])
    assert stack.finished(run_id)["outcome"] == "completed"


@pytest.mark.heavy
def test_step_by_step_a_person_says_how_far_back(stack: Stack, repository: Path, tmp_path: Path) -> None:
    run_id = completed(stack, repository, tmp_path)

    asked = stack.call("rollback", run_id, "0-start", "--progressive", "--no-input", "--json")
    stack.ok("decide", run_id, first_question(stack, run_id), "undo")
    stack.until(run_id, lambda status: bool(status["pending_decisions"]))
    stack.ok("decide", run_id, first_question(stack, run_id), "stop")
    report = stack.finished(run_id)
    again = stack.call("rollback", run_id, "0-start", "--progressive", "--no-input", "--json")
    stack.ok("cancel", run_id, "--no-input")

    assert (asked.code, again.code) == (4, 4)
    assert report["outcome"] == "rolled_back"
    assert files(repository, run_id) == ["app.py", "one.txt", "two.txt"]


def first_question(stack: Stack, run_id: str) -> str:
    return str(rows(stack.ok("decisions", run_id))[0]["id"])


def rows(data: Any) -> list[dict[str, Any]]:
    """The data of a command that answers a list."""
    found: list[dict[str, Any]] = data
    return found


def test_a_fork_goes_on_from_a_checkpoint_and_leaves_the_other_alone(
    stack: Stack, repository: Path, tmp_path: Path
) -> None:
    run_id = failed(stack, repository, tmp_path)
    before = git(repository, "rev-parse", f"ostinato/{run_id}")
    (tmp_path / "fixed").touch()

    forked = stack.ok("fork", run_id, "--from", "one", "--id", f"{run_id}-b", "--no-input")
    again = stack.call("fork", run_id, "--from", "one", "--id", f"{run_id}-b", "--json")

    assert forked["run_id"] == f"{run_id}-b"
    assert subjects(repository, f"{run_id}-b") == ["One", "Two", "Three"]
    assert times(tmp_path, "one") == 1
    assert git(repository, "rev-parse", f"ostinato/{run_id}") == before
    assert stack.status(run_id)["outcome"] == "failed"
    assert (again.code, again.data["error"]["code"]) == (2, "run_id_taken")


@pytest.mark.heavy
def test_checkpoints_say_whether_they_are_whole(stack: Stack, repository: Path, tmp_path: Path) -> None:
    run_id = completed(stack, repository, tmp_path)

    found = stack.ok("checkpoints", run_id)["checkpoints"]
    unknown = stack.call("rollback", run_id, "9-nobody", "--json")

    assert [(point["id"], point["whole"]) for point in found] == [
        ("0-start", True),
        ("1-one", True),
        ("2-two", True),
        ("3-three", True),
    ]
    assert (unknown.code, unknown.data["error"]["code"]) == (2, "checkpoint_unknown")


def test_a_pause_starts_nothing_and_resume_goes_on(stack: Stack, repository: Path, tmp_path: Path) -> None:
    run_id = held(stack, repository, tmp_path)

    stack.ok("pause", run_id)
    (tmp_path / "go").touch()
    paused = stack.until(run_id, lambda status: state_of(status, "hold") == "succeeded")
    stack.ok("resume", run_id)
    report = stack.finished(run_id)

    assert paused["paused"] is True
    assert state_of(paused, "two") == "pending"
    assert report["outcome"] == "completed"


def test_a_terminated_run_goes_on_by_retry(stack: Stack, repository: Path, tmp_path: Path) -> None:
    run_id = held(stack, repository, tmp_path)
    stack.ok("terminate", run_id, "--yes", "--reason", "enough")
    (tmp_path / "go").touch()

    report = stack.ok("retry", run_id, "--no-input")

    assert report["outcome"] == "completed"
    assert subjects(repository, run_id) == ["One", "Two", "Three"]
    assert times(tmp_path, "one") == 1


def test_after_a_reset_the_branch_is_where_the_history_says(stack: Stack, repository: Path, tmp_path: Path) -> None:
    run_id = held(stack, repository, tmp_path)
    events = history(stack, run_id)
    early = task_before(events, lambda event: is_scheduled(event, "one"))

    temporal(
        stack,
        "workflow",
        "reset",
        "-w",
        f"ostinato-{run_id}",
        "--event-id",
        str(early),
        "--reason",
        "try again",
        "--reapply-exclude",
        "All",
    )
    (tmp_path / "go").touch()
    report = stack.finished(run_id)

    assert report["outcome"] == "completed"
    assert subjects(repository, run_id) == ["One", "Two", "Three"]
    assert len({point["commit"] for point in report["checkpoints"]}) == 4


def temporal(stack: Stack, *words: str) -> str:
    record = json.loads((stack.home / "server" / "server.json").read_text())
    address = f"127.0.0.1:{record['port']}"
    command = [str(find_binary()), *words, "--address", address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def history(stack: Stack, run_id: str) -> Sequence[dict[str, Any]]:
    shown = temporal(stack, "workflow", "show", "-w", f"ostinato-{run_id}", "-o", "json")
    events: list[dict[str, Any]] = json.loads(shown)["events"]
    return events


def is_scheduled(event: dict[str, Any], step: str) -> bool:
    """The activity that carries out the step."""
    found = event.get("activityTaskScheduledEventAttributes", {})
    return str(found.get("activityId", "")).startswith(step)


def task_before(events: Sequence[dict[str, Any]], fits: Callable[[dict[str, Any]], bool]) -> int:
    """The id of the last completed workflow task before the first event that fits."""
    first = next(index for index, event in enumerate(events) if fits(event))
    before = (event for event in reversed(events[:first]) if event["eventType"].endswith("WORKFLOW_TASK_COMPLETED"))
    return int(next(before)["eventId"])


@pytest.mark.heavy
def test_a_finished_run_that_is_reset_is_not_hidden_by_its_old_result(
    stack: Stack, repository: Path, tmp_path: Path
) -> None:
    run_id = completed(stack, repository, tmp_path)
    early = task_before(history(stack, run_id), lambda event: is_scheduled(event, "two"))

    which = ("-w", f"ostinato-{run_id}", "--event-id", str(early), "--reason", "once more")
    temporal(stack, "workflow", "reset", *which)
    stack.until(run_id, lambda _: times(tmp_path, "three") == 2)
    report = stack.finished(run_id)

    assert report["outcome"] == "completed"
    assert [times(tmp_path, name) for name in ("one", "two", "three")] == [1, 2, 2]
    assert subjects(repository, run_id) == ["One", "Two", "Three"]


def test_a_run_is_cleaned_up_once_its_branch_is_merged(stack: Stack, repository: Path, tmp_path: Path) -> None:
    run_id = completed(stack, repository, tmp_path)
    git(repository, "merge", "-q", "--ff-only", f"ostinato/{run_id}")

    looked = stack.ok("gc", "--dry-run", "--keep-days", "0")
    still = git(repository, "branch", "--list", f"ostinato/{run_id}")
    done = stack.ok("gc", "--keep-days", "0")

    assert looked["dry_run"] is True
    assert {"branch", "refs"} <= {removal["kind"] for removal in looked["removals"] if removal["run_id"] == run_id}
    assert still != ""
    assert all(removal["done"] for removal in done["removals"])
    assert git(repository, "branch", "--list", f"ostinato/{run_id}") == ""
    assert stack.report(run_id)["outcome"] == "completed"


def test_what_another_run_left_is_given_at_the_start(stack: Stack, repository: Path, tmp_path: Path) -> None:
    first = completed(stack, repository, tmp_path)
    stack.ok("context", first, "--export", str(tmp_path / "left.json"))
    words = ("--definition", str(tmp_path / "flow.yaml"), "--repo", str(repository), "--trust")

    second = stack.ok("run", *words, "--context", str(tmp_path / "left.json"), "--no-input")
    refused = stack.call("start", *words, "--context", str(tmp_path / "flow.yaml"), "--json")

    assert second["outcome"] == "completed"
    assert (refused.code, refused.data["error"]["code"]) == (2, "context_no_json")
