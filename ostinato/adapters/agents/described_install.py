"""Whether an agent's command is on this machine, and which version."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from ostinato.adapters.agents.port import Installation
from ostinato.adapters.processes import run_quiet
from ostinato.domain.agents.described import DescribedAgent
from ostinato.domain.errors import ExternalError

ASK_WITHIN_S = 20.0
GATEWAY = "the gateway"
_VERSION = re.compile(r"\d+\.\d+(?:[\w.+-]*\w)?")


async def find_installation(
    agent: DescribedAgent, env: Mapping[str, str], environ: Mapping[str, str], *, install: str = ""
) -> Installation:
    """`env`: what it would be started with; `environ`: the worker's. Starts nothing but its own words on its version."""
    command = agent.command[0]
    path = shutil.which(command, path=env.get("PATH"))
    if path is None:
        cure = install or f"Install it, or correct command = … in [agents.{agent.name}]"
        return Installation(name=agent.name, problem=f"{command} is not found", cure=cure)
    version, problem = await _version(agent, path, env)
    login = login_of(agent, environ)
    if problem:
        cure = f"Try it: {' '.join((path, *agent.version))}"
        return Installation(name=agent.name, path=path, login=login, is_broken=True, problem=problem, cure=cure)
    missing = [name for name in agent.env if name not in environ]
    told = f"{', '.join(missing)} not set, which its description lets through" if missing else ""
    cure = f"Set {', '.join(missing)} for the worker, or take it out of env" if missing else ""
    return Installation(
        name=agent.name,
        path=path,
        version=version,
        login=login,
        works=True,
        capabilities=agent.capabilities,
        specialities=agent.specialities,
        problem=told,
        cure=cure,
    )


def login_of(agent: DescribedAgent, environ: Mapping[str, str]) -> str:
    """What it would reach its model with, as far as its description says."""
    given = [name for name in agent.env if name in environ]
    if given:
        return f"variables {', '.join(given)}"
    ways = (
        "its own, if it has one" if agent.home != "private" else "",
        GATEWAY if agent.takes_base_url else "",
    )
    return " or ".join(filter(None, ways))


async def _version(agent: DescribedAgent, path: str, env: Mapping[str, str]) -> tuple[str, str]:
    """And what is wrong with its answer."""
    if not agent.version:
        return "", ""
    try:
        said = await run_quiet((path, *agent.version), cwd=Path("/"), env=env, timeout_s=ASK_WITHIN_S)
    except ExternalError as error:
        return "", str(error)
    found = _VERSION.search(said.stdout) or _VERSION.search(said.stderr)
    if not said.ok:
        return "", f"it ended with {said.exit_code} when asked for its version"
    return (found[0] if found else " ".join(said.stdout.split())[:60]), ""
