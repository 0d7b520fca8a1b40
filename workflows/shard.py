"""A shard: carries steps of a large run, so that the run's own history stays small."""

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

from ostinato.contracts.workflows import (
    CARRIED,
    CARRY,
    SHARD_WORKFLOW,
    Carried,
    CarriedBatch,
    CarryBatch,
    CarryStep,
    StartShard,
)
from ostinato.domain.errors import OstinatoError
from ostinato.domain.execution import StepOutcome, StepResult
from ostinato.domain.ids import StepId
from ostinato.domain.pipeline import Outcome
from ostinato.domain.report import Stop
from ostinato.durable.calls import stop_of
from ostinato.durable.carrying import carry_out
from ostinato.durable.places import PlaceLost

ASK_AFTER = timedelta(minutes=10)
"""Without a word from its run, a shard asks whether it is still there, and then less and less often."""
ASK_SELDOM = timedelta(days=1)


@workflow.defn(name=SHARD_WORKFLOW, failure_exception_types=[OstinatoError])
class ShardWorkflow:
    @workflow.init
    def __init__(self, terms: StartShard) -> None:
        self._terms = terms
        self._tasks: dict[str, asyncio.Task[Carried]] = {}
        self._done: list[Carried] = []
        self._closing = False
        self._ask_after = ASK_AFTER

    @workflow.signal(name=CARRY, description="From the run: steps to carry, to stop, or the end")
    def carry(self, batch: CarryBatch) -> None:
        self._ask_after = ASK_AFTER
        for order in batch.start:
            key = f"{order.step.id}/{order.execution}"
            if key not in self._tasks:
                self._tasks[key] = asyncio.create_task(self._carry(order), name=key)
        for key in batch.cancel:
            if key in self._tasks:
                self._tasks[key].cancel()
        self._closing = self._closing or batch.close

    @workflow.run
    async def run(self, terms: StartShard) -> None:
        try:
            while not (self._closing and not self._tasks):
                await self._next()
        except ApplicationError:  # its run is gone: nobody wants what it carries
            await self._stop()

    async def _next(self) -> None:
        """One turn: wait for something, then bring back what is done."""
        try:
            await workflow.wait_condition(
                self._has_news, timeout=self._ask_after, timeout_summary="is the run still there?"
            )
        except TimeoutError:
            self._ask_after = min(2 * self._ask_after, ASK_SELDOM)
        done = [key for key, task in self._tasks.items() if task.done()]
        if self._closing and not done and not self._tasks:
            return
        batch = CarriedBatch(shard=self._terms.name, done=tuple(_outcome(self._tasks[key], key) for key in done))
        await workflow.get_external_workflow_handle(self._terms.run_workflow).signal(CARRIED, batch)
        for key in done:
            del self._tasks[key]

    def _has_news(self) -> bool:
        return any(task.done() for task in self._tasks.values()) or (self._closing and not self._tasks)

    async def _carry(self, order: CarryStep) -> Carried:
        known = {"step_id": order.step.id, "execution": order.execution}
        try:
            return Carried(**known, result=await carry_out(order, self._terms))
        except PlaceLost:
            return Carried(**known, lost_place=True)
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            return Carried(**known, error=stop_of(error))

    async def _stop(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)


def _outcome(task: "asyncio.Task[Carried]", key: str) -> Carried:
    """A cancelled execution is over too, and so is one that a bug of ours ended."""
    step_id, _, execution = key.rpartition("/")
    error = None if task.cancelled() else task.exception()
    if not task.cancelled() and error is None:
        return task.result()
    if error is not None and not is_cancelled_exception(error):
        stop = Stop(outcome=Outcome.FAILED, code="unexpected", message=f"{type(error).__name__}: {error}"[:500])
        return Carried(step_id=StepId(step_id), execution=int(execution), error=stop)
    result = StepResult.model_validate(
        {"step_id": step_id, "execution": int(execution), "outcome": StepOutcome.CANCELLED}
    )
    return Carried(step_id=result.step_id, execution=result.execution, result=result)
