"""The worker process of a home: one at a time, ready when it says so, drained when told to stop."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import ostinato
from ostinato.adapters.home import Home
from ostinato.adapters.temporal import workers
from ostinato.adapters.temporal.detached import stop_process, wait_until
from ostinato.adapters.temporal.workers import (
    ensure_worker,
    hold_worker_lock,
    mark_ready,
    stop_worker,
    worker_command,
    worker_status,
)
from ostinato.domain.errors import ExternalError

STAND_IN = """
import os, signal, sys
from pathlib import Path
from ostinato.adapters.home import Home
from ostinato.adapters.temporal.workers import hold_worker_lock, mark_ready

home = Home(Path(os.environ["OSTINATO_HOME"]))
lock = hold_worker_lock(home)
if "deaf" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
mark_ready(home, address="here:1")
signal.pause()
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def stand_in(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A program that keeps the protocol of worker.py and does no work."""
    script = tmp_path / "stand_in.py"
    script.write_text(f"import sys\nsys.path.insert(0, {str(Path(__file__).parents[2])!r})\n{STAND_IN}")
    monkeypatch.setattr(workers, "worker_command", lambda: [sys.executable, str(script)])
    yield script
    stop_worker(home, timeout_s=0)


def test_a_worker_is_started_once_however_many_ask(home: Home, stand_in: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        infos = list(pool.map(lambda _: ensure_worker(home), range(4)))

    assert {info.pid for info in infos} == {infos[0].pid}
    assert all(info.ready for info in infos)


def test_a_worker_of_another_server_is_replaced(home: Home, stand_in: Path) -> None:
    first = ensure_worker(home, address="here:1")

    same = ensure_worker(home, address="here:1")
    other = ensure_worker(home, address="elsewhere:1")

    assert same == first
    assert other.pid != first.pid
    assert not first.identity.is_alive


def test_a_killed_worker_is_replaced(home: Home, stand_in: Path) -> None:
    first = ensure_worker(home)
    stop_process(first.identity, timeout_s=0)

    assert ensure_worker(home).pid != first.pid


def test_stopping_is_done_once(home: Home, stand_in: Path) -> None:
    info = ensure_worker(home)

    assert (stop_worker(home), stop_worker(home)) == (True, False)
    assert not info.identity.is_alive


def test_a_worker_that_does_not_listen_is_killed(home: Home, stand_in: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "worker_command", lambda: [sys.executable, str(stand_in), "deaf"])
    info = ensure_worker(home)

    stop_worker(home, timeout_s=0.2)

    assert wait_until(lambda: not info.identity.is_alive, 5.0)


def test_a_worker_that_fails_to_start_is_told_with_the_end_of_its_log(
    home: Home, stand_in: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in.write_text("raise SystemExit('no module named workflows')")

    with pytest.raises(ExternalError, match="no module named workflows") as caught:
        ensure_worker(home)

    assert caught.value.code == "worker_not_started"


def test_a_second_worker_of_the_same_home_is_refused(home: Home) -> None:
    held = hold_worker_lock(home)

    with pytest.raises(ExternalError, match="Another worker") as caught:
        hold_worker_lock(home)

    held.release()
    assert caught.value.code == "worker_running"
    hold_worker_lock(home).release()


def test_a_worker_is_ready_only_once_it_says_so(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    held = hold_worker_lock(home)
    before = worker_status(home)

    mark_ready(home, address="here:1")

    after = worker_status(home)
    held.release()
    assert worker_status(home) is None
    assert before is not None
    assert after is not None
    assert (before.ready, after.ready, after.address) == (False, True, "here:1")


def test_the_command_runs_a_script_and_not_a_module(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    package = tmp_path / "ostinato"
    (package / "_app").mkdir(parents=True)
    monkeypatch.setattr(ostinato, "__file__", str(package / "__init__.py"))
    (tmp_path / "worker.py").touch()
    beside = worker_command()

    (package / "_app" / "worker.py").touch()
    inside = worker_command()

    assert beside == [sys.executable, str(tmp_path / "worker.py")]
    assert inside == [sys.executable, str(package / "_app" / "worker.py")]


def test_a_missing_worker_script_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(ostinato, "__file__", str(tmp_path / "ostinato" / "__init__.py"))

    with pytest.raises(ExternalError) as caught:
        worker_command()

    assert caught.value.code == "worker_missing"
