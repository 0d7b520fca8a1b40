"""Real processes: how they end, what is left of them, what their output may contain."""

import asyncio
import json
import os
import shlex
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from ostinato.adapters.artifacts import ArtifactStore
from ostinato.adapters.processes import (
    ProcessEnd,
    ProcessSpec,
    clean_environment,
    environment_secrets,
    kill_strays,
    run_quiet,
    run_supervised,
)
from ostinato.domain.errors import ExternalError
from ostinato.domain.redaction import Redactor

FAMILY = """
    import os, signal, sys, time
    def note(): open("pids", "a").write(f"{os.getpid()}\\n")
    note()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            note()
            if os.fork() == 0:
                os.setsid()
                note()
            while True: time.sleep(1)
        os._exit(0)
    while not (os.path.exists("pids") and open("pids").read().count("\\n") == 3): time.sleep(0.01)
    print("all born", flush=True)
"""
"""A child, a daemon of a session of its own that ignores SIGTERM, and that daemon's child in yet another session."""

FOREVER = FAMILY + "    while True: time.sleep(1)\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    folder: Path
    artifacts: ArtifactStore

    def spec(self, *argv: str, timeout_s: float = 30, grace_s: float = 0.3, marker: str = "") -> ProcessSpec:
        return ProcessSpec(
            argv=argv, cwd=self.folder, env=clean_environment(), timeout_s=timeout_s, grace_s=grace_s, marker=marker
        )

    async def run(
        self,
        spec: ProcessSpec,
        *,
        secrets: tuple[str, ...] = (),
        on_progress: Callable[[str], None] | None = None,
    ) -> ProcessEnd:
        return await run_supervised(spec, artifacts=self.artifacts, redactor=Redactor(secrets), on_progress=on_progress)

    async def python(self, code: str, *arguments: str, timeout_s: float = 30) -> ProcessEnd:
        return await self.run(self.spec(sys.executable, "-c", textwrap.dedent(code), *arguments, timeout_s=timeout_s))

    @property
    def pids(self) -> list[int]:
        file = self.folder / "pids"
        return [int(line) for line in file.read_text().split()] if file.exists() else []


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    folder = tmp_path / "work here ü"
    folder.mkdir()
    return Bench(folder=folder, artifacts=ArtifactStore(tmp_path / "artifacts"))


def living(pids: list[int]) -> list[int]:
    return [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE]


def wait_until(condition: Callable[[], bool], limit_s: float = 10) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.02)


async def until(condition: Callable[[], bool]) -> None:
    await asyncio.to_thread(wait_until, condition)


@pytest.mark.parametrize("code", [0, 3])
async def test_the_exit_code_is_reported(bench: Bench, code: int) -> None:
    end = await bench.run(bench.spec("sh", "-c", f"echo out; echo err >&2; exit {code}"))

    assert (end.exit_code, end.signal, end.timed_out, end.missing) == (code, None, False, False)
    assert end.ok == (code == 0)
    assert end.tail == "out\nerr\n" == bench.artifacts.read_text(end.output_ref)
    assert end.output_bytes == 8


async def test_the_signal_that_ended_it_is_reported(bench: Bench) -> None:
    end = await bench.run(bench.spec("sh", "-c", "kill -SEGV $$"))

    assert (end.exit_code, end.signal, end.ok) == (None, signal.SIGSEGV, False)


async def test_a_missing_command_is_an_outcome(bench: Bench) -> None:
    end = await bench.run(bench.spec("no-such-command"))

    assert (end.exit_code, end.missing) == (127, True)
    assert end.tail == "no-such-command: No such file or directory\n"


async def test_a_file_that_cannot_be_executed_is_not_missing(bench: Bench) -> None:
    (bench.folder / "plain").write_text("x")

    end = await bench.run(bench.spec("./plain"))

    assert (end.exit_code, end.missing) == (126, False)
    assert "Permission denied" in end.tail


async def test_a_missing_folder_is_named(bench: Bench, tmp_path: Path) -> None:
    spec = ProcessSpec(argv=("true",), cwd=tmp_path / "nowhere", env={}, timeout_s=5)

    with pytest.raises(ExternalError) as caught:
        await bench.run(spec)

    assert caught.value.code == "folder_missing"
    assert str(tmp_path / "nowhere") in caught.value.message


async def test_a_nul_in_the_command_is_refused(bench: Bench) -> None:
    with pytest.raises(ExternalError) as caught:
        await bench.run(bench.spec("echo", "a\0b"))

    assert caught.value.code == "command_invalid"


async def test_a_time_out_ends_processes_in_sessions_of_their_own(bench: Bench) -> None:
    end = await bench.python(FOREVER, timeout_s=1.5)

    assert end.timed_out
    assert not end.ok
    assert end.tail == "all born\n"
    assert len(bench.pids) == 3
    assert living(bench.pids) == []


async def test_a_child_that_obeys_in_its_grace_has_still_timed_out(bench: Bench) -> None:
    end = await bench.run(bench.spec("sh", "-c", "trap 'echo bye; exit 0' TERM; sleep 30 & wait", timeout_s=0.3))

    assert (end.exit_code, end.timed_out, end.ok) == (0, True, False)
    assert end.tail == "bye\n"


async def test_a_stopped_child_hears_that_it_should_end(bench: Bench) -> None:
    end = await bench.run(bench.spec("sh", "-c", "trap 'exit 7' TERM; kill -STOP $$", timeout_s=0.3, grace_s=5))

    assert end.exit_code == 7


async def test_cancelling_returns_when_the_tree_is_gone(bench: Bench) -> None:
    task = asyncio.create_task(bench.python(FOREVER))
    await until(lambda: len(bench.pids) == 3)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert living(bench.pids) == []


async def test_cancelling_again_does_not_cut_the_ending_short(bench: Bench) -> None:
    task = asyncio.create_task(bench.python(FOREVER))
    await until(lambda: len(bench.pids) == 3)

    while not task.done():
        task.cancel()
        await asyncio.sleep(0.01)

    assert task.cancelled()
    assert living(bench.pids) == []


async def test_an_error_in_the_progress_callback_ends_the_tree(bench: Bench) -> None:
    def fail(line: str) -> None:
        raise ValueError(line)

    spec = bench.spec(sys.executable, "-c", textwrap.dedent(FOREVER))
    with pytest.raises(ValueError, match="all born"):
        await bench.run(spec, on_progress=fail)

    assert living(bench.pids) == []


async def test_a_daemon_left_behind_is_ended(bench: Bench) -> None:
    end = await bench.python(FAMILY)

    assert end.ok
    assert len(bench.pids) == 3
    assert living(bench.pids) == []


def worker_process(bench: Bench, code: str) -> "subprocess.Popen[bytes]":
    """A worker of its own that runs the code in a child."""
    driver = """
        import asyncio, sys
        from pathlib import Path
        from ostinato.adapters.artifacts import ArtifactStore
        from ostinato.adapters.processes import ProcessSpec, clean_environment, run_supervised
        from ostinato.domain.redaction import Redactor
        folder, root, code = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
        argv = (sys.executable, "-c", code)
        env = clean_environment()
        spec = ProcessSpec(argv=argv, cwd=folder, env=env, timeout_s=60, grace_s=0.3, marker=str(folder))
        asyncio.run(run_supervised(spec, artifacts=ArtifactStore(root), redactor=Redactor()))
    """
    root = bench.folder.parent / "artifacts"
    arguments = (str(bench.folder), str(root), textwrap.dedent(code))
    return subprocess.Popen((sys.executable, "-c", textwrap.dedent(driver), *arguments), cwd=Path(__file__).parents[2])


def test_killing_the_worker_ends_the_tree(bench: Bench) -> None:
    with worker_process(bench, FOREVER) as worker:
        wait_until(lambda: len(bench.pids) == 3)
        supervisors = psutil.Process(worker.pid).children()

        worker.kill()

    assert len(supervisors) == 1
    wait_until(lambda: living([*bench.pids, *(each.pid for each in supervisors)]) == [])


def test_interrupting_the_worker_ends_the_tree(bench: Bench) -> None:
    with worker_process(bench, FOREVER) as worker:
        wait_until(lambda: len(bench.pids) == 3)

        worker.send_signal(signal.SIGTERM)

    wait_until(lambda: living(bench.pids) == [])


def test_a_supervisor_that_is_told_to_end_takes_its_tree_along(bench: Bench) -> None:
    with worker_process(bench, FOREVER) as worker:
        wait_until(lambda: len(bench.pids) == 3)

        psutil.Process(worker.pid).children()[0].terminate()

    wait_until(lambda: living(bench.pids) == [])


async def test_a_killed_supervisor_is_an_error_and_its_marked_tree_is_swept(bench: Bench) -> None:
    marker = f"run/{bench.folder}"
    task = asyncio.create_task(bench.run(bench.spec(sys.executable, "-c", textwrap.dedent(FOREVER), marker=marker)))
    await until(lambda: len(bench.pids) == 3)

    psutil.Process(bench.pids[0]).parent().kill()  # type: ignore[union-attr]
    with pytest.raises(ExternalError) as caught:
        await task

    assert caught.value.code == "supervisor_lost"
    assert living(bench.pids) == []


async def test_cancelling_while_the_supervisor_hangs_ends_the_marked_tree(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ostinato.adapters.processes.run._SUPERVISOR_SLACK_S", 1)
    monkeypatch.setattr("ostinato.adapters.processes.launch._LATE_OUTPUT_S", 0.1)
    spec = bench.spec(sys.executable, "-c", textwrap.dedent(FOREVER), marker=f"run/{bench.folder}")
    task = asyncio.create_task(bench.run(spec))
    await until(lambda: len(bench.pids) == 3)

    psutil.Process(bench.pids[0]).parent().suspend()  # type: ignore[union-attr]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    await until(lambda: living(bench.pids) == [])


def test_strays_are_found_by_the_beginning_of_their_marker(bench: Bench) -> None:
    marker = f"{bench.folder}/step/1"
    ours = subprocess.Popen(("sleep", "60"), env={**os.environ, "OSTINATO_STEP": marker})
    other = subprocess.Popen(("sleep", "60"), env={**os.environ, "OSTINATO_STEP": "other"})

    count = kill_strays(f"{bench.folder}/")

    assert (count, ours.wait(), other.poll()) == (1, -signal.SIGKILL, None)
    other.kill()
    other.wait()


def test_an_empty_marker_sweeps_nothing() -> None:
    assert kill_strays("") == 0


@pytest.mark.slow
@pytest.mark.parametrize("block", [b"an ordinary line of a build\n" * 2_000, b"-" * 60_000], ids=["lines", "one line"])
async def test_output_without_end_costs_neither_memory_nor_minutes(bench: Bench, block: bytes) -> None:
    size = 200 * 2**20
    code = "import sys\nblock, count = sys.stdin.buffer.read(), int(sys.argv[1])\n"
    code += "for _ in range(count): sys.stdout.buffer.write(block)"
    (bench.folder / "block").write_bytes(block)
    before, seen = psutil.Process().memory_info().rss, [0]
    line = f"{shlex.quote(sys.executable)} -c {shlex.quote(code)} {size // len(block)} < block; echo the end"

    end = await bench.run(
        bench.spec("sh", "-c", line), on_progress=lambda _: seen.append(psutil.Process().memory_info().rss)
    )

    assert (end.exit_code, end.output_bytes > size - len(block)) == (0, True)
    assert end.tail.endswith("the end\n")
    assert bench.artifacts.path(end.output_ref).stat().st_size < 21 * 2**20
    assert max(seen) - before < 60 * 2**20
    assert end.duration_s < 20


async def test_huge_output_is_capped_and_leaves_the_event_loop_free(bench: Bench) -> None:
    longest_pause_s = 0.0

    async def watch() -> None:
        nonlocal longest_pause_s
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.01)
            longest_pause_s = max(longest_pause_s, time.monotonic() - before)

    watcher = asyncio.create_task(watch())
    memory = psutil.Process().memory_info().rss
    end = await bench.run(bench.spec("sh", "-c", "echo first; yes | head -c 300000000; echo last"))
    watcher.cancel()

    assert end.output_bytes == 300_000_011
    assert bench.artifacts.path(end.output_ref).stat().st_size < 21 * 2**20
    assert bench.artifacts.read_text(end.output_ref, limit=6) == "first\n"
    assert end.tail.endswith("\nlast\n")
    assert psutil.Process().memory_info().rss - memory < 100 * 2**20
    assert longest_pause_s < 1


async def test_output_that_is_not_utf8_is_decoded_with_replacement(bench: Bench) -> None:
    end = await bench.run(bench.spec("printf", r"caf\351\n"))

    assert end.tail == "caf\ufffd\n" == bench.artifacts.read_text(end.output_ref)


async def test_a_secret_never_reaches_the_artifact_even_in_pieces(bench: Bench) -> None:
    code = """
        import sys, time
        sys.stdout.write("x" * 65530 + " the-known")
        sys.stdout.flush()
        time.sleep(0.2)
        print("-value")
    """
    progress: list[str] = []
    spec = bench.spec(sys.executable, "-c", textwrap.dedent(code))

    end = await bench.run(spec, secrets=("the-known-value",), on_progress=progress.append)

    text = bench.artifacts.read_text(end.output_ref)
    assert text == "x" * 65530 + " [redacted:known-value]\n"
    assert "the-known" not in end.tail


async def test_progress_is_the_last_line_and_rare(bench: Bench) -> None:
    lines: list[str] = []
    script = "for i in $(seq 120); do echo line $i; sleep 0.01; done; printf 'the end'"

    end = await bench.run(bench.spec("sh", "-c", script), on_progress=lines.append)

    assert lines[-1] == "the end"
    assert 2 <= len(lines) <= 2 + end.duration_s / 0.5


async def test_a_disk_that_refuses_the_output_does_not_hang_the_child(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise ExternalError("no space", code="artifact_not_written")

    monkeypatch.setattr("ostinato.adapters.artifacts.ArtifactWriter.write", refuse)
    with pytest.raises(ExternalError) as caught:
        await bench.run(bench.spec("sh", "-c", "yes | head -c 1000000; touch finished"))

    assert caught.value.code == "artifact_not_written"
    assert (bench.folder / "finished").exists()


async def test_the_child_sees_the_marker_its_folder_and_an_empty_input(bench: Bench) -> None:
    end = await bench.run(bench.spec("sh", "-c", "cat; pwd; echo $OSTINATO_STEP", marker="run/step/1"))

    assert end.tail == f"{bench.folder}\nrun/step/1\n"


async def test_many_commands_run_at_once(bench: Bench) -> None:
    started = time.monotonic()

    ends = await asyncio.gather(*(bench.run(bench.spec("sh", "-c", f"sleep 1; echo {n}")) for n in range(12)))

    assert [end.tail for end in ends] == [f"{n}\n" for n in range(12)]
    assert time.monotonic() - started < 6


async def test_nothing_of_ours_is_open_in_the_child(bench: Bench) -> None:
    end = await bench.python("import os; print(sorted(os.listdir('/proc/self/fd'))[:-1])")

    assert end.tail == "['0', '1', '2']\n"


async def test_descriptors_are_given_back(bench: Bench) -> None:
    await bench.run(bench.spec("true"))
    before = psutil.Process().num_fds()

    for _ in range(3):
        await bench.run(bench.spec("true"))
        await run_quiet(("true",), cwd=bench.folder, env={}, stdin=b"x")

    assert psutil.Process().num_fds() == before


async def test_a_quiet_call_keeps_output_and_errors_apart(bench: Bench) -> None:
    quick = await run_quiet(
        ("sh", "-c", "cat; echo oops >&2; exit 4"), cwd=bench.folder, env=clean_environment(), stdin=b"in\xff" * 50_000
    )

    assert (quick.exit_code, quick.stderr) == (4, "oops\n")
    assert quick.raw == b"in\xff" * 50_000
    assert quick.stdout == "in\ufffd" * 50_000


@pytest.mark.parametrize(
    ("argv", "exit_code"), [(("sleep", "9"), 124), (("no-such-command",), 127), (("sh", "-c", "kill -9 $$"), 137)]
)
async def test_a_quiet_call_ends_as_a_shell_would_say(bench: Bench, argv: tuple[str, ...], exit_code: int) -> None:
    quick = await run_quiet(argv, cwd=bench.folder, env=clean_environment(), timeout_s=0.5)

    assert quick.exit_code == exit_code


async def test_a_quiet_call_refuses_half_an_answer(bench: Bench) -> None:
    with pytest.raises(ExternalError) as caught:
        await run_quiet(("echo", "12345"), cwd=bench.folder, env=clean_environment(), max_output=5)

    assert caught.value.code == "output_too_large"


def test_the_environment_is_allow_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GIT_DIR", "PYTHONPATH", "VIRTUAL_ENV", "AWS_SECRET_ACCESS_KEY", "ANYTHING", "UV_PUBLISH_TOKEN"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("PIP_INDEX_URL", "https://index.example/simple")
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("PATH", ":relative:/usr/bin:.:/bin")

    env = clean_environment({"MINE": "1"})

    assert {"GIT_DIR", "PYTHONPATH", "VIRTUAL_ENV", "AWS_SECRET_ACCESS_KEY", "ANYTHING", "UV_PUBLISH_TOKEN"}.isdisjoint(
        env
    )
    assert env["PIP_INDEX_URL"] == "https://index.example/simple"
    assert env["https_proxy"] == "http://proxy.example:3128"
    assert env["PATH"] == "/usr/bin:/bin"
    assert (env["MINE"], env["GIT_TERMINAL_PROMPT"], env["NO_COLOR"]) == ("1", "0", "1")


async def test_the_child_sees_the_clean_environment_and_nothing_else(bench: Bench) -> None:
    end = await bench.python("import json, os; print(json.dumps(dict(os.environ)))")

    seen = json.loads(end.tail)
    assert seen == {**clean_environment(), **{key: seen[key] for key in seen.keys() & {"LC_CTYPE"}}}


def test_secrets_of_the_environment_are_known_by_name_and_in_addresses(tmp_path: Path) -> None:
    env = {
        "DEPLOY_TOKEN": "token-value",
        "db_password": "/base64+like",
        "APIKEY": "short",
        "SSH_AUTH_SOCK": str(tmp_path),
        "PIP_EXTRA_INDEX_URL": "https://a.example/ https://me:p%40ssword@b.example/",
        "PWD": "/somewhere/else",
        "KEYBOARD_LAYOUT": "german-dead-keys",
    }

    assert environment_secrets(env) == ("/base64+like", "p%40ssword", "p@ssword", "token-value")
