"""The coding agents of one worker: who is here, whose account pays, and how each reaches its model."""

import platform
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from ostinato.adapters.agents.port import Access, CodingAgent
from ostinato.adapters.agents.registry import described_agent, finder
from ostinato.adapters.agents.sandbox import Sandbox
from ostinato.adapters.gateway import Gateway, Pass, Tape, TapeMode, upstreams_of
from ostinato.adapters.home import Home
from ostinato.domain.agents.declared import declared
from ostinato.domain.agents.described import DescribedAgent
from ostinato.domain.agents.wires import Wire
from ostinato.domain.budget.amounts import Limit
from ostinato.domain.budget.prices import PriceTable
from ostinato.domain.redaction import Redactor


@dataclass(frozen=True, slots=True, kw_only=True)
class Agency:
    find: Callable[[str], CodingAgent]
    """By name; raises UserError for a stranger."""
    environ: Mapping[str, str]
    """The worker's own."""
    gateway: Gateway | None = None
    """Serving; None: agents reach their models by themselves."""
    socket: Path | None = None
    """That it listens on, for agents in a sandbox."""
    hidden: tuple[Path, ...] = ()
    """From agents in a sandbox."""
    taping: tuple[TapeMode, Path] | None = None

    def agent(self, name: str, described: str = "") -> CodingAgent:
        """`described`: a trusted repository's own, as JSON; else one of the user's. Raises UserError for a stranger."""
        if described:
            return described_agent(DescribedAgent.model_validate_json(described), self.environ)
        return self.find(name)

    def tape(self, step: str, redactor: Redactor, *, run: Path, tree: Path, private: Path) -> Tape | None:
        """What a step's agent and its model say, by the step's name: the next run may ask the same. `run`: its folder."""
        if self.taping is None:
            return None
        mode, folder = self.taping
        places = {"<tree>": str(tree), "<home>": str(private)}
        position = run / "replayed" / f"{step}.json"
        return Tape(folder=folder / step, mode=mode, redactor=redactor, places=places, position=position)

    @property
    def is_sandboxed(self) -> bool:
        return self.socket is not None

    def sandbox(self, folder: Path, *, repository: Path, mirror: Path, environment: str) -> Sandbox | None:
        """For one step; None where agents run without."""
        if self.socket is None:
            return None
        return Sandbox(
            folder=folder,
            gateway=self.socket,
            repository=repository,
            objects=mirror / "objects",
            readable=(Path(environment),) if environment else (),
            hidden=self.hidden,
        )

    def through_gateway(self, agent: CodingAgent) -> Gateway | None:
        """Where the agent takes an address, and the worker has a key or an address for its provider."""
        if self.gateway is None or not agent.abilities.wire or not agent.abilities.takes_base_url:
            return None
        upstream = self.gateway.upstreams.get(Wire(agent.abilities.wire).provider)
        is_reached = upstream is not None and upstream.is_configured
        return self.gateway if is_reached or self.is_replaying else None

    @property
    def is_replaying(self) -> bool:
        return self.taping is not None and self.taping[0] is TapeMode.REPLAY

    def account(self, agent: CodingAgent) -> str:
        """Of agents that pay with the same key, the same; without one, the agent's own login on this machine."""
        gateway = self.through_gateway(agent)
        if gateway is None:
            login = f"{platform.node()}:{self.environ.get('HOME', '')}"
            return f"{agent.name}-{_short(login)}"
        provider = Wire(agent.abilities.wire).provider
        upstream = gateway.upstreams[provider]
        return f"{provider}-{_short(upstream.base_url + upstream.key)}"

    def priced_as(self, agent: CodingAgent, model: str) -> str:
        """provider:model, as the price table names it; a model that nobody named has no price."""
        provider = Wire(agent.abilities.wire).provider if agent.abilities.wire else agent.name
        return f"{provider}:{model or 'unknown'}"


@asynccontextmanager
async def agency_of(
    home: Home,
    prices: PriceTable,
    described: Sequence[DescribedAgent],
    environ: Mapping[str, str],
    *,
    sandboxed: bool = False,
    tape: tuple[str, Path] | None = None,
) -> AsyncIterator[Agency]:
    """With a gateway that serves while it is entered, by one process for each home. Raises UserError where an address of a provider is none."""
    gateway = Gateway(upstreams=upstreams_of(environ), ledger_folder=home.root / "gateway", prices=prices)
    socket = home.worker / "gateway.sock" if sandboxed else None
    async with gateway.serving(socket=socket):
        yield Agency(
            find=finder(declared(described), environ, sandboxed=sandboxed),
            environ=environ,
            gateway=gateway,
            socket=socket,
            hidden=(home.root,),
            taping=(TapeMode(tape[0]), tape[1]) if tape else None,
        )


def previewed_agency(
    home: Home,
    prices: PriceTable,
    described: Sequence[DescribedAgent],
    environ: Mapping[str, str],
    *,
    sandboxed: bool = False,
) -> Agency:
    """Whose gateway does not serve: for who wants to know who is here, and starts none of them."""
    gateway = Gateway(upstreams=upstreams_of(environ), ledger_folder=home.root / "gateway", prices=prices)
    find = finder(declared(described), environ, sandboxed=sandboxed)
    return Agency(find=find, environ=environ, gateway=gateway, socket=home.root if sandboxed else None)


def open_pass(
    gateway: Gateway, agent: CodingAgent, lease_id: str, caps: Limit, account: str, tape: Tape | None
) -> Pass:
    """One for each lease: what its attempts use counts together. It opens the agent's own provider alone."""
    return gateway.open(lease_id, caps, account, wires=Wire(agent.abilities.wire).of_provider, tape=tape)


def access_by(given: Pass, agent: CodingAgent, model: str) -> Access:
    return Access(base_url=given.base_urls[Wire(agent.abilities.wire)], api_key=given.key, model=model)


def _short(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:10]
