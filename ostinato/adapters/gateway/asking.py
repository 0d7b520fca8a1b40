"""The provider is asked: one pool of connections, no proxies of the environment, no redirects, no cookies."""

import ssl
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import httpcore
import httpx

from ostinato.adapters.gateway.serving import Pairs, Request
from ostinato.adapters.gateway.upstreams import KEY_HEADERS, Upstream

CONNECT_S: Final = 15.0
SILENCE_S: Final = 900.0
"""Without a byte of an answer. Agents and their watchdogs give up long before."""
_KEEP_S: Final = 30.0
_HOP: Final = frozenset(
    ("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
     "transfer-encoding", "upgrade")
)  # fmt: skip
_NOT_SENT: Final = _HOP | KEY_HEADERS | {"host", "content-length", "accept-encoding", "cookie", "expect", "forwarded"}
_NOT_RETURNED: Final = _HOP | {"set-cookie"}
UNSENT: Final = (httpcore.ConnectError, httpcore.ConnectTimeout, httpcore.PoolTimeout, httpcore.UnsupportedProtocol)
"""Errors after which the provider has not seen the request."""
CUT: Final = (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError)


@dataclass(slots=True)
class Providers:
    """Of one event loop; to be closed."""

    _pool: httpcore.AsyncConnectionPool

    @classmethod
    def of(cls, upstreams: Iterable[Upstream]) -> "Providers":
        """Reading the certificates takes a while, and is left out where no upstream needs them."""
        is_secure = any(each.base_url.startswith("https:") for each in upstreams)
        context = httpx.create_ssl_context() if is_secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        return cls(httpcore.AsyncConnectionPool(ssl_context=context, max_connections=None, keepalive_expiry=_KEEP_S))

    async def close(self) -> None:
        await self._pool.aclose()

    @asynccontextmanager
    async def asked(
        self, upstream: Upstream, method: str, path: str, request: Request
    ) -> AsyncIterator[httpcore.Response]:
        """The answer once its head is here; its body comes as it comes. Raises as httpcore does."""
        timeouts = {"connect": CONNECT_S, "read": SILENCE_S, "write": SILENCE_S, "pool": CONNECT_S}
        async with self._pool.stream(
            method,
            f"{upstream.base_url}{path}",
            headers=_sent_headers(upstream, request),
            content=request.body,
            extensions={"timeout": timeouts},
        ) as response:
            yield response


def _sent_headers(upstream: Upstream, request: Request) -> list[tuple[bytes, bytes]]:
    """Without compression: an answer can be metered only where it can be read."""
    named = {name.strip().lower() for name in request.header(b"connection").split(",")}
    sent = [
        (name, value)
        for name, value in request.headers
        if (word := name.decode("latin-1")) not in _NOT_SENT
        and word not in named
        and not word.startswith(("x-forwarded-", "sec-"))
    ]
    sent.append((b"accept-encoding", b"identity"))
    if request.method == "POST":
        sent.append((b"content-length", b"%d" % len(request.body)))
    if upstream.key_header:
        sent.append((upstream.key_header.encode(), upstream.key.encode()))
    return sent


def returned_headers(response: httpcore.Response) -> Pairs:
    """Without what is between the provider and us."""
    return [(name, value) for name, value in response.headers if name.decode("latin-1").lower() not in _NOT_RETURNED]


def headers_by_name(response: httpcore.Response) -> Mapping[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
