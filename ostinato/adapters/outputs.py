"""Outputs that a step's command states: a JSON object in the file named by $OSTINATO_OUTPUT."""

import json
import math
import re
import stat
from pathlib import Path
from typing import Any, NoReturn

from ostinato.domain.context import redacted
from ostinato.domain.errors import ExternalError, Problem
from ostinato.domain.redaction import Redactor

OUTPUT_VARIABLE = "OSTINATO_OUTPUT"
OUTPUT_CAP_BYTES = 32 * 1024

_FIELD = "$" + OUTPUT_VARIABLE
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
"""What a reference (`steps.x.name`) and a condition can spell."""


def output_file(folder: Path) -> Path:
    """An empty place for the command's outputs; one of an earlier attempt is removed. Keep it outside the worktree."""
    file = folder / "output.json"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
    except OSError as error:
        raise ExternalError(
            f"Cannot make room for a step's outputs at {file}: {error.strerror or error}. Make the folder writable.",
            code="output_not_prepared",
        ) from error
    return file


def read_output(file: Path, redactor: Redactor) -> dict[str, Any] | Problem:
    """What the command stated, redacted; nothing when it wrote no file, and the problem when it is not usable."""
    try:
        data = _content(file)
    except FileNotFoundError:
        return {}
    except OSError as error:
        return _problem("output_unreadable", f"cannot be read: {error.strerror or error}", "Write a plain file there")
    if data is None:
        return _problem("output_no_file", "is not a plain file", "Write a plain file there, not a folder or a link")
    if len(data) > OUTPUT_CAP_BYTES:
        cure = "Write big results to a file in the repository, or to standard output, which is kept as an artifact"
        return _problem("output_too_large", f"is larger than {OUTPUT_CAP_BYTES:,} bytes", cure)
    return _parsed(data, redactor) if data.strip() else {}


def _content(file: Path) -> bytes | None:
    """A little more than the cap, however much there is: a command may have written anything, even a pipe."""
    if not stat.S_ISREG(file.lstat().st_mode):
        return None
    with file.open("rb") as stream:
        return stream.read(OUTPUT_CAP_BYTES + 1)


def _parsed(data: bytes, redactor: Redactor) -> dict[str, Any] | Problem:
    try:
        value = json.loads(data, parse_constant=_refuse, parse_float=_finite)
        json.dumps(value, ensure_ascii=False).encode()  # Half a character (a lone surrogate) travels nowhere.
    except RecursionError:
        return _problem("output_no_json", "is nested too deeply", "Write a flatter object")
    except ValueError as error:
        where = f" (line {error.lineno}, column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
        return _problem("output_no_json", f"holds no JSON{where}", 'Write one object such as {"version": "1.2"}')
    if not isinstance(value, dict):
        kind = type(value).__name__
        return _problem("output_no_object", f"holds a {kind}, no object", 'Write an object such as {"version": "1.2"}')
    if unusable := [name for name in value if not _NAME.fullmatch(name)]:
        cure = "Use letters, digits and _ in names, beginning with a letter"
        return _problem("output_name_invalid", f"has a field that no step can refer to: {unusable[0]!r:.80}", cure)
    return {redactor.text(name): redacted(inner, redactor) for name, inner in value.items()}


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse(text)


def _problem(code: str, message: str, cure: str) -> Problem:
    return Problem(code=code, field=_FIELD, message=message, cure=cure)
