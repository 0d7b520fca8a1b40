"""A run answered and watched with Temporal's own command line, as from any Temporal client or its Web UI."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Ended, Stack, git
from tests.repositories import make_repository

pytestmark = [pytest.mark.e2e, pytest.mark.server]

ASKING = """\
id: asking
steps:
  - {id: look, run: "echo seen", critical: false}
  - {id: choose, ask: "Which way?", options: [left, right, stop], depends_on: [look]}
  - {id: go, run: "echo {{ steps.choose.answer }} > way.txt", writes: [way.txt]}
gates: {post: []}
"""
BAD_SIGNALS = (
    ("decide", '{"decision": "nothing", "option": "left"}'),
    ("decide", '{"decision": "question-choose", "option": "up"}'),
    ("decide", '{"decision": 5}'),
    ("decide", '"left"'),
    ("decide", "[1, 2]"),
    ("decide", "null"),
    ("approve", '{"by": 7}'),
    ("approve", "{}"),
)
QUESTION = "question-choose"
UNFIT_UPDATES = (
    ("decide",),
    ("decide", '"left"'),
    ("decide", "1", "2"),
    ("pause", "1", "2"),
    ("resume", "[]"),
    ("approve", '{"by": 7}'),
    ("no-such-update", "1"),
)


class Server:
    """Temporal's command line, pointed at the server of a stack."""

    def __init__(self, stack: Stack) -> None:
        self.port = json.loads((stack.home / "server" / "server.json").read_text())["port"]

    def call(self, *words: str) -> Ended:
        program = str(Path(sys.executable).parent / "temporal")
        address = ("--address", f"127.0.0.1:{self.port}", "--output", "json")
        done = subprocess.run([program, "workflow", *words, *address], capture_output=True, text=True, timeout=60)
        return Ended(code=done.returncode, out=done.stdout, err=done.stderr)

    def read(self, *words: str) -> Any:
        ended = self.call(*words)
        assert ended.code == 0, ended.err
        return json.loads(ended.out)

    def signal(self, run_id: str, name: str, *inputs: str) -> None:
        options = [word for text in inputs for word in ("--input", text)]
        ended = self.call("signal", "-w", workflow_id(run_id), "--name", name, *options)
        assert ended.code == 0, ended.err

    def update(self, run_id: str, name: str, *inputs: str) -> Ended:
        options = [word for text in inputs for word in ("--input", text)]
        return self.call("update", "execute", "-w", workflow_id(run_id), "--name", name, *options)

    def waiting(self) -> set[str]:
        """Ids of the workflows that need a person, by search attribute."""
        listed = self.read("list", "--query", "OstinatoNeedsHuman = true")
        return {item["execution"]["workflowId"] for item in listed}


def workflow_id(run_id: str) -> str:
    return f"ostinato-{run_id}"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "shop", {"app.py": "import os\n\nVALUE = 1\n"})


@pytest.fixture
def asking(stack: Stack, tmp_path: Path, repository: Path) -> str:
    """A run that waits for the answer to a question."""
    (tmp_path / "asking.yaml").write_text(ASKING)
    run_id = stack.start("ask me", repository, "--definition", str(tmp_path / "asking.yaml"), "--trust")
    return until_asked(stack, run_id)


@pytest.fixture
def unapproved(stack: Stack, repository: Path) -> str:
    """A run that waits for its plan's approval."""
    return until_asked(stack, stack.start("fix the lint errors", repository, "--interaction", "checkpoint", "--trust"))


def until_asked(stack: Stack, run_id: str) -> str:
    stack.until(run_id, lambda status: bool(status["pending_decisions"]))
    return run_id


def answers(report: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(found["id"], found["answer"], found["by"]) for found in report["decisions"]]


def test_a_decision_is_answered_by_a_plain_signal(stack: Stack, asking: str, repository: Path) -> None:
    Server(stack).signal(asking, "decide", '{"decision": "question-choose", "option": "left", "by": "ada"}')

    report = stack.finished(asking)

    assert report["outcome"] == "completed"
    assert answers(report) == [(QUESTION, "left", "ada")]
    assert git(repository, "show", f"ostinato/{asking}:way.txt") == "left"


def test_a_decision_is_answered_by_a_plain_update_once(stack: Stack, asking: str) -> None:
    server, right = Server(stack), '{"decision": "question-choose", "option": "right", "by": "ada"}'

    unknown = server.update(asking, "decide", '{"decision": "question-choose", "option": "up"}')
    first = server.update(asking, "decide", right)
    report = stack.finished(asking)

    assert unknown.code != 0
    assert "Choose one of: left, right, stop" in unknown.out + unknown.err
    assert (first.code, json.loads(first.out)["result"]) == (0, {"message": "question-choose: right"})
    assert answers(report) == [(QUESTION, "right", "ada")]


def test_a_plan_is_approved_by_a_plain_signal_without_arguments(stack: Stack, unapproved: str) -> None:
    Server(stack).signal(unapproved, "approve")

    report = stack.finished(unapproved)

    assert answers(report) == [("approval", "approve", "unknown")]
    assert report["outcome"] in ("completed", "degraded")


def test_a_plan_is_rejected_by_a_plain_update(stack: Stack, unapproved: str) -> None:
    ended = Server(stack).update(unapproved, "reject", '{"by": "ada", "note": "not today"}')

    report = stack.finished(unapproved)

    assert ended.code == 0, ended.err
    assert (report["outcome"], report["stop"]["code"]) == ("cancelled", "rejected")
    assert "not today" in report["stop"]["message"]


def test_bad_signals_are_refused_shown_and_harm_nothing(stack: Stack, asking: str) -> None:
    server = Server(stack)
    for name, text in BAD_SIGNALS:
        server.signal(asking, name, text)
    server.signal(asking, "decide", "1", "2")
    server.signal(asking, "no-such-signal", "1")

    notes = stack.until(asking, lambda status: len(status["notes"]) >= 5)["notes"]
    why = stack.call("why", asking)
    server.signal(asking, "decide", '{"decision": "question-choose", "option": "left"}')
    report = stack.finished(asking)

    refused = " ".join(notes)
    assert "signal decide refused" in why.out
    assert "there is no decision 'nothing'" in refused
    assert "Choose one of: left, right, stop" in refused
    assert "signal approve refused" in refused
    assert (why.code, report["outcome"]) == (0, "completed")
    assert answers(report) == [(QUESTION, "left", "unknown")]


def test_updates_that_do_not_fit_are_refused_and_harm_nothing(stack: Stack, asking: str) -> None:
    server = Server(stack)

    refused = [server.update(asking, name, *inputs).code for name, *inputs in UNFIT_UPDATES]
    good = server.update(asking, "decide", '{"decision": "question-choose", "option": "left"}')

    assert 0 not in refused
    assert good.code == 0, good.err
    assert stack.finished(asking)["outcome"] == "completed"


def test_a_run_is_paused_and_resumed_from_outside(stack: Stack, asking: str) -> None:
    server = Server(stack)

    server.signal(asking, "pause", '{"by": "ada"}')
    paused = stack.until(asking, lambda status: bool(status["paused"]))
    server.signal(asking, "decide", '{"decision": "question-choose", "option": "left"}')
    resumed = server.update(asking, "resume")

    assert any("paused by ada" in note for note in paused["notes"])
    assert resumed.code == 0, resumed.err
    assert stack.finished(asking)["outcome"] == "completed"


def test_what_waits_for_a_person_is_a_query_and_a_search_attribute(stack: Stack, asking: str) -> None:
    server = Server(stack)

    [pending] = server.read("query", "-w", workflow_id(asking), "--type", "pending_decisions")["queryResult"][0]
    waiting = server.waiting()
    server.update(asking, "decide", '{"decision": "question-choose", "option": "stop"}')
    report = stack.finished(asking)

    assert (pending["id"], pending["question"]) == (QUESTION, "Which way?")
    assert workflow_id(asking) in waiting
    assert workflow_id(asking) not in server.waiting()
    assert report["outcome"] == "cancelled"


def test_a_run_can_be_read_in_the_web_ui(stack: Stack, asking: str) -> None:
    server = Server(stack)

    described = server.read("describe", "-w", workflow_id(asking))
    [metadata] = server.read("metadata", "-w", workflow_id(asking))["queryResult"]
    history = server.read("show", "-w", workflow_id(asking))
    server.signal(asking, "decide", '{"decision": "question-choose", "option": "stop"}')

    summary = described["executionConfig"]["userMetadata"]
    attributes = described["workflowExecutionInfo"]["searchAttributes"]["indexedFields"]
    assert re.fullmatch(r"ask-me-[0-9a-f]{8}", asking)
    assert summary["summary"] == "ask me"
    assert "- repository: `" in summary["details"]
    assert "### Waiting for a person: Which way?" in metadata["currentDetails"]
    assert "✔ Look — seen" in metadata["currentDetails"]
    assert {"OstinatoPhase", "OstinatoNeedsHuman", "OstinatoRepo", "OstinatoTaskType"} <= set(attributes)
    check_descriptions(metadata["definition"])
    check_summaries(history["events"])


def check_descriptions(definition: dict[str, Any]) -> None:
    """Every message of ours says what it takes."""
    for kind in ("queryDefinitions", "signalDefinitions", "updateDefinitions"):
        ours = [found for found in definition[kind] if not found["name"].startswith("__")]
        assert ours
        assert all(found.get("description") for found in ours)


def check_summaries(events: list[dict[str, Any]]) -> None:
    """Every activity says what it is about."""
    scheduled = [event for event in events if event["eventType"] == "EVENT_TYPE_ACTIVITY_TASK_SCHEDULED"]
    assert scheduled
    assert all("summary" in event.get("userMetadata", {}) for event in scheduled)


@pytest.mark.parametrize("text", ['{"run_id": "x"}', '"words"', "[]", '{"run_id": 1, "text": null}'])
def test_a_run_started_with_input_that_does_not_fit_fails_at_once(stack: Stack, text: str) -> None:
    stack.ok("up")
    options = ("--type", "OstinatoRun", "--task-queue", "ostinato", "--input", text, "--execution-timeout", "1m")

    ended = Server(stack).call("execute", *options)

    assert json.loads(ended.out)["status"] == "FAILED", ended.out + ended.err
