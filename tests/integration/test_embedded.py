"""The embedded server: started once, found again, kept over restarts, told apart from strangers."""

import json
import socket
import sys
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import run

import pytest
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest

from ostinato.adapters.home import Home
from ostinato.adapters.temporal import connection, embedded
from ostinato.adapters.temporal.connection import connect, is_address_configured
from ostinato.adapters.temporal.detached import stop_process
from ostinato.adapters.temporal.embedded import ensure_server, server_status, stop_server
from ostinato.adapters.temporal.registration import RETENTION, register_search_attributes
from ostinato.domain.errors import ExternalError, UserError

pytestmark = pytest.mark.server

ATTRIBUTES = {"OstinatoPhase": "Keyword", "OstinatoNeedsHuman": "Bool"}
START = """
import os, sys
from pathlib import Path
from ostinato.adapters.home import Home
from ostinato.adapters.temporal.embedded import ensure_server
sys.stdout.write(str(ensure_server(Home(Path(sys.argv[1])), {}).pid))
sys.stdout.flush()
os._exit(0)  # as the program ends: the native threads of a client may outlive the interpreter and abort it
"""


@pytest.fixture(autouse=True)
def _nothing_configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE", "TEMPORAL_PROFILE", "TEMPORAL_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", str(tmp_path / "temporal.toml"))


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """Its path has a space and a letter that is not ASCII."""
    home = Home(tmp_path / "hôme of ann")
    yield home
    stop_server(home)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home whose server runs already: for tests that do not stop it."""
    home = Home(tmp_path_factory.mktemp("home"))
    ensure_server(home, ATTRIBUTES)
    yield home
    stop_server(home)


async def test_a_new_server_keeps_histories_and_knows_the_attributes(running: Home) -> None:
    client = await connect(running)

    described = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace="default"))
    listed = await client.operator_service.list_search_attributes(ListSearchAttributesRequest(namespace="default"))

    assert described.config.workflow_execution_retention_ttl.ToTimedelta() == RETENTION
    assert set(listed.custom_attributes) >= set(ATTRIBUTES)


async def test_attributes_can_be_registered_again_and_added(running: Home) -> None:
    client = await connect(running)

    for _ in range(2):
        await register_search_attributes(client, {**ATTRIBUTES, "OstinatoStepsTotal": "Int"})

    listed = await client.operator_service.list_search_attributes(ListSearchAttributesRequest(namespace="default"))
    assert "OstinatoStepsTotal" in listed.custom_attributes


def test_the_web_ui_is_served(running: Home) -> None:
    server = server_status(running)

    assert server is not None
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(server.ui_url, timeout=10) as page:
        assert page.status == 200


def test_asking_again_finds_the_same_server(running: Home) -> None:
    first = server_status(running)

    assert ensure_server(running, ATTRIBUTES) == first


def keep_off_the_usual_ports(home: Home) -> None:
    """Other tests start servers at the same time, and each wants the usual ports."""
    ports = []
    for _ in range(2):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            ports.append(probe.getsockname()[1])
    home.server.mkdir(parents=True)
    former = {"port": ports[0], "ui_port": ports[1], "pid": 2**22, "started": 0.0, "version": "0"}
    (home.server / "server.json").write_text(json.dumps(former))


def test_a_newer_package_restarts_the_server_on_the_same_port(home: Home) -> None:
    keep_off_the_usual_ports(home)
    first = ensure_server(home, {})
    record = home.server / "server.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), "version": "0.0.1"}))

    second = ensure_server(home, {})

    assert (second.pid != first.pid, second.address, second.version) == (True, first.address, first.version)
    assert not first.identity.is_alive


def test_two_processes_that_start_it_at_once_share_one(home: Home) -> None:
    command = [sys.executable, "-c", START, str(home.root)]

    with ThreadPoolExecutor(2) as pool:
        ends = list(pool.map(lambda _: run(command, capture_output=True, text=True, timeout=60), range(2)))

    assert [end.returncode for end in ends] == [0, 0], ends[0].stderr + ends[1].stderr
    running = server_status(home)
    assert running is not None
    assert {end.stdout for end in ends} == {str(running.pid)}


async def test_a_killed_server_comes_back_with_its_data_and_new_attributes(home: Home) -> None:
    keep_off_the_usual_ports(home)
    first = ensure_server(home, {"OstinatoPhase": "Keyword"})
    stop_process(first.identity, timeout_s=0)

    second = ensure_server(home, ATTRIBUTES)

    assert second.address == first.address
    client = await connect(home)
    listed = await client.operator_service.list_search_attributes(ListSearchAttributesRequest(namespace="default"))
    assert set(listed.custom_attributes) >= set(ATTRIBUTES)


def test_a_port_taken_by_a_stranger_is_left_to_them(home: Home) -> None:
    with socket.socket() as stranger:
        stranger.bind((embedded.HOST, 0))
        stranger.listen()
        taken = stranger.getsockname()[1]
        home.server.mkdir(parents=True)
        stale = {"port": taken, "ui_port": taken, "pid": 1, "started": 1.0, "version": "1.0"}
        (home.server / "server.json").write_text(json.dumps(stale))

        started = ensure_server(home, {})

    assert taken not in (started.port, started.ui_port)


def test_a_recycled_pid_is_not_taken_for_the_server(home: Home) -> None:
    home.server.mkdir(parents=True)
    stranger = {"port": 1, "ui_port": 2, "pid": 1, "started": 1.0, "version": "1.9"}
    (home.server / "server.json").write_text(json.dumps(stranger))

    assert server_status(home) is None
    assert stop_server(home) is False


@pytest.mark.parametrize("content", ["", "{", "[]", '{"port": 1}', '{"unknown": 1}'])
def test_a_broken_record_means_that_no_server_runs(home: Home, content: str) -> None:
    home.server.mkdir(parents=True)
    (home.server / "server.json").write_text(content)

    assert server_status(home) is None


def test_stopping_is_done_once(home: Home) -> None:
    server = ensure_server(home, {})

    assert (stop_server(home), stop_server(home)) == (True, False)
    assert not server.identity.is_alive


def test_a_database_that_cannot_be_opened_is_told_with_the_end_of_the_log(home: Home) -> None:
    (home.server / "temporal.db").mkdir(parents=True)

    with pytest.raises(ExternalError, match="End of") as caught:
        ensure_server(home, {})

    assert caught.value.code == "server_not_started"
    assert server_status(home) is None


async def test_without_server_and_address_the_cure_is_up(home: Home) -> None:
    with pytest.raises(ExternalError, match="ostinato up") as caught:
        await connect(home)

    assert caught.value.code == "temporal_unreachable"
    assert not is_address_configured()


async def test_an_address_where_nothing_listens_fails_soon(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:9")

    with pytest.raises(ExternalError, match=r"127\.0\.0\.1:9") as caught:
        await connect(home)

    assert caught.value.code == "temporal_unreachable"
    assert is_address_configured()


async def test_an_address_that_never_answers_fails_soon(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("TEMPORAL_ADDRESS", f"127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setattr(connection, "CONNECT_LIMIT_S", 0.5)

        with pytest.raises(ExternalError) as caught:
            await connect(home)

    assert caught.value.code == "temporal_unreachable"


async def test_a_missing_namespace_is_told(running: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    server = server_status(running)
    assert server is not None
    monkeypatch.setenv("TEMPORAL_ADDRESS", server.address)
    monkeypatch.setenv("TEMPORAL_NAMESPACE", "nowhere")

    with pytest.raises(ExternalError, match="nowhere") as caught:
        await connect(running)

    assert caught.value.code == "temporal_namespace_missing"


def test_a_broken_temporal_configuration_is_told(tmp_path: Path) -> None:
    (tmp_path / "temporal.toml").write_text("[profile")

    with pytest.raises(UserError) as caught:
        is_address_configured()

    assert caught.value.code == "temporal_config"


def test_homes_that_start_at_once_get_servers_of_their_own(tmp_path: Path) -> None:
    homes = [Home(tmp_path / f"home{number}") for number in range(4)]

    with ThreadPoolExecutor(len(homes)) as threads:
        servers = list(threads.map(lambda home: ensure_server(home, ATTRIBUTES), homes))
    alive = [server.identity.is_alive for server in servers]
    for home in homes:
        stop_server(home)

    assert alive == [True] * 4
    assert len({server.port for server in servers}) == 4
