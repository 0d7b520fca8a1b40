"""One plugin for client, worker, replayer and tests: converter, sandbox policy, failure types."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import temporalio.api.common.v1
from pydantic import ValidationError
from temporalio.contrib.pydantic import PydanticJSONPlainPayloadConverter
from temporalio.converter import (
    CompositePayloadConverter,
    DataConverter,
    DefaultPayloadConverter,
    JSONPlainPayloadConverter,
    create_payload_validation_error,
)
from temporalio.plugin import SimplePlugin
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions
from temporalio.workflow import SandboxImportNotificationPolicy

from ostinato.adapters.payloads import payload_storage
from ostinato.domain.errors import OstinatoError

PASSED_THROUGH = ("ostinato.domain", "ostinato.contracts", "ostinato.durable")
"""Loaded once and shared by all runs. Their purity is held by lint and import contracts, not by the sandbox."""


class _StrictJson(PydanticJSONPlainPayloadConverter):
    """Input that does not fit its model fails the run at once; without this it is retried for ever."""

    def from_payload(self, payload: temporalio.api.common.v1.Payload, type_hint: type | None = None) -> Any:
        try:
            return super().from_payload(payload, type_hint)
        except ValidationError as error:
            raise create_payload_validation_error(
                {"errors": [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()[:20]]}
            ) from error


class _Payloads(CompositePayloadConverter):
    def __init__(self) -> None:
        json = _StrictJson()
        super().__init__(
            *(
                json if isinstance(converter, JSONPlainPayloadConverter) else converter
                for converter in DefaultPayloadConverter.default_encoding_payload_converters
            )
        )


def data_converter(payloads: Path) -> DataConverter:
    return replace(DataConverter.default, payload_converter_class=_Payloads, external_storage=payload_storage(payloads))


def workflow_runner() -> SandboxedWorkflowRunner:
    """A workflow that imports anything else that is ours stops the worker at start and names it."""
    restrictions = SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH)
    return SandboxedWorkflowRunner(
        restrictions.with_import_notification_policy(
            SandboxImportNotificationPolicy.WARN_ON_DYNAMIC_IMPORT
            | SandboxImportNotificationPolicy.RAISE_ON_UNINTENTIONAL_PASSTHROUGH
        )
    )


def ostinato_plugin(payloads: Path) -> SimplePlugin:
    """`payloads`: the folder of what is too big for a history; the same for everyone who reads a run."""
    return SimplePlugin(
        "ostinato",
        data_converter=data_converter(payloads),
        workflow_runner=workflow_runner(),
        workflow_failure_exception_types=[OstinatoError],
    )
