"""Small agents that behave badly, each a real process: how `run_agent` sees them end, and that nothing of them is left."""

import asyncio
import json
import signal
import sys
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from ostinato.adapters.agents.port import AgentTask, Watched
from ostinato.adapters.agents.reading import read_object
from ostinato.adapters.agents.running import Invocation, run_agent
from ostinato.adapters.artifacts import ArtifactStore
from ostinato.adapters.processes import MARKER_VARIABLE, ProcessEnd, clean_environment
from ostinato.domain.agents import AgentEnd, AgentEvent, AgentLimits, EndKind, EventKind, LimitKind
from ostinato.domain.budget.prices import Price, Terms
from ostinato.domain.redaction import Redactor

SECRET = "hunter2-hunter2-hunter2"
SAYS = """
    import json, os, signal, sys, time
    def say(kind, **fields): print(json.dumps({"kind": kind, **fields}), flush=True)
    say("started", session_id="s-1")
"""
CHILD_IN_A_SESSION_OF_ITS_OWN = """
    if os.fork() == 0:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        while True: time.sleep(1)
"""
FOREVER = "    while True: time.sleep(1)\n"


@dataclass(slots=True)
class Plain:
    """Lines are events as they are; the word `end` is the last."""

    finished: bool = False

    def feed(self, line: str) -> Iterable[AgentEvent]:
        value = read_object(line)
        if value is None:
            return
        if value["kind"] == "end":
            self.finished = True
            return
        yield AgentEvent.model_validate(value)

    def end(self, exit: ProcessEnd, limit: LimitKind | None) -> AgentEnd:
        done = self.finished or exit.ok
        return AgentEnd(kind=EndKind.DONE if done else EndKind.CRASH, message=exit.tail, answer=SECRET)


@dataclass(slots=True, kw_only=True)
class Bench:
    folder: Path
    artifacts: ArtifactStore
    events: list[AgentEvent] = field(default_factory=list)
    interrupted: Callable[[], bool] = lambda: False
    limits: AgentLimits = field(default_factory=AgentLimits)
    end_signal: int = signal.SIGINT
    terms: Terms | None = None
    omit: Callable[[bytes], bool] = lambda _line: False

    async def run(self, code: str, stdin: bytes | None = None) -> AgentEnd:
        argv = (sys.executable, "-c", textwrap.dedent(SAYS) + textwrap.dedent(code))
        return await self.run_command(*argv, stdin=stdin)

    async def run_command(self, *argv: str, stdin: bytes | None = None) -> AgentEnd:
        task = AgentTask(
            prompt="",
            tree=self.folder,
            private=self.folder,
            env=clean_environment(),
            limits=self.limits,
            marker=str(self.folder),
            terms=self.terms,
        )
        watched = Watched(
            artifacts=self.artifacts,
            redactor=Redactor((SECRET,)),
            on_event=self.events.append,
            interrupted=self.interrupted,
        )
        invocation = Invocation(argv=argv, stdin=stdin, end_signal=self.end_signal, omit=self.omit)
        return await run_agent(invocation, Plain(), task, watched)

    @property
    def left(self) -> list[int]:
        return [
            process.pid
            for process in psutil.process_iter(["environ"])
            if (process.info["environ"] or {}).get(MARKER_VARIABLE) == str(self.folder)
        ]

    @property
    def kinds(self) -> list[EventKind]:
        return [event.kind for event in self.events]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    (tree := tmp_path / "tree").mkdir()
    return Bench(folder=tree, artifacts=ArtifactStore(tmp_path / "artifacts"))


async def test_lines_become_events_and_the_rest_is_tolerated(bench: Bench) -> None:
    end = await bench.run("""
        print("Warning: not JSON")
        print("{broken")
        print('{"shape": "unknown"}')
        sys.stdout.write(json.dumps({"kind": "text", "text": "last, with no newline"}))
    """)

    assert end.kind is EndKind.DONE
    assert bench.kinds == [EventKind.STARTED, EventKind.OTHER, EventKind.TEXT]
    assert (end.session_id, end.exit_code) == ("s-1", 0)


async def test_the_prompt_arrives_by_standard_input(bench: Bench) -> None:
    end = await bench.run('say("text", text=sys.stdin.read())', stdin="grüße".encode())

    assert end.kind is EndKind.DONE
    assert bench.events[-1].text == "grüße"


async def test_a_line_of_megabytes_arrives_whole(bench: Bench) -> None:
    await bench.run('say("text", text="x" * 5_000_000)')

    assert len(bench.events[-1].text) == 5_000_000


async def test_a_flood_is_taken_in_order_and_the_loop_has_its_turns(bench: Bench) -> None:
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0.01)

    ticking = asyncio.create_task(tick())
    await bench.run('for n in range(50_000): print(json.dumps({"kind": "other", "text": str(n)}))')
    ticking.cancel()

    assert [event.text for event in bench.events[1:]] == [str(n) for n in range(50_000)]
    assert ticks > 20


async def test_what_is_kept_and_told_holds_no_secret(bench: Bench) -> None:
    end = await bench.run(f"""
        say("tool_ended", text="{SECRET}", paths=["a/{SECRET}.txt"], ok=True)
        print("{SECRET}", file=sys.stderr)
        say("denied", text="cat {SECRET}")
    """)

    told = json.dumps([event.model_dump(mode="json") for event in bench.events]) + end.model_dump_json()
    assert SECRET not in told + bench.artifacts.read_text(end.evidence)
    assert end.touched == ("a/[redacted:known-value].txt",)
    assert end.denied == ("cat [redacted:known-value]",)


async def test_a_secret_in_pieces_of_a_line_is_seen(bench: Bench) -> None:
    end = await bench.run(f"""
        for piece in ('{{"kind": "text", "text": "{SECRET[:9]}', '{SECRET[9:]}"}}\\n'):
            sys.stdout.write(piece)
            sys.stdout.flush()
            time.sleep(0.1)
    """)

    assert bench.events[-1].text == "[redacted:known-value]"
    assert "[redacted:known-value]" in bench.artifacts.read_text(end.evidence)


async def test_a_key_over_several_lines_is_seen(bench: Bench) -> None:
    key = "\n".join(("-----BEGIN " + "PRIVATE KEY-----", *["QUJD" * 15] * 3, "-----END " + "PRIVATE KEY-----"))

    end = await bench.run(f"say('text', text={key!r})\nprint({key!r})")

    assert bench.events[-1].text == "[redacted:private-key]"
    assert "QUJDQUJD" not in bench.artifacts.read_text(end.evidence)


async def test_pieces_of_what_comes_whole_afterwards_are_heard_and_not_kept(bench: Bench) -> None:
    bench.omit = lambda line: b'"other"' in line

    end = await bench.run(f"""
        say("other", text="{SECRET[:9]}")
        say("other", text="{SECRET[9:]}")
        say("text", text="{SECRET}")
        sys.stdout.write("last, with no newline")
    """)

    kept = bench.artifacts.read_text(end.evidence)
    assert bench.kinds == [EventKind.STARTED, EventKind.OTHER, EventKind.OTHER, EventKind.TEXT]
    assert [SECRET[:9] in kept, SECRET[9:] in kept, kept.endswith("last, with no newline")] == [False, False, True]


async def test_a_silent_agent_is_ended_and_so_is_its_child_in_a_session_of_its_own(bench: Bench) -> None:
    bench.limits = AgentLimits(idle_s=1)

    end = await bench.run(CHILD_IN_A_SESSION_OF_ITS_OWN + FOREVER)

    assert (end.kind, end.limit) == (EndKind.LIMIT, LimitKind.IDLE)
    assert end.message == "nothing was heard of it for 1 s"
    assert bench.left == []


async def test_an_agent_is_heard_while_it_speaks_and_ended_at_its_wall_time(bench: Bench) -> None:
    bench.limits = AgentLimits(idle_s=1.5, wall_s=3)

    end = await bench.run("""
        while True:
            say("other")
            time.sleep(0.2)
    """)

    assert (end.kind, end.limit) == (EndKind.LIMIT, LimitKind.WALL)


async def test_chatter_that_is_no_event_does_not_count_as_life(bench: Bench) -> None:
    bench.limits = AgentLimits(idle_s=1)

    end = await bench.run("""
        while True:
            print("still here", flush=True)
            time.sleep(0.1)
    """)

    assert end.limit is LimitKind.IDLE


async def test_a_tool_may_be_silent_for_longer_than_the_agent(bench: Bench) -> None:
    bench.limits = AgentLimits(idle_s=1)

    end = await bench.run("""
        say("tool_began", tool="Bash", call_id="1")
        time.sleep(2)
        say("tool_ended", tool="Bash", call_id="1", ok=True)
    """)

    assert end.kind is EndKind.DONE


async def test_an_end_in_good_order_is_heard_to_its_last_word(bench: Bench) -> None:
    bench.interrupted = lambda: EventKind.TEXT in bench.kinds

    end = await bench.run("""
        asked = []
        signal.signal(signal.SIGINT, lambda *_: asked.append(1))
        say("text")
        while not asked: time.sleep(0.05)
        say("usage", use={"input": 70, "requests": 1})
        say("end")
    """)

    assert (end.kind, end.use.input, end.exit_code) == (EndKind.INTERRUPTED, 70, 0)


async def test_who_ignores_the_signal_to_end_is_ended_with_its_tree(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ostinato.adapters.agents.running.END_WAIT_S", 0.5)
    bench.interrupted = lambda: EventKind.TEXT in bench.kinds

    end = await bench.run(
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        + textwrap.dedent(CHILD_IN_A_SESSION_OF_ITS_OWN)
        + 'say("text")\n'
        + textwrap.dedent(FOREVER)
    )

    assert end.kind is EndKind.INTERRUPTED
    assert bench.left == []


async def test_who_has_said_its_last_word_is_not_waited_for(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ostinato.adapters.agents.running.END_WAIT_S", 0.2)

    end = await bench.run('say("end")\nwhile True: time.sleep(1)')

    assert end.kind is EndKind.DONE
    assert bench.left == []


async def test_money_that_nobody_counts_is_reckoned_by_the_price_of_its_tokens(bench: Bench) -> None:
    a_dollar_a_token = Price(input=10**12, output=10**12, cached_read=0, cache_write=0)
    bench.terms = Terms(model="openai:m", price=a_dollar_a_token)
    bench.limits = AgentLimits(micro_usd=2_000_000)

    end = await bench.run('say("usage", use={"input": 2, "output": 1})\nwhile True: time.sleep(1)')

    assert (end.kind, end.limit, end.message) == (
        EndKind.LIMIT,
        LimitKind.MONEY,
        "it went over its limit of money: $3.00",
    )
    assert end.use.micro_usd is None


@pytest.mark.parametrize(
    ("limits", "use", "limit"),
    [
        (AgentLimits(tokens=100), '{"input": 60, "output": 41}', LimitKind.TOKENS),
        (AgentLimits(micro_usd=5), '{"micro_usd": 6}', LimitKind.MONEY),
        (AgentLimits(requests=3, turns=None), '{"requests": 4}', LimitKind.REQUESTS),
        (AgentLimits(turns=3), '{"requests": 4}', LimitKind.TURNS),
    ],
)
async def test_what_it_uses_is_limited_from_outside(
    bench: Bench, limits: AgentLimits, use: str, limit: LimitKind
) -> None:
    bench.limits = limits

    end = await bench.run(f'say("usage", use={use})\nwhile True: time.sleep(1)')

    assert (end.kind, end.limit) == (EndKind.LIMIT, limit)
    assert f"over its limit of {limit}" in end.message


async def test_going_in_circles_ends_it(bench: Bench) -> None:
    end = await bench.run("""
        for n in range(1000):
            say("tool_began", tool="Bash", call_id=str(n), text="ls")
            say("tool_ended", tool="Bash", call_id=str(n), text="a.py", ok=True)
            time.sleep(0.05)
    """)

    assert end.kind is EndKind.LOOP
    assert end.message == "it called Bash 6 times with the same arguments and the same result"


async def test_an_agent_that_is_not_installed_is_missing(bench: Bench) -> None:
    end = await bench.run_command("no-such-agent")

    assert end.kind is EndKind.MISSING
    assert end.message.startswith("no-such-agent cannot be started")


async def test_a_crash_says_its_last_complaint(bench: Bench) -> None:
    end = await bench.run('sys.exit("out of paper")')

    assert (end.kind, end.message, end.exit_code) == (EndKind.CRASH, "out of paper", 1)


async def test_cancelling_leaves_no_process(bench: Bench) -> None:
    running = asyncio.create_task(bench.run(CHILD_IN_A_SESSION_OF_ITS_OWN + FOREVER))
    while not bench.events:  # noqa: ASYNC110 - events are not ours to set.
        await asyncio.sleep(0.02)

    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running
    assert bench.left == []
