"""Records the golden plans again: `python -m tests.golden`; facts of a folder: `python -m tests.golden NAME FOLDER`."""

import json
import sys
from pathlib import Path

from ostinato.adapters.projects import inspect_project
from ostinato.domain.classification import TaskType
from tests.golden.cases import FOLDER
from tests.golden.monorepo import make_monorepo
from tests.golden.showing import page_of


def record_plans() -> None:
    for task_type in TaskType:
        (FOLDER / "plans" / f"{task_type}.txt").write_text(page_of(task_type), "utf-8")


def record_facts(name: str, folder: Path) -> None:
    """Of a source package that was unpacked, or of the self-made one."""
    if name == "monorepo":
        make_monorepo(folder)
    tracked = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    facts = inspect_project(folder, name, tracked).model_dump(mode="json", exclude_defaults=True)
    (FOLDER / "facts" / f"{name}.json").write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n", "utf-8")


if __name__ == "__main__":
    if len(sys.argv) == 3:
        record_facts(sys.argv[1], Path(sys.argv[2]))
    record_plans()
