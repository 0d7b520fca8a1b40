"""Triggers: applied as often as you like, and each start is a run of its own."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Stack, git

pytestmark = [pytest.mark.e2e, pytest.mark.server]

NIGHTLY = """\
id: nightly
inputs: {who: {default: world}, times: {type: integer, default: 1}}
steps:
  - {id: greet, run: "for n in $(seq {{ inputs.times }}); do echo {{ inputs.who }} >> greet.txt; done", writes: [greet.txt]}
gates: {post: []}
triggers:
  - {schedule: "0 3 1 1 *", timezone: Europe/Berlin, jitter: 5m, inputs: {who: "it's $(id)", times: 2}}
  - {schedule: "@yearly", overlap: allow_all, paused: true}
"""


def fired(stack: Stack, trigger: str) -> str:
    return str(stack.ok("trigger", "fire", trigger)["runs"][0])


def applied(stack: Stack, file: Path, sample: Path, *more: str) -> dict[str, Any]:
    found = stack.call("trigger", "apply", str(file), "--repo", str(sample), "--trust", *more, "--json")
    assert found.code == 0, found.err
    return {one["id"]: one for one in json.loads(found.out)["data"]}


def test_a_trigger_is_applied_changed_fired_and_removed(stack: Stack, sample: Path, tmp_path: Path) -> None:
    file = tmp_path / "nightly.yaml"
    file.write_text(NIGHTLY)
    first = applied(stack, file, sample, "--id", "night")
    again = applied(stack, file, sample, "--id", "night")
    one = fired(stack, "night-1")
    report = stack.finished(one)
    file.write_text(
        NIGHTLY.rpartition("  - {schedule")[0].replace("greet.txt; done", "greet.txt; done; echo new >> greet.txt")
    )
    changed = applied(stack, file, sample, "--id", "night")
    two = fired(stack, "night-1")
    ended = stack.finished(two)
    stack.ok("trigger", "remove", "night-1")

    assert {name: found["applied"] for name, found in first.items()} == {"night-1": "created", "night-2": "created"}
    assert (first["night-2"]["paused"], len(first["night-1"]["next"])) == (True, 3)
    assert {found["applied"] for found in again.values()} == {"unchanged"}
    assert {name: found["applied"] for name, found in changed.items()} == {"night-1": "updated", "night-2": "removed"}
    assert one != two
    assert (report["run_id"], report["outcome"], ended["outcome"]) == (one, "completed", "completed")
    assert git(sample, "show", f"ostinato/{one}:greet.txt").splitlines() == ["it's $(id)"] * 2
    assert git(sample, "show", f"ostinato/{two}:greet.txt").splitlines() == ["it's $(id)", "it's $(id)", "new"]
    assert report["plan"]["definition_sha256"] != ended["plan"]["definition_sha256"]
    assert not [
        found for found in json.loads(stack.call("trigger", "list", "--json").out)["data"] if "night" in found["id"]
    ]


def test_a_parameter_of_the_command_line_goes_over_that_of_the_trigger(
    stack: Stack, sample: Path, tmp_path: Path
) -> None:
    (tmp_path / "nightly.yaml").write_text(NIGHTLY)

    applied(stack, tmp_path / "nightly.yaml", sample, "--id", "given", "--param", "who=Ann")
    report = stack.finished(fired(stack, "given-1"))

    assert report["plan"]["inputs"] == {"who": "Ann", "times": 2}


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("apply", "{file}", "--id", "Not Good"), "trigger_id"),
        (("apply", "{file}", "--param", "times=often"), "input_type"),
        (("apply",), "usage"),
        (("apply", "--template", "code_review"), "trigger_missing"),
        (("remove", "nobody-1"), "trigger_unknown"),
        (("fire", "nobody-1"), "trigger_unknown"),
        (("remove",), "usage"),
    ],
)
def test_what_cannot_be_done_is_told(
    stack: Stack, sample: Path, tmp_path: Path, words: tuple[str, ...], code: str
) -> None:
    (tmp_path / "nightly.yaml").write_text(NIGHTLY)
    given = [word.format(file=tmp_path / "nightly.yaml") for word in words]
    stack.ok("up")

    ended = stack.call("trigger", *given, "--repo", str(sample), "--json")

    assert ended.code == 2
    assert ended.data["error"]["code"] == code
