"""What does the gateway cost an agent: how much later comes the first byte of an answer, and how much passes through it?

Method: three processes on loopback: a scripted model that answers at once, the gateway with its write-ahead file on this disk, and
the one that asks. The same request of 50 KB, as a coding agent sends them, is streamed by turns directly and through the gateway,
each over one connection that is kept; time is taken at the first byte of the body and at its end. Then the same with a model that
takes 0.2 s to its first byte, as the fastest real ones do, and with ten agents at once, each over a connection of its own. Every
answer is compared with the direct one, and the gateway's count of requests and tokens with what was sent. `line_to_disk_ms` is what
this disk takes for the line that is written before each request: it is part of what is added.

Command: python -m benchmarks.gateway [--quick]
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import psutil

from benchmarks.keeping import keep
from ostinato.domain.agents.passes import standing_of
from tests.e2e.stack import ROOT

PROMPT_BYTES: Final = 50_000
ANSWER_CHARS: Final = 2_000
AGENTS: Final = 10
SLOW_S: Final = 0.2
USAGE: Final = {"input": 12_000, "output": 500}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where to ask: the model itself, or the gateway before it."""

    url: str
    key: str = "direct"
    pid: int = 0

    @property
    def cpu_s(self) -> float:
        """Of its process so far."""
        times = psutil.Process(self.pid).cpu_times()
        return float(times.user + times.system)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    first_ms: float
    whole_ms: float
    size: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a first look")
    quick = parser.parse_args().quick
    figures = asyncio.run(_measure(60 if quick else 1_000, 10 if quick else 40))
    keep("gateway-quick" if quick else "gateway", figures)


async def _measure(samples: int, slow_samples: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="ostinato-bench-") as folder, _model(Path(folder)) as origin:
        with _gateway(Path(folder) / "ledger", origin) as through:
            direct = Target(url=f"{origin}/s/fast/v1/messages")
            before = through.cpu_s
            at_once = await _by_turns(direct, through, samples)
            cpu_ms = 1000 * (through.cpu_s - before) / samples
            crowd = await _crowds(direct, through, samples)
        with _gateway(Path(folder) / "slow", f"{origin}/s/slow") as through:
            slow = await _by_turns(Target(url=f"{origin}/s/slow/v1/messages"), through, slow_samples)
        synced = _spread([_synced_ms(Path(folder) / "line") for _ in range(200)])
        _check(Path(folder) / "ledger", samples + crowd["requests"])
    return {
        "goal": "a few milliseconds to the first byte",
        "prompt_bytes": PROMPT_BYTES,
        "line_to_disk_ms": synced,
        "model_at_once": {**at_once, "gateway_cpu_ms_a_request": round(cpu_ms, 2)},
        "model_after_0.2_s": slow,
        "agents_at_once": crowd,
    }


async def _by_turns(direct: Target, through: Target, samples: int) -> dict[str, Any]:
    lines = [await Line.to(direct), await Line.to(through)]
    found: list[list[Timed]] = [[], []]
    for _ in range(5):
        for line in lines:
            await line.ask()
    for _ in range(samples):
        for line, times in zip(lines, found, strict=True):
            times.append(await line.ask())
    for line in lines:
        line.close()
    if len({each.size for times in found for each in times}) != 1:
        raise AssertionError("the answers differ")
    return {
        "samples": samples,
        "first_byte_ms": _beside([each.first_ms for each in found[0]], [each.first_ms for each in found[1]]),
        "whole_answer_ms": _beside([each.whole_ms for each in found[0]], [each.whole_ms for each in found[1]]),
    }


async def _crowds(direct: Target, through: Target, samples: int) -> dict[str, Any]:
    each = max(samples // AGENTS, 5)
    rates = {name: await _crowd(target, each) for name, target in (("direct", direct), ("gateway", through))}
    return {
        "agents": AGENTS,
        "requests": AGENTS * each,
        "requests_a_second": {name: round(AGENTS * each / took) for name, (took, _) in rates.items()},
        "first_byte_ms": _beside(rates["direct"][1], rates["gateway"][1]),
    }


async def _crowd(target: Target, each: int) -> tuple[float, list[float]]:
    async def agent(line: Line) -> list[float]:
        return [(await line.ask()).first_ms for _ in range(each)]

    lines = [await Line.to(target) for _ in range(AGENTS)]
    began = time.perf_counter()
    found = await asyncio.gather(*map(agent, lines))
    took = time.perf_counter() - began
    for line in lines:
        line.close()
    return took, [value for times in found for value in times]


class Line:
    """One connection that is kept, as thin as it can be: what is measured is not the client."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
        self._reader, self._writer, self._request = reader, writer, request

    @classmethod
    async def to(cls, target: Target) -> "Line":
        parts = urlsplit(target.url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=2**22)
        asked = {"role": "user", "content": "x " * (PROMPT_BYTES // 2)}
        body = json.dumps({"model": "claude-sonnet-4-5", "stream": True, "max_tokens": 32_000, "messages": [asked]})
        head = f"POST {parts.path} HTTP/1.1\r\nhost: {parts.netloc}\r\nx-api-key: {target.key}\r\ncontent-length: {len(body)}\r\n\r\n"
        return cls(reader, writer, head.encode() + body.encode())

    async def ask(self) -> Timed:
        began = time.perf_counter()
        self._writer.write(self._request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise AssertionError(head.decode())
        first, size = 0.0, 0
        while length := int(await self._reader.readline(), 16):
            first = first or time.perf_counter()
            size += len(await self._reader.readexactly(length + 2)) - 2
        await self._reader.readline()
        return Timed(first_ms=1000 * (first - began), whole_ms=1000 * (time.perf_counter() - began), size=size)

    def close(self) -> None:
        self._writer.close()


@contextmanager
def _model(folder: Path) -> Iterator[str]:
    turn = {"text": "x" * ANSWER_CHARS, "usage": USAGE}
    slow = {"text": "x", "usage": USAGE, "fault": {"kind": "drip", "delay_s": SLOW_S}}
    scripts = folder / "scripts.json"
    scripts.write_text(json.dumps({n: {"turns": [t], "no_tools": True} for n, t in (("fast", turn), ("slow", slow))}))
    with _process("tests.model_server", str(scripts)) as (_, said):
        yield said.split()[1]


@contextmanager
def _gateway(ledger: Path, upstream: str) -> Iterator[Target]:
    with _process("tests.integration.gateway_process", str(ledger), upstream, str(10**9)) as (pid, said):
        yield Target(**json.loads(said), pid=pid)


@contextmanager
def _process(module: str, *args: str) -> Iterator[tuple[int, str]]:
    """Its number and its first line."""
    with subprocess.Popen(
        [sys.executable, "-m", module, *args], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield process.pid, process.stdout.readline()
        finally:
            process.terminate()


def _synced_ms(file: Path) -> float:
    """What each request waits for besides: one line, on the disk."""
    with file.open("ab", buffering=0) as stream:
        began = time.perf_counter()
        stream.write(b"x" * 100 + b"\n")
        os.fdatasync(stream.fileno())
        return 1000 * (time.perf_counter() - began)


def _check(ledger: Path, least: int) -> None:
    """A gateway that did not count has no figure."""
    (path,) = ledger.iterdir()
    standing = standing_of(path.read_text().splitlines())
    each = sum(USAGE.values())
    if standing.spent.requests < least or standing.usage.tokens != each * standing.spent.requests:
        raise AssertionError(f"it counted {standing.spent}, of at least {least} requests")


def _beside(direct: Sequence[float], through: Sequence[float]) -> dict[str, Any]:
    ours, plain = _spread(through), _spread(direct)
    added = {name: round(ours[name] - plain[name], 2) for name in ours}
    return {"direct": plain, "gateway": ours, "added": added, "ratio_of_medians": round(ours["p50"] / plain["p50"], 2)}


def _spread(values: Sequence[float]) -> dict[str, float]:
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return {"p50": round(statistics.median(values), 2), "p99": round(cuts[98], 2)}


if __name__ == "__main__":
    main()
