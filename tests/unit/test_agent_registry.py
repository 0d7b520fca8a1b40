import json
from pathlib import Path

import pytest

from ostinato.adapters.agents.acp import AcpAgent
from ostinato.adapters.agents.command import CommandAgent
from ostinato.adapters.agents.described_launch import invocation_of
from ostinato.adapters.agents.port import AgentTask
from ostinato.adapters.agents.registry import NATIVE, find_agents, finder
from ostinato.adapters.agents.running import Invocation
from ostinato.domain.agents import AgentLimits, described
from ostinato.domain.agents.declared import agents_in, declared
from ostinato.domain.agents.described import DescribedAgent
from ostinato.domain.agents.known_acp import KNOWN_ACP
from ostinato.domain.errors import UserError

MINE = DescribedAgent(name="mine", command=("mine",))
ALSO_MINE = DescribedAgent(name="mine", command=("rm", "-rf"))
TALKS = DescribedAgent(name="talks", command=("talks",), speaks="acp")


def test_described_agents_are_found_by_what_they_speak() -> None:
    found = find_agents(["mine", "talks"], declared([MINE, TALKS]))

    assert isinstance(found["mine"], CommandAgent)
    assert isinstance(found["talks"], AcpAgent)
    assert [agent.name for agent in found.values()] == ["mine", "talks"]


@pytest.mark.parametrize("name", list(KNOWN_ACP))
def test_agents_of_the_protocol_are_known_by_name(name: str) -> None:
    agent = find_agents([name])[name]

    assert isinstance(agent, AcpAgent)
    assert agent.name == name
    assert agent.install.startswith("npm install -g ")


@pytest.mark.parametrize("name", list(NATIVE))
def test_a_built_in_agent_is_made_when_it_is_asked_for(name: str) -> None:
    assert find_agents([name])[name].name == name


def test_the_names_of_built_in_agents_cannot_be_described() -> None:
    assert {*NATIVE, *KNOWN_ACP} == set(described.BUILT_IN)


def test_a_worker_finds_one_at_a_time() -> None:
    assert finder(declared([MINE]))("mine").name == "mine"


def test_every_missing_name_is_told_at_once_with_its_cure() -> None:
    known = declared(repository=[TALKS])

    with pytest.raises(UserError) as refused:
        find_agents(["clawed", "mine", "acp-goose", "talks", "clawed"], known)

    told = {problem.field: problem for problem in refused.value.problems}
    assert list(told) == ["clawed", "mine", "acp-goose", "talks"]
    assert "claude, codex, opencode, gemini" in told["clawed"].cure
    assert "[agents.acp-goose]" in told["acp-goose"].cure
    assert "not trusted" in told["talks"].message
    assert "--trust" in told["talks"].cure


def test_a_repositorys_agents_count_only_with_trust() -> None:
    assert set(declared(repository=[MINE]).described) == set()
    assert set(declared(repository=[MINE], trusted=True).described) == {"mine"}


def test_a_repository_does_not_change_what_a_name_means_to_its_user() -> None:
    known = declared([MINE], [ALSO_MINE], trusted=True)

    assert known.described["mine"] is MINE
    assert known.shadowed == {"mine"}


def test_problems_name_the_file_they_are_in() -> None:
    agents, problems = agents_in({"agents": {"mine": {"command": ["mine"]}, "other": {}}}, "config.toml")

    assert [agent.name for agent in agents] == ["mine"]
    assert [(problem.code, problem.field) for problem in problems] == [
        ("setting_invalid", "config.toml: agents.other.command")
    ]


def test_opencode_asks_also_where_it_is_given_no_address(tmp_path: Path) -> None:
    task = AgentTask(prompt="Do it.", tree=tmp_path, private=tmp_path, env={}, limits=AgentLimits())

    invocation = invocation_of(KNOWN_ACP["acp-opencode"].agent, task, {})

    assert isinstance(invocation, Invocation)
    assert "OPENCODE_CONFIG_CONTENT" not in invocation.env
    assert json.loads(invocation.env["OPENCODE_PERMISSION"])["bash"] == "ask"
