"""Keeping what a closed run came to."""

import asyncio

from activities.edge import Desk, Pulse, edge
from ostinato.adapters.results import ResultStore
from ostinato.contracts.activities import STORE_REPORT, StoredReport, StoreReport
from ostinato.domain.report import Stored


class ReportActivities:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @edge(STORE_REPORT)
    async def store(self, command: StoreReport, pulse: Pulse) -> StoredReport:
        """A second execution writes the same file and the same rows again. Trouble with the history is only told."""
        path = await asyncio.to_thread(ResultStore(self._desk.home).save, Stored(snapshot=command.snapshot))
        history = self._desk.history
        problems = await asyncio.to_thread(history.record, command.snapshot) if history else ()
        return StoredReport(path=str(path), notes=tuple(str(problem) for problem in problems))
