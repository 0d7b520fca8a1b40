"""Commands that really fail, and what each failure is taken for."""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ostinato.adapters.artifacts import ArtifactStore
from ostinato.adapters.processes import ProcessSpec, clean_environment, failure_of, run_supervised
from ostinato.domain.diagnosis import ErrorClass
from ostinato.domain.execution import Failure
from ostinato.domain.precautions import Limits
from ostinato.domain.redaction import Redactor

NOW = datetime(2030, 1, 1, tzinfo=UTC)
FULL = "mount -t tmpfs -o size=64k none /mnt && head -c 200000 /dev/zero > /mnt/f"


async def fail(folder: Path, line: str, *, timeout_s: float = 20, memory_bytes: int | None = None) -> Failure:
    spec = ProcessSpec(
        argv=("/bin/sh", "-c", line),
        cwd=folder,
        env=clean_environment(),
        timeout_s=timeout_s,
        grace_s=0.2,
        limits=Limits(memory_bytes=memory_bytes),
    )
    end = await run_supervised(spec, artifacts=ArtifactStore(folder / "artifacts"), redactor=Redactor())
    assert not end.ok
    return failure_of(end, line=line, timeout_s=timeout_s, now=NOW)


@pytest.mark.parametrize(
    ("line", "error_class", "code"),
    [
        ("exit 3", ErrorClass.FAILURE, "exit_status"),
        ("surely-not-there", ErrorClass.DEPENDENCY_VIOLATION, "missing_command"),
        (f"{sys.executable} -c 'def f(:'", ErrorClass.FAILURE, "syntax_error"),
        (f"{sys.executable} -c 'import surely_not_there'", ErrorClass.DEPENDENCY_VIOLATION, "missing_module"),
        (f"ulimit -v 300000; {sys.executable} -c 'bytearray(10**9)'", ErrorClass.RESOURCE_EXHAUSTION, "out_of_memory"),
        (f"{sys.executable} -c 'import urllib.request as u; u.urlopen(\"http://127.0.0.1:9/\")'", ErrorClass.NETWORK, "network_refused"),
        ("kill -SEGV $$", ErrorClass.FAILURE, "crashed"),
        ("echo 'Retry-After: 30'; echo 'HTTP/1.1 429 Too Many Requests'; exit 1", ErrorClass.RATE_LIMIT, "rate_limited"),
    ],
)  # fmt: skip
async def test_a_failing_command_gets_its_class(tmp_path: Path, line: str, error_class: ErrorClass, code: str) -> None:
    found = (await fail(tmp_path, line)).diagnosis

    assert found is not None
    assert (found.error_class, found.code) == (error_class, code)


@pytest.mark.skipif(os.system("unshare -Urm true 2>/dev/null") != 0, reason="no user namespaces here")
async def test_a_full_disk_gets_its_class_and_cure(tmp_path: Path) -> None:
    failure = await fail(tmp_path, f"unshare -Urm sh -c '{FULL}'")

    assert failure.diagnosis is not None
    assert failure.diagnosis.code == "disk_full"
    assert "Free space" in failure.recommendation


async def test_a_time_out_gets_its_class(tmp_path: Path) -> None:
    failure = await fail(tmp_path, "sleep 30", timeout_s=0.3)

    assert failure.diagnosis is not None
    assert failure.diagnosis.error_class is ErrorClass.TIMEOUT


async def test_what_is_killed_for_its_limit_says_so(tmp_path: Path) -> None:
    line = f"{sys.executable} -c 'import time; x = b\"x\" * (90 << 20); time.sleep(30)'"

    failure = await fail(tmp_path, line, memory_bytes=50 * 2**20)

    assert failure.diagnosis is not None
    assert (failure.kind, failure.diagnosis.code) == ("resources", "limit_memory")
    assert "limit of memory" in failure.message


async def test_the_same_command_fails_with_the_same_signature(tmp_path: Path) -> None:
    line = "echo failed after $$ ms in $PWD/x.py; exit 3"
    (tmp_path / "b").mkdir()

    first, second = await fail(tmp_path, line), await fail(tmp_path / "b", line)

    assert first.diagnosis is not None
    assert second.diagnosis is not None
    assert first.message != second.message
    assert first.diagnosis.signature == second.diagnosis.signature
