"""One execution of a step where the run's files are: by this workflow, or by a shard of it."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from temporalio import workflow
from temporalio.exceptions import ActivityError

from ostinato.contracts.activities import EXECUTE_STEP, STEP_MARGIN, ExecuteStep
from ostinato.contracts.workflows import CarryStep, StartShard, step_queue
from ostinato.domain.agents.proving import MOST_ROUNDS, check_timeout_s
from ostinato.domain.execution import StepResult
from ostinato.domain.permissions import Network
from ostinato.domain.plan import Step
from ostinato.domain.request import headline
from ostinato.durable.calls import call, is_silence
from ostinato.durable.places import PlaceLost, in_flight
from ostinato.durable.record import RunRecord


class CarryingFailed(Exception):  # noqa: N818 - it is one step's
    """The activity of a step failed in a way that is no result."""


class Carrier(Protocol):
    async def carry(self, order: CarryStep) -> StepResult:
        """The result of this execution; PlaceLost where nobody took it up. Cancelling waits until it has stopped."""
        ...


@dataclass(slots=True)
class DirectCarrier:
    """By this workflow itself."""

    record: RunRecord
    terms: StartShard = field(init=False)

    def __post_init__(self) -> None:
        self.terms = terms_of(self.record)

    async def carry(self, order: CarryStep) -> StepResult:
        async with in_flight(self.record, is_long=True):
            return await carry_out(order, self.terms)


async def carry_out(order: CarryStep, terms: StartShard) -> StepResult:
    step = order.step
    try:
        return await call(
            EXECUTE_STEP,
            ExecuteStep(
                workspace=order.workspace,
                step=step,
                execution=order.execution,
                slot=order.slot,
                head=order.head,
                project=terms.project,
                request=terms.request,
                trusted=terms.trusted,
                context=order.context,
                strict_claims=terms.strict_claims,
                offline=terms.offline,
                order=order.order,
            ),
            queue=step_queue(order.workspace.queue),
            activity_id=f"{step.id}-{order.execution}-execute",
            summary=f"{step.name} · {what_of(step)}",
            start_to_close=longest(order),
            patience=timedelta(seconds=order.patience_s),
            counts=True,
        )
    except ActivityError as error:
        if is_silence(error):
            raise PlaceLost from error
        raise


def longest(order: CarryStep) -> timedelta:
    """Then it hangs: whatever it does has a limit of its own, and what this ends is done once more."""
    step = order.step
    checks_s = len(step.checks) * check_timeout_s(step) * (MOST_ROUNDS + 1) if order.order is not None else 0.0
    return timedelta(seconds=step.timeout_s + checks_s) + STEP_MARGIN


def terms_of(record: RunRecord) -> StartShard:
    """What holds for every step of the run."""
    return StartShard(
        run_workflow=workflow.info().workflow_id,
        name="",
        project=record.facts,
        request=record.request.text,
        trusted=record.request.options.trusted,
        strict_claims=record.steps.plan.strict_claims,
        offline=record.request.options.policy.network is Network.DENY,
    )


def what_of(step: Step) -> str:
    action = step.action
    if action.kind == "agent":
        return headline(action.prompt, 100)
    return action.tool if action.kind == "tool" else headline(action.line if action.kind == "command" else "", 100)


@dataclass(slots=True)
class Slots:
    """Worktrees that steps take turns in."""

    free: list[int]

    @classmethod
    def of(cls, count: int, taken: set[str]) -> "Slots":
        return cls(free=[number for number in range(count + len(taken)) if f"w{number}" not in taken][:count])

    def take(self) -> str:
        """Never empty: as many as may work at once, and whoever waits gives its own back."""
        return f"w{self.free.pop(0)}"

    def give_back(self, slot: str) -> None:
        self.free.append(int(slot.removeprefix("w")))
        self.free.sort()


@dataclass(slots=True)
class Room:
    """Waits for a slot of the machine that a step which waited has to get again."""

    record: RunRecord
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def enter(self, cap: int) -> None:
        async with self.lock:
            await workflow.wait_condition(lambda: self.record.steps.has_room(cap))
