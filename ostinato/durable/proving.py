"""Post gates: the same tools at the base commit and at the head, in fresh checkouts; only what is new can fail."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError

from ostinato.contracts.activities import JUDGE_GATE, MEASURE_PERFORMANCE, OBSERVE_GATE, PREPARE_GATES, ActivityContract
from ostinato.contracts.gates import JudgeGate, MeasurePerformance, ObserveGate, PrepareGates, Standard
from ostinato.contracts.workflows import step_queue
from ostinato.domain.base import Fact
from ostinato.domain.custom_gates import CustomGate
from ostinato.domain.gates import GateResult, Observation, is_stopping, stopped_gate
from ostinato.domain.plan import GateName
from ostinato.domain.project import ProjectFacts
from ostinato.domain.workspace import Checkout, Workspace
from ostinato.durable.calls import call
from ostinato.durable.places import on_place
from ostinato.durable.record import RunRecord

In = TypeVar("In", bound=Fact)
Out = TypeVar("Out", bound=Fact)
Seen = TypeVar("Seen")
Observations = dict[str, Observation]
_LONG = (OBSERVE_GATE.name, MEASURE_PERFORMANCE.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What judges, and where: at the place of a run, wherever that is by then, or in a fixed workspace."""

    project: ProjectFacts
    """As found at the base: gate commands come from there."""
    trusted: bool
    gates: tuple[GateName, ...]
    custom: tuple[CustomGate, ...] = ()
    offline: bool = False
    record: RunRecord | None = None
    workspace: Workspace | None = None

    @property
    def epoch(self) -> int:
        return self.record.place.epoch if self.record else 0

    @property
    def observed(self) -> tuple[GateName, ...]:
        """Side by side: they leave the checkout as it is."""
        return tuple(gate for gate in self.gates if gate is not GateName.PERFORMANCE)

    async def call(
        self, contract: ActivityContract[In, Out], make: Callable[[Workspace], In], *, activity_id: str, summary: str
    ) -> Out:
        is_long = contract.name in _LONG
        if self.record is not None:
            return await on_place(
                self.record, contract, make, activity_id=activity_id, summary=summary, is_long=is_long
            )
        assert self.workspace is not None
        queue = step_queue(self.workspace.queue) if is_long else self.workspace.queue
        return await call(contract, make(self.workspace), queue=queue, activity_id=activity_id, summary=summary)


async def observe_base(bench: Bench, commit: str) -> Observations:
    """What every gate's tools see at the base commit."""
    if not bench.observed and not bench.custom:
        return {}

    async def look() -> Observations:
        checkout = await _prepare(bench, commit, "base")
        seen = await asyncio.gather(*(_observe(bench, gate, checkout, "base") for gate in bench.observed))
        found = {observation.gate: observation for observation in seen}
        for gate in bench.custom:
            found[gate.name] = await _observe(bench, gate, checkout, "base")
        return found

    return await _wherever(bench, look)


async def prove(
    bench: Bench, *, commit: str, label: str, standard: Standard, base: Callable[[], Awaitable[Observations]]
) -> tuple[GateResult, ...]:
    """Every gate's verdict on one commit. What can stands side by side; after a critical failure nothing more is begun."""
    if not bench.gates and not bench.custom:
        return ()

    async def judge() -> tuple[GateResult, ...]:
        checkout = await _prepare(bench, commit, label, standard)
        verdicts = await _side_by_side(bench, checkout, label, base)
        for gate in bench.custom:
            verdicts += (await _in_turn(verdicts, gate.name, partial(_judged, bench, gate, checkout, label, base)),)
        if GateName.PERFORMANCE in bench.gates:
            measured = partial(_measured, bench, checkout, standard.base)
            verdicts += (await _in_turn(verdicts, GateName.PERFORMANCE, measured),)
        return verdicts

    return await _wherever(bench, judge)


async def _wherever(bench: Bench, work: Callable[[], Awaitable[Seen]]) -> Seen:
    """Again at the new place, where a takeover left the checkout behind."""
    while True:
        epoch = bench.epoch
        try:
            return await work()
        except ActivityError:
            if bench.epoch == epoch:
                raise


async def _side_by_side(
    bench: Bench, checkout: Checkout, label: str, base: Callable[[], Awaitable[Observations]]
) -> tuple[GateResult, ...]:
    """In the order of the plan; those that a critical failure stopped say so."""
    tasks = {gate: asyncio.create_task(_judged(bench, gate, checkout, label, base)) for gate in bench.observed}
    verdicts: dict[GateName, GateResult] = {}
    try:
        pending: Sequence[asyncio.Task[GateResult]] = list(tasks.values())
        while pending and not any(map(is_stopping, verdicts.values())):
            await workflow.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            verdicts |= {gate: task.result() for gate, task in tasks.items() if task.done()}
            pending = [task for task in tasks.values() if not task.done()]
    finally:
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)
    return tuple(
        verdicts.get(gate) or stopped_gate(gate, tuple(verdicts.values()), checkout.judged) for gate in bench.observed
    )


async def _in_turn(
    before: tuple[GateResult, ...], name: str, verdict: Callable[[], Awaitable[GateResult]]
) -> GateResult:
    """Not begun after a critical failure."""
    if any(map(is_stopping, before)):
        return stopped_gate(name, before, before[0].commit)
    return await verdict()


async def _judged(
    bench: Bench,
    gate: GateName | CustomGate,
    checkout: Checkout,
    label: str,
    base: Callable[[], Awaitable[Observations]],
) -> GateResult:
    seen = await _observe(bench, gate, checkout, label)
    before = (await base()).get(seen.gate)
    return await bench.call(
        JUDGE_GATE,
        lambda _: JudgeGate(head=seen, base=before, custom=gate if isinstance(gate, CustomGate) else None),
        activity_id=f"gates-{label}-judge-{seen.gate}",
        summary=f"{seen.gate} · compare with the base",
    )


async def _prepare(bench: Bench, commit: str, label: str, standard: Standard | None = None) -> Checkout:
    checkout = await bench.call(
        PREPARE_GATES,
        lambda place: PrepareGates(
            workspace=place, commit=commit, label=label, trusted=bench.trusted, standard=standard
        ),
        activity_id=f"gates-{label}-prepare",
        summary=f"gates at {label} {commit[:10]} · fresh checkout and environment",
    )
    if checkout.restored and bench.record is not None:
        files = ", ".join(checkout.restored)
        bench.record.note(f"the gates go by the base's configuration in {files}: the request is not about it")
    return checkout


async def _observe(bench: Bench, gate: GateName | CustomGate, checkout: Checkout, label: str) -> Observation:
    name = gate.name if isinstance(gate, CustomGate) else gate
    return await bench.call(
        OBSERVE_GATE,
        lambda place: ObserveGate(
            workspace=place,
            gate=None if isinstance(gate, CustomGate) else gate,
            custom=gate if isinstance(gate, CustomGate) else None,
            checkout=checkout,
            project=bench.project,
            trusted=bench.trusted,
            offline=bench.offline,
        ),
        activity_id=f"gates-{label}-{name}",
        summary=f"{name} at {label} {checkout.judged[:10]}",
    )


async def _measured(bench: Bench, head: Checkout, base_commit: str) -> GateResult:
    base = await _prepare(bench, base_commit, "base")
    return await bench.call(
        MEASURE_PERFORMANCE,
        lambda place: MeasurePerformance(
            workspace=place,
            base=base,
            head=head,
            project=bench.project,
            trusted=bench.trusted,
            offline=bench.offline,
        ),
        activity_id="gates-performance",
        summary=f"performance at {head.judged[:10]} against {base_commit[:10]}, in turns",
    )
