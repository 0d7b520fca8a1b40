"""Whoever waits for a commit to come in hears of it, whatever happens."""

import asyncio
from collections.abc import Callable

import pytest

from ostinato.domain.ids import StepId
from ostinato.durable.integrating import Integrator
from ostinato.durable.record import RunRecord
from tests.builders import NOON, a_run


async def _until(condition: Callable[[], bool]) -> None:
    """As the workflow waits, on an ordinary loop."""
    while not condition():  # noqa: ASYNC110 - a condition is all there is
        await asyncio.sleep(0)


async def test_whatever_goes_wrong_nobody_waits_for_an_integration_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("temporalio.workflow.wait_condition", _until)
    without_a_place = RunRecord(request=a_run(), started_at=NOON)
    integrator = Integrator(without_a_place)
    running = asyncio.create_task(integrator.run())

    with pytest.raises(AssertionError):
        await asyncio.wait_for(integrator.integrate(StepId("one"), 1, "c" * 40), 5)

    with pytest.raises(AssertionError):
        await running
