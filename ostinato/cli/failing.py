"""How errors read on a screen."""

import os
from pathlib import Path

from ostinato.domain.errors import OstinatoError, Problem, UserError


def error_lines(error: BaseException) -> list[str]:
    """Every problem with its cure."""
    if isinstance(error, UserError):
        return [line for problem in error.problems for line in problem_lines(problem)]
    message = error.message if isinstance(error, OstinatoError) else f"{type(error).__name__}: {error}"
    return [f"✘ {message}"]


def problem_lines(problem: Problem) -> list[str]:
    if problem.file:
        spot = f"{problem.file}:{problem.line or 1}:{problem.column or 1}"
        field = "" if problem.field in (problem.file, "definition") else f"{problem.field}: "
        return [f"✘ {spot}: {field}{problem.message} [{problem.code}]", f"  → {problem.cure}"]
    spot = f", line {problem.line}, column {problem.column or 1}" if problem.line is not None else ""
    place = f"{problem.field}{spot}"
    lines = [f"✘ {place}: {problem.message}" if place else f"✘ {problem.message}"]
    return [*lines, f"  → {problem.cure}"] if problem.cure else lines


def report_bug(command: str, error: BaseException) -> list[str]:
    from ostinato.cli.crash import write_crash_report

    path = write_crash_report(command, error, _folder())
    return [
        f"✘ a bug in Ostinato: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}".rstrip(": "),
        f"  → What we need to know about it is in {path}: please paste that into a bug report",
    ]


def _folder() -> Path:
    """Under the home, or in the temporary folder when the settings themselves are broken."""
    import tempfile

    from ostinato.settings import load_settings

    try:
        return load_settings(os.environ).home.root / "crashes"
    except OstinatoError:
        return Path(tempfile.gettempdir())
