"""Dockerfile and docker-compose.yml, checked as well as can be without an engine."""

import re
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from ostinato.adapters.temporal.workers import GRACEFUL_SHUTDOWN_S, STOP_LIMIT_S
from ostinato.contracts.workflows import SEARCH_ATTRIBUTES

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
PINNED = re.compile(r"^[\w./-]+:\d+\.\d+[\w.-]*$")
LONG_RUNNING = [name for name, service in SERVICES.items() if service.get("restart") == "unless-stopped"]


@pytest.mark.parametrize("name", SERVICES)
def test_every_image_is_pinned(name: str) -> None:
    assert PINNED.match(SERVICES[name]["image"])


@pytest.mark.parametrize("name", SERVICES)
def test_every_published_port_is_bound_to_this_machine(name: str) -> None:
    assert all(str(port).startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_every_long_running_service_has_a_healthcheck(name: str) -> None:
    assert "healthcheck" in SERVICES[name] or (name == "worker" and "HEALTHCHECK" in DOCKERFILE)


@pytest.mark.parametrize("name", SERVICES)
def test_services_start_in_an_order_of_facts(name: str) -> None:
    for other, need in SERVICES[name].get("depends_on", {}).items():
        expected = "service_healthy" if other in LONG_RUNNING else "service_completed_successfully"
        assert need["condition"] == expected


@pytest.mark.parametrize("name", SERVICES)
def test_every_mounted_file_exists_and_every_volume_is_named(name: str) -> None:
    for volume in SERVICES[name].get("volumes", []):
        source = volume["source"] if isinstance(volume, dict) else volume.split(":")[0]
        if source.startswith("./"):
            assert (ROOT / source).exists()
        else:
            assert source in COMPOSE["volumes"] or source.startswith("${OSTINATO_REPOSITORIES:?")


def test_the_server_finds_its_dynamic_configuration() -> None:
    server = SERVICES["temporal"]
    source, target, _ = server["volumes"][0].split(":")

    path = "/etc/temporal/" + server["environment"]["DYNAMIC_CONFIG_FILE_PATH"]

    assert path.startswith(target)
    assert yaml.safe_load((ROOT / source / Path(path).name).read_text())


def test_a_worker_has_time_to_drain_before_it_is_killed() -> None:
    grace_s = int(SERVICES["worker"]["stop_grace_period"].removesuffix("s"))

    assert GRACEFUL_SHUTDOWN_S < STOP_LIMIT_S < grace_s


def test_no_secret_is_written_down() -> None:
    secrets = [
        value
        for service in SERVICES.values()
        for name, value in service.get("environment", {}).items()
        if re.search("PASSWORD|PWD|KEY|TOKEN", name)
    ]

    assert secrets
    assert all(value.startswith("${POSTGRES_PASSWORD:?") for value in secrets)


def test_every_variable_of_the_compose_file_is_explained() -> None:
    used = set(re.findall(r"\$\{(\w+)", (ROOT / "docker-compose.yml").read_text()))

    explained = set(re.findall(r"^(\w+)=", (ROOT / "deploy/example.env").read_text(), re.MULTILINE))

    assert used == explained


def test_the_namespace_script_creates_the_search_attributes_of_the_contract() -> None:
    script = (ROOT / "deploy/scripts/setup-namespace.sh").read_text()

    assert dict(re.findall(r"--name (\w+) --type (\w+)", script)) == SEARCH_ATTRIBUTES


@pytest.mark.parametrize("script", sorted((ROOT / "deploy/scripts").glob("*.sh")), ids=lambda path: path.name)
def test_scripts_stop_at_the_first_error_and_can_be_run(script: Path) -> None:
    text = script.read_text()

    assert text.startswith("#!/bin/sh\n")
    assert "set -eu" in text
    assert script.stat().st_mode & stat.S_IXUSR


def test_the_image_runs_as_an_ordinary_user_under_an_init() -> None:
    final = DOCKERFILE.rsplit("FROM ", 1)[1]

    assert re.search(r"^USER (?!root)\w+", final, re.MULTILINE)
    assert 'ENTRYPOINT ["tini", "--"]' in final


def test_the_image_installs_pinned_versions_only() -> None:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]

    assert "--constraint constraints.txt" in DOCKERFILE
    assert lines
    assert all("==" in line for line in lines)


def test_what_the_image_copies_is_what_the_build_context_keeps() -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}

    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)

    assert {source.split("/")[0] for line in copied for source in line.split()} == kept
