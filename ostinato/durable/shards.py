"""Plans too large for one history: child workflows carry the work, this one keeps schedule and integration."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError
from temporalio.workflow import ParentClosePolicy

from ostinato.contracts.workflows import CARRY, SHARD_WORKFLOW, Carried, CarriedBatch, CarryBatch, CarryStep
from ostinato.domain.continuation import ShardState
from ostinato.domain.execution import StepResult
from ostinato.durable.calls import until_done
from ostinato.durable.carrying import CarryingFailed, terms_of
from ostinato.durable.places import PlaceLost, in_flight
from ostinato.durable.record import RunRecord

SHARD_SIZE = 100
"""Steps that one shard carries before the next one is opened."""
FEEL_EVERY = timedelta(minutes=20)
FEEL_SELDOM = timedelta(days=1)
"""A shard that somebody ended from outside says nothing; without news it is asked for less and less often."""


@dataclass(slots=True)
class ShardPool:
    """Carries steps by shards. A shard outlives this execution: what it carries is known by name."""

    record: RunRecord
    orders: list[CarryStep] = field(default_factory=list)
    cancels: list[str] = field(default_factory=list)
    arrivals: "dict[str, asyncio.Future[StepResult]]" = field(default_factory=dict)
    early: dict[str, Carried] = field(default_factory=dict)
    """Brought back before anybody of this execution waited for it."""

    async def carry(self, order: CarryStep) -> StepResult:
        key = f"{order.step.id}/{order.execution}"
        arrival = self.arrivals[key] = asyncio.get_running_loop().create_future()
        if (carried := self.early.pop(key, None)) is not None:
            _arrive(arrival, carried)
        elif not any(key in shard.carrying for shard in self.record.shards):
            self.orders.append(order)
        try:
            return await asyncio.shield(arrival)
        except asyncio.CancelledError:
            self.cancels.append(key)
            await until_done(arrival)
            result: StepResult = arrival.result()
            return result
        finally:
            self.arrivals.pop(key, None)

    def _receive(self, batch: CarriedBatch) -> None:
        """What a shard brought back; something that was brought before is ignored."""
        for carried in batch.done:
            key = f"{carried.step_id}/{carried.execution}"
            if not self._forget(batch.shard, key):
                continue
            if key in self.arrivals:
                _arrive(self.arrivals[key], carried)
            else:
                self.early[key] = carried

    async def take_in(self) -> None:
        """What shards brought, for as long as steps run; cancelled afterwards."""
        while True:
            await workflow.wait_condition(lambda: bool(self.record.brought))
            for batch in self.record.brought:
                self._receive(batch)
            self.record.brought.clear()

    async def run(self) -> None:
        """Sends what has gathered; what gathers meanwhile goes together. Cancelled when the steps are over."""
        while True:
            await workflow.wait_condition(lambda: bool(self.orders or self.cancels))
            async with in_flight(self.record):
                if self.orders:
                    await self._send_orders()
                if self.cancels:
                    await self._send_cancels()

    async def feel(self) -> None:
        """Now and then, whether those that carry something are still there. Cancelled when the steps are over."""
        pause = FEEL_EVERY
        while True:
            await workflow.wait_condition(lambda: any(shard.carrying for shard in self.record.shards))
            before = {shard.name: shard.carrying for shard in self.record.shards if shard.carrying}
            await workflow.sleep(pause, summary="are its shards still there?")
            silent = [shard.name for shard in self.record.shards if before.get(shard.name) == shard.carrying]
            pause = min(2 * pause, FEEL_SELDOM) if silent else FEEL_EVERY
            async with in_flight(self.record):
                for name in silent:
                    await self._tell(name, CarryBatch())

    async def close(self) -> None:
        """Once nothing is carried: those that have room end too."""
        for shard in tuple(self.record.shards):
            await self._tell(shard.name, CarryBatch(close=True))
        self.record.shards.clear()

    @property
    def is_idle(self) -> bool:
        arrived = any(arrival.done() for arrival in self.arrivals.values())  # and whoever waits has not seen it yet
        return not (self.orders or self.cancels or self.early or self.record.brought or arrived)

    async def _send_orders(self) -> None:
        shard = await self._open_shard()
        room = SHARD_SIZE - shard.given
        batch, self.orders = self.orders[:room], self.orders[room:]
        keys = tuple(f"{order.step.id}/{order.execution}" for order in batch)
        is_full = len(batch) == room
        self._replace(shard, given=shard.given + len(batch), carrying=(*shard.carrying, *keys))
        await self._tell(shard.name, CarryBatch(start=tuple(batch), close=is_full))

    async def _send_cancels(self) -> None:
        wanted, self.cancels = self.cancels, []
        for shard in self.record.shards:
            if mine := tuple(key for key in wanted if key in shard.carrying):
                await self._tell(shard.name, CarryBatch(cancel=mine))

    async def _open_shard(self) -> ShardState:
        """The newest one while it has room, else a new one."""
        record = self.record
        if record.shards and record.shards[-1].given < SHARD_SIZE:
            return record.shards[-1]
        name = f"{workflow.info().workflow_id}/shard-{workflow.uuid4().hex[:12]}"
        await workflow.start_child_workflow(
            SHARD_WORKFLOW,
            terms_of(record).model_copy(update={"name": name}),
            id=name,
            parent_close_policy=ParentClosePolicy.ABANDON,
            static_summary=f"steps of {record.request.run_id}",
        )
        record.shards.append(ShardState(name=name))
        return record.shards[-1]

    def _replace(self, shard: ShardState, **update: object) -> None:
        index = next(n for n, known in enumerate(self.record.shards) if known.name == shard.name)
        self.record.shards[index] = self.record.shards[index].model_copy(update=update)

    def _forget(self, name: str, key: str) -> bool:
        """A full shard that carries nothing any more has ended by itself. False: it was not known to carry that."""
        known = next((shard for shard in self.record.shards if shard.name == name), None)
        if known is None or key not in known.carrying:
            return False
        self._replace(known, carrying=tuple(other for other in known.carrying if other != key))
        self.record.shards = [shard for shard in self.record.shards if shard.carrying or shard.given < SHARD_SIZE]
        return True

    async def _tell(self, name: str, batch: CarryBatch) -> None:
        try:
            await workflow.get_external_workflow_handle(name).signal(CARRY, batch)
        except ApplicationError:  # it was ended from outside: what it carried is carried by another one
            lost = next((shard for shard in self.record.shards if shard.name == name), None)
            self.record.shards = [shard for shard in self.record.shards if shard.name != name]
            for key in lost.carrying if lost else ():
                if key in self.arrivals and not self.arrivals[key].done():
                    self.arrivals[key].set_exception(PlaceLost())


def _arrive(arrival: "asyncio.Future[StepResult]", carried: Carried) -> None:
    if arrival.done():
        return
    if carried.lost_place:
        arrival.set_exception(PlaceLost())
    elif carried.result is not None:
        arrival.set_result(carried.result)
    else:
        arrival.set_exception(CarryingFailed(carried.error.message if carried.error else "the shard said nothing"))
