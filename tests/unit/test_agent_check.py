from collections.abc import Mapping

import pytest

from ostinato.adapters.agents.port import CodingAgent, Installation
from ostinato.adapters.agents.registry import find_agents
from ostinato.cli.agent_check import check_agents, check_used, examine_agents, examine_repositorys, look_for
from ostinato.domain.agents.declared import declared
from ostinato.domain.agents.described import BUILT_IN, DescribedAgent

WORKS = Installation(name="claude", path="/bin/claude", version="2.1.329", login="ANTHROPIC_API_KEY", works=True)
ABSENT = Installation(name="codex", problem="codex is not on PATH", cure="npm install -g @openai/codex@0.169.0")


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


def test_all_that_are_known_are_examined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    checks = examine_agents([DescribedAgent(name="mine", command=("no-such-agent",))], {})

    assert [check.name for check in checks] == ["agent mine", "agents"]
    assert all(name in checks[1].message for name in BUILT_IN)


def test_installed_is_not_used() -> None:
    (check,) = check_used((), [WORKS])

    assert check.verdict == "ok"
    assert check.message.startswith("none is named, so none is used")


def test_nothing_is_said_of_use_where_nothing_is_installed() -> None:
    assert check_used((), [ABSENT]) == []


def test_an_agent_in_use_that_is_not_here_is_a_warning() -> None:
    (check,) = check_used(("claude", "codex:gpt-5.5"), [WORKS, ABSENT])

    assert (check.verdict, check.message) == ("warn", "claude, codex:gpt-5.5; not here: codex:gpt-5.5")


@pytest.mark.parametrize(
    ("trusted", "own", "said"),
    [
        (False, (), "which is not trusted"),
        (True, (), "no-such-agent"),
        (True, (DescribedAgent(name="mine", command=("x",)),), "yours counts"),
    ],
)
def test_what_a_repository_describes_is_told(trusted: bool, own: tuple[DescribedAgent, ...], said: str) -> None:
    theirs = [DescribedAgent(name="mine", command=("no-such-agent",))]

    (check,) = examine_repositorys(theirs, own, {}, trusted=trusted)

    assert (check.name, check.verdict) == ("agent mine", "warn")
    assert said in check.message
