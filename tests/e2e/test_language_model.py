"""A language model from the setting to the report: a scripted server on loopback that speaks as OpenAI's does."""

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ostinato.domain.classification import TaskType
from tests.e2e.conftest import Stack, git
from tests.fakes.language_model import Hangs, Line, Provider, Refuses, Says, provider

pytestmark = [pytest.mark.e2e, pytest.mark.server]

KEY = "a-key-that-nobody-may-ever-see-anywhere"
TESTING = Says('{"task_type": "testing"}', tokens_in=120, tokens_out=9)
DRAFT = Says(
    json.dumps(
        {
            "steps": [
                {"id": "look", "name": "Look at the shelf", "tool": "project.map"},
                {"id": "tidy", "name": "Tidy the code", "tool": "format", "depends_on": ["look"]},
                {"id": "prove", "name": "Prove it", "tool": "lint.check", "depends_on": ["tidy"]},
            ]
        }
    ),
    tokens_in=900,
    tokens_out=80,
)


@pytest.fixture(scope="module")
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        found: int = free.getsockname()[1]
        return found


@pytest.fixture(scope="module")
def modelled(port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack whose worker asks the model at the port, whether or not one is there."""
    env = {
        "OSTINATO_LLM": "openai:scripted",
        "OPENAI_BASE_URL": f"http://127.0.0.1:{port}/v1",
        "OPENAI_API_KEY": KEY,
        "NO_PROXY": "127.0.0.1",
    }
    stack = Stack(home=tmp_path_factory.mktemp("modelled"), env=env)
    yield stack
    stack.call("down", timeout=60)


def asked(model: Provider) -> list[str]:
    """Of every question: type or draft."""
    return ["type" if "response_format" in document else "draft" for _, _, document in model.received]


def until_asked(model: Provider, *questions: str) -> None:
    limit = time.monotonic() + 60
    while asked(model) != list(questions):
        assert time.monotonic() < limit, asked(model)
        time.sleep(0.02)


def is_planned(status: dict[str, Any]) -> bool:
    return bool(status["todos"]) and status["phase"] not in ("analyzing", "planning")


def ended(stack: Stack, run_id: str) -> dict[str, Any]:
    """The report of a run that is told to end once it has its plan."""
    stack.until(run_id, is_planned)
    stack.call("cancel", run_id)
    return stack.report(run_id)


def holders(*roots: Path) -> list[str]:
    """Files with the key in them."""
    found = [path for root in roots for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
    return [str(path) for path in found if KEY.encode() in path.read_bytes()]


def test_a_model_names_the_type_and_drafts_a_plan_that_is_executed(modelled: Stack, sample: Path, port: int) -> None:
    with provider([TESTING, DRAFT], port) as model:
        run_id = modelled.start("do the thing with the shelf", sample, "--trust")
        report = modelled.finished(run_id)

    assert report["outcome"] == "completed", report["notes"]
    assert asked(model) == ["type", "draft"]
    named = model.received[0][2]["response_format"]["json_schema"]["schema"]["properties"]["task_type"]["enum"]
    assert named == [kind.value for kind in TaskType]
    assert all(headers["authorization"] == f"Bearer {KEY}" for _, headers, _ in model.received)
    assert report["classification"]["task_type"] == "testing"
    assert [step["id"] for step in report["plan"]["steps"]] == ["look", "tidy", "prove"]
    notes = "\n".join(report["notes"])
    assert "openai:scripted says testing (120 tokens in, 9 out)" in notes
    assert "the plan was drafted by openai:scripted: 900 tokens in, 80 out, 1 attempt" in notes
    assert "Tidy the code" in git(sample, "log", "--format=%s", f"main..ostinato/{run_id}")
    assert KEY not in json.dumps(report) + modelled.worker_log()
    assert holders(modelled.home, sample) == []


@pytest.mark.heavy
def test_a_model_that_refuses_and_then_talks_nonsense_leaves_the_template(
    modelled: Stack, sample: Path, port: int
) -> None:
    script: list[Line] = [Refuses(401, f"the key {KEY} is not known"), *[Says("I would rather not")] * 3]

    with provider(script, port) as model:
        report = ended(modelled, modelled.start("do the thing with the labels", sample, "--trust"))

    assert asked(model) == ["type", "draft", "draft", "draft"]
    notes = "\n".join(report["notes"])
    assert "refused with HTTP 401" in notes
    assert "the template stands, as its plan was not good enough" in notes
    assert "it is no JSON object" in notes
    assert report["plan"]["source"].startswith("template:")
    assert KEY not in json.dumps(report) + modelled.worker_log()
    assert holders(modelled.home, sample) == []


@pytest.mark.heavy
def test_a_model_that_is_not_there_stops_nothing(modelled: Stack, sample: Path) -> None:
    report = ended(modelled, modelled.start("do the thing with the prices", sample, "--trust"))

    notes = "\n".join(report["notes"])
    assert "the classifier was not sure of the type" in notes
    assert "the template stands, as the model did not answer" in notes
    assert notes.count("cannot be reached") == 2
    assert report["plan"]["source"].startswith("template:")


@pytest.mark.heavy
def test_kill_9_between_the_type_and_the_draft_asks_the_type_once(modelled: Stack, sample: Path, port: int) -> None:
    with provider([TESTING, Hangs(), DRAFT], port) as model:
        run_id = modelled.start("do the thing with the money", sample, "--trust")
        until_asked(model, "type", "draft")
        modelled.kill_worker()
        model.released.set()
        modelled.call("up")
        report = ended(modelled, run_id)

    assert asked(model) == ["type", "draft", "draft"]
    assert [step["id"] for step in report["plan"]["steps"]] == ["look", "tidy", "prove"]
    assert report["classification"]["task_type"] == "testing"
