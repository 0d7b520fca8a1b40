"""Logs for people and machines, traces for collectors.

Everything goes through the standard library's handlers: structlog called inside a workflow would read the clock,
which the sandbox forbids. Code that runs in workflows logs with `workflow.logger`, activities with `activity.logger`.
"""

import importlib
import importlib.util
import logging
import os
import re
import sys
from collections.abc import Mapping
from typing import Any, Final

import structlog
from structlog.typing import EventDict, Processor
from temporalio import activity, workflow
from temporalio.plugin import SimplePlugin

from ostinato.adapters.processes import environment_secrets
from ostinato.domain.redaction import Redactor

ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
MISSING_EXTRA: Final = "Traces are off: an OTLP endpoint is set, but the exporter is not. pip install 'ostinato[otel]'"

_RUN = re.compile(r"^ostinato-(?:merge-)?(?P<run>.+)$")
_STEP = re.compile(r"^(?P<step>.+)-(?P<execution>\d+)-[a-z]+$")

log = logging.getLogger(__name__)


def configure_logging(level: str = "info", json: bool = False, redactor: Redactor | None = None) -> None:
    """One handler on stderr for every logger of the process, the SDK's and other libraries' too. Repeating it is fine.

    No line holds a secret, tracebacks included; without a redactor, patterns and this environment's values are known.
    """
    workflow.logger.workflow_info_on_message = False
    activity.logger.activity_info_on_message = False
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_formatter(json, redactor or Redactor(environment_secrets(os.environ))))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_common(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def tracing_plugin() -> SimplePlugin | None:
    """For client and worker when OTEL_EXPORTER_OTLP_ENDPOINT is set; None otherwise. Call it once in a process.

    Spans are sent in the background and the rest at the interpreter's exit; OTEL_SERVICE_NAME names the service.
    """
    if not any(os.environ.get(name) for name in ENDPOINTS):
        return None
    try:
        opentelemetry = importlib.import_module("temporalio.contrib.opentelemetry")
        exporter = importlib.import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
        export = importlib.import_module("opentelemetry.sdk.trace.export")
        resources = importlib.import_module("opentelemetry.sdk.resources")
        trace = importlib.import_module("opentelemetry.trace")
    except ImportError:
        log.warning(MISSING_EXTRA)
        return None
    resource = resources.Resource.create({"service.name": os.environ.get("OTEL_SERVICE_NAME") or "ostinato"})
    provider = opentelemetry.create_tracer_provider(resource=resource)
    provider.add_span_processor(export.BatchSpanProcessor(exporter.OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    plugin: SimplePlugin = opentelemetry.OpenTelemetryPlugin(add_temporal_spans=True)
    return plugin


def _formatter(json: bool, redactor: Redactor) -> logging.Formatter:
    tail: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        _redacting(redactor),
    ]
    if json:
        tail += [structlog.processors.JSONRenderer(default=str)]
    else:
        plain = structlog.dev.plain_traceback  # a prettier one would print the values of variables
        tail += [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)]
    return structlog.stdlib.ProcessorFormatter(
        processors=tail, foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *_common(), _lift_temporal]
    )


def _common() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _redacting(redactor: Redactor) -> Processor:
    """Whatever a line carries is a text in the end, so what is none yet becomes one where it holds a secret."""

    def redact(_logger: Any, _method: str, event: EventDict) -> EventDict:
        return {name: _redacted(value, redactor) for name, value in event.items()}

    return redact


def _redacted(value: Any, redactor: Redactor) -> Any:
    match value:
        case dict():
            return {redactor.text(str(name)): _redacted(inner, redactor) for name, inner in value.items()}
        case list() | tuple():
            return [_redacted(inner, redactor) for inner in value]
        case _:
            shown = str(value)
            return redactor.text(shown) if redactor.secrets(shown) else value


def _lift_temporal(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """What the SDK knows of workflow and activity becomes fields of the line."""
    known: dict[str, Any] = {}
    for source in ("temporal_workflow", "temporal_activity"):
        details = event.pop(source, None)
        known |= _fields(details) if isinstance(details, Mapping) else {}
    for internal in ("workflow_info", "activity_info"):
        event.pop(internal, None)
    return {**known, **event}


def _fields(details: Mapping[str, Any]) -> dict[str, Any]:
    names = ("workflow_id", "workflow_type", "activity_id", "activity_type", "attempt", "update_name", "update_id")
    fields = {name: details[name] for name in names if details.get(name) is not None}
    if run := _RUN.match(str(details.get("workflow_id") or "")):
        fields["run_id"] = run["run"]
    if step := _STEP.match(str(details.get("activity_id") or "")):
        fields |= {"step_id": step["step"], "execution": int(step["execution"])}
    return fields
