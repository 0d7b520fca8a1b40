"""From a command to Temporal and back: the local stack, the connection, one event loop."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ostinato.cli.call import Call
from ostinato.cli.runs import check_run_name, find_run, stored_ids, stored_snapshot
from ostinato.domain.errors import ExternalError, UserError
from ostinato.domain.ids import RunId, workflow_id
from ostinato.domain.report import Snapshot

if TYPE_CHECKING:
    from temporalio.client import Client

T = TypeVar("T")


def with_client(call: Call, work: Callable[["Client"], Awaitable[T]]) -> T:
    """Connect and do the work; ExternalError temporal_unreachable when there is no server."""
    from ostinato.adapters.temporal.connection import connect

    async def session() -> T:
        return await work(await connect(call.home))

    return asyncio.run(session())


def with_run(call: Call, work: Callable[["Client", RunId], Awaitable[T]]) -> T:
    """Like with_client, for the run that the arguments name."""

    async def session(client: "Client") -> T:
        return await work(client, await find_run(client, call.home, call.arguments.run))

    check_run_name(call.arguments.run)
    return with_client(call, session)


def closed_run(call: Call) -> Snapshot | None:
    """The stored result of the run that is named in full: no server is needed for it."""
    check_run_name(call.arguments.run)
    return stored_snapshot(call.home, RunId(call.arguments.run))


def read_run(call: Call) -> Snapshot:
    """The run's state: stored when it has ended, else asked for; stored ones also when no server is there."""
    from ostinato.cli.runs import snapshot

    if kept := closed_run(call):
        return kept
    try:
        return with_run(call, lambda client, run_id: snapshot(client, call.home, run_id))
    except ExternalError as error:
        if error.code.startswith("temporal_") and (kept := _stored_by_prefix(call)):
            return kept
        raise


def _stored_by_prefix(call: Call) -> Snapshot | None:
    matching = [name for name in stored_ids(call.home) if name.startswith(call.arguments.run)]
    return stored_snapshot(call.home, matching[0]) if len(matching) == 1 else None


def ensure_stack(call: Call) -> None:
    """A server where no address is configured, and a worker where none of this home is running; says what it starts."""
    from ostinato.adapters.temporal.connection import is_address_configured
    from ostinato.adapters.temporal.workers import ensure_worker, worker_status
    from ostinato.settings import ensure_home

    ensure_home(call.home)
    address = _configured("target_host") if is_address_configured() else _ensure_embedded(call)
    before = worker_status(call.home)
    worker = ensure_worker(call.home, address=address)
    if before is None or before.pid != worker.pid:
        call.terminal.say(f"started a worker (pid {worker.pid}); it stays until: ostinato down")


def _ensure_embedded(call: Call) -> str:
    from ostinato.adapters.temporal.embedded import ensure_server, server_status
    from ostinato.contracts.workflows import SEARCH_ATTRIBUTES

    before = server_status(call.home)
    server = ensure_server(call.home, SEARCH_ATTRIBUTES)
    if before is None or before.pid != server.pid:
        call.terminal.say(f"started Temporal at {server.address}, Web UI {server.ui_url}")
    return server.address


def ui_link(call: Call, run_id: RunId) -> str:
    """The run in Temporal's Web UI; empty where its address is not known."""
    base = call.settings.ui_url or _embedded_ui(call)
    return (
        f"{base.rstrip('/')}/namespaces/{_configured('namespace') or 'default'}/workflows/{workflow_id(run_id)}"
        if base
        else ""
    )


def _configured(key: str) -> str:
    """A value of Temporal's own configuration; connecting is what complains about a broken one."""
    from temporalio.envconfig import ClientConfig

    try:
        return str(ClientConfig.load_client_connect_config().get(key) or "")
    except (RuntimeError, ValueError, OSError):
        return ""


def _embedded_ui(call: Call) -> str:
    from ostinato.adapters.temporal.connection import is_address_configured
    from ostinato.adapters.temporal.embedded import server_status

    if is_address_configured():
        return ""
    server = server_status(call.home)
    return server.ui_url if server else ""


def here(path: str) -> Path:
    """`~` expanded; raises UserError where it stands for nobody's home."""
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise UserError.of("path_unknown", path, "there is no such home folder", "Write the path in full") from error
