"""Who of a worker's agents pays with which account, and who goes through the gateway."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from ostinato.adapters.agents.agency import Agency, agency_of, open_pass
from ostinato.adapters.agents.port import Abilities
from ostinato.adapters.agents.registry import finder
from ostinato.adapters.gateway import Gateway, upstreams_of
from ostinato.adapters.home import Home
from ostinato.domain.agents.declared import declared
from ostinato.domain.agents.wires import Wire
from ostinato.domain.budget.amounts import Limit
from ostinato.domain.budget.prices import PriceTable
from ostinato.domain.errors import UserError


class Agent:
    def __init__(self, name: str, wire: str, *, takes_base_url: bool = True) -> None:
        self.name = name
        self.abilities = Abilities(resumes=True, takes_base_url=takes_base_url, wire=wire)


CLAUDE: Any = Agent("claude", "anthropic")
OTHER: Any = Agent("other", "anthropic")
CODEX: Any = Agent("codex", "openai-responses")
BY_LOGIN: Any = Agent("login", "anthropic", takes_base_url=False)


def an_agency(folder: Path, **environ: str) -> Agency:
    gateway = Gateway(upstreams=upstreams_of(environ), ledger_folder=folder, prices=PriceTable())
    return Agency(find=finder(declared(), environ), environ=environ, gateway=gateway)


def test_agents_that_pay_with_the_same_key_share_an_account(tmp_path: Path) -> None:
    agency = an_agency(tmp_path, ANTHROPIC_API_KEY="sk-ant-1", OPENAI_API_KEY="sk-2")

    assert agency.account(CLAUDE) == agency.account(OTHER)
    assert agency.account(CLAUDE) != agency.account(CODEX)


def test_an_account_is_another_one_with_another_key_and_names_none(tmp_path: Path) -> None:
    one, two = (an_agency(tmp_path, ANTHROPIC_API_KEY=key) for key in ("sk-ant-1", "sk-ant-2"))

    assert one.account(CLAUDE) != two.account(CLAUDE)
    assert "sk-ant" not in one.account(CLAUDE)


def test_without_a_key_an_agent_has_its_own_login(tmp_path: Path) -> None:
    agency = an_agency(tmp_path, HOME="/home/ada")

    assert agency.through_gateway(CLAUDE) is None
    assert agency.account(CLAUDE) != agency.account(OTHER)
    assert agency.account(CLAUDE) != an_agency(tmp_path, HOME="/home/bob").account(CLAUDE)


def test_an_agent_that_takes_no_address_goes_by_itself(tmp_path: Path) -> None:
    agency = an_agency(tmp_path, ANTHROPIC_API_KEY="sk-ant-1", HOME="/home/ada")

    assert agency.through_gateway(CLAUDE) is agency.gateway
    assert agency.through_gateway(BY_LOGIN) is None


async def test_an_agent_s_key_opens_its_own_provider_alone(tmp_path: Path) -> None:
    gateway = an_agency(tmp_path, ANTHROPIC_API_KEY="sk-ant-1", OPENAI_API_KEY="sk-2").gateway
    assert gateway is not None

    async with gateway.serving():
        passes = [open_pass(gateway, agent, agent.name, Limit(), "", None) for agent in (CLAUDE, CODEX)]

    assert [set(given.base_urls) for given in passes] == [
        {Wire.ANTHROPIC}, {Wire.OPENAI_CHAT, Wire.OPENAI_RESPONSES},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("agent", "model", "priced"),
    [(CLAUDE, "opus", "anthropic:opus"), (CODEX, "", "openai:unknown"), (Agent("mine", ""), "m", "mine:m")],
)
def test_a_model_is_priced_as_its_provider_names_it(tmp_path: Path, agent: Any, model: str, priced: str) -> None:
    assert an_agency(tmp_path).priced_as(agent, model) == priced


async def test_the_gateway_s_socket_is_in_the_home_however_long_its_path_and_whoever_died_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, elsewhere = Home(tmp_path / ("deep" * 30)), tmp_path / "tmp"
    elsewhere.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(elsewhere))
    async with _sandboxed(home) as (agency, inside):
        where, dead = agency.socket, [path.name for path in inside]
    home.worker.joinpath(dead[0]).touch()

    async with _sandboxed(home) as (again, inside):
        assert [path.name for path in inside] == dead
        assert inside[0].is_socket()

    assert where == again.socket == home.worker / dead[0]
    assert not [*elsewhere.iterdir(), *home.worker.iterdir()]


@asynccontextmanager
async def _sandboxed(home: Home) -> AsyncIterator[tuple[Agency, list[Path]]]:
    """And what lies beside the worker meanwhile."""
    async with agency_of(home, PriceTable(), (), {}, sandboxed=True) as agency:
        yield agency, list(home.worker.iterdir())


def test_a_stranger_is_nobody(tmp_path: Path) -> None:
    with pytest.raises(UserError):
        an_agency(tmp_path).agent("stranger")
