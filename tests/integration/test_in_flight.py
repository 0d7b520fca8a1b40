"""A killed worker's activities are failed by its successor, so that they go on in seconds."""

import asyncio
import base64
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio import activity, workflow
from temporalio.client import Client, WorkflowHandle
from temporalio.common import RetryPolicy
from temporalio.worker import Worker

from ostinato.adapters.home import Home
from ostinato.adapters.in_flight import (
    InFlight,
    InFlightInterceptor,
    fail_lost,
    lost_records,
    remove_record,
    write_record,
)
from ostinato.adapters.pids import identify_self
from ostinato.adapters.temporal.detached import wait_until
from ostinato.adapters.temporal.embedded import ensure_server, stop_server

QUEUE = "in-flight"


@activity.defn(name="work")
async def hang_once(folder: str) -> int:
    """The first attempt never ends; later ones end at once."""
    attempt = activity.info().attempt
    await asyncio.to_thread((Path(folder) / f"attempt-{attempt}").write_text, str(time.time()))
    if attempt == 1:
        await asyncio.sleep(3600)
    return attempt


@workflow.defn(name="Lost", sandboxed=False)
class LostWorkflow:
    @workflow.run
    async def run(self, folder: str) -> int:
        attempt: int = await workflow.execute_activity(
            "work", folder, result_type=int, activity_id="the-step", start_to_close_timeout=timedelta(hours=1),
            heartbeat_timeout=timedelta(minutes=5),
            retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=200)),
        )  # fmt: skip
        return attempt


def a_record(**changes: object) -> InFlight:
    me = identify_self()
    record = InFlight(
        task_token_b64=base64.b64encode(b"token").decode(), workflow_id="w", activity_id="a", activity_type="t",
        attempt=1, marker="w/r/a/1/", pid=me.pid, pid_started=me.started,
    )  # fmt: skip
    return replace(record, **changes)  # type: ignore[arg-type]


@asynccontextmanager
async def a_worker(client: Client, home: Home) -> AsyncIterator[Worker]:
    worker = Worker(
        client, task_queue=QUEUE, workflows=[LostWorkflow], activities=[hang_once],
        interceptors=[InFlightInterceptor(home)], sticky_queue_schedule_to_start_timeout=timedelta(seconds=1),
    )  # fmt: skip
    async with worker:
        yield worker


async def serve_until_killed(address: str, root: str) -> None:
    """What the process that is going to be killed does."""
    async with a_worker(await Client.connect(address), Home(Path(root))):
        await asyncio.Event().wait()


async def until(condition: Callable[[], bool]) -> None:
    assert await asyncio.to_thread(wait_until, condition, 20.0)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server_home = Home(tmp_path_factory.mktemp("server"))
    yield ensure_server(server_home, {}).address
    stop_server(server_home)


async def start(client: Client, folder: Path, name: str) -> WorkflowHandle[LostWorkflow, int]:
    return await client.start_workflow(LostWorkflow.run, str(folder), id=name, task_queue=QUEUE)


async def lose_a_worker(address: str, home: Home, folder: Path) -> None:
    """Returns when a worker was killed in the middle of the first attempt."""
    serve = f"serve_until_killed({address!r}, {str(home.root)!r})"
    program = f"import asyncio; from {__name__} import serve_until_killed; asyncio.run({serve})"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program)
    await until(lambda: (folder / "attempt-1").exists())
    process.kill()
    await process.wait()


@pytest.mark.server
async def test_the_next_attempt_starts_within_two_seconds_of_a_restart(
    address: str, home: Home, tmp_path: Path
) -> None:
    client = await Client.connect(address)
    handle = await start(client, tmp_path, "killed")
    await lose_a_worker(address, home, tmp_path)
    swept: list[str] = []

    def sweep(marker: str) -> int:
        swept.append(marker)
        return 0

    restarted = time.time()
    failed = await fail_lost(client, home, kill_strays=sweep)
    async with a_worker(client, home):
        attempt = await asyncio.wait_for(handle.result(), 30)

    assert (failed, attempt) == (1, 2)
    assert float((tmp_path / "attempt-2").read_text()) - restarted < 2.0
    assert swept == [f"killed/{handle.result_run_id}/the-step/1/"]
    assert list(home.in_flight.glob("*.json")) == []


@pytest.mark.server
async def test_what_is_no_longer_pending_is_only_forgotten(address: str, home: Home, tmp_path: Path) -> None:
    client = await Client.connect(address)
    handle = await start(client, tmp_path, "closed")
    await lose_a_worker(address, home, tmp_path)
    await handle.terminate()

    failed = await fail_lost(client, home, kill_strays=lambda _: 0)

    assert failed == 1
    assert lost_records(home) == []


@pytest.mark.server
async def test_an_activity_is_on_record_only_while_it_runs(address: str, home: Home, tmp_path: Path) -> None:
    client = await Client.connect(address)
    handle = await start(client, tmp_path, "recorded")

    async with a_worker(client, home):
        await until(lambda: (tmp_path / "attempt-1").exists())
        during = len(list(home.in_flight.glob("*.json")))
        await handle.terminate()

    assert during == 1
    assert list(home.in_flight.glob("*.json")) == []


def test_records_of_a_living_worker_are_not_lost(home: Home) -> None:
    write_record(home, a_record())

    assert lost_records(home) == []


def test_a_recycled_pid_does_not_hide_a_lost_record(home: Home) -> None:
    record = a_record(pid_started=1.0)

    write_record(home, record)

    assert lost_records(home) == [record]


def test_removing_a_record_twice_is_fine(home: Home) -> None:
    write_record(home, a_record(pid_started=1.0))

    for _ in range(2):
        remove_record(home, a_record())

    assert lost_records(home) == []


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": 1}'])
def test_a_broken_record_is_dropped(home: Home, content: str) -> None:
    home.in_flight.mkdir(parents=True)
    broken = home.in_flight / "x.json"
    broken.write_text(content)

    assert lost_records(home) == []
    assert not broken.exists()
