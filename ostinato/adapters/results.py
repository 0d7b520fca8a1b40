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


def _read(path: Path) -> Stored:
    return Stored.model_validate_json(path.read_bytes())


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc'])) or 'file'}: {first['msg']}"
    return str(error)
