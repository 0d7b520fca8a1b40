"""What a tool is given and what it gives back, and the two ways to run one: ours, and the project's own."""

import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ostinato.adapters.artifacts import ArtifactStore
from ostinato.adapters.environments import HYPOTHESIS_TABLES, TABLES_LINK
from ostinato.adapters.processes import (
    ProcessEnd,
    ProcessSpec,
    Quick,
    clean_environment,
    offline_where_possible,
    run_quiet,
    run_supervised,
)
from ostinato.domain.execution import Failure, FailureKind
from ostinato.domain.gates import Finding
from ostinato.domain.project import ProjectFacts
from ostinato.domain.redaction import Redactor
from ostinato.domain.workspace import Environment


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolContext:
    tree: Path
    environment: Environment
    project: ProjectFacts
    trusted: bool
    args: Mapping[str, Any]
    artifacts: ArtifactStore
    redactor: Redactor
    marker: str
    timeout_s: float
    progress: Callable[[str], None]
    offline: bool = False
    """What it starts of the project's own has no network but the loopback."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolReport:
    tool: str
    ok: bool
    summary: str
    findings: tuple[Finding, ...] = ()
    changed: bool | None = None
    """Whether it changed files; None when it cannot tell."""
    metrics: dict[str, float] = field(default_factory=dict)
    evidence: str = ""
    """Artifact reference."""
    failure: Failure | None = None
    notes: tuple[str, ...] = ()


class ToolError(Exception):
    """A tool could not do its job; carries the failure that the step reports."""

    def __init__(self, kind: FailureKind, message: str, *, details: str = "", recommendation: str = "") -> None:
        super().__init__(message)
        self.failure = Failure(kind=kind, message=message, details=details[-2000:], recommendation=recommendation)


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """For caches and outputs: nothing of a tool is left in the tree."""
    with tempfile.TemporaryDirectory(prefix="ostinato-tool-", ignore_cleanup_errors=True) as folder:
        yield Path(folder).resolve()


def tool_environment(scratch: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    return clean_environment(
        {
            "PYTHONDONTWRITEBYTECODE": "1",
            "HYPOTHESIS_STORAGE_DIRECTORY": str(scratch / "hypothesis"),
            "MYPY_CACHE_DIR": str(scratch / "mypy"),
            "RUFF_CACHE_DIR": str(scratch / "ruff"),
            "NO_COLOR": "1",
            "PYTHONUTF8": "1",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "UV_OFFLINE": "1",
            **(extra or {}),
        }
    )


async def run_ours(
    context: ToolContext,
    module: str,
    *arguments: str,
    accept: Sequence[int] = (0, 1),
    scratch: Path,
    at: Path | None = None,
) -> Quick:
    """A tool of our own installation, run in the tree or `at` a folder without configuration.

    `-P` keeps the repository's folder off the tool's import path.
    """
    argv = (sys.executable, "-P", "-s", "-m", module, *arguments)
    env = tool_environment(scratch)
    done = await run_quiet(
        argv, cwd=at or context.tree, env=env, timeout_s=context.timeout_s, max_output=64 * 1024 * 1024
    )
    if done.exit_code == 124:
        raise ToolError(FailureKind.TIMEOUT, f"{module} did not finish within {context.timeout_s:.0f} s")
    if done.exit_code not in accept:
        said = context.redactor.text(done.stderr.strip() or done.stdout.strip())
        raise ToolError(
            FailureKind.TOOL,
            f"{module} could not finish (exit {done.exit_code}): {last_line(said)}",
            details=said,
            recommendation="Correct what it names; the project's own configuration is used where there is one",
        )
    return done


def _lend_tables(environment: Path, storage: Path) -> None:
    """Hypothesis finds its computed tables, and no examples of earlier runs."""
    storage.mkdir(exist_ok=True)
    for name in HYPOTHESIS_TABLES:
        source, link = environment / TABLES_LINK / name, storage / name
        if source.is_dir() and not link.is_symlink():
            link.symlink_to(source, target_is_directory=True)


async def run_project(
    context: ToolContext, argv: Sequence[str], *, scratch: Path, extra: Mapping[str, str] | None = None
) -> ProcessEnd:
    """The repository's own code or command, in its environment and under the supervisor. Only for trusted ones."""
    env = tool_environment(scratch, extra)
    if context.environment.ready:
        _lend_tables(Path(context.environment.path), scratch / "hypothesis")
        env["PATH"] = str(Path(context.environment.path) / "bin") + ":" + env.get("PATH", "")
        env["VIRTUAL_ENV"] = context.environment.path
    line = await offline_where_possible(tuple(argv)) if context.offline else tuple(argv)
    spec = ProcessSpec(argv=line, cwd=context.tree, env=env, timeout_s=context.timeout_s, marker=context.marker)
    return await run_supervised(
        spec, artifacts=context.artifacts, redactor=context.redactor, on_progress=context.progress
    )


def require_trust(context: ToolContext, what: str) -> None:
    if not context.trusted:
        raise ToolError(
            FailureKind.NOT_TRUSTED,
            f"{what} runs the repository's own code, and this repository is not trusted",
            recommendation="Use --trust, if you trust this repository",
        )


def require_environment(context: ToolContext) -> None:
    if not context.environment.ready:
        raise ToolError(
            FailureKind.ENVIRONMENT_MISSING,
            f"there is no environment: {context.environment.message or 'none was prepared'}",
            recommendation=context.environment.cure,
        )


def require_time(end: ProcessEnd, what: str, timeout_s: float) -> None:
    if end.timed_out:
        raise ToolError(
            FailureKind.TIMEOUT,
            f"{what} did not finish within {timeout_s:.0f} s",
            details=end.tail,
            recommendation="Give the step a longer timeout",
        )
    if end.missing:
        raise ToolError(
            FailureKind.MISSING_COMMAND, f"{what} could not be started: its command was not found", details=end.tail
        )


async def tracked_files(context: ToolContext) -> tuple[str, ...]:
    """Tracked and new files, without what git ignores; relative, POSIX style."""
    listing = ("git", "-c", "core.fsmonitor=false", "ls-files", "-z", "-co", "--exclude-standard")
    done = await run_quiet(listing, cwd=context.tree, env=clean_environment({}), timeout_s=60)
    if done.exit_code != 0:
        raise ToolError(FailureKind.TOOL, f"git could not list the files: {last_line(done.stderr)}")
    names = dict.fromkeys(name for name in done.stdout.split("\0") if name)
    return tuple(name for name in names if is_plain_file(context.tree / name))


def is_plain_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def keep(context: ToolContext, value: Any) -> str:
    """An artifact of JSON, without secrets."""
    return context.artifacts.put_text(context.redactor.text(json.dumps(value, ensure_ascii=False, indent=1)))


def relative(tree: Path, path: str) -> str:
    """Relative to the repository and POSIX style, however a tool has named it."""
    place = Path(path)
    for root in (tree, tree.resolve()):
        if place.is_absolute() and place.is_relative_to(root):
            place = place.relative_to(root)
    return place.as_posix()


def in_environment(context: ToolContext, module: str) -> bool:
    """Installed in the prepared environment itself."""
    if not context.environment.ready:
        return False
    return any(Path(context.environment.path).glob(f"lib/python*/site-packages/{module}"))


def chosen_paths(context: ToolContext) -> tuple[str, ...]:
    """The `paths` argument, kept inside the repository; all of it when there is none."""
    given = context.args.get("paths") or (".",)
    paths = (given,) if isinstance(given, str) else tuple(str(path) for path in given)
    root = context.tree.resolve()
    for path in paths:
        if not (root / path).resolve().is_relative_to(root):
            raise ToolError(FailureKind.OUTSIDE, f"{path} lies outside the repository")
    return tuple("./" + path if path.startswith("-") else path for path in paths)


def last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it said nothing"


def counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
