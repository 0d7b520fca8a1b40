"""What must hold when a run has ended, whatever happened to it. Each check returns what is wrong, in words."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from tests.chaos import subject
from tests.chaos.plan import SHARED_FILE, Role, expected_files
from tests.chaos.scene import Line, Scene, until
from tests.repositories import git

DECLARED_STATES: Final = ("succeeded", "failed", "skipped", "blocked", "cancelled")
GONE_WITHIN_S: Final = 3.0
SHOWN: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What there is to judge."""

    scene: Scene
    report: dict[str, Any]
    fingerprint: dict[str, str]
    """Of the user's repository, before the run."""
    refs: str

    @property
    def branch(self) -> str:
        return f"refs/heads/ostinato/{self.scene.run_id}"

    @property
    def steps(self) -> dict[str, dict[str, Any]]:
        return {step["id"]: step for step in self.report["steps"]}


def outcome_is_the_declared_one(found: Found) -> list[str]:
    expected, outcome = found.scene.trial.expected_outcome, found.report["outcome"]
    if outcome == expected:
        return []
    return [f"the run ended {outcome}, not {expected}: {json.dumps(found.report.get('stop'))[:1500]}"]


def every_step_is_in_its_state(found: Found) -> list[str]:
    wrong = []
    for step in found.scene.trial.steps:
        state = found.steps.get(step.id, {}).get("state", "missing")
        if state not in DECLARED_STATES:
            wrong.append(f"{step.id} is {state}, which is no end")
        elif state != step.expected_state:
            wrong.append(f"{step.id} is {state}, not {step.expected_state}: {found.steps[step.id].get('error')}")
    return wrong


def one_commit_a_step(found: Found) -> list[str]:
    committed = [name for _, name in _step_commits(found) if name != "seal"]
    expected = sorted(step.id for step in found.scene.trial.steps if step.commits)
    wrong = [
        f"{name} has {committed.count(name)} commits" for name in sorted(set(committed)) if committed.count(name) > 1
    ]
    wrong += [f"{name} has no commit" for name in expected if name not in committed]
    return wrong + [f"{name} has a commit, but should have none" for name in set(committed) - set(expected)]


def the_report_names_the_commits(found: Found) -> list[str]:
    there = {name: commit for commit, name in _step_commits(found)}
    wrong = [
        f"the report says that {name} made {step['commit']}, the branch says {there.get(name)}"
        for name, step in found.steps.items()
        if step.get("commit") and there.get(name) != step["commit"]
    ]
    head = _rev(found, found.branch)
    if head != found.report["head_commit"]:
        wrong.append(f"the branch is at {head}, the report says {found.report['head_commit']}")
    return wrong


def nothing_ran_again_after_it_was_recorded(found: Found) -> list[str]:
    """An execution starts before its record is written, and another only where a failure or a conflict asks for it."""
    wrong = []
    lines = found.scene.lines()
    for step in found.scene.trial.steps:
        records = _records(found, step.id)
        starts = [line for line in lines if line.step == step.id]
        is_final = bool(records) and records[-1]["execution"] == found.steps.get(step.id, {}).get("executions")
        wrong += _again(step.id, starts, records, is_final=is_final)
        for record in records[:-1]:
            if record["outcome"] == "succeeded" and step.role is not Role.SHARES:
                wrong.append(f"{step.id} succeeded as execution {record['execution']} and was redone")
        if step.expected_state == "succeeded" and not records:
            wrong.append(f"{step.id} has no recorded result")
    return wrong


def _again(name: str, starts: list[Line], records: list[dict[str, Any]], *, is_final: bool) -> list[str]:
    """What ran after the last record is wrong where that record is the step's result."""
    wrong = []
    for number, record in enumerate(records):
        ended = _time(record["ended_at"])
        end = _time(records[number + 1]["ended_at"]) if number + 1 < len(records) else float("inf")
        later = [line for line in starts if ended < line.at <= end]
        if number + 1 == len(records) and later and is_final:
            seconds = ", ".join(f"{line.at - ended:.2f} s" for line in later)
            wrong.append(f"{name} ran again after it was recorded ({seconds} later): {later}")
        if number + 1 < len(records) and not later:
            wrong.append(f"{name} has a record of execution {number + 2}, which never ran")
    return wrong


def the_branch_has_all_work(found: Found) -> list[str]:
    wrong = []
    listed = git(found.scene.repository, "ls-tree", "-r", "--name-only", found.branch).splitlines()
    expected = expected_files(found.scene.trial)
    for path, lines in expected.items():
        text = (
            git(found.scene.repository, "show", f"{found.branch}:{path}").splitlines()
            if path in listed
            else ["(missing)"]
        )
        same = sorted(text) == sorted(lines) if path == SHARED_FILE else text == lines
        if not same:
            wrong.append(f"{path} has {text}, not {lines}")
    return wrong + [
        f"{path} should not be there"
        for path in listed
        if path == "half.txt" or (path.startswith("out/") and path not in expected)
    ]


def no_process_is_left(found: Found) -> list[str]:
    """While the worker still runs."""
    scene = found.scene
    until(lambda: not scene.step_processes(), GONE_WITHIN_S, 0.1)
    return [f"process {process.pid} is left: {process.cmdline()}" for process in scene.step_processes()]


def no_worktree_is_left(found: Found) -> list[str]:
    scene = found.scene
    until(lambda: not _leftovers(scene), GONE_WITHIN_S, 0.1)
    return [f"left behind: {path.relative_to(scene.home)}" for path in _leftovers(scene)]


def _leftovers(scene: Scene) -> list[Path]:
    found = [*(scene.mirror / "worktrees").glob("*"), *(scene.home / "runs").glob(f"*{scene.run_id}*")]
    return [*found, *(scene.home / "in-flight").glob("*.json")]


def the_user_s_repository_is_as_before(found: Found) -> list[str]:
    repository = found.scene.repository
    wrong = subject.differences(found.fingerprint, subject.fingerprint(repository))
    if subject.refs(repository) != found.refs:
        wrong.append(f"refs were\n{found.refs}\nand are\n{subject.refs(repository)}")
    if found.scene.hook_marker.exists():
        wrong.append(f"hooks of the user ran: {set(found.scene.hook_marker.read_text().split())}")
    return wrong


def the_repository_is_whole(found: Found) -> list[str]:
    try:
        git(found.scene.repository, "fsck", "--connectivity-only", "--no-dangling")
    except AssertionError as error:
        return [str(error)]
    return []


CHECKS: Final[tuple[Callable[[Found], list[str]], ...]] = (
    no_process_is_left,
    no_worktree_is_left,
    the_user_s_repository_is_as_before,
    the_repository_is_whole,
    outcome_is_the_declared_one,
    every_step_is_in_its_state,
    one_commit_a_step,
    the_report_names_the_commits,
    the_branch_has_all_work,
    nothing_ran_again_after_it_was_recorded,
)


def judge(found: Found) -> list[str]:
    """What is wrong, the first few of each check under its name."""
    problems = {check.__name__: _tried(check, found) for check in CHECKS}
    return [f"{name}: {text}" for name, texts in problems.items() for text in _shortened(texts)]


def _shortened(texts: list[str]) -> list[str]:
    return [*texts[:SHOWN], f"and {len(texts) - SHOWN} more"] if len(texts) > SHOWN else texts


def _tried(check: Callable[[Found], list[str]], found: Found) -> list[str]:
    try:
        return check(found)
    except (AssertionError, KeyError, ValueError, OSError) as error:
        return [f"could not be judged: {type(error).__name__}: {error}"]


def _step_commits(found: Found) -> list[tuple[str, str]]:
    """Commit and step of each commit of the run, oldest first."""
    shown = "--format=%H %(trailers:key=Ostinato-Step,valueonly,separator=%x2C)"
    listed = git(found.scene.repository, "log", "--reverse", shown, f"{found.report['base_commit']}..{found.branch}")
    return [(commit, name) for commit, _, name in (line.partition(" ") for line in listed.splitlines())]


def _records(found: Found, step: str) -> list[dict[str, Any]]:
    """The step's recorded results in the private clone, in the order of executions."""
    folder = f"refs/ostinato/{found.scene.run_id}/results/{step}"
    mirror = found.scene.mirror
    listed = git(mirror, "for-each-ref", "--format=%(refname)", folder).split()
    records = [json.loads(git(mirror, "cat-file", "blob", ref)) for ref in listed]
    return sorted(records, key=lambda record: int(record["execution"]))


def _rev(found: Found, ref: str) -> str:
    return git(found.scene.repository, "rev-parse", ref)


def _time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
