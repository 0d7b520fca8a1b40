"""Whatever fails, in whichever class: what is declared for it is what happens, and the run ends as declared."""

import asyncio
import contextlib
from datetime import timedelta
from itertools import cycle
from typing import Any, cast

import pytest
from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError

from ostinato.contracts import activities as contracts
from ostinato.domain.decisions import Decision
from ostinato.domain.diagnosis import ErrorClass
from ostinato.domain.execution import StepOutcome, StepResult, StepState
from ostinato.domain.pipeline import Outcome, Phase
from ostinato.domain.plan import Step
from ostinato.domain.recovering.classes import LIMITS, StrategyName
from ostinato.domain.report import Snapshot
from tests.fakes.world import World, succeeded, tool_step
from tests.resilience import RESILIENCE, Failed, equipped
from tests.workflows.conftest import CACHED_WORKFLOWS, running
from tests.workflows.steering import Handle, a_plan, answer, ask, state_of
from tests.workflows.test_every_activity import OF_A_RUN, acted, scene_of

pytestmark = [
    pytest.mark.server,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(CACHED_WORKFLOWS == 0, reason="many runs at once, each followed: replays would take minutes"),
]

BY_NAME = {failed.error_class.replace("_", "-"): failed for failed in RESILIENCE}
IN_RECOVERY = ("step.execute", "step.integrate", "step.describe_conflict", "workspace.take_over", "worker.pulse")
"""What a step is made of: recovery decides about it, as about a failure that the step returns."""
OTHERS = [contract for contract in OF_A_RUN if contract.name not in IN_RECOVERY]
ROTATING = list(zip(OTHERS, cycle(RESILIENCE), strict=False))
AT_ONCE = 8
WAITS = 2
"""For a limit, instead of 20: a server's timers are as coarse as a second."""


@pytest.mark.parametrize("raises", [False, True], ids=["returned", "raised"])
@pytest.mark.parametrize("well_equipped", [False, True], ids=["bare", "equipped"])
async def test_a_step_that_fails_in_each_class_takes_the_declared_course(
    server: Client, monkeypatch: pytest.MonkeyPatch, well_equipped: bool, raises: bool
) -> None:
    monkeypatch.setattr("ostinato.domain.recovering.deciding.BACKOFF_S", (0.0,))
    monkeypatch.setattr("ostinato.domain.recovering.deciding.RESET_GUESS_S", (0.0,))
    monkeypatch.setattr("ostinato.domain.recovering.deciding.RESET_MARGIN", timedelta(0))
    monkeypatch.setitem(cast(dict[StrategyName, int], LIMITS), StrategyName.WAIT_FOR_RESET, WAITS)

    def made(name: str) -> Step:
        bare = tool_step(name, critical=False)
        return equipped(bare) if well_equipped else bare

    plan = a_plan(*(made(name) for name in BY_NAME), max_parallel=len(BY_NAME))
    prepare = always_failing(raises=raises)
    async with running(server, plan, prepare=prepare) as (handle, _, _):
        person = asyncio.create_task(_leave_out(handle))
        snapshot = await asyncio.wait_for(handle.result(), 180)
        person.cancel()

    assert snapshot.outcome is Outcome.DEGRADED
    for name, failed in BY_NAME.items():
        declared = failed.equipped if well_equipped else failed.bare
        waits = declared.count(StrategyName.WAIT_FOR_RESET)
        declared = declared[max(0, waits - WAITS) :]
        told = tuple(entry.strategy for entry in snapshot.recoveries if entry.step == name)
        assert told == tuple(it for it in declared if it not in NOT_TOLD), name
        assert {entry.error_class for entry in snapshot.recoveries if entry.step == name} <= {failed.error_class}
        expected = StepState.SKIPPED if StrategyName.ESCALATE in declared else StepState.FAILED
        assert state_of(snapshot, name) is expected, name


NOT_TOLD = (StrategyName.GIVE_UP, StrategyName.SIMPLIFY_AND_RETRY)
"""That nothing is done is no recovery; a tool cannot be split, and nobody is to be asked to."""


async def test_whichever_part_of_a_run_fails_its_class_is_told(server: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ostinato.durable.integrating.FORECAST_AFTER", timedelta(0))

    await _all_end_as_declared(server, ROTATING)


@pytest.mark.slow
@pytest.mark.heavy
@pytest.mark.parametrize("contract", OTHERS, ids=lambda contract: str(contract.name))
async def test_every_part_of_a_run_fails_in_every_class(
    server: Client, monkeypatch: pytest.MonkeyPatch, contract: contracts.ActivityContract[Any, Any]
) -> None:
    monkeypatch.setattr("ostinato.durable.integrating.FORECAST_AFTER", timedelta(0))

    await _all_end_as_declared(server, [(contract, failed) for failed in RESILIENCE])


async def _all_end_as_declared(server: Client, cases: list[tuple[Any, Failed]]) -> None:
    room = asyncio.Semaphore(AT_ONCE)

    async def end(contract: Any, failed: Failed) -> None:
        async with room:
            snapshot = await _ended(server, contract, failed)
        case = (contract.name, failed.error_class)
        assert (snapshot.outcome, snapshot.phase) == (scene_of(contract).when_it_raises, Phase.ENDED), case
        assert _class_told(snapshot) in ("", failed.error_class), case

    await asyncio.gather(*(end(contract, failed) for contract, failed in cases))


async def _ended(server: Client, contract: Any, failed: Failed) -> Snapshot:
    async def broken(_: object) -> None:
        raise error_of(failed)

    def prepare(world: World) -> None:
        world.overrides[contract.name] = broken

    async with acted(server, scene_of(contract), prepare) as (handle, _):
        return await asyncio.wait_for(handle.result(), 180)


def _class_told(snapshot: Snapshot) -> str:
    """Of what ended the run, where that was an activity of its own."""
    return snapshot.stop.diagnosis.error_class if snapshot.stop and snapshot.stop.diagnosis else ""


def error_of(failed: Failed) -> ApplicationError:
    """As the activities' edge raises it."""
    return ApplicationError(
        failed.diagnosis.because or failed.failure.message, type=failed.diagnosis.code, non_retryable=True
    )


def always_failing(*, raises: bool) -> Any:
    async def execute(command: contracts.ExecuteStep) -> StepResult:
        failed = BY_NAME.get(str(command.step.id))
        if failed is None:  # what recovery does aside
            return succeeded(command)
        if raises and failed.error_class is not ErrorClass.CONTENTION:  # it is no error but a comparison
            raise error_of(failed)
        return _failed(command.step.id, command.execution, failed)

    async def prepare(command: contracts.PrepareStep) -> contracts.PreparedStep:
        raise error_of(BY_NAME[str(command.step.id)])

    return lambda world: world.overrides.update({"step.execute": execute, "step.prepare": prepare})


def _failed(step_id: Any, execution: int, failed: Failed) -> StepResult:
    """A limit is lifted a little later than now."""
    soon = activity.info().started_time + timedelta(seconds=0.1)
    is_limit = failed.error_class is ErrorClass.RATE_LIMIT
    found = failed.diagnosis.model_copy(update={"reset_at": soon if is_limit else None})
    failure = failed.failure.model_copy(update={"diagnosis": found})
    return StepResult(step_id=step_id, execution=execution, outcome=StepOutcome.FAILED, failure=failure)


async def _leave_out(handle: Handle) -> None:
    """A conflict that does not go away."""
    while True:
        with contextlib.suppress(Exception):  # the run may end meanwhile
            for decision in await ask(handle, "pending_decisions", list[Decision]):
                await answer(handle, decision, "skip")
        await asyncio.sleep(0.05)
