"""Every shipped template from its name to a judged commit: tools do their part, a person does the rest and answers."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ostinato.adapters.templates import BUILT_IN
from scripts.sample import make_sample
from tests.e2e.conftest import Stack, git
from tests.e2e.selecting import each_of, selected

pytestmark = [pytest.mark.e2e, pytest.mark.server]

NAMES = sorted(path.stem for path in BUILT_IN.glob("*.yaml"))
USUAL = ("full_application",)
PART = '''"""A part."""


def ready() -> bool:
    """Whether it is."""
    return True
'''
PART_TEST = "from tally.{name} import ready\n\n\ndef test_{name}_is_ready():\n    assert ready()\n"
SAFE = ("src/tally/shelf.py", 'subprocess.call("lpr " + path, shell=True)', 'subprocess.call(["lpr", path])')


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What a template is given, and what the person does and answers."""

    params: Mapping[str, str]
    writes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Step → files; another step that should change something writes a page of its own."""
    replaces: Mapping[str, tuple[str, str, str]] = field(default_factory=dict)
    """Step → file, text, text instead."""
    answers: Mapping[str, str] = field(default_factory=dict)
    did: tuple[str, ...]
    """Steps that must have succeeded."""
    left: tuple[str, ...] = ()
    """Steps that must have been left out."""
    files: tuple[str, ...] = ()
    """Of the branch."""


USES = {
    "full_stack_development": Use(
        params={"feature": "see the price of a shelf", "backend": "src"},
        writes={
            "backend": {"src/tally/part.py": PART},
            "frontend": {"web/index.html": '<!doctype html>\n<html lang="en"><head><title>Tally</title></head></html>\n'},
            "tests": {"tests/test_part.py": PART_TEST.format(name="part")},
        },
        did=("map", "interface", "accept", "backend", "frontend", "pages", "verify", "broken"),
        left=("repair",),
        files=("docs/interface.md", "src/tally/part.py", "web/index.html", "tests/test_part.py"),
    ),
    "full_application": Use(
        params={"name": "tally", "purpose": "adds up", "components": "core", "container": "yes"},
        writes={
            "components-0": {"src/tally/core.py": PART, "tests/test_core.py": PART_TEST.format(name="core")},
            "package": {"Dockerfile": "FROM python:3.11.9-slim\nUSER nobody\nCMD [\"python\", \"-m\", \"tally\"]\n"},
        },
        did=("specify", "agree", "skeleton", "components", "components-0", "join", "verify", "package", "delivery"),
        files=("docs/specification.md", "src/tally/core.py", "Dockerfile"),
    ),
    "security_audit": Use(
        params={"focus": "labels"},
        replaces={"repair": SAFE},
        did=("scan", "dependencies", "verdicts", "repair", "rescan", "regression", "compare"),
        files=("docs/security-audit.md",),
    ),
    "system_optimization": Use(
        params={"goal": "faster import", "benchmark": "echo 'it runs'", "targets": "import", "rounds": "1"},
        replaces={"changes-0": ("src/tally/money.py", "import os\nfrom typing", "from typing")},
        answers={"verdict": "keep"},
        did=("before", "hypotheses", "changes-0", "verify", "after", "verdict"),
    ),
    "research_plan_execute": Use(
        params={"goal": "know the sums", "questions": '["How are prices added, and where?"]'},
        writes={"execute": {"src/tally/part.py": PART}},
        did=("map", "answers-0", "plan", "consent", "execute", "verify", "lessons"),
        files=("docs/plan.md", "src/tally/part.py"),
    ),
    "parallel_component_development": Use(
        params={"goal": "two parts", "components": "ink, paper", "root": "src/tally"},
        writes={
            f"develop-{index}-{step}": files
            for index, name in enumerate(("ink", "paper"))
            for step, files in (
                ("code", {f"src/tally/{name}/__init__.py": PART}),
                ("test", {f"tests/test_{name}.py": PART_TEST.format(name=name)}),
            )
        },
        did=("interfaces", "develop", "develop-0-code", "develop-1-test", "enough", "join", "verify"),
        left=("missing",),
        files=("src/tally/ink/__init__.py", "src/tally/paper/__init__.py", "tests/test_paper.py"),
    ),
    "issue_analysis": Use(
        params={"title": "labels run a shell", "terms": "lpr,it's", "reproduce": "exit 3"},
        replaces={"repair": SAFE},
        answers={"next": "repair"},
        did=("traces-0", "traces-1", "shown", "analysis", "next", "proof", "repair", "verify"),
    ),
    "code_review": Use(
        params={"base": "HEAD~1", "focus": "security,tests"},
        replaces={"rework": SAFE},
        answers={"verdict": "change it now"},
        did=("change", "review-0", "review-1", "verdict", "rework", "again"),
    ),
}  # fmt: skip


@dataclass(slots=True, kw_only=True)
class Going:
    """A run of a template, carried on by one person."""

    stack: Stack
    use: Use
    run_id: str
    repository: Path

    def carry_on(self, rounds: int = 60) -> dict[str, Any]:
        """Answers whatever is asked until the run has ended."""
        for _ in range(rounds):
            status = self.stack.until(self.run_id, lambda seen: bool(seen["pending_decisions"] or seen["outcome"]))
            if status["outcome"]:
                return self.stack.report(self.run_id)
            for decision in json.loads(self.stack.call("decisions", self.run_id, "--json").out)["data"]:
                self._answer(decision)
        raise AssertionError(f"{self.run_id} asks for ever")

    def _answer(self, decision: dict[str, Any]) -> None:
        step, options = str(decision["step_id"] or ""), [option["name"] for option in decision["options"]]
        if decision["worktree"]:
            self._work(step, Path(decision["worktree"]))
        option = "done" if "done" in options else self.use.answers.get(step, options[0])
        self.stack.ok("decide", self.run_id, decision["id"], option, "--note", f"{step}: seen; {{{{ x }}}} $(y)")

    def _work(self, step: str, tree: Path) -> None:
        short = step.rpartition("-")[2]
        files = self.use.writes.get(step, self.use.writes.get(short))
        if replaced := self.use.replaces.get(step):
            name, old, new = replaced
            text = (tree / name).read_text()
            files = {name: text.replace(old, new)}
        for name, text in (files or self._page(step, tree)).items():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_text(text)

    def _page(self, step: str, tree: Path) -> dict[str, str]:
        """Where the template says what file it wants, that one."""
        wanted = {
            "interface": "docs/interface.md", "specify": "docs/specification.md", "verdicts": "docs/security-audit.md",
            "compare": "docs/security-audit.md", "plan": "docs/plan.md", "lessons": "docs/plan.md",
            "interfaces": "docs/interfaces.md",
        }  # fmt: skip
        looks = ("hypotheses", "analysis", "answers-0", "review-0", "review-1")
        return {} if step in looks else {wanted.get(step, f"docs/{step}.md"): f"# {step}\n\nDone by hand.\n"}


@pytest.fixture(scope="module")
def going(request: pytest.FixtureRequest, stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Going]:
    """A run of each template, all at once, each on a repository of its own."""
    folder = tmp_path_factory.mktemp("templates")
    sample = make_sample(folder / "sample")
    runs = {}
    for name in selected(request, "name"):
        repository = Path(shutil.copytree(sample, folder / name))
        params = [word for key, value in USES[name].params.items() for word in ("--param", f"{key}={value}")]
        where = ("--repo", str(repository), "--trust", "--yes", "--id", f"t-{name}")
        run_id = str(stack.ok("start", "--template", name, *params, *where)["run_id"])
        runs[name] = Going(stack=stack, use=USES[name], run_id=run_id, repository=repository)
    return runs


@pytest.mark.parametrize("name", each_of(NAMES, USUAL))
def test_a_template_runs_from_its_name_to_a_judged_commit(going: dict[str, Going], name: str) -> None:
    run = going[name]

    report = run.carry_on()

    outcomes = {step["id"]: step["outcome"] for step in report["steps"]}
    branch = f"ostinato/{run.run_id}"
    tracked = git(run.repository, "ls-tree", "-r", "--name-only", branch).splitlines()
    assert report["outcome"] == "completed", (report["stop"], outcomes, report["gates"])
    assert {step: outcomes.get(step) for step in run.use.did} == dict.fromkeys(run.use.did, "succeeded")
    assert {step: outcomes[step] for step in run.use.left} == dict.fromkeys(run.use.left, "skipped")
    assert set(run.use.files) <= set(tracked)
    assert report["plan"]["source"] == f"template:{name}"
    assert len(report["plan"]["definition_sha256"]) == 64
    assert {gate["commit"] for gate in report["gates"] if gate["stage"] == "post"} == {report["head_commit"]}


def question_of(stack: Stack, run_id: str) -> dict[str, Any]:
    """The one that is open, once there is one."""
    stack.until(run_id, lambda seen: bool(seen["pending_decisions"]))
    [asked] = json.loads(stack.call("decisions", run_id, "--json").out)["data"]
    return dict(asked)


FLOW = """\
id: greet
inputs: {who: {type: string, default: world}}
steps:
  - id: greet
    run: echo hello {{ inputs.who }} from here > greeting.txt
    writes: [greeting.txt]
  - id: ask
    ask: Is {{ inputs.who }} greeted?
    options: ["yes", "no"]
gates: {post: []}
"""


@pytest.mark.heavy
def test_a_finished_run_is_saved_and_runs_again_with_other_parameters(
    stack: Stack, sample: Path, tmp_path: Path
) -> None:
    (tmp_path / "greet.yaml").write_text(FLOW)
    where = ("--repo", str(sample), "--trust")
    first = str(stack.ok("start", "--definition", str(tmp_path / "greet.yaml"), *where, "--param", "who=Ann")["run_id"])
    asked = question_of(stack, first)
    (tmp_path / "greet.yaml").write_text(FLOW.replace("hello", "bye").replace("post: []", "post: [tests]"))
    stack.ok("decide", first, asked["id"], "yes")
    report = stack.finished(first)

    saved = stack.ok("templates", "save", first, "greeting", "--repo", str(sample), "--param", "place=here")
    again = stack.call(
        "run", "--template", "greeting", *where, "--param", "who=$(id); 'Bob'", "--param", "place=there", "--no-input", "--json"
    )  # fmt: skip

    second = str(again.data["run_id"])
    asked = question_of(stack, second)
    stack.ok("decide", second, asked["id"], "yes")
    ended = stack.finished(second)
    assert (asked["question"], again.code) == ("Is $(id); 'Bob' greeted?", 4)
    assert saved["inputs"]["place"] == {"type": "string", "default": "here"}
    assert saved["inputs"]["who"]["default"] == "Ann"
    assert (report["plan"]["post_gates"], ended["outcome"]) == ([], "completed")
    assert git(sample, "show", f"ostinato/{first}:greeting.txt") == "hello Ann from here"
    assert git(sample, "show", f"ostinato/{second}:greeting.txt") == "hello $(id); 'Bob' from there"
    assert ended["plan"]["source"] == "template:greeting"


@pytest.mark.heavy
def test_a_run_of_words_is_saved_and_runs_again_on_other_words(stack: Stack, sample: Path) -> None:
    where = ("--repo", str(sample), "--trust", "--yes", "--no-input")
    first = stack.ok("run", "fix the lint errors", *where)

    stack.ok("templates", "save", str(first["run_id"]), "tidy", "--repo", str(sample))
    second = stack.ok("run", "tidy the linter's findings of the shelf", "--template", "tidy", *where)

    assert [step["id"] for step in second["steps"]] == [step["id"] for step in first["steps"]]
    assert second["plan"]["inputs"]["request"] == "tidy the linter's findings of the shelf"
