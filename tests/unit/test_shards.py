"""What a run may not leave behind when it goes on in a new execution: anything that a shard brought."""

import asyncio

import pytest

from ostinato.contracts.workflows import Carried, CarriedBatch, CarryStep
from ostinato.domain.continuation import ShardState
from ostinato.domain.execution import StepResult
from ostinato.domain.ids import StepId
from ostinato.durable.record import RunRecord
from ostinato.durable.shards import ShardPool
from tests.builders import NOON, a_result, a_run, a_step
from tests.fakes.world import a_workspace

BROUGHT = CarriedBatch(shard="s", done=(Carried(step_id=StepId("one"), execution=1, result=a_result("one")),))


def a_pool() -> ShardPool:
    """One shard carries one step."""
    record = RunRecord(request=a_run(), started_at=NOON)
    record.shards = [ShardState(name="s", given=1, carrying=("one/1",))]
    return ShardPool(record)


def waiting_for_one(pool: ShardPool) -> "asyncio.Task[StepResult]":
    order = CarryStep(
        step=a_step("one"), execution=1, slot="w0", head="c", workspace=a_workspace("run-1", "q"), context=""
    )
    return asyncio.create_task(pool.carry(order))


async def test_what_was_brought_and_not_taken_in_keeps_the_run_from_going_on_elsewhere() -> None:
    pool = a_pool()
    before = pool.is_idle

    pool.record.brought.append(BROUGHT)

    assert (before, pool.is_idle) == (True, False)


async def test_what_arrived_and_was_not_seen_by_who_waits_keeps_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("temporalio.workflow.wait_condition", _until_something)
    pool = a_pool()
    waiting = waiting_for_one(pool)
    await asyncio.sleep(0)
    before = pool.is_idle
    pool.record.brought.append(BROUGHT)

    with pytest.raises(_NothingMore):
        await pool.take_in()
    arrived = pool.is_idle
    result = await waiting

    assert (before, arrived, pool.is_idle) == (True, False, True)
    assert result == a_result("one")


async def test_what_was_brought_before_anybody_waited_is_kept_for_who_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("temporalio.workflow.wait_condition", _until_something)
    pool = a_pool()
    pool.record.brought.append(BROUGHT)

    with pytest.raises(_NothingMore):
        await pool.take_in()
    early = pool.is_idle

    assert (early, await waiting_for_one(pool), pool.is_idle) == (False, a_result("one"), True)


class _NothingMore(Exception):
    """Ends a loop that has no end."""


async def _until_something(condition: object) -> None:
    """Waits for nothing: what is not there will not come."""
    if not (callable(condition) and condition()):
        raise _NothingMore
