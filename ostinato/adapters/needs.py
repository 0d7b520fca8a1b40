"""Which of the things that a plan needs are here: a look at PATH and at the files of a commit. Nothing is started."""

import asyncio
import platform
import re
import shutil
from collections.abc import Iterable

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from ostinato.adapters.resources import CommitTree
from ostinato.domain.locks import LOCK_FILES
from ostinato.domain.needs import Surroundings, programs_of
from ostinato.domain.plan import Plan
from ostinato.domain.resources import Activation, Found, Kind, Resource

MAX_LOCK_BYTES = 4 * 1024 * 1024
_REQUIREMENTS = re.compile(r"requirements[\w.-]*\.(?:txt|in)")
_NEWEST_MINOR = 30
_SETUP = re.compile(r"^\s*python_requires\s*=\s*[\"']?([^\"'\n,][^\"'\n]*)", re.MULTILINE)
_PROJECT = re.compile(r"^\s*requires-python\s*=\s*[\"']([^\"'\n]+)[\"']", re.MULTILINE)


async def look_around(plan: Plan, tree: CommitTree, found: Found, activation: Activation) -> Surroundings:
    """What the plan needs, against this machine and the commit's files."""
    paths: set[str] = set((await tree.find(lambda path: True)).paths)
    names = [path for path in paths if path in LOCK_FILES or path == "setup.cfg" or _REQUIREMENTS.fullmatch(path)]
    texts = await tree.read(sorted(names), MAX_LOCK_BYTES)
    files = {name: text for name, text in texts.items() if isinstance(text, str)}
    return await asyncio.to_thread(_surroundings, plan, frozenset(paths), files, found, activation)


def _surroundings(
    plan: Plan, paths: frozenset[str], files: dict[str, str], found: Found, activation: Activation
) -> Surroundings:
    wanted = _requires_python(files)
    return Surroundings(
        absent=frozenset(program for program in programs_of(plan) if not _is_here(program, paths)),
        requires_python=wanted,
        pythons=_unfit_pythons(wanted),
        files=files,
        agents=frozenset(each.name for each in found.of(Kind.AGENT)),
        servers=tuple(_absent_servers(found, activation)),
    )


def _is_here(program: str, paths: frozenset[str]) -> bool:
    if program.startswith("/") or "/" not in program:
        return shutil.which(program) is not None
    return program.removeprefix("./") in paths


def _requires_python(files: dict[str, str]) -> str:
    said = _PROJECT.search(files.get("pyproject.toml", "")) or _SETUP.search(files.get("setup.cfg", ""))
    return said[1].strip() if said else ""


def _unfit_pythons(wanted: str) -> tuple[str, ...]:
    """Those that are here, where none fits; nothing where one does, or nothing is asked for."""
    try:
        fitting = SpecifierSet(wanted)
    except InvalidSpecifier:
        return ()
    ours = platform.python_version()
    others = [f"3.{minor}" for minor in range(7, _NEWEST_MINOR) if shutil.which(f"python3.{minor}")]
    candidates = (ours, *(version for other in others for version in (f"{other}.0", f"{other}.99")))
    if any(fitting.contains(version, prereleases=True) for version in candidates):
        return ()
    return tuple(dict.fromkeys((ours, *(other for other in others if not ours.startswith(f"{other}.")))))


def _absent_servers(found: Found, activation: Activation) -> Iterable[tuple[str, str]]:
    known: dict[tuple[str, str], Resource] = {(each.name, each.path): each for each in found.of(Kind.SERVER)}
    for server in activation.servers:
        resource = known.get((server.name, server.path))
        if resource is None or resource.fields.get("transport") != "stdio":
            continue
        program = resource.description.partition(" ")[0]
        if program and "$" not in program and shutil.which(program) is None:
            yield server.name, program
