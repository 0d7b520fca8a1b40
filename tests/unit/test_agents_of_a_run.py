"""From the command line and the settings to the coding agents of a run, and what is said where none of them works."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ostinato.cli.agency import agents_of
from ostinato.cli.defining import Problems
from ostinato.domain.classification import Classification, Intent, TaskType
from ostinato.domain.errors import UserError
from ostinato.domain.gates import GateResult, Status
from ostinato.domain.needs import MissingAgent, Surroundings
from ostinato.domain.plan import AgentAction
from ostinato.domain.preflight import PreflightFacts, preflight_gates
from ostinato.domain.request import RunOptions
from ostinato.settings import RepositorySettings, load_settings
from tests.builders import a_plan, a_project, a_step

NOTHING_SAID = RepositorySettings(commands={})
FOUND = Classification(task_type=TaskType.BUG_FIX, confidence=1.0, intent=Intent.FIX)
NOT_HERE = MissingAgent(name="claude", problem="it is not installed", cure="Install it")


def settings_with(folder: Path, text: str = "", **environ: str) -> Any:
    file = folder / "ostinato" / "config.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
    return load_settings({"XDG_CONFIG_HOME": str(folder), **environ})


def asked(settings: Any, *names: str) -> tuple[tuple[str, ...], list[str]]:
    problems = Problems()
    call: Any = SimpleNamespace(arguments=SimpleNamespace(agent=list(names) or None), settings=settings)
    found = agents_of(call, NOTHING_SAID, problems)
    return found, [problem.message for problem in problems]


def test_without_a_word_a_run_has_no_agents(tmp_path: Path) -> None:
    assert asked(settings_with(tmp_path)) == ((), [])


def test_the_environment_names_them_before_the_file(tmp_path: Path) -> None:
    text = 'use_agents = ["gemini"]\n'

    assert settings_with(tmp_path, text).use_agents == ("gemini",)
    assert settings_with(tmp_path, text, OSTINATO_AGENTS="claude, codex:gpt-5.5").use_agents == (
        "claude",
        "codex:gpt-5.5",
    )


def test_the_command_line_comes_first_and_names_each_once(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, OSTINATO_AGENTS="gemini")

    assert asked(settings, "claude", "codex:x", "claude") == (("claude", "codex:x"), [])


def test_a_person_stands_for_no_agents_at_all(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, OSTINATO_AGENTS="gemini")

    assert asked(settings, "person") == ((), [])


@pytest.mark.parametrize("name", ["nobody-knows", "nobody-knows:model"])
def test_a_name_that_nobody_describes_is_a_problem(tmp_path: Path, name: str) -> None:
    _, problems = asked(settings_with(tmp_path), name)

    assert any("known here" in message for message in problems)


@pytest.mark.parametrize("said", ["Claude!", "claude:", ",", " "])
def test_what_is_no_name_is_told_with_its_setting(tmp_path: Path, said: str) -> None:
    if not said.strip():
        assert settings_with(tmp_path, OSTINATO_AGENTS=said).use_agents == ()
        return

    with pytest.raises(UserError, match="OSTINATO_AGENTS"):
        settings_with(tmp_path, OSTINATO_AGENTS=said)


def dependencies(*missing: MissingAgent, agents: tuple[str, ...] = ("claude",)) -> GateResult:
    plan = a_plan(a_step("think", action=AgentAction(prompt="Think")), agents=agents)
    here = Surroundings(missing_agents=missing)
    facts = PreflightFacts(dirty_paths=(), dirty_count=0, free_bytes=10**12, here=here)
    gates = preflight_gates(RunOptions(trusted=True), FOUND, plan, a_project(), facts)
    return next(gate for gate in gates if gate.gate == "dependencies")


def test_a_run_none_of_whose_agents_works_is_not_begun() -> None:
    gate = dependencies(NOT_HERE)

    assert (gate.status, gate.code) == (Status.FAIL, "agents_missing")
    assert "claude: it is not installed" in gate.message
    assert "--agent person" in gate.recommendation


def test_where_another_works_the_missing_one_is_a_warning() -> None:
    gate = dependencies(NOT_HERE, agents=("claude", "codex"))

    assert (gate.status, gate.code) == (Status.WARN, "agent_missing")
    assert "claude" in gate.message


def test_where_all_work_nothing_is_said() -> None:
    assert dependencies().status is Status.PASS
