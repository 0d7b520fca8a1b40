from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from ostinato.adapters.agents.port import CodingAgent, Installation
from ostinato.adapters.agents.registry import find_agents
from ostinato.adapters.home import Home
from ostinato.cli.agent_check import Viewed, check_agents, check_used, examine_agents, examine_repositorys, look_for
from ostinato.domain.agents.declared import declared
from ostinato.domain.agents.described import BUILT_IN, DescribedAgent
from ostinato.domain.needs import MissingAgent

WORKS = Installation(name="claude", path="/bin/claude", version="2.1.329", login="ANTHROPIC_API_KEY", works=True)
ABSENT = Installation(name="codex", problem="codex is not on PATH", cure="npm install -g @openai/codex@0.169.0")


def a_view(root: Path, *described: DescribedAgent) -> Viewed:
    return Viewed(home=Home(root), described=described, environ={})


def lines(*installations: Installation, described: tuple[str, ...] = ()) -> list[tuple[str, str, str, str]]:
    return [(check.name, check.verdict, check.message, check.cure) for check in check_agents(installations, described)]


def test_an_agent_that_works_is_told_with_version_path_and_login() -> None:
    assert lines(WORKS) == [("agent claude", "ok", "2.1.329, /bin/claude; login: ANTHROPIC_API_KEY", "")]


def test_what_is_not_installed_is_one_line() -> None:
    assert lines(WORKS, ABSENT)[1:] == [("agents", "ok", "not installed: codex", "")]


def test_with_no_agent_at_all_the_work_is_still_done_and_a_first_cure_is_named() -> None:
    none, hint = lines(ABSENT)

    assert none[1:3] == ("ok", "none installed: tool steps, gates and people do the work")
    assert hint[3] == "npm install -g @openai/codex@0.169.0"


def test_a_described_agent_that_is_missing_is_a_line_of_its_own() -> None:
    assert lines(ABSENT, described=("codex",)) == [("agent codex", "warn", "codex is not on PATH", ABSENT.cure)]


def test_an_agent_without_login_says_how_to_get_one() -> None:
    found = Installation(name="claude", path="/bin/claude", version="2", works=True)

    ((_, verdict, message, cure),) = lines(found)

    assert (verdict, message) == ("warn", "2, /bin/claude; no login was found")
    assert "docs/howto/agents.md" in cure


def test_an_agent_that_does_not_start_says_why() -> None:
    found = Installation(name="claude", path="/bin/claude", problem="2.0.1 is older than 2.1.329", cure="npm …")

    assert lines(found) == [("agent claude", "warn", "/bin/claude; 2.0.1 is older than 2.1.329", "npm …")]


def test_a_name_that_two_files_describe_is_told() -> None:
    assert check_agents([WORKS], shadowed={"mine"})[1].message.endswith("yours counts")


def test_agents_are_asked_at_once_and_by_their_environment() -> None:
    known = declared([DescribedAgent(name="mine", command=("no-such-agent",))])
    agents: Mapping[str, CodingAgent] = find_agents(["mine", "acp-claude"], known)

    found = look_for(agents, {"PATH": "/nowhere"})

    assert [(each.name, each.path) for each in found] == [("mine", ""), ("acp-claude", "")]


def test_all_that_are_known_are_examined(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    checks = examine_agents(a_view(tmp_path, DescribedAgent(name="mine", command=("no-such-agent",))))

    assert [check.name for check in checks] == ["agent mine", "agents"]
    assert all(name in checks[1].message for name in BUILT_IN)


def test_installed_is_not_used() -> None:
    (check,) = check_used((), [WORKS])

    assert check.verdict == "ok"
    assert check.message.startswith("none is named, so none is used")


def test_nothing_is_said_of_use_where_nothing_is_installed() -> None:
    assert check_used((), [ABSENT]) == []


def test_an_agent_in_use_that_is_not_here_is_a_warning() -> None:
    absent = MissingAgent(name="codex:gpt-5.5", problem="codex is not on PATH", cure=ABSENT.cure)

    (check,) = check_used(("claude", "codex:gpt-5.5"), [WORKS, ABSENT], [absent])

    told = "claude, codex:gpt-5.5; a run would do without codex:gpt-5.5: codex is not on PATH"
    assert (check.verdict, check.message) == ("warn", told)
    assert check.cure.startswith(ABSENT.cure)


LOGGED_IN = "claude login"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with agents that say their versions, and nothing else on the PATH."""
    for name, version in {"claude": "2.1.329", "codex": "0.169.0", "opencode": "1.18.33", "gemini": "0.61.0"}.items():
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\necho {version}\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("name", "environ", "sandboxed", "verdict", "said"),
    [
        ("claude", {"ANTHROPIC_API_KEY": "k"}, False, "ok", "login: ANTHROPIC_API_KEY"),
        ("claude", {"ANTHROPIC_BASE_URL": "http://127.0.0.1:9"}, False, "ok", "login: the gateway"),
        ("claude", {"CLAUDE_CODE_OAUTH_TOKEN": "t"}, False, "warn", "nobody is logged in"),
        ("claude", {LOGGED_IN: "yes"}, False, "ok", ".credentials.json"),
        ("claude", {LOGGED_IN: "yes"}, True, "warn", "agents run in a sandbox"),
        ("claude", {"ANTHROPIC_API_KEY": "k"}, True, "ok", "login: ANTHROPIC_API_KEY"),
        ("codex", {"CODEX_API_KEY": "k"}, False, "warn", "it has no login"),
        ("codex", {"OPENAI_API_KEY": "k"}, False, "ok", "login: OPENAI_API_KEY"),
        ("opencode", {"OPENROUTER_API_KEY": "k"}, False, "warn", "it has no login"),
        ("opencode", {"ANTHROPIC_API_KEY": "k"}, False, "warn", "it has no login"),
        ("opencode", {"OPENAI_API_KEY": "k"}, False, "ok", "named with a model: opencode:MODEL"),
        ("gemini", {"GOOGLE_API_KEY": "k"}, False, "ok", "login: GOOGLE_API_KEY"),
    ],
)
def test_of_an_agent_is_told_what_a_run_would_make_of_it(
    installed: Path, name: str, environ: dict[str, str], sandboxed: bool, verdict: str, said: str
) -> None:
    if environ.pop(LOGGED_IN, ""):
        (installed / ".claude").mkdir()
        (installed / ".claude" / ".credentials.json").write_text("{}")

    checks = examine_agents(replace(a_view(installed), environ=environ, sandboxed=sandboxed))

    check = next(check for check in checks if check.name == f"agent {name}")
    assert check.verdict == verdict
    assert said in check.message


def test_those_in_use_are_judged_with_their_models(installed: Path) -> None:
    view = replace(a_view(installed), environ={"OPENAI_API_KEY": "k"})

    checks = examine_agents(view, ("opencode", "opencode:gpt-5.5", "codex"))

    check = next(check for check in checks if check.name == "agents in use")
    assert "do without opencode: it has to be told by which model" in check.message
    assert check.cure.startswith("Name one after a colon")


def test_an_address_that_is_none_is_told(tmp_path: Path) -> None:
    (check,) = examine_agents(replace(a_view(tmp_path), environ={"ANTHROPIC_BASE_URL": "nowhere"}))

    assert (check.verdict, check.message.split()[0]) == ("fail", "ANTHROPIC_BASE_URL")


@pytest.mark.parametrize(
    ("trusted", "own", "said"),
    [
        (False, (), "which is not trusted"),
        (True, (), "no-such-agent"),
        (True, (DescribedAgent(name="mine", command=("x",)),), "yours counts"),
    ],
)
def test_what_a_repository_describes_is_told(
    tmp_path: Path, trusted: bool, own: tuple[DescribedAgent, ...], said: str
) -> None:
    theirs = [DescribedAgent(name="mine", command=("no-such-agent",))]

    (check,) = examine_repositorys(a_view(tmp_path, *own), theirs, trusted=trusted)

    assert (check.name, check.verdict) == ("agent mine", "warn")
    assert said in check.message
