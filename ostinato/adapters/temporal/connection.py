"""One way to a client: Temporal's own configuration, else the embedded server of this home."""

import asyncio
import re
from collections.abc import Sequence

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client, Plugin
from temporalio.envconfig import ClientConfig, ClientConnectConfig
from temporalio.service import RPCError, RPCStatusCode

from ostinato.adapters.home import Home
from ostinato.adapters.temporal.embedded import server_status
from ostinato.domain.errors import ExternalError, UserError

CONNECT_LIMIT_S = 5.0


async def connect(home: Home, *, plugins: Sequence[Plugin] = ()) -> Client:
    """A connected client with our plugin first; ExternalError `temporal_unreachable` within five seconds otherwise."""
    from ostinato.adapters.temporal.plugin import ostinato_plugin

    config = _configured() or _embedded(home)
    try:
        async with asyncio.timeout(CONNECT_LIMIT_S):
            client = await Client.connect(**config, plugins=[ostinato_plugin(home.payloads), *plugins])
            await _require_namespace(client)
            return client
    except (RuntimeError, RPCError, TimeoutError) as error:
        raise _unreachable(config, error) from error


def is_address_configured() -> bool:
    """Whether Temporal's environment or its configuration file names a server."""
    return _configured() is not None


def _configured() -> ClientConnectConfig | None:
    try:
        config = ClientConfig.load_client_connect_config()
    except (RuntimeError, ValueError, OSError) as error:
        raise UserError.of(
            "temporal_config", "TEMPORAL_*", f"Temporal's configuration cannot be read: {error}",
            "Correct the variable or the file that TEMPORAL_CONFIG_FILE or TEMPORAL_PROFILE names",
        ) from error  # fmt: skip
    return config if config.get("target_host") else None


def _embedded(home: Home) -> ClientConnectConfig:
    if (server := server_status(home)) is not None:
        return {"target_host": server.address, "namespace": "default"}
    raise ExternalError(
        "No Temporal server is running and no address is configured. Start the local stack with `ostinato up`, "
        "or set TEMPORAL_ADDRESS",
        code="temporal_unreachable",
    )


async def _require_namespace(client: Client) -> None:
    """A missing namespace is told now; a key that may not describe it is allowed to go on."""
    try:
        await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
    except RPCError as error:
        if error.status in (RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNIMPLEMENTED):
            return
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        raise ExternalError(
            f"The Temporal server has no namespace {client.namespace!r}. Set TEMPORAL_NAMESPACE to one that exists, "
            f"or create it with `temporal operator namespace create -n {client.namespace} --retention 90d`",
            code="temporal_namespace_missing",
        ) from error


def _unreachable(config: ClientConnectConfig, error: BaseException) -> ExternalError:
    cure = "Start the local stack with `ostinato up`"
    if _configured() is not None:
        cure = "Correct TEMPORAL_ADDRESS, TEMPORAL_TLS and TEMPORAL_API_KEY, or unset them to use a local server"
    message = f"No Temporal server answers at {config['target_host']}: {_reason(error)}. {cure}"
    return ExternalError(message, code="temporal_unreachable")


def _reason(error: BaseException) -> str:
    """What the transport says, without the layers of its library around it."""
    told = str(error).partition("\n")[0]
    inner = re.search(r'message: "([^"]+)"', told)
    return inner[1].lower() if inner else told[:200] or f"no answer within {CONNECT_LIMIT_S:.0f} s"
