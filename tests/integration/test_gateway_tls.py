"""Providers are asked over TLS, and only those whose certificate is good."""

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ostinato.adapters.gateway import Gateway
from ostinato.adapters.prices import known_prices
from ostinato.domain.budget.amounts import Limit
from tests.integration.gateways import Scene, a_turn, script, upstreams
from tests.model_server import ModelServer


def a_certificate(folder: Path) -> tuple[Path, Path]:
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    argv = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
    ]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*argv, *names, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return key, certificate


@asynccontextmanager
async def over_tls(model: ModelServer, key: Path, certificate: Path) -> AsyncIterator[str]:
    async def piped(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", model.port)
        await asyncio.gather(piped(reader, inner_writer), piped(inner_reader, writer), return_exceptions=True)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=context)
    async with server:
        yield f"https://localhost:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize(("is_trusted", "status"), [(True, 200), (False, 502)])
async def test_a_provider_over_tls_is_asked_where_its_certificate_is_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_trusted: bool, status: int
) -> None:
    key, certificate = a_certificate(tmp_path)
    if is_trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    async with ModelServer(script(a_turn())) as model, over_tls(model, key, certificate) as url:
        gateway = Gateway(upstreams=upstreams(url), ledger_folder=tmp_path / "ledger", prices=known_prices())
        async with gateway.serving():
            given = gateway.open("run/a/1", Limit())
            answer = await Scene(model, gateway).post(given)
            used = gateway.used(given)

    assert answer.status_code == status
    assert (len(model.requests), used.use.output) == ((1, 20) if is_trusted else (0, 0))
