"""A worker's desk, a real repository, and a way to call its activities as Temporal would."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from temporalio.testing import ActivityEnvironment

from activities import activities_of
from activities.edge import Desk
from ostinato.adapters.artifacts import ArtifactStore
from ostinato.adapters.home import Home
from ostinato.contracts.activities import (
    EXECUTE_STEP,
    OPEN_WORKSPACE,
    PREPARE_STEP,
    ActivityContract,
    ExecuteStep,
    OpenWorkspace,
    PrepareStep,
)
from ostinato.domain.base import Fact
from ostinato.domain.execution import StepResult
from ostinato.domain.ids import StepId, run_ref
from ostinato.domain.plan import CommandAction, Step
from ostinato.domain.project import ProjectFacts
from ostinato.domain.workspace import Checkout, Workspace
from tests.repositories import RUN, git

In = TypeVar("In", bound=Fact)
Out = TypeVar("Out", bound=Fact)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    repository: Path
    home: Path

    @property
    def desk(self) -> Desk:
        home = Home(self.home)
        return Desk(home, ArtifactStore(home.artifacts))

    async def call(
        self,
        contract: ActivityContract[In, Out],
        argument: In,
        *,
        attempt: int = 1,
        within: ActivityEnvironment | None = None,
    ) -> Out:
        """What the activity of this contract answers; every call is by a worker that remembers nothing."""
        environment = within or ActivityEnvironment()
        environment.info = replace(environment.info, attempt=attempt, activity_type=contract.name)
        implementations = {getattr(found, "__temporal_activity_definition").name: found for found in self.found()}
        result: Out = await environment.run(implementations[contract.name], argument)
        return result

    def found(self) -> list[Callable[..., Any]]:
        return activities_of(self.desk)

    async def opened(self, **fields: Any) -> Workspace:
        """The run's workspace on the repository as it is now."""
        command = OpenWorkspace(run_id=RUN, repository=str(self.repository), **fields)
        return await self.call(OPEN_WORKSPACE, command)

    async def prepared(self, workspace: Workspace, step: Step, *, execution: int = 1, slot: str = "w1") -> Checkout:
        command = PrepareStep(
            workspace=workspace, step=step, execution=execution, slot=slot, head=workspace.head, trusted=True
        )
        return (await self.call(PREPARE_STEP, command)).checkout

    async def ready(self, step: Step, *, trusted: bool = True, slot: str = "w1") -> ExecuteStep:
        """The command to execute this step at the base."""
        workspace = await self.opened()
        return ExecuteStep(
            workspace=workspace,
            step=step,
            execution=1,
            slot=slot,
            head=workspace.head,
            project=ProjectFacts(commit=workspace.base_commit),
            request="do it",
            trusted=trusted,
        )

    async def left_over(self, command: ExecuteStep, path: str, text: str) -> Path:
        """The worktree of this command as somebody left it who did not finish."""
        worktree = Path((await self.prepared(command.workspace, command.step, slot=command.slot)).worktree)
        (worktree / path).write_text(text)
        return worktree

    async def execute(self, command: ExecuteStep, *, attempt: int = 1) -> StepResult:
        return await self.call(EXECUTE_STEP, command, attempt=attempt)

    def refs(self, workspace: Workspace, kind: str) -> Mapping[str, str]:
        """The run's refs of a kind in the private clone: name → commit."""
        prefix = run_ref(workspace.run_id, kind)
        listed = git(Path(workspace.mirror), "for-each-ref", "--format=%(refname) %(objectname)", prefix)
        return dict(line.rsplit(" ", 1) for line in listed.splitlines())


def shell_step(line: str, **fields: Any) -> Step:
    given = {"timeout_s": 30.0, "writes": ("**",), **fields}
    return Step(id=StepId("edit"), name="Edit", action=CommandAction(shell=line), **given)


def shown(workspace: Workspace, commit: str, path: str) -> str:
    return git(Path(workspace.mirror), "show", f"{commit}:{path}")
