"""Definition files: every mistake told at once, and what a good one says is what the run does."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import ROOT, Ended, Stack, git
from tests.repositories import make_repository

pytestmark = [pytest.mark.e2e, pytest.mark.server]

EXAMPLES = sorted((ROOT / "examples" / "definitions").glob("*.*"))
FILES = {"app.py": "import os\n\nVALUE = 1\n", "notes/read me.txt": "one\ntwo\nthree\n"}
MISTAKES = """\
id: Bad Name
version: 0
steps:
  - id: one
    tool: lint.fxi
  - id: two
    run: echo "{{ inputs.nobody }}"
    depends_on: [three]
    timeout: soon
  - id: two
    run: echo
    tool: format
  - id: four
    writs: ["a"]
    ask: Really?
  - id: five
    run: echo {{ steps.six.findings }}
    writes: ["../up"]
triggers: [{schedule: 0 25 * * *}]
"""
PROBLEMS = {
    ("field_invalid", 1, 1),
    ("field_invalid", 2, 1),
    ("tool_unknown", 5, 5),
    ("reference_in_quotes", 7, 5),
    ("reference_unknown", 7, 5),
    ("dependency_unknown", 8, 18),
    ("duration_invalid", 9, 5),
    ("action_count", 10, 5),
    ("step_duplicate", 10, 5),
    ("field_unknown", 14, 5),
    ("reference_unknown", 17, 5),
    ("path_outside", 18, 14),
    ("schedule_invalid", 19, 13),
}
WHOLE = """\
id: whole
inputs:
  file: {type: string}
  times: {type: integer, default: 2}
  loud: {type: boolean, default: false}
max_parallel: 2
steps:
  - id: count
    run: [wc, -l, "{{ inputs.file }}"]
  - id: lint
    tool: lint.fix
    writes: ["*.py"]
  - id: write
    run: for n in $(seq {{ inputs.times }}); do echo {{ inputs.file }} {{ inputs.loud }} >> said.txt; done
    writes: [said.txt]
  - id: choose
    ask: "The file has {{ steps.count.stdout_tail }} lines, the linter left {{ steps.lint.findings_count }}. Which way?"
    options: [left, right, stop]
  - id: go
    run: echo {{ steps.choose.answer }} {{ steps.choose.note }} > way.txt
    writes: [way.txt]
    depends_on: [write]
gates: {post: [lint]}
"""
RENDEZVOUS = """\
id: rendezvous
max_parallel: 2
steps:
  - {{id: left, run: "touch {at}/left; for n in $(seq 300); do test -e {at}/right && exit 0; sleep 0.1; done; exit 1"}}
  - {{id: right, run: "touch {at}/right; for n in $(seq 300); do test -e {at}/left && exit 0; sleep 0.1; done; exit 1"}}
gates: {{post: []}}
"""
TOLERANT = """\
id: tolerant
steps:
  - {{id: slow, run: sleep 60, timeout: 1s, critical: false}}
  - {{id: flaky, run: "echo x >> {at}/tries; test $(wc -l < {at}/tries) -ge 2", retry: {{max_attempts: 3}}}}
  - {{id: absent, run: [no-such-program-here], critical: false}}
  - {{id: needs, run: "echo {{{{ steps.absent.stdout_tail }}}}", critical: false}}
  - {{id: last, run: "true", depends_on: [flaky]}}
gates: {{post: []}}
"""
CRITICAL = """\
id: critical
max_parallel: 1
steps:
  - {id: good, run: "echo 1 > good.txt", writes: [good.txt]}
  - {id: bad, run: "echo it is broken >&2; exit 3", depends_on: [good]}
  - {id: never, run: "echo 1 > never.txt", writes: [never.txt], depends_on: [bad]}
  - {id: neither, tool: format, depends_on: [never]}
gates: {post: []}
"""
LISTS = """\
id: lists
values: {seen: {merge: append}}
steps:
  - id: list
    run: echo '{"groups":[{"name":"a b","files":["x","y"]},{"name":"c","files":[]}]}' > "$OSTINATO_OUTPUT"
  - id: outer
    for_each:
      items: steps.list.groups
      as: group
      steps:
        - id: head
          run: echo '{"seen":"head"}' > "$OSTINATO_OUTPUT"
        - id: inner
          for_each: {items: group.files, as: file}
          depends_on: [head]
          run: echo {{ group.name }} {{ file }} {{ index }} {{ steps.head.outcome }} > out-{{ file }}.txt
          writes: ["out-{{ file }}.txt"]
        - id: empty
          run: echo {{ group.name }} >> empty.txt
          when: size(group.files) == 0
          depends_on: [inner]
  - id: last
    run: echo {{ values.seen }} {{ steps.outer.succeeded }} > seen.txt
    depends_on: [outer]
gates: {post: []}
"""
CHOICES = """\
id: choices
max_parallel: 6
steps:
  - id: racing
    for_each: {items: "[30, 0, 30]", merge: first}
    run: sleep {{ item }}
  - id: most
    for_each: {items: "['true', 'false', 'true']", merge: {quorum: 2}}
    run: "{{ item }}"
  - id: planner
    run: echo '{"steps":[{"id":"extra","run":"echo {{ "{{" }} steps.planner.n }} > extra.txt"}],"n":7}' > "$OSTINATO_OUTPUT"
    adds_steps: true
  - id: ways
    if: steps.planner.n > 5
    then: [{id: up, run: "true"}]
    else: [{id: down, run: "true"}]
  - id: wrong
    run: "true"
    when: steps.planner.nothing > 1
    critical: false
  - {id: after, run: "true", depends_on: [ways]}
gates: {post: []}
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "shop", FILES)


def a_file(folder: Path, text: str) -> str:
    (folder / "flow.yaml").write_text(text)
    return str(folder / "flow.yaml")


def run(stack: Stack, repository: Path, file: str, *options: str) -> Ended:
    where = ("--repo", str(repository), "--trust", "--no-input")
    ended = stack.call("run", "--definition", file, *where, *options, "--json")
    assert "Traceback" not in ended.out + ended.err
    return ended


def steps_of(ended: Ended) -> dict[str, dict[str, Any]]:
    return {step["id"]: step for step in ended.data["steps"]}


def test_validate_names_every_mistake_with_line_and_column(tmp_path: Path) -> None:
    ended = Stack(home=tmp_path / "home").call("validate", a_file(tmp_path, MISTAKES), "--json")

    problems = ended.data["error"]["problems"]
    assert ended.code == 2
    assert {(found["code"], found["line"], found["column"]) for found in problems} == PROBLEMS
    assert all(found["cure"] for found in problems)
    assert "flow.yaml:5:5: steps[0].tool: there is no tool 'lint.fxi' [tool_unknown]" in ended.err


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: str(file.stem))
def test_the_examples_are_valid(tmp_path: Path, file: Path) -> None:
    ended = Stack(home=tmp_path / "home").call("validate", str(file), "--json")

    assert ended.code == 0, ended.err
    assert ended.data["id"] == file.stem


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ((), "input_missing"),
        (("--param", "file=a", "--param", "times=often"), "input_type"),
        (("--param", "file=a", "--param", "colour=red"), "input_unknown"),
        (("--param", "file"), "param_invalid"),
    ],
)
def test_inputs_that_do_not_fit_are_refused_at_the_door(
    tmp_path: Path, repository: Path, options: tuple[str, ...], code: str
) -> None:
    ended = run(Stack(home=tmp_path / "home"), repository, a_file(tmp_path, WHOLE), *options)

    assert ended.code == 2
    assert code in {found["code"] for found in ended.data["error"]["problems"]}
    assert not (tmp_path / "home").exists()


def test_inputs_questions_and_results_flow_from_step_to_step(stack: Stack, tmp_path: Path, repository: Path) -> None:
    options = ("--param", "file=notes/read me.txt", "--param", "times=3", "--param", "loud=yes")
    waiting = run(stack, repository, a_file(tmp_path, WHOLE), *options)
    run_id = waiting.data["run_id"]
    [decision] = json.loads(stack.call("decisions", run_id, "--json").out)["data"]
    stack.ok("decide", run_id, decision["id"], "left", "--note", "$(touch pwned); 'tis fine")

    report = stack.finished(run_id)

    branch = f"ostinato/{run_id}"
    assert waiting.code == 4
    assert decision["question"].startswith("The file has 3 notes/read me.txt")
    assert report["outcome"] == "completed"
    assert git(repository, "show", f"{branch}:said.txt").splitlines() == ["notes/read me.txt true"] * 3
    assert git(repository, "show", f"{branch}:way.txt") == "left $(touch pwned); 'tis fine"
    assert git(repository, "diff", "--name-only", "main", branch).split() == ["app.py", "said.txt", "way.txt"]


def test_independent_steps_run_side_by_side(stack: Stack, tmp_path: Path, repository: Path) -> None:
    ended = run(stack, repository, a_file(tmp_path, RENDEZVOUS.format(at=tmp_path)))

    assert (ended.code, ended.data["outcome"]) == (0, "completed")


def test_failures_that_are_not_critical_degrade_and_retries_help(
    stack: Stack, tmp_path: Path, repository: Path
) -> None:
    ended = run(stack, repository, a_file(tmp_path, TOLERANT.format(at=tmp_path)))

    steps = steps_of(ended)
    assert (ended.code, ended.data["outcome"]) == (8, "degraded")
    assert steps["slow"]["error"]["kind"] == "timeout"
    assert steps["absent"]["error"]["kind"] == "missing_command"
    assert steps["needs"]["outcome"] in ("failed", "blocked")
    assert (steps["flaky"]["outcome"], steps["flaky"]["executions"]) == ("succeeded", 2)
    assert steps["last"]["outcome"] == "succeeded"
    assert [(found["step"], found["strategy"]) for found in ended.data["recoveries"]] == [("flaky", "retry")]


def test_a_critical_failure_ends_the_run_and_keeps_what_was_done(
    stack: Stack, tmp_path: Path, repository: Path
) -> None:
    ended = run(stack, repository, a_file(tmp_path, CRITICAL))

    report, steps = ended.data, steps_of(ended)
    why = stack.ok("why", report["run_id"])
    assert (ended.code, report["outcome"], report["stop"]["code"]) == (1, "failed", "step_failed")
    assert {name: steps[name]["outcome"] for name in ("never", "neither")} == {"never": "blocked", "neither": "blocked"}
    assert "it is broken" in str(steps["bad"]["error"])
    assert "exit status 3" in str(why)
    assert git(repository, "diff", "--name-only", "main", f"ostinato/{report['run_id']}") == "good.txt"


def test_commands_of_a_definition_are_not_run_where_the_repository_is_not_trusted(
    stack: Stack, tmp_path: Path, repository: Path
) -> None:
    where = ("--repo", str(repository), "--no-input", "--json")

    ended = stack.call("run", "--definition", a_file(tmp_path, CRITICAL), *where)

    assert ended.code == 1
    assert "--trust" in str(ended.data["stop"]) + str(ended.data["recommendations"]) + str(ended.data["steps"])
    assert git(repository, "rev-parse", "main") == ended.data["head_commit"]


def test_the_example_for_the_night_does_what_it_says(stack: Stack, sample: Path) -> None:
    file = str(ROOT / "examples" / "definitions" / "nightly-hardening.yaml")

    ended = run(stack, sample, file)

    steps = steps_of(ended)
    assert (ended.code, ended.data["outcome"]) == (0, "completed"), ended.err
    assert steps["lint"]["files_changed"] > 0
    assert f"{steps['scan']['findings_count']} insecure places" in steps["summary"]["summary"]


def test_a_list_of_lists_becomes_steps_of_their_own(stack: Stack, tmp_path: Path, repository: Path) -> None:
    ended = run(stack, repository, a_file(tmp_path, LISTS))

    steps, branch = steps_of(ended), f"ostinato/{ended.data['run_id']}"
    assert (ended.code, ended.data["outcome"]) == (0, "completed"), ended.err
    assert git(repository, "show", f"{branch}:out-y.txt") == "a b y 1 succeeded"
    assert git(repository, "show", f"{branch}:empty.txt") == "c"
    assert git(repository, "show", f"{branch}:seen.txt") == '["head", "head"] 2'
    assert (steps["outer-0-empty"]["outcome"], steps["outer-1-inner"]["outcome"]) == ("skipped", "succeeded")


def test_races_quorums_branches_and_added_steps_end_as_they_say(stack: Stack, tmp_path: Path, repository: Path) -> None:
    ended = run(stack, repository, a_file(tmp_path, CHOICES))

    outcomes = {name: step["outcome"] for name, step in steps_of(ended).items()}
    assert (ended.code, ended.data["outcome"]) == (8, "degraded"), ended.err
    assert [outcomes[f"racing-{n}"] for n in range(3)] == ["cancelled", "succeeded", "cancelled"]
    assert (outcomes["most"], outcomes["most-1"], outcomes["extra"]) == ("succeeded", "failed", "succeeded")
    assert (outcomes["up"], outcomes["down"], outcomes["after"]) == ("succeeded", "skipped", "succeeded")
    assert "step 'planner' left no 'nothing'; it left" in str(steps_of(ended)["wrong"]["error"])
    assert git(repository, "show", f"ostinato/{ended.data['run_id']}:extra.txt") == "7"


def test_the_example_with_lists_and_branches_does_what_it_says(stack: Stack, sample: Path) -> None:
    ended = run(stack, sample, str(ROOT / "examples" / "definitions" / "size-report.yaml"), "--param", "limit=10")

    steps, branch = steps_of(ended), f"ostinato/{ended.data['run_id']}"
    assert (ended.code, ended.data["outcome"]) == (0, "completed"), ended.err
    assert {"clean-lint", "clean-format", "count-0", "count-reduce"} <= set(steps)
    assert (steps["unused"]["outcome"], steps["fine"]["outcome"]) == ("succeeded", "skipped")
    assert "src/tally/money.py" in git(sample, "show", f"{branch}:sizes.txt")
    assert "lines," in git(sample, "show", f"{branch}:size-report.txt")
