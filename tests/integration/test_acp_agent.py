"""A real process that speaks the Agent Client Protocol: how it works, ends, is ended, and what is left of it: nothing."""

import asyncio
import json
import os
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ostinato.adapters.agents.acp import AcpAgent
from ostinato.adapters.agents.port import Allowed
from ostinato.domain.agents import AgentEnd, AgentLimits, EndKind, EventKind, LimitKind
from ostinato.domain.agents.described import DescribedAgent
from tests.agent_bench import AgentBench

AGENT = Path(__file__).parents[1] / "acp_agent.py"


def mini(**variables: str) -> AcpAgent:
    command = (sys.executable, "-W", "ignore", str(AGENT))
    return AcpAgent(described=DescribedAgent(name="mini", command=command, speaks="acp", set=variables))


@pytest.fixture
def bench(tmp_path: Path) -> AgentBench:
    return AgentBench(folder=tmp_path)


async def ended(bench: AgentBench, prompt: str) -> AgentEnd:
    return await bench.run(mini(), prompt)


async def test_it_edits_a_file_and_tells_what_it_used(bench: AgentBench) -> None:
    end = await ended(bench, "think hm\nedit a.txt hello\ncost 0.01\nsay all done")

    assert (end.kind, end.session_id, end.answer) == (EndKind.DONE, "s-1", "all done")
    assert (bench.tree / "a.txt").read_text() == "hello"
    assert end.touched == ("a.txt",)
    assert (end.use.input, end.use.output, end.use.micro_usd, end.use.requests) == (900, 100, 10_000, 2)
    assert bench.left == []


async def test_its_session_is_told_before_anything_else(bench: AgentBench) -> None:
    await ended(bench, "think hm\nedit a.txt hello")

    assert bench.kinds() == [
        EventKind.STARTED, EventKind.THOUGHT, EventKind.TOOL_BEGAN, EventKind.TOOL_ENDED, EventKind.USAGE
    ]  # fmt: skip
    assert bench.events[0].kind is EventKind.OTHER


@pytest.mark.parametrize(
    ("allowed", "asked", "answered", "denied"),
    [
        (Allowed(), "execute pytest -q", "[yes]", ()),
        (Allowed(commands=("pytest*",)), "execute pytest -q", "[yes]", ()),
        (Allowed(commands=("pytest*",)), "execute curl x | sh", "[no]", ("run curl x | sh",)),
        (Allowed(write=False), "edit a.py", "[no]", ("write: a.py",)),
        (Allowed(network=False), "fetch docs", "[no]", ("network: docs",)),
    ],
)
async def test_its_questions_are_answered_by_the_policy(
    bench: AgentBench, allowed: Allowed, asked: str, answered: str, denied: tuple[str, ...]
) -> None:
    bench.allowed = allowed

    end = await ended(bench, f"ask {asked}")

    assert (end.kind, end.answer, end.denied) == (EndKind.DONE, answered, denied)


@pytest.mark.parametrize(
    ("prompt", "kind", "message"),
    [
        ("limit", EndKind.RATE_LIMIT, "You've hit your limit."),
        ("auth", EndKind.AUTH, "invalid x-api-key"),
        ("overflow", EndKind.CONTEXT_OVERFLOW, "prompt is too long"),
        ("stop refusal", EndKind.REFUSED, "the model declined"),
        ("stop max_tokens", EndKind.GAVE_UP, "its answer was cut"),
        ("stop cancelled", EndKind.GAVE_UP, "nobody had asked it to"),
        ("stop max_turn_requests", EndKind.LIMIT, "it used all its turns"),
        ("crash", EndKind.CRASH, "panic: out of paper"),
        ('quiet_failure {"message": "exceeded retry limit, last status: 429"}', EndKind.RATE_LIMIT, "last status: 429"),
        (
            'quiet_failure {"message": "Your input exceeds the context window of this model"}',
            EndKind.CONTEXT_OVERFLOW,
            "context window",
        ),
        ('quiet_failure {"message": "something odd"}', EndKind.PROVIDER, "something odd"),
    ],
)
async def test_its_end_is_told_by_facts(bench: AgentBench, prompt: str, kind: EndKind, message: str) -> None:
    end = await ended(bench, f"say I begin\n{prompt}")

    assert end.kind is kind
    assert message in end.message
    assert end.session_id == "s-1"


async def test_a_limit_of_the_account_names_when_it_is_lifted(bench: AgentBench) -> None:
    lifted = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=3)

    end = await ended(bench, f"limit Try again at {lifted:%Y-%m-%dT%H:%M:%SZ}.")

    assert end.until == lifted


async def test_what_it_got_over_is_no_failure(bench: AgentBench) -> None:
    end = await ended(bench, 'quiet_failure {"message": "status 529"}\nsay better now')

    assert end.kind is EndKind.DONE
    assert EventKind.FAILED in bench.kinds()


async def test_a_note_ends_its_turn_in_good_order(bench: AgentBench) -> None:
    bench.interrupted = lambda: EventKind.TEXT in bench.kinds()

    end = await ended(bench, "say working\nhang")

    assert (end.kind, end.session_id, end.use.input) == (EndKind.INTERRUPTED, "s-1", 900)
    assert bench.left == []


async def test_who_does_not_hear_is_ended_with_its_children(bench: AgentBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ostinato.adapters.agents.running.END_WAIT_S", 0.3)
    bench.limits = AgentLimits(idle_s=1)

    end = await ended(bench, "child\ndeaf")

    assert (end.kind, end.limit) == (EndKind.LIMIT, LimitKind.IDLE)
    assert bench.left == []


async def test_its_child_does_not_outlive_its_good_end(bench: AgentBench) -> None:
    end = await ended(bench, "child\nsay done")

    assert end.kind is EndKind.DONE
    assert bench.left == []


async def test_cancelling_leaves_nothing(bench: AgentBench) -> None:
    running = asyncio.create_task(ended(bench, "child\nsay working\nhang"))
    while EventKind.TEXT not in bench.kinds():  # noqa: ASYNC110 - events are told by a call
        await asyncio.sleep(0.02)

    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running
    assert bench.left == []


@pytest.mark.parametrize(
    ("limits", "prompt", "limit"),
    [
        (AgentLimits(turns=2), "edit a 1\nedit b 2\nedit c 3\nhang", LimitKind.TURNS),
        (AgentLimits(micro_usd=5_000), "cost 0.01\nhang", LimitKind.MONEY),
        (AgentLimits(tokens=500), "cost 0.01\nhang", LimitKind.TOKENS),
        (AgentLimits(wall_s=2), "hang", LimitKind.WALL),
    ],
)
async def test_its_limits_are_kept_from_outside(
    bench: AgentBench, limits: AgentLimits, prompt: str, limit: LimitKind
) -> None:
    bench.limits = limits

    end = await ended(bench, prompt)

    assert (end.kind, end.limit) == (EndKind.LIMIT, limit)


async def test_going_in_circles_ends_it(bench: AgentBench) -> None:
    end = await ended(bench, "again 30\nhang")

    assert end.kind is EndKind.LOOP
    assert end.message.startswith("it called ls 6 times")


async def test_edits_of_the_same_file_are_no_circle(bench: AgentBench) -> None:
    end = await ended(bench, "\n".join(f"edit a.txt {n}" for n in range(10)))

    assert end.kind is EndKind.DONE


async def test_a_flood_is_heard_in_order(bench: AgentBench) -> None:
    end = await ended(bench, "flood 5000")

    assert end.kind is EndKind.DONE
    assert [event.text for event in bench.events if event.kind is EventKind.TEXT] == [f"{n} " for n in range(5000)]


async def test_what_no_version_of_the_protocol_has_is_a_sign_of_life(bench: AgentBench) -> None:
    end = await ended(bench, "odd\nsay fine")

    assert (end.kind, end.answer) == (EndKind.DONE, "fine")


@pytest.mark.parametrize("way", ["MINI_RESUMES", "MINI_LOADS"])
async def test_a_session_is_resumed_and_only_new_costs_count(bench: AgentBench, way: str) -> None:
    await bench.run(mini(**{way: "1"}), "cost 0.25\nsay first")
    bench.session_id = "s-1"

    end = await bench.run(mini(**{way: "1"}), "cost 0.75\nsay second")

    assert (end.kind, end.session_id, end.answer) == (EndKind.DONE, "s-1", "second")
    assert end.use.micro_usd == 500_000


async def test_the_files_of_a_session_are_those_of_its_private_folder(bench: AgentBench) -> None:
    await ended(bench, "say first")

    task = bench.task("")
    there, elsewhere = (mini().sessions(replace(task, session_id=id)) for id in ("s-1", "s-2"))

    assert Path("sessions/s-1") in there
    assert elsewhere == ()


@pytest.mark.parametrize("variables", [{}, {"MINI_RESUMES": "1"}, {"MINI_LOADS": "1"}])
async def test_a_session_that_is_gone_is_said_to_be_lost(bench: AgentBench, variables: dict[str, str]) -> None:
    bench.session_id = "s-9"

    end = await bench.run(mini(**variables), "say hello")

    assert (end.kind, end.session_id) == (EndKind.CRASH, "")
    assert "resume" in end.message
    assert EventKind.STARTED not in bench.kinds()


async def test_who_wants_a_login_says_so(bench: AgentBench) -> None:
    end = await bench.run(mini(MINI_LOCKED="1"), "say hello")

    assert end.kind is EndKind.AUTH
    assert end.message.endswith("it knows the ways login")


async def test_another_version_of_the_protocol_is_named(bench: AgentBench) -> None:
    end = await bench.run(mini(MINI_VERSION="7"), "say hello")

    assert (end.kind, "version 7" in end.message) == (EndKind.MISSING, True)


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        (("no-such-agent",), EndKind.MISSING),
        ((sys.executable, "-c", "print('hello')"), EndKind.CRASH),
        ((sys.executable, "-c", "import sys; sys.exit('API Error: 401 log in first')"), EndKind.AUTH),
        (("cat",), EndKind.CRASH),
    ],
)
async def test_a_command_that_does_not_speak_the_protocol_ends(
    bench: AgentBench, command: tuple[str, ...], kind: EndKind
) -> None:
    agent = AcpAgent(described=DescribedAgent(name="none", command=command, speaks="acp"))

    end = await bench.run(agent, "say hello")

    assert end.kind is kind
    assert end.message


async def test_servers_that_it_can_use_are_handed_on(bench: AgentBench) -> None:
    bench.servers = {"local": {"command": "serve", "args": ["-v"], "env": {"A": "1"}}, "far": {"url": "http://x"}}

    await ended(bench, "say hello")

    assert json.loads((bench.private / "sessions" / "s-1").read_text()) == ["local"]
    assert "cannot use the server far" in next(e.text for e in bench.events if e.kind is EventKind.FAILED)


async def test_no_descriptor_is_left_open(bench: AgentBench) -> None:
    await ended(bench, "say once")
    before = len(os.listdir("/proc/self/fd"))

    await ended(bench, "say twice")

    assert len(os.listdir("/proc/self/fd")) == before
