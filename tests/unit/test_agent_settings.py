"""What agents are told of a step's policy, in the words that each has for it."""

import json
import re
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ostinato.adapters.agents import codex, gemini, opencode
from ostinato.adapters.agents.codex_permission import answer
from ostinato.adapters.agents.growing import GrowingFiles
from ostinato.adapters.agents.port import Access, AgentTask, Allowed
from ostinato.adapters.agents.provider_errors import in_one_line, judged
from ostinato.domain.agents import AgentLimits, EndKind, LimitKind

DROPPED = re.compile(r"\([^)]*[*+?{].*\)[*+?{]")
"""Rules with such a pattern Gemini CLI passes over."""


def a_task(allowed: Allowed | None = None, **access: str) -> AgentTask:
    return AgentTask(
        prompt="Do it.",
        tree=Path("/tree"),
        private=Path("/private"),
        env={"HOME": "/home/person", "PATH": "/bin"},
        limits=AgentLimits(),
        access=Access(**{"base_url": "http://127.0.0.1:9/step", "api_key": "k", "model": "m", **access}),
        allowed=allowed or Allowed(),
        servers={"docs": {"command": "serve", "args": ["--x"]}},
    )


@pytest.mark.parametrize(
    ("allowed", "sandbox", "network"),
    [
        (Allowed(), "workspace-write", True),
        (Allowed(network=False), "workspace-write", False),
        (Allowed(write=False), "read-only", True),
    ],
)
def test_codex_has_a_sandbox_for_what_is_allowed(allowed: Allowed, sandbox: str, network: bool) -> None:
    config = codex.configuration(a_task(allowed))

    assert config["sandbox_mode"] == sandbox
    assert config["sandbox_workspace_write"]["network_access"] is network
    assert config["model_providers"]["ostinato"]["base_url"] == "http://127.0.0.1:9/step/v1"
    assert config["mcp_servers"]["docs"]["required"] is True
    assert "hooks" not in config


@pytest.mark.parametrize(
    ("patterns", "command", "is_allowed"),
    [
        (("pytest",), "pytest -q tests", True),
        (("git status",), "git status", True),
        (("git *",), "git status && rm -rf /", False),
        (("git *",), "git log | head", False),
        ((), "ls", False),
    ],
)
def test_codex_asks_before_each_command_where_not_all_are_allowed(
    patterns: tuple[str, ...], command: str, is_allowed: bool
) -> None:
    hook = codex.configuration(a_task(Allowed(commands=patterns)))["hooks"]["PreToolUse"][0]["hooks"][0]
    call = json.dumps({"tool_name": "Bash", "tool_input": {"command": command}})

    argv = shlex.split(hook["command"])
    said = subprocess.run(argv, input=call, capture_output=True, text=True, check=True).stdout

    assert argv[0] == sys.executable
    assert (said == "") is is_allowed
    assert is_allowed or json.loads(said)["hookSpecificOutput"]["permissionDecision"] == "deny"


def test_codex_asks_where_only_some_commands_are_denied() -> None:
    hook = codex.configuration(a_task(Allowed(denied=("git push*",))))["hooks"]["PreToolUse"][0]["hooks"][0]
    (*_, policy) = shlex.split(hook["command"])

    pushes, others = (json.dumps({"tool_input": {"command": line}}) for line in ("make && git push", "make"))

    assert "these may not be run: git push*" in answer(policy, pushes)
    assert answer(policy, others) == ""


def test_opencode_and_gemini_deny_what_is_denied_before_what_is_allowed() -> None:
    denied = a_task(Allowed(denied=("curl", "git push*")))

    bash, rules = opencode.permissions(denied)["bash"], gemini.rules(denied)

    assert list(bash) == ["*", "curl", "curl *", "*/curl", "*/curl *", "git push*", "*/git push*"]
    assert (bash["*"], bash["curl *"], bash["git push*"]) == ("allow", "deny", "deny")
    assert [(rule["decision"], rule["commandRegex"]) for rule in rules] == [
        ("deny", r"(?:|.*[^\w.-])curl(?![\w-])"),
        ("deny", r"(?:|.*[^\w.-])git\ push.*"),
    ]


@pytest.mark.parametrize("call", ["", "[]", "{}", '{"tool_input": {"command": 3}}'])
def test_a_call_that_cannot_be_read_is_denied(call: str) -> None:
    assert '"deny"' in answer('["git *"]', call)


def test_opencode_decides_everything_beforehand() -> None:
    rules = opencode.permissions(a_task(Allowed(write=False, commands=("make test", "pytest"), network=False)))

    assert rules["bash"] == {"*": "deny", "make test": "allow", "pytest": "allow", "pytest *": "allow"}
    assert (rules["edit"], rules["webfetch"], rules["external_directory"]) == ("deny", "deny", "deny")
    assert "'ask'" not in str(rules)


def test_gemini_denies_what_no_pattern_allows() -> None:
    rules = gemini.rules(a_task(Allowed(commands=("make test", "pytest", "git log *"))))

    assert [(rule["decision"], rule["commandRegex"]) for rule in rules] == [
        ("deny", ".*"),
        ("allow", 'make\\ test"'),
        ("allow", 'pytest(?:| .*)"'),
        ("allow", "git\\ log\\ .*"),
    ]
    assert not [rule for rule in rules if DROPPED.search(rule["commandRegex"])]
    assert gemini.rules(a_task()) == []


@pytest.mark.parametrize(
    ("pattern", "line", "is_denied"),
    [
        ("curl", "curl -s x", True),
        ("curl", "make && /usr/bin/curl", True),
        ("curl", "curlew", False),
        ("git push", "true; git push", True),
        ("git push", "git pushes", False),
        ("git push*", "git log && git push origin", True),
    ],
)
def test_gemini_finds_what_is_denied_anywhere_in_a_line(pattern: str, line: str, is_denied: bool) -> None:
    (rule,) = gemini.rules(a_task(Allowed(denied=(pattern,))))

    found = re.search(f'"command":"{rule["commandRegex"]}', json.dumps({"command": line}, separators=(",", ":")))

    assert (found is not None) is is_denied
    assert not DROPPED.search(rule["commandRegex"])


@pytest.mark.parametrize("invocation_of", [codex.invocation_of, opencode.invocation_of, gemini.invocation_of])
def test_no_prompt_and_no_key_is_on_a_command_line(invocation_of: object) -> None:
    assert callable(invocation_of)
    invocation = invocation_of(a_task(api_key="a-key-of-a-step"))

    assert "a-key-of-a-step" not in " ".join(invocation.argv)
    assert invocation.stdin == b"Do it."
    assert invocation.env["HOME"] == "/private"
    assert "a-key-of-a-step" in invocation.env.values()


def test_the_binary_behind_a_script_of_npm_is_found(tmp_path: Path) -> None:
    packages = tmp_path / "node_modules" / "@openai"
    script = packages / "codex" / "bin" / "codex.js"
    binary = packages / "codex-linux-x64" / "vendor" / "x86_64-unknown-linux-musl" / "bin" / "codex"
    for file in (script, binary):
        file.parent.mkdir(parents=True)
        file.touch(mode=0o755)

    (link := tmp_path / "codex").symlink_to(script)

    assert codex.native(link) == binary
    assert codex.native(None) is None


def test_of_a_growing_file_whole_lines_are_read_once(tmp_path: Path) -> None:
    file = tmp_path / "session.jsonl"
    growing = GrowingFiles(folder=tmp_path, find=lambda: tmp_path.glob("*.jsonl"))

    file.write_text("one\ntw")
    first = list(growing.lines())
    file.write_text("one\ntwo\nthree\n")

    assert (first, list(growing.lines()), list(growing.lines())) == (["one"], ["two", "three"], [])


def test_an_error_in_errors_is_told_by_its_own_words() -> None:
    assert in_one_line('{"error": {"message": "{\\"error\\": {\\"message\\": \\"too\\\\nlong\\"}}"}}') == "too long"
    assert in_one_line("plain\n words") == "plain words"


@pytest.mark.parametrize(
    ("most", "limit"),
    [("$0.50", LimitKind.MONEY), ("1 request", LimitKind.REQUESTS), ("20,000 tokens", LimitKind.TOKENS)],
)
def test_a_cap_of_the_gateway_is_a_limit_of_the_step(most: str, limit: LimitKind) -> None:
    said = f'{{"error": {{"message": "Ostinato stopped this step: it may use {most}, has used 3. Do not ask again."}}}}'

    found = judged(said, now=datetime(2026, 3, 10, tzinfo=UTC), status=400)

    assert (found.kind, found.limit) == (EndKind.LIMIT, limit)


def test_an_account_at_its_limit_tells_until_when() -> None:
    until = datetime(2026, 3, 10, 5, tzinfo=UTC)

    found = judged(f"This account is at its limit until {until.isoformat()}.", now=datetime(2026, 3, 10, tzinfo=UTC))

    assert (found.kind, found.until) == (EndKind.RATE_LIMIT, until)
