"""A command without a network, where the system allows that."""

import socket
import sys
from pathlib import Path

import pytest

from ostinato.adapters.processes import clean_environment, run_quiet
from ostinato.adapters.processes.network import can_cut_network, without_network

_REACH = "import socket, sys; socket.create_connection(('127.0.0.1', int(sys.argv[1])), 2)"
_OWN = "import socket; s = socket.create_server(('127.0.0.1', 0)); socket.create_connection(s.getsockname(), 2)"


async def exit_code(argv: tuple[str, ...]) -> int:
    if not await can_cut_network():
        pytest.skip("this system gives no namespaces to ordinary users")
    done = await run_quiet(without_network(argv), cwd=Path("/"), env=clean_environment(), timeout_s=30)
    return done.exit_code


async def test_nothing_outside_is_reached_and_its_own_loopback_is() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        outside = await exit_code((sys.executable, "-c", _REACH, str(server.getsockname()[1])))
    inside = await exit_code((sys.executable, "-c", _OWN))

    assert (outside, inside) == (1, 0)


@pytest.mark.parametrize(("argv", "code"), [(("sh", "-c", "exit 7"), 7), (("no-such-command",), 127)])
async def test_a_command_ends_as_it_would_otherwise(argv: tuple[str, ...], code: int) -> None:
    assert await exit_code(argv) == code
