"""Agents that a configuration describes, each a real process: its prompt's way in, and its end by its description."""

import sys
import textwrap
import tomllib
from pathlib import Path

import pytest

from ostinato.adapters.agents.command import CommandAgent, number_of
from ostinato.adapters.agents.port import Access
from ostinato.domain.agents import AgentEnd, AgentLimits, EndKind, EventKind, LimitKind, TokenUse
from ostinato.domain.agents.described import read_agents
from tests.agent_bench import AgentBench

JSON_LINES = """
    [[events]]
    kind = "started"
    when = { type = "begin" }
    session = "id"
    [[events]]
    kind = "text"
    when = { type = "say" }
    text = "text"
    [[events]]
    kind = "usage"
    when = { type = "cost" }
    input = "in"
    usd = "usd"
    [[events]]
    kind = "failed"
    when = { type = "error" }
    text = "text"
    code = "name"
    until = "reset"
"""
SAYS = "import json, os, sys, time\ndef say(type, **of): print(json.dumps({'type': type, **of}), flush=True)\n"


def described(stated: str, code: str, arguments: tuple[str, ...] = (), **environ: str) -> CommandAgent:
    """What the agent does is Python; the rest of its description is TOML."""
    table = tomllib.loads(textwrap.dedent(stated))
    command = [sys.executable, "-c", SAYS + textwrap.dedent(code), *arguments]
    agents, problems = read_agents({"mine": {"command": command, **table}})
    assert problems == ()
    return CommandAgent(described=agents[0], environ=environ)


@pytest.fixture
def bench(tmp_path: Path) -> AgentBench:
    return AgentBench(folder=tmp_path)


async def ended(bench: AgentBench, stated: str, code: str, arguments: tuple[str, ...] = ()) -> AgentEnd:
    return await bench.run(described(stated, code, arguments), "make it {model} so")


@pytest.mark.parametrize(
    ("stated", "code", "arguments"),
    [
        ("", "print('I heard:', sys.stdin.read())", ()),
        ('prompt = "argument"', "print('I heard:', sys.argv[1])", ()),
        ('prompt = "argument"', "print('I heard:', sys.argv[2])", ("-m", "{prompt}")),
        ('prompt = "file"', "print('I heard:', open(sys.argv[1]).read())", ("{file}",)),
    ],
)
async def test_the_prompt_reaches_it(bench: AgentBench, stated: str, code: str, arguments: tuple[str, ...]) -> None:
    end = await ended(bench, stated, code, arguments)

    assert (end.kind, end.answer) == (EndKind.DONE, "I heard: make it {model} so")
    assert not list(bench.tree.iterdir())


async def test_what_it_repeats_of_its_prompt_is_not_its_answer(bench: AgentBench) -> None:
    agent = described("", "print(f'USER\\n  {sys.stdin.read()}\\nAGENT\\nI did.')")

    end = await bench.run(agent, "Be quick.\nI created `a.py`, says the issue.")

    assert end.answer.splitlines() == ["USER", "AGENT", "I did."]


async def test_it_works_in_the_tree_with_a_home_of_its_own(bench: AgentBench) -> None:
    end = await ended(bench, "", "print(os.getcwd(), os.environ['HOME'], os.environ['XDG_CONFIG_HOME'])")

    assert end.answer.split() == [str(bench.tree), str(bench.private), str(bench.private / ".config")]


async def test_it_sees_what_is_let_through_and_its_gateway_and_nothing_else(bench: AgentBench) -> None:
    bench.access = Access(base_url="http://127.0.0.1:1/v1", api_key="step-key", model="small")
    code = "print([os.environ.get(n) for n in ('REGION', 'OTHER', 'BASE', 'KEY', 'M')])"
    stated = 'env = ["REGION"]\nbase_url = "BASE"\nkey = "KEY"\nset = { M = "x/{model}" }'

    end = await bench.run(described(stated, code, REGION="north", OTHER="no"), "")

    assert end.answer == "['north', None, 'http://127.0.0.1:1/v1', 'step-key', 'x/small']"


@pytest.mark.parametrize(
    ("stated", "code", "kind", "message"),
    [
        ("", "sys.exit(0)", EndKind.DONE, ""),
        ("", "sys.exit('out of paper')", EndKind.CRASH, "out of paper"),
        ("", "sys.exit('API Error: 401 no key')", EndKind.AUTH, "API Error: 401 no key"),
        ("ends.exit_codes = { 3 = 'gave_up' }", "print('too hard'); sys.exit(3)", EndKind.GAVE_UP, "too hard"),
        ("ends.exit_codes = { 0 = 'gave_up' }", "print('maybe')", EndKind.GAVE_UP, "maybe"),
        (
            "[[ends.patterns]]\nmatch = '^AuthenticationError'\nend = 'auth'",
            "print('AuthenticationError: no key'); print('Bye.')",
            EndKind.AUTH,
            "AuthenticationError: no key",
        ),
        (
            "[[ends.patterns]]\nmatch = 'quota'\nend = 'rate_limit'\n[[ends.patterns]]\nmatch = 'Error'\nend = 'crash'",
            "print('Error: something'); sys.exit('Error: quota used up')",
            EndKind.RATE_LIMIT,
            "Error: quota used up",
        ),
    ],
)
async def test_its_end_is_told_by_its_description(
    bench: AgentBench, stated: str, code: str, kind: EndKind, message: str
) -> None:
    end = await ended(bench, stated, code)

    assert (end.kind, end.message) == (kind, message)


async def test_a_pattern_of_a_limit_finds_when_it_is_lifted(bench: AgentBench) -> None:
    stated = "[[ends.patterns]]\nmatch = 'usage limit'\nend = 'rate_limit'"

    end = await ended(bench, stated, "print('You hit your usage limit, try again in 2 hours.')")

    assert end.kind is EndKind.RATE_LIMIT
    assert end.until is not None


async def test_numbers_in_its_output_are_its_usage(bench: AgentBench) -> None:
    stated = (
        "[usage]\ninput = 'Tokens: ([\\d.,k]+) sent'\noutput = '([\\d.,k]+) received'\nusd = 'Cost: \\$([\\d.]+)'\n"
    )
    code = "for n in (1, 2): print('Tokens: %d.5k sent, 1,00%d received. Cost: $0.0%d' % (n, n, n))"

    last = await ended(bench, stated, code)
    each = await ended(bench, stated + "counted = 'each'", code)

    assert last.use == TokenUse(input=2_500, output=1_002, micro_usd=20_000)
    assert each.use == TokenUse(input=4_000, output=2_003, micro_usd=30_000)


async def test_its_spending_is_limited_from_outside(bench: AgentBench) -> None:
    bench.limits = AgentLimits(tokens=1_000)

    end = await ended(bench, "usage.input = '(\\d+) tokens'", "print('1001 tokens', flush=True); time.sleep(60)")

    assert (end.kind, end.limit) == (EndKind.LIMIT, LimitKind.TOKENS)


async def test_json_lines_become_events_and_other_lines_do_not(bench: AgentBench) -> None:
    code = """
        say("begin", id="s-7"); print("a banner"); say("say", text="hello"); say("cost", **{"in": 5, "usd": 0.1})
        say("weather")
    """

    end = await ended(bench, JSON_LINES, code)

    assert (end.kind, end.session_id, end.answer) == (EndKind.DONE, "s-7", "hello")
    assert end.use == TokenUse(input=5, micro_usd=100_000)
    assert [event.kind for event in bench.events] == [
        EventKind.STARTED, EventKind.TEXT, EventKind.USAGE, EventKind.OTHER
    ]  # fmt: skip


async def test_a_failure_that_it_told_explains_its_exit(bench: AgentBench) -> None:
    code = 'say("error", name="rate_limit", text="slow down", reset=1900000000); sys.exit(1)'

    end = await ended(bench, JSON_LINES, code)

    assert (end.kind, end.message) == (EndKind.RATE_LIMIT, "slow down")
    assert end.until is not None
    assert end.until.timestamp() == 1_900_000_000


async def test_what_it_writes_for_programs_does_not_explain_why_it_was_killed(bench: AgentBench) -> None:
    end = await ended(bench, JSON_LINES, "say('begin', id='s-1'); os.kill(os.getpid(), 9)")

    assert (end.kind, end.message, end.session_id) == (EndKind.CRASH, "signal 9 ended it, and it said nothing", "s-1")


async def test_a_session_is_found_and_resumed(bench: AgentBench) -> None:
    stated = "session = 'session: (\\S+)'\nresume = ['--resume', '{session}']"
    code = "print('session: s-5'); print(sys.argv[1:])"
    first = await ended(bench, stated, code)
    bench.session_id = first.session_id

    second = await ended(bench, stated, code)

    assert first.session_id == "s-5"
    assert second.answer.splitlines()[1] == "['--resume', 's-5']"


async def test_silence_of_a_quiet_agent_is_no_sign(bench: AgentBench) -> None:
    bench.limits = AgentLimits(idle_s=0.5)

    loud = await ended(bench, "", "time.sleep(60)")
    quiet = await ended(bench, "quiet = true", "time.sleep(2)")

    assert (loud.limit, quiet.kind) == (LimitKind.IDLE, EndKind.DONE)


@pytest.mark.parametrize(
    ("arguments", "prompt", "message"),
    [
        (("--model", "{model}"), "", "its command names {model}, and none is chosen"),
        (("{base_url}",), "", "its command names {base_url}, and there is no gateway"),
        (("{prompt}",), "x" * 200_000, "its prompt is too long for an argument"),
    ],
)
async def test_what_it_cannot_be_started_with_is_named(
    bench: AgentBench, arguments: tuple[str, ...], prompt: str, message: str
) -> None:
    end = await bench.run(described('prompt = "argument"', "", arguments), prompt)

    assert end.kind is EndKind.MISSING
    assert message in end.message


async def test_a_command_that_is_not_there_is_missing(bench: AgentBench) -> None:
    agents, _ = read_agents({"mine": {"command": ["no-such-agent"]}})

    end = await bench.run(CommandAgent(described=agents[0]), "")

    assert end.kind is EndKind.MISSING


async def test_its_installation_is_looked_up(bench: AgentBench) -> None:
    stated = 'version = ["-c", "print(\\"This is mine, version 1.5.\\")"]\nenv = ["TOKEN"]\nhome = "own"\n'
    agent = described(stated, "", TOKEN="t")

    here = await agent.installation({"PATH": str(Path(sys.executable).parent)})
    agents, _ = read_agents({"mine": {"command": ["no-such-agent"]}})
    gone = await CommandAgent(described=agents[0]).installation({"PATH": "/usr/bin"})

    assert (here.works, here.version, here.login) == (True, "1.5", "variables TOKEN")
    assert (gone.works, gone.problem) == (False, "no-such-agent is not found")


def test_numbers_are_read_as_agents_write_them() -> None:
    assert [number_of(text) for text in ("12", "12,345", "1.2k", "0.05", "2M", "none")] == [
        12, 12_345, 1_200, 0.05, 2e6, None
    ]  # fmt: skip
