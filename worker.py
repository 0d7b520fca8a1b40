"""The worker: settings, adapters, registration, sandbox policy, shutdown. Run it as a script."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog
from temporalio.client import Client
from temporalio.worker import Worker

if __package__ in (None, ""):  # run as a script: our own folder holds `workflows` and `activities`
    sys.path.insert(0, str(Path(__file__).resolve().parent))

from activities import activities_of
from activities.edge import Desk
from ostinato.adapters.agents.agency import Agency, agency_of
from ostinato.adapters.artifacts import ArtifactStore
from ostinato.adapters.git.stale import break_locks
from ostinato.adapters.history import History
from ostinato.adapters.home import Home
from ostinato.adapters.in_flight import InFlightInterceptor, fail_lost
from ostinato.adapters.models import LanguageModel, chosen_model
from ostinato.adapters.prices import price_table
from ostinato.adapters.processes import environment_secrets, kill_strays
from ostinato.adapters.telemetry import configure_logging, tracing_plugin
from ostinato.adapters.temporal.connection import connect
from ostinato.adapters.temporal.registration import register_search_attributes
from ostinato.adapters.temporal.workers import GRACEFUL_SHUTDOWN_S, hold_worker_lock, mark_ready
from ostinato.contracts.workflows import SEARCH_ATTRIBUTES, TASK_QUEUE, pulse_queue, step_queue
from ostinato.domain.budget.prices import PriceTable
from ostinato.domain.errors import OstinatoError, UserError
from ostinato.domain.redaction import Redactor
from ostinato.settings import Settings, load_settings, user_config
from workflows.account import AccountWorkflow
from workflows.ledger import LedgerWorkflow
from workflows.merge import MergeWorkflow
from workflows.run import RunWorkflow
from workflows.shard import ShardWorkflow

log = structlog.stdlib.get_logger("ostinato.worker")
MAX_SHORT = 20
"""Activities at once on one queue that take seconds: worktrees, integration, planning."""
MAX_STEPS = 50
"""Steps and gates at once; each may hold a tree of child processes."""
MAX_PULSES = 2


def desk_of(
    home: Home,
    model: LanguageModel | None = None,
    prices: PriceTable | None = None,
    agency: Agency | None = None,
) -> Desk:
    redactor = Redactor(environment_secrets(os.environ))
    known = prices or price_table()
    return Desk(home, ArtifactStore(home.artifacts), redactor, History(home), model, prices=known, agency=agency)


@asynccontextmanager
async def working(
    client: Client,
    home: Home,
    *,
    model: LanguageModel | None = None,
    prices: PriceTable | None = None,
    agency: Agency | None = None,
    max_cached_workflows: int = 500,
) -> AsyncIterator[None]:
    """Poll the shared queue, and those for work on this home's files: what is short, steps, and the pulse."""
    polling = Polling(client, home, activities_of(desk_of(home, model, prices, agency)))
    shared = polling.worker(
        TASK_QUEUE,
        MAX_SHORT,
        workflows=[RunWorkflow, MergeWorkflow, ShardWorkflow, LedgerWorkflow, AccountWorkflow],
        max_cached_workflows=max_cached_workflows,
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=1),
    )
    async with (
        shared,
        polling.worker(home.queue, MAX_SHORT),
        polling.worker(step_queue(home.queue), MAX_STEPS),
        polling.worker(pulse_queue(home.queue), MAX_PULSES),
    ):
        yield


@dataclass(frozen=True, slots=True)
class Polling:
    """What the workers of one process have in common."""

    client: Client
    home: Home
    activities: Sequence[Callable[..., Any]]

    def worker(self, queue: str, at_once: int, **options: Any) -> Worker:
        return Worker(
            self.client,
            task_queue=queue,
            activities=self.activities,
            interceptors=[InFlightInterceptor(self.home)],
            max_concurrent_activities=at_once,
            max_heartbeat_throttle_interval=timedelta(seconds=1),
            default_heartbeat_throttle_interval=timedelta(seconds=1),
            graceful_shutdown_timeout=timedelta(seconds=GRACEFUL_SHUTDOWN_S),
            **options,
        )


async def serve(settings: Settings) -> None:
    """Hold the home's lock, fail what a dead predecessor left, work until SIGTERM or SIGINT, drain."""
    home = settings.home
    model = chosen_model(settings.llm, os.environ)
    prices = price_table(user_config(os.environ).parent)
    lock = hold_worker_lock(home)
    try:
        break_locks(home.root / "repos")
        tracing = tracing_plugin()
        client = await connect(home, plugins=[tracing] if tracing else [])
        await register_search_attributes(client, SEARCH_ATTRIBUTES)
        lost = await fail_lost(client, home, kill_strays=kill_strays)
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        async with (
            agency_of(
                home, prices, settings.agents, os.environ, sandboxed=settings.sandbox, tape=settings.tape
            ) as agency,
            working(client, home, model=model, prices=prices, agency=agency),
        ):
            address = client.service_client.config.target_host
            mark_ready(home, address=address)
            log.info("worker_ready", address=address, queue=home.queue, lost_activities=lost, pid=os.getpid())
            await stop.wait()
            log.info("worker_draining", limit_s=GRACEFUL_SHUTDOWN_S)
        log.info("worker_stopped")
    finally:
        lock.release()


def main() -> int:
    try:
        settings = load_settings(os.environ)
        configure_logging(settings.log_level, json=not sys.stderr.isatty())
        asyncio.run(serve(settings))
    except UserError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except OstinatoError as error:
        sys.stderr.write(f"{error.message}\n")
        return 5
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
