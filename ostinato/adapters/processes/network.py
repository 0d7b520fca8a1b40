"""A command without a network, where the kernel lets an ordinary user have a namespace of its own (Linux)."""

import shutil
import sys
from functools import cache
from pathlib import Path

from ostinato.adapters.processes.environment import clean_environment
from ostinato.adapters.processes.run import run_quiet

_LAUNCH = """
import fcntl, os, socket, struct, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as loopback:
    try:
        fcntl.ioctl(loopback, 0x8914, struct.pack("16sh14x", b"lo", 0x49))
    except OSError:
        pass
try:
    os.execvp(sys.argv[1], sys.argv[1:])
except FileNotFoundError:
    sys.exit(127)
except PermissionError:
    sys.exit(126)
"""
"""Switches the namespace's own loopback on, so that a test can still talk to a server that it starts."""
_TRIED: list[bool] = []


def without_network(argv: tuple[str, ...]) -> tuple[str, ...]:
    """The same command where only the loopback exists; it sees itself as root there, and has no more rights than before."""
    return (_unshare() or "unshare", "--user", "--map-root-user", "--net", sys.executable, "-I", "-c", _LAUNCH, *argv)


async def can_cut_network() -> bool:
    """Tried once, not assumed: many systems forbid such namespaces to ordinary users."""
    if not sys.platform.startswith("linux") or _unshare() is None:
        return False
    if not _TRIED:
        tried = await run_quiet(without_network(("true",)), cwd=Path("/"), env=clean_environment(), timeout_s=10)
        _TRIED.append(tried.ok)
    return _TRIED[0]


async def offline_where_possible(argv: tuple[str, ...]) -> tuple[str, ...]:
    """Where it is not possible the gate before the run has said so."""
    return without_network(argv) if await can_cut_network() else argv


@cache
def _unshare() -> str | None:
    return shutil.which("unshare")
