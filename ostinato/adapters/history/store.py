"""The history that a run writes when it ends and reads when it plans. Its failures are values: no run depends on it."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ostinato.adapters.atomic import make_folder
from ostinato.adapters.history.trouble import HistoryProblem, lost_problem, missing_problem, moved_problem, trouble_of
from ostinato.adapters.home import Home
from ostinato.domain.budget.prices import Spend
from ostinato.domain.durations import Samples
from ostinato.domain.plan import Plan
from ostinato.domain.report import Snapshot
from ostinato.domain.staff import PastWork

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

FILE_NAME = "history.db"
PATIENCE_S = 2.0
Problems = tuple[HistoryProblem, ...]
Found = TypeVar("Found")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryState:
    place: str
    runs: int = 0
    version: str = ""
    """Of the tables; empty where there are none yet."""
    kept_aside: tuple[Path, ...] = ()
    problem: HistoryProblem | None = None


class History:
    """Blocks for up to some `patience_s`: call it in a thread. Several processes may use one file."""

    def __init__(self, home: Home, *, url: str = "", patience_s: float = PATIENCE_S) -> None:
        self._home = home
        self._path = None if url else home.root / FILE_NAME
        self._url = url or f"sqlite:///{self._path}"
        self._patience_s = patience_s
        self._was_there = False

    def record(self, snapshot: Snapshot) -> Problems:
        """Replaces what was kept of the same run, all or nothing. Returns what a person should know; never raises."""
        lost = self._is_lost(but=snapshot.run_id)

        def write(connection: "Connection") -> bool:
            from ostinato.adapters.history.queries import replace_run
            from ostinato.adapters.history.rows import rows_of

            replace_run(connection, rows_of(snapshot))
            return True

        recorded, problems = self._attempt(write, otherwise=False, writes=True)
        return (lost_problem(self._place), *problems) if lost and recorded else problems

    def samples(self, repository_id: str, plan: Plan) -> tuple[Samples, Problems]:
        """What `with_expectations` learns from; empty where nothing is known. Never raises, creates no file."""
        if self._is_absent():
            return Samples(), ()

        def read(connection: "Connection") -> Samples:
            from ostinato.adapters.history.queries import samples_for

            return samples_for(connection, repository_id, plan)

        return self._attempt(read, otherwise=Samples(), writes=False)

    def tracks(self, repository_id: str, agents: Sequence[str]) -> tuple[Mapping[str, PastWork], Problems]:
        """By agent: what became of its last attempts in this repository. Never raises, creates no file."""
        if self._is_absent() or not agents:
            return {}, ()

        def read(connection: "Connection") -> Mapping[str, PastWork]:
            from ostinato.adapters.history.queries import tracks_of

            return tracks_of(connection, repository_id, agents)

        none: Mapping[str, PastWork] = {}
        return self._attempt(read, otherwise=none, writes=False)

    def record_spend(self, spend: Spend) -> Problems:
        """Added, never replaced: that a call begins (no usage yet), and later what it came to. Never raises.

        A second execution adds nothing. Of two words on what a lease came to, the first stands.
        """

        def write(connection: "Connection") -> bool:
            from ostinato.adapters.history.spends import add_spend

            add_spend(connection, spend)
            return True

        return self._attempt(write, otherwise=False, writes=True)[1]

    def spend_of(self, run_id: str) -> tuple[tuple[Spend, ...], Problems]:
        """What leases of a run came to, as far as this history knows; also what only began. Never raises."""
        if self._is_absent():
            return (), ()

        def read(connection: "Connection") -> tuple[Spend, ...]:
            from ostinato.adapters.history.spends import spends_of

            return spends_of(connection, run_id)

        return self._attempt(read, otherwise=(), writes=False)

    def state(self) -> HistoryState:
        """Looks only: nothing is created, migrated or moved."""
        from ostinato.adapters.history.aside import kept_aside

        aside = kept_aside(self._path) if self._path else ()
        if self._is_absent():
            missing = missing_problem(self._place) if self._is_lost() else None
            return HistoryState(place=self._place, kept_aside=aside, problem=missing)
        try:
            version, runs = self._look()
        except Exception as error:
            return HistoryState(place=self._place, kept_aside=aside, problem=self._trouble(error))
        return HistoryState(place=self._place, version=version, runs=runs, kept_aside=aside)

    def _look(self) -> tuple[str, int]:
        from ostinato.adapters.history.queries import count_runs
        from ostinato.adapters.history.schema import version_of

        with self._engine.connect() as connection:
            version = version_of(connection)
            return version, count_runs(connection) if version else 0

    def _attempt(
        self, work: "Callable[[Connection], Found]", *, otherwise: Found, writes: bool
    ) -> tuple[Found, Problems]:
        """In one transaction; once more where the file was corrupt: it was moved aside, by us or another process."""
        try:
            return self._inside(work, writes=writes), ()
        except Exception as error:
            problem = self._trouble(error)
        if problem.code != "history_corrupt":
            return otherwise, (problem,)
        moved = self._moved_aside()
        try:
            return self._inside(work, writes=writes), moved
        except Exception as error:
            return otherwise, (*moved, self._trouble(error))

    def _inside(self, work: "Callable[[Connection], Found]", *, writes: bool) -> Found:
        from ostinato.adapters.history.engine import WRITES
        from ostinato.adapters.history.schema import bring_to_head

        make_folder(self._home.root)
        bring_to_head(self._engine, self._path, self._patience_s)
        with self._engine.connect().execution_options(**{WRITES: writes}) as connection, connection.begin():
            found = work(connection)
        self._was_there = True
        return found

    def _moved_aside(self) -> Problems:
        from ostinato.adapters.history.aside import move_aside

        try:
            kept = move_aside(self._path, self._patience_s) if self._path else None
        except Exception as error:
            return (self._trouble(error),)
        return (moved_problem(self._place, kept),) if kept else ()

    def _is_lost(self, *, but: str = "") -> bool:
        """There is no file, although runs have ended in this home."""
        if not self._is_absent():
            return False
        return self._was_there or any(kept.stem != but for kept in self._home.results.glob("*.json"))

    def _is_absent(self) -> bool:
        try:
            return self._path is not None and not self._path.exists()
        except OSError:
            return False  # nobody may look: opening it says why

    def _trouble(self, error: Exception) -> HistoryProblem:
        problem = trouble_of(error, self._place, self._patience_s)
        log.warning("%s", problem, exc_info=error if problem.code == "history_failed" else None)
        return problem

    @property
    def _place(self) -> str:
        return str(self._path) if self._path else self._url.rsplit("@", 1)[-1]

    @cached_property
    def _engine(self) -> "Engine":
        from ostinato.adapters.history.engine import open_engine

        return open_engine(self._url, self._patience_s)
