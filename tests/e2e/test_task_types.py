"""All twelve task types from words to a judged commit: tools do what tools can, a person does what needs a mind."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from scripts.sample import make_sample
from tests.e2e.conftest import Stack, git
from tests.e2e.selecting import each_of, selected

pytestmark = [pytest.mark.e2e, pytest.mark.server]

MORE_FILES = {
    "web/index.html": '<html><body><img src="shelf.png"><input type="text"><h3>Prices</h3></body></html>\n',
    "Dockerfile": "FROM python:latest\nENV API_TOKEN=changeme\nCOPY . .\nRUN pip install flask\nCMD python -m tally\n",
    "src/tally/tax.py": "def rate(country: str) -> int:\n"
    + "".join(f'    if country == "{name}":\n        return {20 + n}\n' for n, name in enumerate("ABCDEFGHIJKLMNOP"))
    + "    return 0\n",
}
CONVERTER = '''"""Money of other countries."""


def convert(cents: int, rate: float) -> int:
    """The amount in another currency, rounded to whole cents."""
    return round(cents * rate)
'''
CONVERTER_TEST = """from tally.convert import convert


def test_convert_rounds_to_whole_cents():
    assert convert(101, 0.5) == 50
"""
NEGATIVE_TEST = """from tally.money import cents


def test_a_negative_price_counts_its_cents_down():
    assert cents("-1.50") == -150
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Type:
    """A request of the type, the tool step that must find or change something, and what a person does by hand."""

    request: str
    finds: str
    handoff: str = ""
    writes: Mapping[str, str] = field(default_factory=dict)
    replaces: tuple[str, str, str] | None = None
    """File, text, text instead."""
    note: str = ""


USUAL = ("bug_fix", "security_audit")
TYPES = {
    "code_implementation": Type(
        request="add a currency converter to tally",
        finds="lint",
        handoff="implement",
        writes={"src/tally/convert.py": CONVERTER, "tests/test_convert.py": CONVERTER_TEST},
    ),
    "bug_fix": Type(
        request="fix the bug in cents: negative prices come out wrong",
        finds="lint",
        handoff="fix",
        writes={"tests/test_negative.py": NEGATIVE_TEST},
        replaces=(
            "src/tally/money.py",
            "return int(whole) * 100 + int((part",
            'return int(whole) * 100 + (-1 if whole.startswith("-") else 1) * int((part',
        ),
    ),
    "refactoring": Type(
        request="refactor the text module",
        finds="dead-code",
        handoff="refactor",
        replaces=("src/tally/text.py", '    else:\n        return "%s..." % text[:width]', '    return text[:width] + "..."'),
    ),
    "testing": Type(request="write tests for the text module", finds="generate"),
    "documentation": Type(
        request="document the public functions in the README",
        finds="docs",
        handoff="write",
        writes={"README.md": "# tally\n\nAdds up what a small shop sells.\n\n`cents(text)` reads a price.\n"},
    ),
    "code_review": Type(
        request="review the code of the shelf module",
        finds="scan",
        handoff="review",
        note="shelf.py:6: the default list is shared by all shelves",
    ),
    "security_audit": Type(
        request="audit this project for security problems and repair what matters",
        finds="scan",
        handoff="repair",
        replaces=("src/tally/shelf.py", 'subprocess.call("lpr " + path, shell=True)', 'subprocess.call(["lpr", path])'),
    ),
    "performance_optimization": Type(
        request="make the import of tally faster",
        finds="complexity",
        handoff="optimise",
        replaces=("src/tally/money.py", "import os\nfrom typing", "from typing"),
    ),
    "deployment": Type(
        request="prepare the Docker deployment",
        finds="delivery",
        handoff="deliver",
        replaces=("Dockerfile", "ENV API_TOKEN=changeme\n", "USER nobody\n"),
    ),
    "research": Type(
        request="research how prices are summed up",
        finds="dead-code",
        handoff="answer",
        note="money.total adds cents in a loop",
    ),
    "ui_design": Type(
        request="improve the accessibility of the web page",
        finds="interface",
        handoff="design",
        replaces=("web/index.html", '<img src="shelf.png">', '<img src="shelf.png" alt="A shelf with tea">'),
    ),
    "maintenance": Type(request="modernise the syntax and remove outdated code", finds="modernise"),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    run_id: str
    repository: Path


@pytest.fixture(scope="module")
def started(
    request: pytest.FixtureRequest, stack: Stack, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Started]:
    """A run of each type, all at once, each on a repository of its own."""
    folder = tmp_path_factory.mktemp("types")
    sample = make_sample(folder / "sample")
    for name, text in MORE_FILES.items():
        (sample / name).parent.mkdir(exist_ok=True)
        (sample / name).write_text(text)
    git(sample, "add", "-A")
    git(sample, "commit", "-q", "-m", "Add a page and an image")
    runs = {}
    for name in selected(request, "name"):
        kind = TYPES[name]
        repository = Path(shutil.copytree(sample, folder / name))
        runs[name] = Started(run_id=stack.start(kind.request, repository, "--trust"), repository=repository)
    return runs


def work_by_hand(kind: Type, worktree: Path) -> None:
    """What a person does in the worktree that the hand-off names."""
    for name, text in kind.writes.items():
        (worktree / name).write_text(text)
    if kind.replaces is not None:
        name, old, new = kind.replaces
        before = (worktree / name).read_text()
        assert old in before
        (worktree / name).write_text(before.replace(old, new))


def answer_all(stack: Stack, kind: Type, run_id: str) -> None:
    """Does whatever is handed over until the run has ended: the work itself once, and notes elsewhere."""
    done = False
    while True:
        status = stack.until(run_id, lambda status: bool(status["pending_decisions"]) or bool(status["outcome"]))
        if status["outcome"]:
            break
        decision = json.loads(stack.call("decisions", run_id, "--json").out)["data"][0]
        if decision["kind"] == "handoff":
            assert kind.request in decision["context"]
        mine = decision["step_id"] == kind.handoff and not done
        if mine:
            work_by_hand(kind, Path(decision["worktree"]))
            done = True
        note = kind.note if mine and kind.note else "done by hand"
        stack.ok("decide", run_id, decision["id"], decision["options"][0]["name"], "--note", note)
    assert done


def check_consistency(report: dict[str, Any], repository: Path) -> None:
    """The outcome follows from steps and gates, and the branch is what the report says."""
    failed = [step["id"] for step in report["steps"] if step["outcome"] in ("failed", "blocked")]
    post = [gate for gate in report["gates"] if gate["stage"] == "post" and gate["gate"] != "risk"]
    doubtful = [gate["gate"] for gate in post if gate["status"] not in ("pass", "warn")]
    branch = f"ostinato/{report['run_id']}"
    assert (report["outcome"] == "completed") == (not failed and not doubtful), (failed, doubtful)
    changed = {"integrity"} if report["head_commit"] != report["base_commit"] else set()
    assert {gate["gate"] for gate in post} == {"tests", "lint", "types", "security"} | changed
    assert {gate["commit"] for gate in post} == {report["head_commit"]}
    assert git(repository, "rev-parse", branch) == report["head_commit"]
    commits = git(repository, "log", "--format=%(trailers:key=Ostinato-Step,valueonly)", f"main..{branch}").split()
    assert set(commits) == {step["id"] for step in report["steps"] if step["commit"]}


@pytest.mark.parametrize("name", each_of(TYPES, USUAL))
def test_a_request_of_each_type_ends_with_a_judged_commit(stack: Stack, started: dict[str, Started], name: str) -> None:
    kind, run = TYPES[name], started[name]
    if kind.handoff:
        answer_all(stack, kind, run.run_id)

    report = stack.finished(run.run_id)

    steps = {step["id"]: step for step in report["steps"]}
    assert report["classification"]["task_type"] == name
    assert report["outcome"] in ("completed", "degraded"), report["stop"]
    assert steps[kind.finds]["findings_count"] + steps[kind.finds]["files_changed"] > 0, steps[kind.finds]
    if kind.handoff:
        assert steps[kind.handoff]["agent"].startswith("person:")
        assert bool(steps[kind.handoff]["commit"]) == bool(kind.writes or kind.replaces)
        assert kind.note in steps[kind.handoff]["summary"]
    check_consistency(report, run.repository)
