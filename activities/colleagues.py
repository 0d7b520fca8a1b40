"""Which of a plan's coding agents can work on this machine."""

import asyncio
import tomllib
from pathlib import Path

from activities.edge import Desk
from ostinato.adapters.agents.colleagues import colleagues_of
from ostinato.adapters.git.command import private_git
from ostinato.domain.agents.declared import agents_in
from ostinato.domain.agents.described import DescribedAgent
from ostinato.domain.needs import MissingAgent
from ostinato.domain.plan import Plan
from ostinato.domain.staff import Colleague
from ostinato.domain.workspace import Workspace

CONFIG = ".ostinato/config.toml"


async def staff_of(
    desk: Desk, plan: Plan, workspace: Workspace, *, trusted: bool
) -> tuple[tuple[Colleague, ...], tuple[MissingAgent, ...]]:
    """Those that work, and what is wrong with the others. Starts no model."""
    if desk.agency is None:
        return (), tuple(map(_nobody, plan.agents))
    own = await _of_repository(workspace) if plan.agents else ()
    here, missing = await colleagues_of(desk.agency, desk.prices, plan.agents, own, trusted=trusted)
    return await _with_tracks(desk, workspace.repository_id, here), missing


async def _with_tracks(desk: Desk, repository_id: str, here: tuple[Colleague, ...]) -> tuple[Colleague, ...]:
    """A history that cannot be read makes nobody worse."""
    if desk.history is None or not here:
        return here
    tracks, _ = await asyncio.to_thread(desk.history.tracks, repository_id, [each.name for each in here])
    return tuple(each.with_past(tracks[each.name]) if each.name in tracks else each for each in here)


async def _of_repository(workspace: Workspace) -> tuple[DescribedAgent, ...]:
    """As its base commit describes them; a file that cannot be read describes nobody."""
    shown = await private_git(Path(workspace.mirror)).attempt("show", f"{workspace.base_commit}:{CONFIG}")
    try:
        document = tomllib.loads(shown.stdout) if shown.exit_code == 0 else {}
    except tomllib.TOMLDecodeError:
        document = {}
    return agents_in(document, CONFIG)[0]


def _nobody(name: str) -> MissingAgent:
    return MissingAgent(name=name, problem="this worker has no coding agents", cure="Run a worker of this version")
