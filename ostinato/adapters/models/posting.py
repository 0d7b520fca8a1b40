"""One JSON document there, one back: bounded in time and size, and silent about keys."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import httpx

from ostinato.domain.errors import ExternalError
from ostinato.domain.redaction import Redactor

MOST_BYTES = 4 * 1024 * 1024
_TOLD_CHARS = 300


class RefusedError(ExternalError):
    """The provider answered with an error."""

    code = "model_refused"

    def __init__(self, message: str, *, status: int, detail: str) -> None:
        super().__init__(message)
        self.status = status
        self.detail = detail


async def post_json(
    url: str, document: Mapping[str, Any], *, headers: Mapping[str, str], timeout_s: float, key: str
) -> dict[str, Any]:
    """Redirects are not followed: they would carry the key elsewhere."""
    try:
        async with asyncio.timeout(timeout_s):
            status, body = await _exchange(url, document, headers, timeout_s)
    except (TimeoutError, httpx.TimeoutException) as error:
        raise ExternalError(
            f"The language model at {_host(url)} did not answer within {timeout_s:g} s", code="model_timeout"
        ) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ExternalError(
            f"The language model at {_host(url)} cannot be reached: {error or type(error).__name__}. "
            "Check the address and the network",
            code="model_unreachable",
        ) from error
    if status != 200:
        detail = Redactor([key] if key else []).text(body.decode("utf-8", "replace"))[:_TOLD_CHARS]
        message = f"The language model at {_host(url)} refused with HTTP {status}: {' '.join(detail.split())}"
        raise RefusedError(message, status=status, detail=detail)
    return _object(url, body)


async def _exchange(
    url: str, document: Mapping[str, Any], headers: Mapping[str, str], timeout_s: float
) -> tuple[int, bytes]:
    async with (
        httpx.AsyncClient(timeout=timeout_s) as client,
        client.stream("POST", url, json=dict(document), headers=dict(headers)) as response,
    ):
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > MOST_BYTES:
                raise answer_invalid(url, f"it has more than {MOST_BYTES:,} bytes")
        return response.status_code, bytes(body)


def _object(url: str, body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise answer_invalid(url, "it is not JSON") from error
    if not isinstance(found, dict):
        raise answer_invalid(url, "it is not a JSON object")
    return found


def answer_invalid(url: str, why: str) -> ExternalError:
    message = f"The answer of the language model at {_host(url)} cannot be used: {why}"
    return ExternalError(message, code="model_answer_invalid")


def count(usage: object, name: str) -> int:
    """Tokens as the provider says them; 0 where it does not."""
    value = usage.get(name) if isinstance(usage, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0


def _host(url: str) -> str:
    """Without a password that the address may carry."""
    return url.partition("://")[2].partition("/")[0].rpartition("@")[2] or "the given address"
