"""A step's worktree with a sandbox around it, and ways to run things in there."""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from ostinato.adapters.agents.sandbox import Occupant, Sandbox, examine, in_sandbox
from ostinato.adapters.artifacts import ArtifactStore
from ostinato.adapters.git.seclusion import seclude
from ostinato.adapters.git.worktrees import prepare_worktree
from ostinato.adapters.processes import ProcessEnd, ProcessSpec, Streamed, clean_environment, run_supervised, streaming
from ostinato.domain.agents.standing import sandbox_standing
from ostinato.domain.precautions import Limits
from ostinato.domain.redaction import Redactor
from tests.integration.grounds import Ground, a_ground
from tests.repositories import RUN

REQUIRED = "OSTINATO_TEST_SANDBOX"
"""Set where a missing sandbox is a failure: in continuous integration."""


@dataclass(slots=True, kw_only=True)
class Cell:
    folder: Path
    ground: Ground
    sandbox: Sandbox
    base_url: str = ""
    resumes: bool = False
    limits: Limits = field(default_factory=Limits)
    env: Mapping[str, str] = field(default_factory=dict)

    @property
    def tree(self) -> Path:
        return self.ground.slot

    @property
    def private(self) -> Path:
        return self.folder / "private"

    @property
    def own(self) -> Path:
        """Where the agent's repository is."""
        return self.folder / "own"

    @property
    def marker(self) -> str:
        return str(self.folder)

    async def sh(self, script: str) -> ProcessEnd:
        return await self.run("sh", "-c", script)

    async def run(self, *argv: str) -> ProcessEnd:
        return await run_supervised(await self.spec(*argv), artifacts=self._artifacts, redactor=Redactor())

    @asynccontextmanager
    async def streaming(self, *argv: str) -> AsyncIterator[Streamed]:
        async with streaming(await self.spec(*argv), artifacts=self._artifacts, redactor=Redactor()) as running:
            yield running

    async def spec(self, *argv: str) -> ProcessSpec:
        spec = ProcessSpec(
            argv=argv,
            cwd=self.tree,
            env={**clean_environment(), **self.env},
            timeout_s=60,
            marker=self.marker,
            limits=self.limits,
        )
        occupant = Occupant(tree=self.tree, private=self.private, base_url=self.base_url, resumes=self.resumes)
        return await in_sandbox(spec, self.sandbox, occupant)

    def with_sandbox(self, **changes: object) -> None:
        self.sandbox = replace(self.sandbox, **changes)  # type: ignore[arg-type]

    @property
    def _artifacts(self) -> ArtifactStore:
        return ArtifactStore(self.folder / "artifacts")


async def a_cell(folder: Path) -> Cell:
    """Skips the test where there is no sandbox, loudly; fails it where there has to be one."""
    standing = sandbox_standing(await examine())
    if not standing.works:
        told = f"NOT PROVED HERE: the sandbox of agents. {standing.message}. {standing.cure}"
        pytest.fail(told) if os.environ.get(REQUIRED) else pytest.skip(told)
    ground = await a_ground(folder)
    await prepare_worktree(ground.mirror, ground.slot, ground.base, RUN)
    own = folder / "own"
    repository = await seclude(ground.slot, mirror=ground.mirror, base=ground.base, folder=own)
    sandbox = Sandbox(
        folder=folder / "sandbox", repository=repository, objects=ground.mirror / "objects", needs_model=False
    )
    return Cell(folder=folder, ground=ground, sandbox=sandbox)
