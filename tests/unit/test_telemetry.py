"""Log lines carry run and step; traces reach a collector when one is configured."""

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import structlog
from temporalio import activity, workflow
from temporalio.testing import ActivityEnvironment

from ostinato.adapters import telemetry
from ostinato.adapters.telemetry import configure_logging, tracing_plugin
from ostinato.domain.redaction import Redactor

TRACED_PROGRAM = """
from opentelemetry import trace
from ostinato.adapters.telemetry import tracing_plugin

assert tracing_plugin() is not None
with trace.get_tracer("test").start_as_current_span("measure-twice"):
    pass
"""


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    adapters = workflow.logger.workflow_info_on_message, activity.logger.activity_info_on_message
    yield
    root.handlers, root.level = handlers, level
    workflow.logger.workflow_info_on_message, activity.logger.activity_info_on_message = adapters
    structlog.reset_defaults()


@pytest.fixture(autouse=True)
def _no_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in telemetry.ENDPOINTS:
        monkeypatch.delenv(name, raising=False)


def last_line(capture: pytest.CaptureFixture[str]) -> dict[str, Any]:
    line: dict[str, Any] = json.loads(capture.readouterr().err.strip().splitlines()[-1])
    return line


@pytest.mark.parametrize("as_json", [True, False], ids=["json", "console"])
def test_no_line_holds_a_secret_nor_does_its_traceback(capsys: pytest.CaptureFixture[str], as_json: bool) -> None:
    token, word = "ghp_" + "Zq8" * 12, "correct-horse"
    configure_logging("info", json=as_json, redactor=Redactor([word]))

    try:
        raise ValueError(f"{token} {word}")
    except ValueError as error:
        logging.getLogger("any").exception("failed with %s", word, extra={"deep": {"error": [error]}})
        structlog.stdlib.get_logger("ours").info("said", what=token, why=error)

    told = capsys.readouterr().err
    assert (token in told, word in told) == (False, False)
    assert told.count("[redacted:github-token]") >= 4
    assert "ValueError" in told


async def test_a_line_of_an_activity_names_its_run_and_step(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", json=True)
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, workflow_id="ostinato-fix-lint-1f", activity_id="scan-all-2-execute")

    environment.run(lambda: activity.logger.info("step_started", extra={"tool": "ruff"}))

    line = last_line(capsys)
    assert (line["event"], line["run_id"], line["step_id"]) == ("step_started", "fix-lint-1f", "scan-all")
    assert (line["execution"], line["tool"], line["level"]) == (2, "ruff", "info")


def test_a_line_of_a_merge_names_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", json=True)

    details = {"workflow_id": "ostinato-merge-abc", "workflow_type": "OstinatoMerge", "run_id": "of-temporal"}
    logging.getLogger("any").info("merging", extra={"temporal_workflow": details})

    assert last_line(capsys)["run_id"] == "abc"


def test_structlog_and_the_standard_library_write_the_same_shape(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", json=True)

    structlog.get_logger("ours").info("hello", run_id="r1")
    ours = last_line(capsys)
    logging.getLogger("theirs").info("hello", extra={"run_id": "r1"})
    theirs = last_line(capsys)

    assert {**ours, "logger": "", "timestamp": ""} == {**theirs, "logger": "", "timestamp": ""}


def test_an_exception_is_part_of_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", json=True)

    try:
        raise ValueError("no such step")
    except ValueError:
        logging.getLogger("any").exception("step_failed")

    assert "ValueError: no such step" in last_line(capsys)["exception"]


def test_text_for_people_has_no_escape_codes_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("warning")

    logging.getLogger("any").info("hidden")
    logging.getLogger("any").warning("shown")

    shown = capsys.readouterr().err
    assert "shown" in shown
    assert "hidden" not in shown
    assert "\x1b" not in shown


def test_without_an_endpoint_nothing_is_traced() -> None:
    assert tracing_plugin() is None


def test_a_missing_exporter_is_told_with_its_cure(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    monkeypatch.setitem(sys.modules, "temporalio.contrib.opentelemetry", None)

    with caplog.at_level(logging.WARNING):
        plugin = tracing_plugin()

    assert plugin is None
    assert "ostinato[otel]" in caplog.text


class Collector(BaseHTTPRequestHandler):
    received: list[tuple[str, bytes]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.received.append((self.path, body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.mark.slow
def test_spans_reach_the_collector_by_the_end_of_the_process() -> None:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="needs the otel extra")
    server = HTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    env = {**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{server.server_port}", "PYTHONPATH": "."}
    env |= {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", "OTEL_EXPORTER_OTLP_COMPRESSION": "none"}

    subprocess.run([sys.executable, "-c", TRACED_PROGRAM], env=env, check=True, timeout=60)
    server.shutdown()
    server.server_close()

    path, body = Collector.received[-1]
    assert path == "/v1/traces"
    assert b"measure-twice" in body
    assert b"ostinato" in body
