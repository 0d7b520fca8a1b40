"""Stacks and sample repositories for end-to-end tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.sample import make_sample
from tests.e2e.stack import ROOT, Ended, Stack, git

__all__ = ("ROOT", "Ended", "Stack", "git")


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
