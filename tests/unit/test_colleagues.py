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


@pytest.mark.parametrize("name", ["opencode", "acp-opencode"])
async def test_who_has_no_model_of_its_own_at_the_gateway_is_refused_without_one(name: str, tmp_path: Path) -> None:
    program = tmp_path / "opencode"
    program.write_text("#!/bin/sh\necho 1.18.33\n")
    program.chmod(0o755)
    environ = {"PATH": str(tmp_path), "HOME": str(tmp_path), "OPENAI_API_KEY": "sk-test"}
    agency = previewed_agency(Home(tmp_path), price_table(tmp_path), (), environ)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
        here, (missing,) = await colleagues_of(agency, price_table(tmp_path), [name, f"{name}:gpt-5.5"])

    assert [each.name for each in here] == [f"{name}:gpt-5.5"]
    assert (missing.name, missing.cure) == (name, f"Name one after a colon: --agent {name}:MODEL")
    assert "by which model" in missing.problem


async def test_who_is_started_with_a_model_is_refused_without_one(tmp_path: Path) -> None:
    aider = DescribedAgent(name="aider", command=(sys.executable, "-c", "pass", "{model}"))
    agency, prices = an_agency(tmp_path, aider), price_table(tmp_path)

    here, missing = await colleagues_of(agency, prices, ["aider", "aider:small"])

    assert ([each.name for each in here], [each.name for each in missing]) == (["aider:small"], ["aider"])


async def test_a_preview_serves_nothing_and_writes_nothing(tmp_path: Path) -> None:
    await looked_for(tmp_path / "home", "mine")

    assert not (tmp_path / "home").exists()
