"""Puts an agent's command into bubblewrap, where that works: tried, not assumed."""

import asyncio
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from ostinato.adapters.processes import ProcessSpec, clean_environment, run_quiet
from ostinato.domain.agents.sandboxing import (
    ENTRANCE,
    ISOLATION,
    SOCKET,
    SYSTEM,
    WRAPPERS,
    Enclosure,
    OwnRepository,
    SystemPlace,
    bwrap_argv,
    inside_environment,
    kernel_files,
    loopback_port,
    unfit,
    visible_root,
)
from ostinato.domain.agents.standing import SandboxFacts, sandbox_standing
from ostinato.domain.errors import ExternalError

FORWARDER = Path(__file__).with_name("forwarder.py")
_PYTHON = str(Path(sys.executable).resolve())
"""Ours, without what a virtual environment adds."""
_MOST_LINKS = 40
_MOST_SHEBANG = 200
_TRIED: list[SandboxFacts] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """That a step's agent is to run in one."""

    folder: Path
    """Of this step alone, kept between attempts; neither in its worktree nor in its private folder: it is out of reach."""
    gateway: Path | None = None
    """The Unix socket that the gateway listens on."""
    needs_model: bool = True
    """False: a command that asks none."""
    repository: Path | None = None
    """The agent's own, as `seclude` returned it; None: there is no git inside."""
    objects: Path | None = None
    """Of the mirror that it borrows from."""
    readable: tuple[Path, ...] = ()
    """Besides the agent's own program: the step's environment (with its interpreter), programs of its MCP servers."""
    hidden: tuple[Path, ...] = ()
    """Besides the user's home: ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Occupant:
    tree: Path
    private: Path
    base_url: str = ""
    """Where it expects its model: the gateway, on this machine's loopback."""
    resumes: bool = False
    """What /tmp held inside is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Enclosed:
    argv: tuple[str, ...]
    env: Mapping[str, str]
    wrappers: int = WRAPPERS
    """For the supervisor: whom to tell signals."""


async def examine() -> SandboxFacts:
    """What `doctor` says of it. Tried once in a process's life."""
    if not _TRIED:
        _TRIED.append(await _examine())
    return _TRIED[0]


def enclose(argv: tuple[str, ...], env: Mapping[str, str], plan: Enclosure, *, port: int, cwd: Path) -> Enclosed:
    """`port`: where the agent expects the gateway on its loopback; 0: nowhere."""
    gateway = (str(port), str(SOCKET)) if port and plan.gateway else ("0", "-")
    command = (_PYTHON, "-I", "-S", "-B", str(ENTRANCE), *gateway, *argv)
    bwrap = shutil.which("bwrap") or "bwrap"
    return Enclosed(
        argv=bwrap_argv(plan, command, bwrap=bwrap, cwd=PurePosixPath(cwd)), env=inside_environment(env, plan)
    )


async def in_sandbox(spec: ProcessSpec, sandbox: Sandbox, occupant: Occupant) -> ProcessSpec:
    """The same process enclosed; ExternalError where this machine, or the way to its model, does not allow it."""
    standing = sandbox_standing(await examine())
    if not standing.works:
        raise ExternalError(
            f"An agent cannot be enclosed: {standing.message}. {standing.cure}.", code="sandbox_missing"
        )
    problem = unfit(occupant.base_url, has_gateway=sandbox.gateway is not None)
    if problem and sandbox.needs_model:
        raise ExternalError(f"An agent cannot be enclosed: {problem}.", code="sandbox_unfit")
    plan = await asyncio.to_thread(lay_out, sandbox, occupant, (_PYTHON, spec.argv[0]), spec.env)
    port = loopback_port(occupant.base_url) or 0
    enclosed = enclose(spec.argv, spec.env, plan, port=port, cwd=spec.cwd)
    return replace(spec, argv=enclosed.argv, env=enclosed.env, wrappers=enclosed.wrappers)


def lay_out(sandbox: Sandbox, occupant: Occupant, programs: tuple[str, ...], env: Mapping[str, str]) -> Enclosure:
    """Makes what is bound, and says what that is."""
    tree, private = occupant.tree, occupant.private
    temporary = sandbox.folder / "tmp"
    if not occupant.resumes:
        shutil.rmtree(temporary, ignore_errors=True)
    for folder in (sandbox.folder, temporary, private):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    cut_outward_links(private, tree)
    interpreters = tuple(str(place / "bin" / "python") for place in sandbox.readable)
    readable = dict.fromkeys((*_roots((*programs, *interpreters), env), *map(_posix, sandbox.readable)))
    return Enclosure(
        tree=_posix(tree),
        private=_posix(private),
        temporary=_posix(temporary),
        system=tuple(_system()),
        hidden=(_posix(Path.home()), *map(_posix, sandbox.hidden)),
        readable=tuple(place for place in readable if Path(place).exists()),
        repository=_repository(sandbox),
        gateway=_posix(sandbox.gateway) if sandbox.gateway else None,
        entrance=_posix(FORWARDER),
        is_root=os.geteuid() == 0,
    )


def cut_outward_links(private: Path, tree: Path) -> None:
    """Before anything of ours is written there for another attempt: an agent's link must not lead us elsewhere."""
    inside = (private.resolve(), tree.resolve())
    for folder, folders, files in os.walk(private):
        for name in (*folders, *files):
            place = Path(folder, name)
            if place.is_symlink() and not _is_harmless(place, inside):
                place.unlink()


def _repository(sandbox: Sandbox) -> OwnRepository | None:
    if sandbox.repository is None or sandbox.objects is None:
        return None
    return OwnRepository(place=_posix(sandbox.repository.resolve()), objects=_posix(sandbox.objects.resolve()))


def _system() -> Iterator[SystemPlace]:
    for name in SYSTEM:
        place = Path(name)
        if place.is_symlink():
            yield SystemPlace(path=PurePosixPath(name), link_to=PurePosixPath(place.readlink()))
        elif place.is_dir():
            yield SystemPlace(path=PurePosixPath(name))


def _roots(programs: tuple[str, ...], env: Mapping[str, str]) -> Iterator[PurePosixPath]:
    """What has to be seen for the programs to start, where the system's folders do not have it."""
    home = PurePosixPath(Path.home())
    waiting = list(programs)
    while waiting:
        found = shutil.which(waiting.pop(), path=env.get("PATH", os.defpath))
        for file in _chain(Path(found).absolute()) if found else ():
            root = visible_root(PurePosixPath(file), home)
            if not any(root.is_relative_to(place) for place in SYSTEM):
                yield root
            waiting += _interpreter(file)


def _chain(file: Path) -> Iterator[Path]:
    """The file, and what it links to, step by step."""
    for _ in range(_MOST_LINKS):
        yield file
        if not file.is_symlink():
            return
        file = Path(os.path.normpath(file.parent / file.readlink()))


def _interpreter(file: Path) -> list[str]:
    """Of a script: the program that its first line names."""
    try:
        with file.open("rb") as opened:
            line = opened.read(_MOST_SHEBANG).partition(b"\n")[0]
    except OSError:
        return []
    words = os.fsdecode(line[2:]).split() if line.startswith(b"#!") and not file.is_symlink() else []
    is_env = words[:1] and PurePosixPath(words[0]).name == "env"
    return [word for word in words[1:] if not word.startswith("-")][:1] if is_env else words[:1]


def _is_harmless(link: Path, inside: tuple[Path, ...]) -> bool:
    """It stays inside, or leads to what is there and cannot be written: a system's program."""
    try:
        target = link.resolve()
    except (OSError, RuntimeError):
        return False
    return any(target.is_relative_to(each) for each in inside) or (target.exists() and not os.access(target, os.W_OK))


def _posix(path: Path) -> PurePosixPath:
    return PurePosixPath(path.absolute())


async def _examine() -> SandboxFacts:
    bwrap = shutil.which("bwrap")
    known = SandboxFacts(platform=sys.platform, bwrap=bwrap or "", is_root=os.geteuid() == 0)
    if bwrap is None or not sys.platform.startswith("linux"):
        return known
    env = clean_environment()
    version = await run_quiet((bwrap, "--version"), cwd=Path("/"), env=env, timeout_s=10)
    probe = (bwrap, *ISOLATION, "--ro-bind", "/", "/", *kernel_files(is_root=known.is_root), "true")
    tried = await run_quiet(probe, cwd=Path("/"), env=env, timeout_s=10)
    return known.model_copy(
        update={
            "version": version.stdout.strip().removeprefix("bubblewrap "),
            "works": tried.ok,
            "complaint": "" if tried.ok else tried.stderr,
        }
    )
