"""From --agent and the settings to the coding agents of a run."""

from ostinato.cli.call import Call
from ostinato.cli.defining import Problems
from ostinato.domain.agents.declared import declared, missing_agents
from ostinato.settings import RepositorySettings
from ostinato.staff import staff_of


def agents_of(call: Call, configured: RepositorySettings, problems: Problems) -> tuple[str, ...]:
    """The command line's, else the settings'; every name that nobody describes is a problem."""
    said = getattr(call.arguments, "agent", None) or ()
    names = staff_of(said, "--agent", problems) if said else call.settings.use_agents
    known = declared(call.settings.agents, configured.agents, trusted=True)
    problems.extend(missing_agents((name.partition(":")[0] for name in names), known))
    return names
