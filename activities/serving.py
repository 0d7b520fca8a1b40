"""MCP servers for a step's agent: those that the run was given, started by the agent, with this worker's values."""

from collections.abc import Mapping
from pathlib import Path

from activities.edge import Pulse
from ostinato.adapters.agents.port import CodingAgent
from ostinato.adapters.resources import CommitTree, FolderTree, discover
from ostinato.adapters.resources.definitions import Served, served
from ostinato.adapters.resources.places import USER_SERVERS
from ostinato.contracts.activities import ExecuteStep
from ostinato.domain.resources import Kind


async def servers_for(command: ExecuteStep, agent: CodingAgent, environ: Mapping[str, str], pulse: Pulse) -> Served:
    """What the pulse says from then on holds none of their values. An untrusted repository's are never among them."""
    activation = command.order.activation if command.order else None
    if activation is None or not activation.servers:
        return Served()
    if not agent.abilities.loads_servers:
        return Served(left_out=tuple(f"{agent.name} loads no MCP servers: {each.name}" for each in activation.servers))
    home = Path.home()
    repository = CommitTree(Path(command.workspace.mirror), command.workspace.base_commit)
    believed = (await discover(repository, home)).believed(trusted=command.trusted)
    found = await served(
        activation.servers,
        believed.of(Kind.SERVER),
        repository=repository,
        user=FolderTree(home, (USER_SERVERS,)) if home.is_dir() else None,
        environ=environ,
    )
    pulse.redactor = pulse.redactor.knowing(found.secrets)
    return found
