"""Steps' commits come onto the run's branch one activity at a time; what waits meanwhile goes together."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError

from ostinato.contracts.activities import (
    FORECAST_CONFLICTS,
    INTEGRATE_STEPS,
    ForecastConflicts,
    Integrated,
    IntegrateSteps,
    RunningSibling,
    StepToIntegrate,
)
from ostinato.domain.execution import StepState
from ostinato.domain.ids import StepId
from ostinato.domain.report import Conflict
from ostinato.domain.workspace import Integration
from ostinato.durable.calls import stop_of, until_done
from ostinato.durable.places import find_place, on_place
from ostinato.durable.record import RunRecord

MAX_AT_ONCE = 20
FORECAST_AFTER = timedelta(seconds=5)
"""A sibling that ran for less is cheaper to redo than to look at."""
WATCH_EVERY = timedelta(seconds=30)
WATCH_SELDOM = timedelta(minutes=15)

Waiting = tuple[StepToIntegrate, "asyncio.Future[Integration]"]


@dataclass(slots=True)
class Integrator:
    """The only one who moves the run's branch while steps run."""

    record: RunRecord
    waiting: list[Waiting] = field(default_factory=list)
    started_from: dict[StepId, str] = field(default_factory=dict)
    """The checkpoint that each running step began at."""
    forecasting: "asyncio.Task[None] | None" = None
    is_bringing: bool = False

    @property
    def is_idle(self) -> bool:
        return not self.waiting and not self.is_bringing and (self.forecasting is None or self.forecasting.done())

    async def integrate(self, step_id: StepId, execution: int, commit: str) -> Integration:
        """The step's commit on the branch, or the paths in which it conflicts. A finished step is brought in even when
        it is cancelled meanwhile."""
        future: asyncio.Future[Integration] = asyncio.get_running_loop().create_future()
        self.waiting.append((StepToIntegrate(step_id=step_id, execution=execution, commit=commit), future))
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await until_done(future)
            integration = future.result()
            if integration.conflicts:
                raise
            return integration

    async def run(self) -> None:
        """For as long as steps run; cancelled afterwards."""
        while True:
            await workflow.wait_condition(lambda: bool(self.waiting))
            taken, self.waiting = self.waiting[:MAX_AT_ONCE], self.waiting[MAX_AT_ONCE:]
            batch = [entry for entry in taken if not entry[1].cancelled()]
            self.is_bringing = True
            try:
                if batch:
                    await self._bring_in(batch)
            except Exception as error:
                _fail(batch, error)
                if not isinstance(error, ActivityError):
                    raise
            self.is_bringing = False
            self._look_ahead()

    async def watch(self) -> None:
        """Steps that run for long side by side are looked at now and then. Cancelled when the steps are over."""
        while True:
            await workflow.wait_condition(lambda: len(self._unclaimed()) > 1)
            pause = WATCH_EVERY
            while len(self._unclaimed()) > 1:
                try:
                    await workflow.wait_condition(
                        lambda: len(self._unclaimed()) < 2,
                        timeout=pause,
                        timeout_summary="do steps that run get into each other's way?",
                    )
                except TimeoutError:
                    pause = min(2 * pause, WATCH_SELDOM)
                    self._look_ahead(least=2)

    async def _bring_in(self, batch: list[Waiting]) -> None:
        steps = tuple(step for step, _ in batch)
        while True:
            epoch = self.record.place.epoch
            done = await self._call(steps)
            if not done.superseded:
                break
            await find_place(self.record, epoch)
        if done.note:
            self.record.note(done.note)
        for (step, future), integration in zip(batch, done.integrations, strict=True):
            if not integration.conflicts and integration.commit:
                self.record.checkpoint(integration.commit, step.step_id)
            if not future.done():
                future.set_result(integration)
        self.record.head = done.head

    async def _call(self, steps: tuple[StepToIntegrate, ...]) -> Integrated:
        record = self.record
        names = ", ".join(step.step_id for step in steps[:3]) + (f" and {len(steps) - 3} more" if steps[3:] else "")
        return await on_place(
            record,
            INTEGRATE_STEPS,
            lambda place: IntegrateSteps(workspace=place, steps=steps, head=record.head),
            activity_id=f"{steps[0].step_id}-{steps[0].execution}-integrate",
            summary=f"integrate {names}",
        )

    def _look_ahead(self, least: int = 1) -> None:
        """Whether siblings that still write will conflict with what came in, or with each other."""
        siblings = self._siblings()
        if len(siblings) >= least and self.is_idle:
            self.forecasting = asyncio.create_task(self._forecast(siblings))

    def _unclaimed(self) -> list[StepId]:
        """What works now without having said where it writes."""
        schedule = self.record.steps
        return [
            name
            for name in self.started_from
            if schedule.states[name] is StepState.RUNNING and schedule.steps[name].writes is None
        ]

    def _siblings(self) -> tuple[RunningSibling, ...]:
        now = workflow.now()
        return tuple(
            RunningSibling(step_id=name, slot=self.record.of(name).tree_of(name), head=self.started_from[name])
            for name in self._unclaimed()
            if now - (self.record.of(name).started_at or now) >= FORECAST_AFTER
        )

    async def _forecast(self, siblings: tuple[RunningSibling, ...]) -> None:
        record = self.record
        try:
            seen = await on_place(
                record,
                FORECAST_CONFLICTS,
                lambda place: ForecastConflicts(workspace=place, head=record.head, siblings=siblings),
                summary=f"would {', '.join(sibling.step_id for sibling in siblings[:3])} still merge?",
            )
        except ActivityError as error:
            record.note(f"conflicts could not be forecast: {stop_of(error).message}")
            return
        for found in seen.conflicts:
            execution = record.of(found.step_id).execution
            coming = Conflict(
                step=found.step_id, execution=execution, paths=found.paths[:20], forecast=True, against=found.against
            )
            if coming not in record.conflicts and record.steps.states[found.step_id].is_active:
                record.conflicts.append(coming)
                whom = f" with {found.against}" if found.against else ""
                record.of(found.step_id).note = f"will conflict{whom} in {', '.join(found.paths[:3])}: to be redone"
                record.stale = True


def _fail(batch: list[Waiting], error: Exception) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(error)
