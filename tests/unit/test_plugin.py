"""The plugin that client, worker, replayer and tests share: what travels, and what may be imported."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.converter import DataConverter
from temporalio.exceptions import ApplicationError
from temporalio.workflow import SandboxImportNotificationPolicy

from ostinato.adapters.temporal.plugin import PASSED_THROUGH, data_converter, ostinato_plugin, workflow_runner
from ostinato.contracts.activities import StoreReport
from ostinato.domain.execution import StepOutcome, StepResult
from ostinato.domain.plan import Plan
from ostinato.domain.report import Snapshot
from ostinato.domain.request import RunRequest
from tests.builders import a_plan, a_result, a_run, a_snapshot, a_step

PAYLOADS = Path(tempfile.mkdtemp(prefix="ostinato-payloads-"))


async def there_and_back(value: object, kind: type[Any]) -> object:
    converter = data_converter(PAYLOADS)
    payloads = await converter.encode([value])
    (decoded,) = await converter.decode(payloads, [kind])
    return decoded


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (a_run(), RunRequest),
        (a_plan(a_step("one"), a_step("two", "one")), Plan),
        (a_snapshot(), Snapshot),
        (StoreReport(snapshot=a_snapshot()), StoreReport),
        (a_result(started_at=datetime(2030, 1, 1, tzinfo=UTC), output={"exit_code": 0}), StepResult),
        (StepOutcome.UNKNOWN, StepOutcome),
        (b"raw", bytes),
        (None, type(None)),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
async def test_a_value_arrives_as_it_was_sent(value: object, kind: type[Any]) -> None:
    assert await there_and_back(value, kind) == value


async def test_a_field_that_a_newer_version_added_is_ignored() -> None:
    sent = {**a_result().model_dump(mode="json"), "added_later": True}

    assert await there_and_back(sent, StepResult) == a_result()


async def test_input_that_does_not_fit_is_refused_for_good_and_names_the_fields() -> None:
    payloads = await data_converter(PAYLOADS).encode([{"text": 3}])

    with pytest.raises(ApplicationError) as refused:
        await data_converter(PAYLOADS).decode(payloads, [RunRequest])

    assert (refused.value.type, refused.value.non_retryable) == ("PayloadValidationError", True)
    assert any(line.startswith("text: ") for line in refused.value.details[0]["errors"])
    assert any(line.startswith("run_id: ") for line in refused.value.details[0]["errors"])


async def test_a_long_list_of_problems_is_cut() -> None:
    payloads = await data_converter(PAYLOADS).encode([{"id": "p", "steps": [{} for _ in range(100)]}])

    with pytest.raises(ApplicationError) as refused:
        await data_converter(PAYLOADS).decode(payloads, [Plan])

    assert len(refused.value.details[0]["errors"]) == 20


def test_exactly_the_pure_packages_are_passed_through_the_sandbox() -> None:
    restrictions = workflow_runner().restrictions

    assert PASSED_THROUGH == ("ostinato.domain", "ostinato.contracts", "ostinato.durable")
    assert restrictions.passthrough_modules >= set(PASSED_THROUGH)
    assert not {name for name in restrictions.passthrough_modules if name.startswith("ostinato.adapters")}
    assert SandboxImportNotificationPolicy.RAISE_ON_UNINTENTIONAL_PASSTHROUGH in (
        restrictions.import_notification_policy
    )


async def test_a_client_with_the_plugin_speaks_our_payloads() -> None:
    plain = await Client.connect("127.0.0.1:1", lazy=True)

    ours = await Client.connect("127.0.0.1:1", lazy=True, plugins=[ostinato_plugin(PAYLOADS)])

    assert plain.data_converter == DataConverter.default
    assert ours.data_converter.payload_converter_class is data_converter(PAYLOADS).payload_converter_class
