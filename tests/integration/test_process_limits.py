"""Real processes that use too much: ended with their class, and nothing is left of them."""

import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from ostinato.adapters.artifacts import ArtifactStore
from ostinato.adapters.processes import ProcessEnd, ProcessSpec, clean_environment, failure_of, run_supervised
from ostinato.domain.precautions import Limits
from ostinato.domain.redaction import Redactor
from tests.builders import NOON

MIB = 2**20
MARK = "ostinato-limit-probe"


async def run(folder: Path, code: str, timeout_s: float = 20, **limits: int) -> ProcessEnd:
    folder.joinpath("work").mkdir(exist_ok=True)
    spec = ProcessSpec(
        argv=(sys.executable, "-c", textwrap.dedent(code), MARK),
        cwd=folder / "work",
        env=clean_environment(),
        timeout_s=timeout_s,
        grace_s=0.3,
        limits=Limits.model_validate(limits),
    )
    return await run_supervised(spec, artifacts=ArtifactStore(folder / "artifacts"), redactor=Redactor())


def probes() -> list[int]:
    return [found.pid for found in psutil.process_iter(["cmdline"]) if MARK in (found.info["cmdline"] or [])]


async def test_a_tree_that_takes_too_much_memory_is_killed(tmp_path: Path) -> None:
    end = await run(tmp_path, "import time; x = b'x' * (120 << 20); time.sleep(60)", memory_bytes=60 * MIB)

    assert (end.exceeded, end.ok, end.signal, end.timed_out) == ("memory", False, 9, False)
    assert end.peak.memory_bytes > 60 * MIB
    assert not probes()


async def test_far_more_memory_than_the_limit_is_refused_at_once_and_known_for_what_it_is(tmp_path: Path) -> None:
    end = await run(tmp_path, "x = b'x' * (2 << 30)", memory_bytes=60 * MIB)

    failure = failure_of(end, line="python", timeout_s=20, now=NOON)
    assert (end.exceeded, end.exit_code) == ("", 1)
    assert end.peak.memory_bytes < 400 * MIB
    assert failure.diagnosis is not None
    assert failure.diagnosis.code == "out_of_memory"


async def test_when_memory_runs_out_the_system_ends_a_command_before_its_worker(tmp_path: Path) -> None:
    end = await run(tmp_path, "print(open('/proc/self/oom_score_adj').read())")

    assert int(end.tail) > int(Path("/proc/self/oom_score_adj").read_text())


async def test_the_memory_of_children_counts(tmp_path: Path) -> None:
    code = """
        import os, time
        for _ in range(3): os.fork()
        x = b"x" * (20 << 20)
        time.sleep(60)
    """
    end = await run(tmp_path, code, memory_bytes=100 * MIB)

    assert end.exceeded == "memory"
    assert end.peak.processes == 8
    assert not probes()


async def test_a_tree_with_too_many_processes_is_killed(tmp_path: Path) -> None:
    code = """
        import os, sys, time
        for _ in range(12):
            if os.fork() == 0:
                os.setsid()
                time.sleep(60)
        time.sleep(60)
    """
    end = await run(tmp_path, code, processes=6)

    assert (end.exceeded, end.ok) == ("processes", False)
    assert not probes()


async def test_a_worktree_that_grows_too_much_ends_its_step(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "before").write_bytes(b"x" * 4 * MIB)
    code = "import time; f = open('big', 'wb'); f.write(b'x' * (30 << 20)); f.flush(); time.sleep(60)"

    end = await run(tmp_path, code, disk_bytes=10 * MIB)

    assert end.exceeded == "disk"
    assert not probes()


async def test_what_stays_within_its_limits_is_left_alone(tmp_path: Path) -> None:
    code = "import time; time.sleep(0.8); print('done')"

    end = await run(tmp_path, code, memory_bytes=500 * MIB, processes=5, disk_bytes=100 * MIB)

    assert (end.ok, end.exceeded, end.out_of_memory, end.disk_free_bytes) == (True, "", False, None)
    assert 0 < end.peak.memory_bytes < 100 * MIB
    assert end.peak.processes == 1


async def test_a_short_command_is_not_held_up_by_being_watched(tmp_path: Path) -> None:
    started = time.monotonic()

    end = await run(tmp_path, "pass", memory_bytes=500 * MIB)

    assert end.ok
    assert time.monotonic() - started < 5


async def test_what_failed_says_how_much_room_the_disk_has(tmp_path: Path) -> None:
    end = await run(tmp_path, "raise SystemExit(1)")

    assert end.disk_free_bytes is not None
    assert end.disk_free_bytes > 0


@pytest.fixture
def small_group() -> Iterator[Path]:
    """A control group of 30 MB, where this machine lets us make one."""
    group = Path("/sys/fs/cgroup/memory/ostinato-test")
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text(str(30 * MIB))
    except OSError:
        pytest.skip("no control group can be made here")
    yield group
    group.rmdir()


async def test_a_kill_for_want_of_memory_is_told_from_another_kill(tmp_path: Path, small_group: Path) -> None:
    starved = await run(
        tmp_path, f"import os; open('{small_group}/cgroup.procs', 'w').write(str(os.getpid())); x = b'x' * (200 << 20)"
    )
    killed = await run(tmp_path, "import os; os.kill(os.getpid(), 9)")

    assert (starved.signal, starved.out_of_memory) == (9, True)
    assert (killed.signal, killed.out_of_memory) == (9, False)
