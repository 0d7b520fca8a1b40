"""What Claude Code is started with, and where its sessions are found again."""

import json
from pathlib import Path
from typing import Any

import pytest

from ostinato.adapters.agents.claude_command import command_line, environment, login_folder, write_settings
from ostinato.adapters.agents.claude_events import is_piece
from ostinato.adapters.agents.claude_sessions import saved_transcript, spent_so_far
from ostinato.adapters.agents.claude_use import Tally
from ostinato.adapters.agents.port import Access, AgentTask, Allowed
from ostinato.domain.agents import AgentLimits

SESSION = "0a1b2c3d-0000-4000-8000-00000000cafe"


def a_task(folder: Path, **more: Any) -> AgentTask:
    given: dict[str, Any] = {"env": {"PATH": "/bin"}, "limits": AgentLimits(), "prompt": "Do it.", **more}
    return AgentTask(tree=folder / "tree", private=folder / "private", **given)


def option(argv: tuple[str, ...], name: str) -> str:
    return argv[argv.index(name) + 1]


def rules(task: AgentTask) -> list[str]:
    write_settings(task)
    settings = Path(option(command_line("claude", task, SESSION), "--settings"))
    return list(json.loads(settings.read_text("utf-8"))["permissions"]["allow"])


def test_the_prompt_is_not_on_the_command_line(tmp_path: Path) -> None:
    argv = command_line("claude", a_task(tmp_path), SESSION)

    assert "Do it." not in argv
    assert option(argv, "--session-id") == SESSION
    assert option(argv, "--permission-prompts") == "none"


def test_an_old_session_is_resumed(tmp_path: Path) -> None:
    argv = command_line("claude", a_task(tmp_path, session_id=SESSION), SESSION)

    assert option(argv, "--resume") == SESSION
    assert "--session-id" not in argv


def test_limits_and_the_model_are_passed_on(tmp_path: Path) -> None:
    limits = AgentLimits(turns=7, micro_usd=1_250_000)

    argv = command_line("claude", a_task(tmp_path, limits=limits, access=Access(model="m")), SESSION)

    assert [option(argv, name) for name in ("--max-turns", "--max-budget-usd", "--model")] == ["7", "1.250000", "m"]


def test_what_is_not_limited_is_not_passed_on(tmp_path: Path) -> None:
    argv = command_line("claude", a_task(tmp_path, limits=AgentLimits(turns=None)), SESSION)

    assert {"--max-turns", "--max-budget-usd", "--model", "--mcp-config"}.isdisjoint(argv)


@pytest.mark.parametrize(
    ("allowed", "expected"),
    [
        (Allowed(), ["Bash", "WebFetch", "WebSearch"]),
        (
            Allowed(commands=("git *", "pytest"), network=False, write=False),
            ["Bash(git *)", "Bash(pytest)", "Bash(pytest *)"],
        ),
        (Allowed(commands=(), network=False, write=False), []),
    ],
)
def test_only_what_the_policy_allows_is_allowed(tmp_path: Path, allowed: Allowed, expected: list[str]) -> None:
    assert rules(a_task(tmp_path, allowed=allowed)) == expected


@pytest.mark.parametrize(
    ("allowed", "mode", "missing"),
    [
        (Allowed(), "acceptEdits", set()),
        (Allowed(write=False), "dontAsk", {"Edit", "Write", "NotebookEdit"}),
        (Allowed(commands=()), "acceptEdits", {"Bash"}),
        (Allowed(network=False), "acceptEdits", {"WebFetch", "WebSearch"}),
    ],
)
def test_a_tool_that_is_never_allowed_is_not_there(
    tmp_path: Path, allowed: Allowed, mode: str, missing: set[str]
) -> None:
    argv = command_line("claude", a_task(tmp_path, allowed=allowed), SESSION)

    every = {"Edit", "Write", "NotebookEdit", "Bash", "WebFetch", "WebSearch"}
    assert every - set(option(argv, "--tools").split(",")) == missing
    assert option(argv, "--permission-mode") == mode


def test_servers_stand_in_a_file_of_nobody_else(tmp_path: Path) -> None:
    task = a_task(tmp_path, servers={"my docs": {"command": "docs", "env": {"TOKEN": "t"}}})

    allowed = rules(task)

    path = Path(option(command_line("claude", task, SESSION), "--mcp-config"))
    assert json.loads(path.read_text("utf-8")) == {
        "mcpServers": {"my docs": {"command": "docs", "env": {"TOKEN": "t"}}}
    }
    assert path.stat().st_mode & 0o077 == 0
    assert allowed[-1] == "mcp__my_docs"


def test_its_home_is_the_private_folder_and_its_key_the_step_s(tmp_path: Path) -> None:
    env = environment(a_task(tmp_path, access=Access(base_url="http://gateway", api_key="k")))

    assert env["HOME"] == str(tmp_path / "private")
    assert (env["ANTHROPIC_BASE_URL"], env["ANTHROPIC_API_KEY"]) == ("http://gateway", "k")
    assert env["API_TIMEOUT_MS"] == "120000"


def test_what_the_policy_denies_is_a_rule_that_denies(tmp_path: Path) -> None:
    write_settings(a_task(tmp_path, allowed=Allowed(denied=("curl", "git push *"))))

    (written,) = tmp_path.rglob("ostinato-settings.json")
    denied = json.loads(written.read_text())["permissions"]["deny"]
    assert denied == [
        "Bash(curl)",
        "Bash(curl *)",
        "Bash(*/curl)",
        "Bash(*/curl *)",
        "Bash(git push *)",
        "Bash(*/git push *)",
    ]


def test_a_person_s_login_is_used_where_it_lies(tmp_path: Path) -> None:
    (home := tmp_path / "home" / ".claude").mkdir(parents=True)
    (home / ".credentials.json").write_text("{}")
    person = {"PATH": "/bin", "HOME": str(home.parent)}

    own = environment(a_task(tmp_path, env=person))
    with_key = environment(a_task(tmp_path, env=person, access=Access(api_key="k")))

    assert login_folder(person) == home
    assert own["CLAUDE_SECURESTORAGE_CONFIG_DIR"] == str(home)
    assert "CLAUDE_SECURESTORAGE_CONFIG_DIR" not in with_key


def test_a_session_s_files_are_found_and_no_other_s(tmp_path: Path) -> None:
    (project := tmp_path / ".claude" / "projects" / "-repo").mkdir(parents=True)
    (beside := project / SESSION / "subagents").mkdir(parents=True)
    for path in (project / f"{SESSION}.jsonl", project / "other.jsonl", beside / "agent.jsonl"):
        path.write_text("{}\n")

    found = saved_transcript(tmp_path, SESSION)

    main = Path(".claude/projects/-repo") / f"{SESSION}.jsonl"
    assert found == (main, main.with_suffix("") / "subagents" / "agent.jsonl")
    assert saved_transcript(tmp_path, "") == ()


def test_what_a_session_cost_before_is_read_from_it(tmp_path: Path) -> None:
    (project := tmp_path / ".claude" / "projects" / "-repo").mkdir(parents=True)
    state = '{"type":"cost-state","totalCostUSD":%s}\n'
    (project / f"{SESSION}.jsonl").write_text("{}\n" + state % 0.1 + state % 0.25)

    assert spent_so_far(tmp_path, SESSION) == 250_000
    assert spent_so_far(tmp_path, "another") is None


@pytest.mark.parametrize(("before", "spent"), [(250_000, 50_000), (0, 300_000), (None, None)])
def test_a_total_of_the_session_is_reduced_to_the_invocation(before: int | None, spent: int | None) -> None:
    tally = Tally(before)

    tally.settle({"total_cost_usd": 0.3, "usage": {"input_tokens": 5}})

    assert (tally.use.input, tally.use.micro_usd) == (5, spent)


def test_figures_of_a_message_are_counted_once() -> None:
    tally = Tally()

    assert [tally.began("m", {"input_tokens": 9, "output_tokens": 1}) for _ in range(3)] == [True, False, False]
    tally.grew("m", {"output_tokens": 40})

    assert (tally.use.input, tally.use.output, tally.use.requests) == (9, 40, 1)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b'{"type":"stream_event","event":{"type":"content_block_delta","delta":{"text":"sk-"}}}', True),
        (b'{"type":"stream_event","event":{"type":"message_delta","usage":{}}}', False),
        (b'{"type":"assistant","message":{"content":"content_block_delta"}}', False),
    ],
)
def test_a_piece_of_a_message_is_told_from_a_message(line: bytes, expected: bool) -> None:
    assert is_piece(line) is expected
