"""Post gates: the same tools at the base commit and at the head, in fresh checkouts; only what is new can fail."""

import asyncio

from ostinato.contracts.activities import (
    JUDGE_GATE,
    OBSERVE_GATE,
    PREPARE_GATES,
    JudgeGate,
    ObserveGate,
    PrepareGates,
)
from ostinato.domain.gates import GateResult, Observation
from ostinato.domain.plan import GateName
from ostinato.domain.project import ProjectFacts
from ostinato.domain.workspace import Workspace
from ostinato.durable.calls import call

Observations = dict[GateName, Observation]


async def observe_gates(
    workspace: Workspace,
    project: ProjectFacts,
    gates: tuple[GateName, ...],
    *,
    commit: str,
    label: str,
    trusted: bool,
) -> Observations:
    """What every gate's tools see at one commit, each in the same fresh checkout, side by side."""
    if not gates:
        return {}
    checkout = await call(
        PREPARE_GATES,
        PrepareGates(workspace=workspace, commit=commit, label=label, trusted=trusted),
        queue=workspace.queue,
        activity_id=f"gates-{label}-prepare",
        summary=f"gates at {label} {commit[:10]} · fresh checkout and environment",
    )
    seen = await asyncio.gather(
        *(
            call(
                OBSERVE_GATE,
                ObserveGate(workspace=workspace, gate=gate, checkout=checkout, project=project, trusted=trusted),
                queue=workspace.queue,
                activity_id=f"gates-{label}-{gate}",
                summary=f"{gate} at {label} {commit[:10]}",
            )
            for gate in gates
        )
    )
    return dict(zip(gates, seen, strict=True))


async def judge_gates(workspace: Workspace, head: Observations, base: Observations) -> tuple[GateResult, ...]:
    return tuple(
        await asyncio.gather(
            *(
                call(
                    JUDGE_GATE,
                    JudgeGate(head=observation, base=base.get(gate)),
                    queue=workspace.queue,
                    activity_id=f"gates-judge-{gate}",
                    summary=f"{gate} · compare with the base",
                )
                for gate, observation in head.items()
            )
        )
    )
