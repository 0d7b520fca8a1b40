"""Every example of the folder does what its first lines say, on a sample repository."""

import json
import re
import shlex
from itertools import pairwise
from pathlib import Path

import pytest

from tests.e2e.conftest import ROOT, Stack
from tests.e2e.selecting import each_of

pytestmark = [pytest.mark.e2e, pytest.mark.server]

FILES = sorted(path for path in (ROOT / "examples").rglob("*.*") if path.suffix in (".yaml", ".yml", ".json"))
EXAMPLES = {path.stem: path for path in FILES if "parts" not in path.parts}
USUAL = ("careful-upgrade", "release-check")
COMMAND = re.compile(r"^#\s+(ostinato run .*)$", re.MULTILINE)


def shown_params(path: Path) -> list[str]:
    """What the last command line of the example gives; none where it shows no command."""
    lines = COMMAND.findall(path.read_text(encoding="utf-8"))
    words = shlex.split(lines[-1]) if lines else []
    return [word for key, value in pairwise(words) if key == "--param" for word in (key, value)]


def answer_all(stack: Stack, run_id: str) -> None:
    """Done where work is handed over, else the first option."""
    for _ in range(20):
        status = stack.until(run_id, lambda seen: bool(seen["pending_decisions"] or seen["outcome"]))
        if status["outcome"]:
            return
        for decision in json.loads(stack.call("decisions", run_id, "--json").out)["data"]:
            names = [option["name"] for option in decision["options"]]
            option = "done" if "done" in names else names[0]
            stack.ok("decide", run_id, decision["id"], option, "--note", "seen")
    raise AssertionError(f"{run_id} asks for ever")


@pytest.mark.parametrize("name", each_of(EXAMPLES, USUAL))
def test_an_example_runs_to_its_end(stack: Stack, sample: Path, name: str) -> None:
    """`folder` is where the sample has its code."""
    path = EXAMPLES[name]
    params = [
        word.replace("folder=lib", "folder=src").replace("package=lib", "package=src") for word in shown_params(path)
    ]
    started = stack.ok("start", "--definition", str(path), "--repo", str(sample), "--trust", "--yes", *params)

    answer_all(stack, str(started["run_id"]))

    report = stack.report(str(started["run_id"]))
    failed = {step["id"]: step["error"] for step in report["steps"] if step["outcome"] in ("failed", "blocked")}
    assert (report["outcome"], failed) == ("completed", {}), report["stop"]
