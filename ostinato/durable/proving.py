"""Post gates: the same tools at the base commit and at the head, in fresh checkouts; only what is new can fail."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from temporalio.exceptions import ActivityError

from ostinato.contracts.activities import (
    JUDGE_GATE,
    OBSERVE_GATE,
    PREPARE_GATES,
    ActivityContract,
    JudgeGate,
    ObserveGate,
    PrepareGates,
)
from ostinato.contracts.workflows import step_queue
from ostinato.domain.base import Fact
from ostinato.domain.gates import GateResult, Observation
from ostinato.domain.plan import GateName
from ostinato.domain.project import ProjectFacts
from ostinato.domain.workspace import Checkout, Workspace
from ostinato.durable.calls import call
from ostinato.durable.places import on_place
from ostinato.durable.record import RunRecord

In = TypeVar("In", bound=Fact)
Out = TypeVar("Out", bound=Fact)
Observations = dict[GateName, Observation]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Where gates are run: at the place of a run, wherever that is by then, or in a fixed workspace."""

    project: ProjectFacts
    """As found at the base: gate commands come from there."""
    trusted: bool
    record: RunRecord | None = None
    workspace: Workspace | None = None

    @property
    def epoch(self) -> int:
        return self.record.place.epoch if self.record else 0

    async def call(
        self, contract: ActivityContract[In, Out], make: Callable[[Workspace], In], *, activity_id: str, summary: str
    ) -> Out:
        is_long = contract.name == OBSERVE_GATE.name
        if self.record is not None:
            return await on_place(
                self.record, contract, make, activity_id=activity_id, summary=summary, is_long=is_long
            )
        assert self.workspace is not None
        queue = step_queue(self.workspace.queue) if is_long else self.workspace.queue
        return await call(contract, make(self.workspace), queue=queue, activity_id=activity_id, summary=summary)


async def observe_gates(bench: Bench, gates: tuple[GateName, ...], *, commit: str, label: str) -> Observations:
    """What every gate's tools see at one commit, each in the same fresh checkout, side by side."""
    if not gates:
        return {}
    while True:
        epoch = bench.epoch
        try:
            checkout = await _prepare(bench, commit, label)
            seen = await asyncio.gather(*(_observe(bench, gate, checkout, label) for gate in gates))
            return dict(zip(gates, seen, strict=True))
        except ActivityError:
            if bench.epoch == epoch:
                raise  # else the checkout was left behind by a takeover


async def judge_gates(bench: Bench, head: Observations, base: Observations) -> tuple[GateResult, ...]:
    return tuple(await asyncio.gather(*(_judge(bench, gate, seen, base.get(gate)) for gate, seen in head.items())))


async def _prepare(bench: Bench, commit: str, label: str) -> Checkout:
    return await bench.call(
        PREPARE_GATES,
        lambda place: PrepareGates(workspace=place, commit=commit, label=label, trusted=bench.trusted),
        activity_id=f"gates-{label}-prepare",
        summary=f"gates at {label} {commit[:10]} · fresh checkout and environment",
    )


async def _observe(bench: Bench, gate: GateName, checkout: Checkout, label: str) -> Observation:
    return await bench.call(
        OBSERVE_GATE,
        lambda place: ObserveGate(
            workspace=place, gate=gate, checkout=checkout, project=bench.project, trusted=bench.trusted
        ),
        activity_id=f"gates-{label}-{gate}",
        summary=f"{gate} at {label} {checkout.commit[:10]}",
    )


async def _judge(bench: Bench, gate: GateName, head: Observation, base: Observation | None) -> GateResult:
    return await bench.call(
        JUDGE_GATE,
        lambda _: JudgeGate(head=head, base=base),
        activity_id=f"gates-judge-{gate}",
        summary=f"{gate} · compare with the base",
    )
