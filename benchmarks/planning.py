"""How long does planning take on a repository of 10,000 files, and how much of it is evidence?

Method: a Python repository of 10,000 files in 400 packages, a test for every tenth, and 300 commits. `all` is what `plan` does, by the
very functions it calls, in one process: inspecting the repository, foreseeing the run, drawing the answer. The parts are the same work
step by step: reading the project, evidence for the names in the request, classification, the drafted plan, and once more by a real diff.
Requests name a path, a definition, a word and nothing. The first pass of each request warms caches and is told apart; for the very
first it includes loading the classifier and importing. Starting Python is left out.

Command: python -m benchmarks.planning
"""

import asyncio
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks.keeping import keep, spread
from ostinato.adapters.evidence import gather_evidence
from ostinato.adapters.evidence.difference import read_difference
from ostinato.adapters.git.repository import inspect_repository
from ostinato.adapters.home import Home
from ostinato.cli.asking import Asked
from ostinato.cli.detecting import project_of
from ostinato.cli.foreseeing import foresee_run
from ostinato.cli.mermaid import mermaid_text
from ostinato.cli.planview import foresight_lines
from ostinato.domain.claims import with_implied
from ostinato.domain.classification import Basis
from ostinato.domain.drafting import draft
from ostinato.domain.refining import after_diff, after_plan, refine
from ostinato.domain.rules import classify
from tests.builders import a_run
from tests.repositories import git, make_repository

FILES: Final = 10_000
PACKAGES: Final = 400
COMMITS: Final = 300
REPEATS: Final = 7
REQUESTS: Final = {
    "a path": "fix the crash in part003/file00003.py on an empty list",
    "a definition": "make `work1234` faster",
    "a word": "write tests for file00007",
    "a folder": "clean up part011",
    "nothing": "why is start-up slow?",
}


class Laps:
    def __init__(self) -> None:
        self.of: dict[str, list[float]] = {}

    @contextmanager
    def lap(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.of.setdefault(name, []).append(time.perf_counter() - began)

    def figures(self) -> dict[str, Any]:
        return {
            name: {key: value * 1000 if key != "samples" else value for key, value in spread(values).items()}
            for name, values in self.of.items()
        }


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="ostinato-bench-") as folder:
        repository = _repository(Path(folder) / "project")
        figures = asyncio.run(_measure(repository))
    keep("planning", {"files": FILES, "commits": COMMITS, "goal_ms": 300, "milliseconds": figures})


async def _measure(repository: Path) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for name, text in REQUESTS.items():
        first, laps = Laps(), Laps()
        with first.lap("first pass, caches cold"):
            await _command(repository, text, Laps())
        for _ in range(REPEATS):
            with laps.lap("all"):
                await _command(repository, text, laps)
            await _parts(repository, text, laps)
        figures[name] = {**laps.figures(), "first_pass": first.figures()}
    return figures


async def _command(repository: Path, text: str, laps: Laps) -> None:
    """Without a home: nothing is learned, as on the first day."""
    with laps.lap("repository"):
        state = await inspect_repository(repository)
    asked = Asked(request=a_run(text), repository=state)
    with laps.lap("foresight"):
        seen = await foresee_run(asked, Home(repository.parent / "home"), trusted=True)
    with laps.lap("drawing"):
        drawn = [*foresight_lines(seen, 100).renderables, mermaid_text(seen.plan)]
    if not seen.plan.steps or not drawn:
        raise AssertionError(f"nothing was planned: {seen}")


async def _parts(repository: Path, text: str, laps: Laps) -> None:
    state = await inspect_repository(repository)
    with laps.lap("project"):
        project = await project_of(state)
    with laps.lap("evidence"):
        evidence = await gather_evidence(state.git(), state.base_commit, text)
    with laps.lap("classification"):
        found = refine(classify(text, project=project), evidence)
    with laps.lap("plan"):
        found, plan = draft(a_run(text), project, classification=found)
        found = after_plan(found, with_implied(plan))
    with laps.lap("diff of the last commit"):
        difference = await read_difference(state.git(), f"{state.base_commit}~1", state.base_commit)
        done = after_diff(found, difference)
    if found.complexity_basis is not Basis.PLAN or done.complexity_basis is not Basis.DIFF or not plan.steps:
        raise AssertionError(f"nothing was planned: {found}")


def _repository(place: Path) -> Path:
    """Every file imports another one; every tenth has a test."""
    content = {f"part{n % PACKAGES:03}/file{n:05}.py": _module(n) for n in range(FILES * 9 // 10)}
    content |= {f"tests/part{n % PACKAGES:03}/test_file{n:05}.py": _test(n) for n in range(0, FILES, 10)}
    repository = make_repository(place, content)
    for number in range(COMMITS):
        path = repository / f"part{number % 40:03}" / f"file{number % 40:05}.py"
        path.write_text(f"{path.read_text()}# {number}\n")
        git(repository, "commit", "-q", "-am", f"Change {number}")
    while (repository / ".git" / "gc.pid").exists():  # git's own, in the background, after so large a commit
        time.sleep(0.1)
    git(repository, "gc", "-q")
    return repository


def _module(number: int) -> str:
    other = number * 7 % (FILES * 9 // 10)
    head = f"from part{other % PACKAGES:03} import file{other:05}\n\n\ndef work{number}(value: int) -> int:\n"
    return head + f"    return value + {number}\n\n\n" + "# what stands here is of no matter\n" * 40


def _test(number: int) -> str:
    return f"from part{number % PACKAGES:03}.file{number:05} import work{number}\n\n\ndef test_it():\n    work{number}(1)\n"


if __name__ == "__main__":
    main()
