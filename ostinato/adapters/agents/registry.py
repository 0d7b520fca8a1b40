"""Every coding agent by its name. An agent's module is imported when the agent is asked for, and no sooner."""

import os
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module

from ostinato.adapters.agents.port import CodingAgent
from ostinato.domain.agents.declared import Declared, missing_agents
from ostinato.domain.agents.described import DescribedAgent
from ostinato.domain.agents.known_acp import KNOWN_ACP
from ostinato.domain.errors import UserError

NATIVE: Mapping[str, tuple[str, str]] = {
    "claude": ("ostinato.adapters.agents.claude", "ClaudeCode"),
    "codex": ("ostinato.adapters.agents.codex", "CodexAgent"),
    "opencode": ("ostinato.adapters.agents.opencode", "OpencodeAgent"),
    "gemini": ("ostinato.adapters.agents.gemini", "GeminiAgent"),
}


def find_agents(
    names: Iterable[str], known: Declared | None = None, environ: Mapping[str, str] = os.environ
) -> Mapping[str, CodingAgent]:
    """Raises UserError with every name that is not known, each with its cure."""
    wanted, declared = tuple(dict.fromkeys(names)), known or Declared()
    if problems := missing_agents(wanted, declared):
        raise UserError(problems)
    return {name: _agent(name, declared, environ) for name in wanted}


def finder(
    known: Declared, environ: Mapping[str, str] = os.environ, *, sandboxed: bool = False
) -> Callable[[str], CodingAgent]:
    """One agent by its name; raises UserError for a stranger. `sandboxed`: in ours, where no other fits inside."""

    def find(name: str) -> CodingAgent:
        if sandboxed and name == "codex":
            from ostinato.adapters.agents.codex import CodexAgent

            return CodexAgent(own_sandbox=False)
        return find_agents((name,), known, environ)[name]

    return find


def _agent(name: str, known: Declared, environ: Mapping[str, str]) -> CodingAgent:
    if name in NATIVE:
        module, made_by = NATIVE[name]
        built_in: CodingAgent = getattr(import_module(module), made_by)()
        return built_in
    if name in KNOWN_ACP:
        agent, install = KNOWN_ACP[name]
        return _acp(agent, environ, called=name, install=install)
    return described_agent(known.described[name], environ)


def described_agent(agent: DescribedAgent, environ: Mapping[str, str]) -> CodingAgent:
    """Whoever described it is trusted: its command is run."""
    if agent.speaks == "acp":
        return _acp(agent, environ)
    from ostinato.adapters.agents.command import CommandAgent

    return CommandAgent(described=agent, environ=environ)


def _acp(agent: DescribedAgent, environ: Mapping[str, str], *, called: str = "", install: str = "") -> CodingAgent:
    from ostinato.adapters.agents.acp import AcpAgent

    return AcpAgent(described=agent, called=called, install=install, environ=environ)
