"""Which of a plan's coding agents can work on this machine."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from activities.colleagues import staff_of
from activities.edge import Desk
from ostinato.adapters.agents.agency import Agency
from ostinato.adapters.agents.port import Installation
from ostinato.adapters.history.store import History, Problems
from ostinato.adapters.home import Home
from ostinato.domain.errors import UserError
from ostinato.domain.plan import Plan
from ostinato.domain.staff import PastWork
from ostinato.domain.workspace import Workspace
from tests.activities.bench import Bench
from tests.builders import a_plan
from tests.fakes.coding_agent import ScriptedAgent

PLAN = a_plan(agents=("claude:opus", "codex", "stranger"))


class NotInstalled(ScriptedAgent):
    async def installation(self, env: object) -> Installation:
        return Installation(name=self.name, problem="codex is not installed", cure="Install it")


def staffed(desk: Desk) -> Desk:
    here = {"claude": ScriptedAgent(acts=[]), "codex": NotInstalled(acts=[], name="codex")}

    def find(name: str) -> ScriptedAgent:
        if name in here:
            return here[name]
        raise UserError.of("agent_unknown", name, "is no agent that is known here", "Describe it")

    return replace(desk, agency=Agency(find=find, environ={"HOME": "/home/ada"}))


async def found(bench: Bench, desk: Desk, plan: Plan = PLAN) -> tuple[list[str], dict[str, str], Workspace]:
    workspace = await bench.opened()
    here, missing = await staff_of(desk, plan, workspace, trusted=True)
    return [each.name for each in here], {each.name: each.problem for each in missing}, workspace


async def test_who_works_is_found_by_kind_and_whoever_does_not_with_the_reason(bench: Bench) -> None:
    here, missing, _ = await found(bench, staffed(bench.desk))

    assert here == ["claude:opus"]
    assert missing["codex"] == "codex is not installed"
    assert set(missing) == {"codex", "stranger"}


async def test_a_worker_without_agents_says_so(bench: Bench) -> None:
    here, missing, _ = await found(bench, bench.desk)

    assert here == []
    assert set(missing.values()) == {"this worker has no coding agents"}


async def test_a_plan_without_agents_asks_nobody(bench: Bench) -> None:
    assert (await found(bench, bench.desk, a_plan()))[:2] == ([], {})


async def test_a_configuration_that_cannot_be_read_describes_nobody(bench: Bench) -> None:
    folder = Path(bench.repository, ".ostinato")
    folder.mkdir()
    (folder / "config.toml").write_text("[agents.")

    here, missing, _ = await found(bench, staffed(bench.desk))

    assert here == ["claude:opus"]
    assert "stranger" in missing


class Remembering(History):
    def tracks(self, repository_id: str, agents: Sequence[str]) -> tuple[Mapping[str, PastWork], Problems]:
        return {name: PastWork(by_type={"bug_fix": (4, 1)}) for name in agents}, ()


async def test_what_an_agent_did_well_here_before_is_a_speciality_of_it(bench: Bench, tmp_path: Path) -> None:
    desk = replace(staffed(bench.desk), history=Remembering(Home(tmp_path)))

    here, _ = await staff_of(desk, PLAN, await bench.opened(), trusted=True)

    assert [(each.name, each.succeeded, each.specialities) for each in here] == [("claude:opus", 4, ("bug_fix",))]
