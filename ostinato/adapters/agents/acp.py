"""Any agent of the Agent Client Protocol, as a process of ours that is spoken to over its standard streams."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ostinato.adapters.agents.described_install import find_installation
from ostinato.adapters.agents.described_launch import invocation_of
from ostinato.adapters.agents.described_sessions import noting_sessions, session_files
from ostinato.adapters.agents.port import Abilities, AgentTask, Installation, Watched
from ostinato.adapters.agents.running import run_agent
from ostinato.domain.agents import AgentEnd
from ostinato.domain.agents.described import DescribedAgent

LEAVE_S = 1.5
"""After its answer and the end of its input: what it has to keep, it has kept by then, and not all leave by themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AcpAgent:
    described: DescribedAgent
    called: str = ""
    """Instead of its description's name."""
    install: str = ""
    """How it is installed, for people."""
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    """The worker's, of which the description lets some through."""

    @property
    def name(self) -> str:
        return self.called or self.described.name

    @property
    def abilities(self) -> Abilities:
        """As far as they are known before it is asked: money and tokens are reported by most, not by all."""
        return Abilities(
            resumes=True,
            takes_base_url=self.described.takes_base_url,
            wire=self.described.wire,
            reports_tokens=True,
            loads_servers=True,
            names_model=self.described.names_model,
        )

    async def installation(self, env: Mapping[str, str]) -> Installation:
        found = await find_installation(self.described, env, self.environ, install=self.install)
        return replace(found, name=self.name)

    def sessions(self, task: AgentTask) -> tuple[Path, ...]:
        return session_files(task.private, task.session_id)

    async def run(self, task: AgentTask, watched: Watched) -> AgentEnd:
        from ostinato.adapters.agents.acp_conversation import Conversation  # The SDK takes its time to be imported.

        invocation = invocation_of(self.described, task, self.environ)
        if isinstance(invocation, AgentEnd):
            return invocation
        talk = Conversation(task, self.described.acp, model=task.access.model or self.described.model)
        end = await run_agent(
            replace(invocation, leave_s=LEAVE_S), talk, task, noting_sessions(watched, task.private), talk
        )
        return end.model_copy(update={"session_id": ""}) if talk.session_lost else end
