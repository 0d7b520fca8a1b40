"""The doctor's word on the sandbox of coding agents: what it enforces here, and what it does not."""

import asyncio

from ostinato.cli.checking import Check
from ostinato.domain.agents.standing import SandboxFacts, SandboxStanding, sandbox_standing

NAME = "sandbox"


def check_sandbox(*, wanted: bool) -> Check:
    """Tries it; starts no agent."""
    from ostinato.adapters.agents.sandbox import examine

    return told(asyncio.run(examine()), wanted=wanted)


def told(facts: SandboxFacts, *, wanted: bool) -> Check:
    """Nobody has to have one: what is wrong with it only counts for those who want it."""
    standing = sandbox_standing(facts)
    if not wanted:
        can = f"{standing.message} works" if standing.works else standing.message
        return Check(name=NAME, verdict="ok", message=f"off for coding agents ({can})")
    if not standing.works:
        return Check(name=NAME, verdict="fail", message=_whole(standing), cure=standing.cure)
    return Check(name=NAME, verdict="ok", message=_whole(standing))


def _whole(standing: SandboxStanding) -> str:
    parts = [standing.message]
    if standing.holds:
        parts.append(f"enforced: {'; '.join(standing.holds)}")
    return ". ".join([*parts, f"Not enforced: {'; '.join(standing.lacks)}"])
