"""A bench on a small repository without Python, so that no environment is prepared."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.activities.agent_desk import AgentDesk
from tests.activities.bench import Bench
from tests.fakes.coding_agent import Act, ScriptedAgent
from tests.repositories import make_repository


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    repository = make_repository(tmp_path / "repository", {"README.md": "# Sample\n", "notes.txt": "one\n"})
    (tmp_path / "home").mkdir()
    return Bench(repository=repository, home=tmp_path / "home")


@pytest.fixture
def desk(bench: Bench) -> Callable[..., AgentDesk]:
    def make(*acts: Act, **fields: Any) -> AgentDesk:
        agent = ScriptedAgent(acts=list(acts), **fields)
        return AgentDesk(repository=bench.repository, home=bench.home, agent=agent)

    return make
