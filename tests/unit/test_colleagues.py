"""Which of the agents that are named can work here."""

import sys
from pathlib import Path

import pytest

from ostinato.adapters.agents.agency import Agency, previewed_agency
from ostinato.adapters.agents.colleagues import colleagues_of
from ostinato.adapters.home import Home
from ostinato.adapters.prices import price_table
from ostinato.domain.agents.described import DescribedAgent
from ostinato.domain.staff import Colleague, PastWork

MINE = DescribedAgent(
    name="mine", command=(sys.executable, "-c", "pass"), capabilities=("code",), specialities=("python",)
)
THEIRS = DescribedAgent(name="theirs", command=(sys.executable, "-c", "pass"))


def an_agency(root: Path, *described: DescribedAgent) -> Agency:
    return previewed_agency(Home(root), price_table(root), described, {"PATH": "", "HOME": str(root)})


async def looked_for(root: Path, *names: str, trusted: bool = True) -> tuple[list[str], dict[str, str]]:
    agency = an_agency(root, MINE)
    here, missing = await colleagues_of(agency, price_table(root), names, (THEIRS,), trusted=trusted)
    return [each.name for each in here], {each.name: each.problem for each in missing}


async def test_those_that_work_are_told_in_their_order(tmp_path: Path) -> None:
    assert await looked_for(tmp_path, "theirs", "mine") == (["theirs", "mine"], {})


async def test_an_agent_is_as_good_at_things_as_it_is_described(tmp_path: Path) -> None:
    here, _ = await colleagues_of(an_agency(tmp_path, MINE), price_table(tmp_path), ["mine"], trusted=True)

    assert (here[0].capabilities, here[0].specialities) == (("code",), ("python",))


@pytest.mark.parametrize(
    ("done", "failed", "good_at"),
    [(3, 1, ("python", "bug_fix")), (2, 0, ("python",)), (3, 2, ("python",)), (0, 0, ("python",))],
)
def test_an_agent_is_good_at_what_it_did_well_before(done: int, failed: int, good_at: tuple[str, ...]) -> None:
    past = PastWork(by_type={"bug_fix": (done, failed), "": (9, 0), "docs": (0, 1)})

    found = Colleague(name="mine", specialities=("python",)).with_past(past)

    assert found.specialities == good_at
    assert (found.succeeded, found.failed) == (done + 9, failed + 1)


async def test_an_agent_with_its_model_is_one_of_its_own(tmp_path: Path) -> None:
    here, _ = await looked_for(tmp_path, "mine:small", "mine")

    assert here == ["mine:small", "mine"]


async def test_one_that_is_not_installed_is_told_with_its_problem(tmp_path: Path) -> None:
    here, missing = await looked_for(tmp_path, "mine", "codex")

    assert here == ["mine"]
    assert "codex" in missing["codex"]


async def test_what_a_repository_describes_counts_only_where_it_is_trusted(tmp_path: Path) -> None:
    here, missing = await looked_for(tmp_path, "theirs", trusted=False)

    assert here == []
    assert "not trusted" in missing["theirs"]


async def test_a_preview_serves_nothing_and_writes_nothing(tmp_path: Path) -> None:
    await looked_for(tmp_path / "home", "mine")

    assert not (tmp_path / "home").exists()
