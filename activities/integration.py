"""Steps' commits on the run's branch, and what else compares commits."""

from pathlib import Path

from activities.edge import Desk, Pulse, edge
from activities.places import branch_ref, keep_place
from ostinato.adapters.git.forecast import Sibling, conflict_diff, forecast
from ostinato.adapters.git.integration import StepCommit, integrate_all
from ostinato.adapters.git.objects import StepKey
from ostinato.adapters.git.remote import push_checkpoints
from ostinato.contracts.activities import (
    DESCRIBE_CONFLICT,
    FORECAST_CONFLICTS,
    INTEGRATE_STEPS,
    ConflictDescription,
    ConflictForecast,
    DescribeConflict,
    ForecastConflicts,
    Forecasts,
    Integrated,
    IntegrateSteps,
)
from ostinato.domain.errors import ExternalError
from ostinato.domain.workspace import Workspace


class IntegrationActivities:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @edge(INTEGRATE_STEPS)
    async def integrate(self, command: IntegrateSteps, pulse: Pulse) -> Integrated:
        """A second execution finds the steps' commits on the branch and returns them."""
        workspace = command.workspace
        await keep_place(self._desk, workspace, command.head)
        integrations = await integrate_all(
            Path(workspace.mirror),
            branch_ref=branch_ref(workspace),
            base=workspace.base_commit,
            expected_head=command.head,
            commits=[
                StepCommit(
                    key=StepKey(run_id=workspace.run_id, step_id=step.step_id, execution=step.execution),
                    commit=step.commit,
                )
                for step in command.steps
            ],
        )
        head = integrations[-1].head if integrations else command.head
        pulse.say("pushing checkpoints")
        pushed = await push(self._desk, workspace, head, pulse)
        return Integrated(integrations=integrations, head=head, superseded=pushed.superseded, note=pushed.note)

    @edge(FORECAST_CONFLICTS)
    async def forecast(self, command: ForecastConflicts, pulse: Pulse) -> Forecasts:
        """Reads only."""
        workspace = command.workspace
        found = await forecast(
            Path(workspace.mirror),
            commit=command.head,
            siblings=[
                Sibling(step_id=it.step_id, worktree=Path(workspace.root) / it.slot / "tree", parent=it.head)
                for it in command.siblings
            ],
        )
        seen = (ConflictForecast(step_id=it.step_id, paths=it.paths[:20], against=it.against) for it in found)
        return Forecasts(conflicts=tuple(seen))

    @edge(DESCRIBE_CONFLICT)
    async def describe(self, command: DescribeConflict, pulse: Pulse) -> ConflictDescription:
        """Reads only. Both sides may have stayed on a machine that is gone."""
        key = StepKey(run_id=command.workspace.run_id, step_id=command.step_id, execution=command.execution)
        try:
            text = await conflict_diff(Path(command.workspace.mirror), key=key)
        except ExternalError as error:
            text = f"The two sides are not here any more: {error}"
        return ConflictDescription(diff=self._desk.redactor.text(text))


class PushOutcome:
    """What became of a push; a target that cannot be reached stops nothing."""

    __slots__ = ("note", "superseded")

    def __init__(self, *, superseded: bool, note: str) -> None:
        self.superseded, self.note = superseded, note


async def push(desk: Desk, workspace: Workspace, head: str, pulse: Pulse) -> PushOutcome:
    pushed = await push_checkpoints(
        Path(workspace.mirror),
        target_of(workspace),
        run_id=workspace.run_id,
        epoch=workspace.epoch,
        owner=desk.home.queue,
        head=head,
        redactor=pulse.redactor,
    )
    note = "" if pushed.ok or pushed.superseded else f"checkpoints were not pushed: {pushed.message}"
    return PushOutcome(superseded=pushed.superseded, note=note)


def target_of(workspace: Workspace) -> str:
    return workspace.checkpoint_remote or workspace.repository
