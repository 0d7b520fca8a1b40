"""Which of a plan's coding agents can work on this machine."""

import asyncio
import tomllib
from pathlib import Path

from activities.edge import Desk
from ostinato.adapters.agents.agency import Agency
from ostinato.adapters.git.command import private_git
from ostinato.adapters.processes import clean_environment
from ostinato.domain.agents.declared import agents_in, declared, missing_agents
from ostinato.domain.agents.described import DescribedAgent
from ostinato.domain.errors import UserError
from ostinato.domain.needs import MissingAgent
from ostinato.domain.plan import Plan
from ostinato.domain.staff import Colleague
from ostinato.domain.workspace import Workspace

CONFIG = ".ostinato/config.toml"
IN_SANDBOX = "agents run in a sandbox, and it has no key or address of its model's provider to reach it by"
LET_OUT = "Give the worker the provider's key, or switch the sandbox off: OSTINATO_SANDBOX=off"


async def staff_of(
    desk: Desk, plan: Plan, workspace: Workspace, *, trusted: bool
) -> tuple[tuple[Colleague, ...], tuple[MissingAgent, ...]]:
    """Those that work, and what is wrong with the others. Starts no model."""
    here: list[Colleague] = []
    missing: list[MissingAgent] = []
    own = await _of_repository(workspace) if plan.agents else ()
    for name in plan.agents:
        found = await _looked_at(desk, desk.agency, name, own, trusted=trusted) if desk.agency else _nobody(name)
        if isinstance(found, Colleague):
            here.append(found)
        else:
            missing.append(found)
    return await _with_tracks(desk, workspace.repository_id, here), tuple(missing)


async def _with_tracks(desk: Desk, repository_id: str, here: list[Colleague]) -> tuple[Colleague, ...]:
    """A history that cannot be read makes nobody worse."""
    if desk.history is None or not here:
        return tuple(here)
    tracks, _ = await asyncio.to_thread(desk.history.tracks, repository_id, [each.name for each in here])
    known = {name: {"succeeded": done, "failed": failed} for name, (done, failed) in tracks.items()}
    return tuple(each.model_copy(update=known.get(each.name, {})) for each in here)


async def _of_repository(workspace: Workspace) -> tuple[DescribedAgent, ...]:
    """As its base commit describes them; a file that cannot be read describes nobody."""
    shown = await private_git(Path(workspace.mirror)).attempt("show", f"{workspace.base_commit}:{CONFIG}")
    try:
        document = tomllib.loads(shown.stdout) if shown.exit_code == 0 else {}
    except tomllib.TOMLDecodeError:
        document = {}
    return agents_in(document, CONFIG)[0]


async def _looked_at(
    desk: Desk, agency: Agency, name: str, own: tuple[DescribedAgent, ...], *, trusted: bool
) -> Colleague | MissingAgent:
    """What a user describes counts before what a repository does."""
    kind, _, model = name.partition(":")
    described = next((agent for agent in own if agent.name == kind), None)
    try:
        agent, text = agency.agent(kind), ""
    except UserError as error:
        if described is None or not trusted:
            known = declared((), own, trusted=trusted)
            problem = next(iter(missing_agents((kind,), known)), error.problems[0])
            return MissingAgent(name=name, problem=problem.message, cure=problem.cure)
        text = described.model_dump_json(exclude_defaults=True)
        agent = agency.agent(kind, text)
    found = await agent.installation({**agency.environ, **clean_environment()})
    by_gateway = agency.through_gateway(agent) is not None
    if not found.path or not (found.works or by_gateway):
        return MissingAgent(name=name, problem=found.problem or "it does not work here", cure=found.cure)
    if agency.is_sandboxed and agent.abilities.wire and not by_gateway:
        return MissingAgent(name=name, problem=IN_SANDBOX, cure=LET_OUT)
    return Colleague(
        name=name,
        account=agency.account(agent),
        version=found.version,
        capabilities=found.capabilities,
        described=text,
        terms=desk.prices.terms(agency.priced_as(agent, model)),
    )


def _nobody(name: str) -> MissingAgent:
    return MissingAgent(name=name, problem="this worker has no coding agents", cure="Run a worker of this version")
