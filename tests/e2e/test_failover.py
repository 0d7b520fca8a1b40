"""Two workers with homes of their own: one dies or sleeps, the other takes the run over; nothing finished runs again."""

import json
import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Stack, git

pytestmark = [pytest.mark.e2e, pytest.mark.server, pytest.mark.timeout(300)]
PATIENCE_S = 4

CHAIN = """\
id: chain
version: 1
steps:
{steps}
gates: {{post: []}}
"""
STEP = (
    '  - {{id: s{n}, run: "echo s{n} >> {journal}; sleep {nap}; echo {n} > s{n}.txt; echo end-s{n} >> {journal}",'
    ' writes: ["s{n}.txt"], depends_on: [{after}]}}'
)


class Pair:
    """A first worker with the server, and a second one in a home of its own; both see the repository."""

    def __init__(self, folder: Path) -> None:
        shared = {"OSTINATO_TAKEOVER_AFTER": str(PATIENCE_S), "OSTINATO_PAYLOADS": str(folder / "payloads")}
        self.first = Stack(home=folder / "first", env=shared)
        self.first.ok("up")
        self.server = str(json.loads((self.first.home / "worker" / "worker.json").read_text())["address"])
        self.second = Stack(home=folder / "second", env={**shared, "TEMPORAL_ADDRESS": self.server})
        self.journal = folder / "journal.txt"

    def start(self, repository: Path, folder: Path, *, steps: int, nap: float) -> str:
        listed = [STEP.format(n=n, journal=self.journal, nap=nap, after=f"s{n - 1}" if n else "") for n in range(steps)]
        file = folder / "chain.yaml"
        file.write_text(CHAIN.format(steps="\n".join(listed)))
        return self.first.start("chain", repository, "--definition", str(file), "--trust", "--yes")

    def lines(self) -> list[str]:
        return self.journal.read_text().split() if self.journal.exists() else []

    def until(self, line: str, timeout: float = 60) -> None:
        limit = time.monotonic() + timeout
        while line not in self.lines():
            assert time.monotonic() < limit, f"{line} never came: {self.lines()}"
            time.sleep(0.05)

    def down(self) -> None:
        self.second.call("down", timeout=60)
        self.first.call("down", timeout=60)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    found = Pair(tmp_path)
    yield found
    found.down()


def step_commits(repository: Path, run_id: str) -> list[str]:
    log = git(
        repository, "log", "--reverse", "--format=%(trailers:key=Ostinato-Step,valueonly)", f"main..ostinato/{run_id}"
    )
    return log.split()


@pytest.mark.heavy
@pytest.mark.parametrize("seed", [1, 2])
def test_a_worker_killed_at_a_random_moment_is_replaced_by_the_other(
    pair: Pair, sample: Path, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    run_id = pair.start(sample, tmp_path, steps=5, nap=0.8)
    pair.until(f"s{chance.randrange(1, 3)}")
    time.sleep(chance.random() * 1.2)

    pair.first.kill_worker()
    finished = [line.removeprefix("end-") for line in pair.lines() if line.startswith("end-")]
    pair.second.ok("up")
    report = pair.second.finished(run_id)

    assert report["outcome"] == "completed", report
    assert step_commits(sample, run_id) == [f"s{n}" for n in range(5)]
    ran = [line for line in pair.lines() if not line.startswith("end-")]
    again = [name for name in set(ran) if ran.count(name) > 1]
    assert len(again) <= 1, "only what ran at that moment may run again"
    assert set(again).isdisjoint(finished[:-1])
    assert any(recovery["strategy"] == "takeover" for recovery in report["recoveries"])


@pytest.mark.heavy
def test_a_worker_that_slept_is_refused_when_it_wakes(pair: Pair, sample: Path, tmp_path: Path) -> None:
    run_id = pair.start(sample, tmp_path, steps=4, nap=1.5)
    pair.until("s1")
    sleeper = pair.first.worker_pid()
    os.kill(sleeper, signal.SIGSTOP)

    try:
        pair.second.ok("up")
        pair.until("end-s2", timeout=150)
        head = git(sample, "rev-parse", f"refs/ostinato/{run_id}/head")
        lease = git(sample, "cat-file", "blob", f"refs/ostinato/{run_id}/lease")
    finally:
        os.kill(sleeper, signal.SIGCONT)
    report = pair.second.finished(run_id)

    assert report["outcome"] == "completed", report
    assert lease.startswith("epoch 2")
    assert step_commits(sample, run_id) == ["s0", "s1", "s2", "s3"]
    assert git(sample, "merge-base", "--is-ancestor", head, f"ostinato/{run_id}") == ""
    assert git(sample, "cat-file", "blob", f"refs/ostinato/{run_id}/lease").startswith("epoch 2")


@pytest.mark.heavy
def test_with_nobody_to_take_over_a_run_waits(pair: Pair, sample: Path, tmp_path: Path) -> None:
    run_id = pair.start(sample, tmp_path, steps=3, nap=1.0)
    pair.until("s1")

    pair.first.kill_worker()
    time.sleep(3 * PATIENCE_S)
    pair.first.ok("up")
    report = pair.first.finished(run_id)

    assert report["outcome"] == "completed", report
    assert step_commits(sample, run_id) == ["s0", "s1", "s2"]
