"""What a namespace needs before runs may start: search attributes, and histories that are kept for long enough."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta

from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, UpdateNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from ostinato.domain.errors import ExternalError

RETENTION = timedelta(days=90)


async def register_search_attributes(client: Client, attributes: Mapping[str, str]) -> None:
    """Add those that are missing; a second call does nothing. Values are Temporal's type names, as "Keyword"."""
    try:
        listed = await client.operator_service.list_search_attributes(
            ListSearchAttributesRequest(namespace=client.namespace)
        )
        missing = {name: _kind(kind) for name, kind in attributes.items() if name not in listed.custom_attributes}
        if missing:
            await client.operator_service.add_search_attributes(
                AddSearchAttributesRequest(namespace=client.namespace, search_attributes=missing)
            )
    except RPCError as error:
        raise _refused(client, attributes, error) from error


async def set_up_namespace(address: str, attributes: Mapping[str, str], namespace: str = "default") -> None:
    """Wait until the server serves, then set retention and search attributes. Waits for ever: give it a time-out."""
    client = await _patiently_connect(address, namespace)
    await _keep_histories(client)
    await register_search_attributes(client, attributes)


async def _patiently_connect(address: str, namespace: str) -> Client:
    while True:
        try:
            client = await Client.connect(address, namespace=namespace)
            await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=namespace))
            return client
        except (RPCError, RuntimeError):
            await asyncio.sleep(0.05)


async def _keep_histories(client: Client) -> None:
    described = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
    if described.config.workflow_execution_retention_ttl.ToTimedelta() >= RETENTION:
        return
    retention = Duration(seconds=int(RETENTION.total_seconds()))
    await client.workflow_service.update_namespace(
        UpdateNamespaceRequest(
            namespace=client.namespace, config=NamespaceConfig(workflow_execution_retention_ttl=retention)
        )
    )


def _kind(name: str) -> IndexedValueType.ValueType:
    words = {"KeywordList": "KEYWORD_LIST"}
    return IndexedValueType.Value(f"INDEXED_VALUE_TYPE_{words.get(name, name.upper())}")


def _refused(client: Client, attributes: Mapping[str, str], error: RPCError) -> ExternalError:
    names = ", ".join(f"{name} ({kind})" for name, kind in attributes.items())
    if error.status is RPCStatusCode.PERMISSION_DENIED:
        cure = f"Ask the administrator of namespace {client.namespace!r} to create: {names}"
    else:
        cure = f"Create them by hand with `temporal operator search-attribute create`: {names}"
    return ExternalError(
        f"Search attributes could not be registered: {error.message}. {cure}", code="search_attributes"
    )
