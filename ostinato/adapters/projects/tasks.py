"""Targets of task runners that serve any language: make, just, Task."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from ostinato.adapters.projects.grounds import Grounds, join
from ostinato.adapters.projects.lines import NAMES
from ostinato.adapters.projects.reading import table
from ostinato.domain.project import Basis, Command

MAKEFILES = ("GNUmakefile", "makefile", "Makefile")
JUSTFILES = ("justfile", "Justfile", ".justfile")
TASKFILES = ("Taskfile.yml", "Taskfile.yaml", "taskfile.yml", "taskfile.yaml")
MARKS: Final = (*MAKEFILES, *JUSTFILES, *TASKFILES)
_RECIPE = re.compile(r"^@?([A-Za-z_][\w-]*)(?:[ \t][^:\n=]*)?:(?!=)", re.MULTILINE)
_MOST_FOLDERS = 20


def survey_tasks(grounds: Grounds) -> list[Command]:
    return [command for folder in grounds.folders(*MARKS)[:_MOST_FOLDERS] for command in _of_folder(grounds, folder)]


def _of_folder(grounds: Grounds, folder: str) -> Iterator[Command]:
    if file := grounds.named(folder, *MAKEFILES):
        targets = grounds.reader.below(folder).make_targets()
        yield from _named(folder, "make", file, targets)
    if file := grounds.named(folder, *JUSTFILES):
        yield from _named(folder, "just", file, _RECIPE.findall(grounds.reader.text(file)))
    if file := grounds.named(folder, *TASKFILES):
        yield from _named(folder, "task", file, map(str, table(grounds.reader.yaml(file), "tasks")))


def _named(folder: str, runner: str, file: str, targets: Iterable[str]) -> Iterator[Command]:
    present = set(targets)
    for purpose, names in NAMES.items():
        if name := next((name for name in names if name in present), None):
            yield Command(
                purpose=purpose,
                tool=runner,
                argv=(runner, name),
                source=f"{file} ({name})",
                basis=Basis.TARGET,
                member=folder,
                folder=join(folder, ""),
            )
