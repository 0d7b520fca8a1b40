"""What the documentation shows of agents is what is accepted."""

import re
import tomllib
from pathlib import Path

import pytest

from ostinato.domain.agents.described import BUILT_IN, DescribedAgent, read_agents
from ostinato.domain.agents.known_acp import KNOWN_ACP
from ostinato.domain.agents.line_rules import LineRule

TEXT = (Path(__file__).parents[2] / "docs/howto/agents.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_accepted(example: str) -> None:
    agents, problems = read_agents(tomllib.loads(example)["agents"])

    assert problems == ()
    assert len(agents) == 1


def test_every_name_and_key_is_told() -> None:
    keys = {*DescribedAgent.model_fields} - {"name"}

    missing = [name for name in (*BUILT_IN, *keys) if f"`{name}`" not in TEXT]

    assert missing == []


def test_every_kind_of_event_is_told() -> None:
    kinds = LineRule.model_fields["kind"].annotation

    assert [kind for kind in kinds.__args__ if f"`{kind}`" not in TEXT] == []  # type: ignore[union-attr]


def test_the_versions_that_are_installed_are_those_that_doctor_names() -> None:
    for known in KNOWN_ACP.values():
        package = re.search(r"npm install -g (\S+@[\d.]+\d)", known.install)
        assert package is not None
        assert package[1] in TEXT
