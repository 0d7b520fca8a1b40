"""A bug of ours: a file to paste instead of a traceback on the screen."""

import os
import platform
import sys
import tempfile
import traceback
from datetime import UTC, datetime
from pathlib import Path

from ostinato import __version__
from ostinato.domain.redaction import Redactor


def write_crash_report(command: str, error: BaseException, folder: Path) -> Path:
    """Redacted, without the arguments (a request can be private); falls back to the temporary folder."""
    now = datetime.now(UTC)
    text = Redactor().text(_report(command, error, now))
    name = f"crash-{now:%Y%m%dT%H%M%S}-{os.getpid()}.txt"
    for place in (folder, Path(tempfile.gettempdir())):
        try:
            place.mkdir(parents=True, exist_ok=True)
            (place / name).write_text(text, encoding="utf-8", errors="backslashreplace")
        except OSError:
            continue
        return place / name
    return Path(os.devnull)


def _report(command: str, error: BaseException, now: datetime) -> str:
    facts = f"ostinato {__version__} · python {platform.python_version()} · {platform.platform()} · {now:%Y-%m-%d %H:%M} UTC"
    trace = "".join(traceback.format_exception(error))
    return f"{facts}\ncommand: {command}\nexecutable: {sys.executable}\n\n{trace}"
