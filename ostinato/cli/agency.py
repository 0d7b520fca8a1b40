"""From --agent and the settings to the coding agents of a run."""

from ostinato.cli.call import Call
from ostinato.cli.defining import Problems
from ostinato.domain.agents.described import BUILT_IN
from ostinato.settings import RepositorySettings
from ostinato.staff import AGENT_CURE, staff_of


def agents_of(call: Call, configured: RepositorySettings, problems: Problems) -> tuple[str, ...]:
    """The command line's, else the settings'; every name that nobody describes is a problem."""
    said = getattr(call.arguments, "agent", None) or ()
    names = staff_of(said, "--agent", problems) if said else call.settings.use_agents
    described = [agent.name for agent in (*call.settings.agents, *configured.agents)]
    for name in names:
        if name.partition(":")[0] not in (*BUILT_IN, *described):
            known = ", ".join((*BUILT_IN, *described))
            problems.add(
                "agent_unknown",
                "--agent" if said else "use_agents",
                f"nobody is called {name!r}",
                f"Name one of: {known}; or describe it as [agents.{name.partition(':')[0]}]. {AGENT_CURE}",
            )
    return names
