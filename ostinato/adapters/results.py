"""One JSON file for each closed run: enough for list, status and report without its history."""

import logging
from pathlib import Path

from pydantic import ValidationError

from ostinato.adapters.atomic import write_atomically
from ostinato.adapters.home import Home
from ostinato.domain.errors import ExternalError
from ostinato.domain.ids import RunId, parse_run_id
from ostinato.domain.report import Stored

log = logging.getLogger(__name__)


class ResultStore:
    def __init__(self, home: Home) -> None:
        self._folder = home.results

    def save(self, stored: Stored) -> Path:
        """Replaces what was kept of the same run; readers never see half a file."""
        path = self._path(stored.snapshot.run_id)
        write_atomically(path, stored.model_dump_json(indent=1) + "\n")
        return path

    def load(self, run_id: RunId) -> Stored | None:
        """None when nothing is kept of that run."""
        path = self._path(run_id)
        if not path.exists():
            return None
        try:
            return _read(path)
        except (OSError, ValueError) as error:
            raise ExternalError(
                f"The result of run {run_id} cannot be read from {path}: {_reason(error)}. Move the file away; "
                "the run's branch and artifacts are not touched by it",
                code="result_unreadable",
            ) from error

    def set_aside(self, run_id: RunId, *, unless_timeline: str = "") -> bool:
        """The run goes on: what is kept of it is history and no longer its state. Whether there was something.

        A result of the execution `unless_timeline` stays: it is the last word of that one.
        """
        path = self._path(run_id)
        if not path.exists() or (unless_timeline and self._timeline(run_id) == unless_timeline):
            return False
        self._previous(run_id).parent.mkdir(parents=True, exist_ok=True)
        path.replace(self._previous(run_id))
        return True

    def put_back(self, run_id: RunId) -> None:
        """The run did not go on after all. What was stored meanwhile is newer and stays."""
        if self._previous(run_id).exists() and not self._path(run_id).exists():
            self._previous(run_id).replace(self._path(run_id))

    def previous(self, run_id: RunId) -> Stored | None:
        """What was set aside last; None when there is none, or it cannot be read."""
        try:
            return _read(self._previous(run_id))
        except (OSError, ValueError):
            return None

    def list(self) -> tuple[Stored, ...]:
        """Newest first. A file that cannot be read is logged by its path and left out."""
        found = []
        for path in self._folder.glob("*.json"):
            try:
                found.append(_read(path))
            except (OSError, ValueError) as error:
                log.warning("The result in %s cannot be read and is left out: %s", path, _reason(error))
        return tuple(sorted(found, key=lambda stored: stored.snapshot.started_at, reverse=True))

    def _path(self, run_id: RunId) -> Path:
        return self._folder / f"{parse_run_id(run_id)}.json"

    def _previous(self, run_id: RunId) -> Path:
        return self._folder / "previous" / f"{parse_run_id(run_id)}.json"

    def _timeline(self, run_id: RunId) -> str:
        try:
            kept = self.load(run_id)
        except ExternalError:
            return ""
        return kept.snapshot.workspace.timeline if kept and kept.snapshot.workspace else ""


def _read(path: Path) -> Stored:
    return Stored.model_validate_json(path.read_bytes())


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc'])) or 'file'}: {first['msg']}"
    return str(error)
