"""What a gate is given."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ostinato.adapters.artifacts import ArtifactStore
from ostinato.adapters.tools.context import ToolContext
from ostinato.domain.project import ProjectFacts
from ostinato.domain.redaction import Redactor
from ostinato.domain.workspace import Environment


@dataclass(frozen=True, slots=True, kw_only=True)
class GateContext:
    tree: Path
    commit: str
    environment: Environment
    project: ProjectFacts
    """As found at the base commit: it decides which tools judge."""
    trusted: bool
    artifacts: ArtifactStore
    redactor: Redactor
    marker: str
    timeout_s: float
    progress: Callable[[str], None]
    offline: bool = False

    def for_tools(self) -> ToolContext:
        return ToolContext(
            tree=self.tree,
            environment=self.environment,
            project=self.project,
            trusted=self.trusted,
            args={},
            artifacts=self.artifacts,
            redactor=self.redactor,
            marker=self.marker,
            timeout_s=self.timeout_s,
            progress=self.progress,
            offline=self.offline,
        )
