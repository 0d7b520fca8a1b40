"""The packages that a JavaScript project's commands need, installed from its lock file into a checkout of its own."""

import asyncio
import fcntl
import hashlib
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Final

from ostinato.adapters.processes import ProcessEnd
from ostinato.adapters.projects.reading import Reader, table
from ostinato.adapters.tools.context import (
    ToolContext,
    ToolError,
    last_line,
    require_trust,
    run_project,
    scratch_folder,
)
from ostinato.domain.execution import FailureKind

_INSTALL: Final[Mapping[str, tuple[str, ...]]] = {
    "package-lock.json": ("npm", "ci", "--no-audit", "--no-fund"),
    "npm-shrinkwrap.json": ("npm", "ci", "--no-audit", "--no-fund"),
    "pnpm-lock.yaml": ("pnpm", "install", "--frozen-lockfile"),
    "yarn.lock": ("yarn", "install", "--frozen-lockfile"),
    "bun.lock": ("bun", "install", "--frozen-lockfile"),
    "bun.lockb": ("bun", "install", "--frozen-lockfile"),
}
_CURE = "Commit a lock file, or state a command that installs first: [commands] test, lint and types in .ostinato/config.toml"


async def require_modules(tools: ToolContext, folder: Path) -> None:
    """Of the package in `folder` of the tree. Installs once, also when several gates ask at the same time; needs trust."""
    root = tools.tree.resolve()
    above = [place for place in (folder.resolve(), *folder.resolve().parents) if place.is_relative_to(root)]
    locks = [(place, name) for place in above for name in _INSTALL if (place / name).is_file()]
    if not locks:
        if any((place / "node_modules").is_dir() for place in above) or not _needs_any(folder):
            return
        raise _missing("there is no node_modules and no lock file to install from")
    place, lock = locks[0]
    async with _alone(place) as state:
        if (place / "node_modules").is_dir() and state.read() != "begun":
            return
        require_trust(tools, "installing packages")
        _note(state, "begun")
        end = await _install(replace(tools, tree=place), _INSTALL[lock])
        if not end.ok:
            raise _missing(f"`{' '.join(_INSTALL[lock])}` failed: {last_line(end.tail)}", end.tail)
        (place / "node_modules").mkdir(exist_ok=True)
        _note(state, "done")


def _needs_any(folder: Path) -> bool:
    manifest = Reader(tree=folder).json("package.json")
    return any(table(manifest, group) for group in ("dependencies", "devDependencies", "optionalDependencies"))


async def _install(tools: ToolContext, argv: tuple[str, ...]) -> ProcessEnd:
    tools.progress(" ".join(argv))
    with scratch_folder() as scratch:
        return await run_project(tools, argv, scratch=scratch)


@asynccontextmanager
async def _alone(place: Path) -> AsyncIterator[IO[str]]:
    """A file that says how far an installation here has come; nobody else has it meanwhile."""
    digest = hashlib.sha256(str(place).encode()).hexdigest()[:16]
    with (Path(tempfile.gettempdir()) / f"ostinato-install-{digest}").open("a+", encoding="utf-8") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await asyncio.sleep(0.2)
        file.seek(0)
        yield file


def _note(file: IO[str], state: str) -> None:
    file.seek(0)
    file.truncate()
    file.write(state)
    file.flush()


def _missing(message: str, details: str = "") -> ToolError:
    return ToolError(FailureKind.ENVIRONMENT_MISSING, message, details=details, recommendation=_CURE)
