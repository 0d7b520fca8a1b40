"""Stacks and sample repositories for end-to-end tests."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from scripts.sample import make_sample
from tests.e2e.stack import ROOT, Ended, Stack, git

__all__ = ("ROOT", "Ended", "Stack", "git")

SHARING = (
    "test_agents",
    "test_agents_scenario",
    "test_budgets",
    "test_language_model",
    "test_task_types",
    "test_templates",
)
"""Their tests look at the same runs, or at the same stack of their own: one process has them all."""


class OneByOne(LoadScopeScheduling):  # type: ignore[misc]
    """Each test goes to whoever is free, but for those that share something."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return file if PurePosixPath(file).stem in SHARING else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneByOne:
    return OneByOne(config, log)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack for the session, stopped at its end."""
    stack = Stack(home=tmp_path_factory.mktemp("home"))
    yield stack
    stack.call("down", timeout=60)


@pytest.fixture
def own_stack(tmp_path: Path) -> Iterator[Stack]:
    """A stack that a test may break."""
    stack = Stack(home=tmp_path / "home")
    yield stack
    stack.call("down", timeout=60)


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    return make_sample(tmp_path / "tally")
