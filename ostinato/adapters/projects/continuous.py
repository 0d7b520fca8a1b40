"""What CI runs: lines of workflow files, each with its folder. Hints, never taken for more."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ostinato.adapters.projects.grounds import Grounds, join
from ostinato.adapters.projects.lines import Job, argv_of, recognise, split
from ostinato.adapters.projects.reading import table, words
from ostinato.domain.project import ROOT

WORKFLOWS: Final = ".github/workflows/"
FILES: Final = (".gitlab-ci.yml", ".circleci/config.yml", ".travis.yml")
MOST_FILES: Final = 12
_MOST_LINES = 400
_LIKELY = re.compile(r"\b(ci|test|tests|check|checks|main|build|lint|qa)\b")
_NO_JOBS = frozenset(["default", "include", "stages", "variables", "workflow", "image", "services", "cache"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """One line of CI that was recognised."""

    file: str
    place: str
    """Where in the file ("job test")."""
    folder: str
    job: Job
    argv: tuple[str, ...] | None
    """How to run it here; None when it cannot stand alone."""


def ci_files(grounds: Grounds) -> list[str]:
    """The likeliest first."""
    inside = [f"{WORKFLOWS}{name}" for name in grounds.below(WORKFLOWS.rstrip("/")) if name.endswith((".yml", ".yaml"))]
    inside.sort(key=lambda name: (not _LIKELY.search(name.rpartition("/")[2].lower()), name))
    found = [*inside, *(name for name in FILES if name in grounds.names)]
    if len(found) > MOST_FILES:
        grounds.reader.note(WORKFLOWS, f"holds {len(inside)} files; {MOST_FILES} were read")
    return found[:MOST_FILES]


def read_hints(grounds: Grounds, files: Sequence[str]) -> list[Hint]:
    hints: list[Hint] = []
    for file in files:
        runs = _github if file.startswith(WORKFLOWS) else _circle if file.startswith(".circleci") else _scripts
        for place, folder, text in runs(grounds.reader.yaml(file)):
            hints += _hints(file, place, folder, text)
            if len(hints) > _MOST_LINES:
                return hints
    return hints


def _github(source: dict[Any, Any]) -> Iterator[tuple[str, str, str]]:
    """(place, folder, text) of each `run:`."""
    overall = table(source, "defaults", "run").get("working-directory")
    for name, job in table(source, "jobs").items():
        usual = table(job, "defaults", "run").get("working-directory") or overall
        steps = job.get("steps") if isinstance(job, dict) else None
        for step in steps if isinstance(steps, list) else ():
            if isinstance(step, dict) and isinstance(run := step.get("run"), str):
                yield f"job {name}", _folder(step.get("working-directory") or usual), run


def _circle(source: dict[Any, Any]) -> Iterator[tuple[str, str, str]]:
    for name, job in table(source, "jobs").items():
        steps = job.get("steps") if isinstance(job, dict) else None
        for step in steps if isinstance(steps, list) else ():
            run = step.get("run") if isinstance(step, dict) else None
            text = run if isinstance(run, str) else table(run).get("command")
            if isinstance(text, str):
                yield f"job {name}", _folder(table(run).get("working_directory")), text


def _scripts(source: dict[Any, Any]) -> Iterator[tuple[str, str, str]]:
    """GitLab's jobs, and Travis' one."""
    jobs = {"script": source} if "script" in source else source
    for name, job in jobs.items():
        if isinstance(job, dict) and name not in _NO_JOBS:
            yield f"job {name}", ROOT, "\n".join(words(job.get("script")))


def _folder(stated: object) -> str:
    is_plain = isinstance(stated, str) and "$" not in stated and not stated.startswith(("/", "~"))
    return join(ROOT, str(stated).strip("/")) if is_plain else ROOT


def _hints(file: str, place: str, folder: str, text: str) -> Iterator[Hint]:
    for line in text.replace("\\\n", " ").splitlines():
        for part in re.split(r"&&|;", line):
            found = split(part) or []
            if len(found) == 2 and found[0] == "cd":
                folder = _folder(join(folder, found[1]) if "$" not in found[1] else "$")
            elif job := recognise(found):
                yield Hint(file=file, place=place, folder=folder, job=job, argv=argv_of(part))
