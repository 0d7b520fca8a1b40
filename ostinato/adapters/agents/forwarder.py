"""The first process inside an agent's sandbox: it starts the agent, and is its only way to the gateway.

Run as a script, with the standard library alone: `forwarder.py PORT SOCKET COMMAND…`. It listens on the loopback, which is
the sandbox's own, and carries every connection to the gateway's Unix socket, byte by byte and at once; PORT 0: to none.
As process 1 it collects orphans; signals go on to the agent; when the agent ends, so does everything here.
"""

import os
import signal
import socket
import sys
import threading
from contextlib import suppress

PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
NOT_STARTED = 126
CHUNK_BYTES = 1 << 16
STACK_BYTES = 1 << 18


def main(port: int, gateway: str, command: list[str]) -> int:
    """The agent's exit code, as a shell gives it."""
    listener = socket.create_server(("127.0.0.1", port), backlog=128) if port else None
    agent = start(command)
    for number in PASSED_ON:
        signal.signal(number, lambda number, _: tell(agent, number))
    if listener is not None:
        threading.stack_size(STACK_BYTES)
        threading.Thread(target=serve, args=(listener, gateway), daemon=True).start()
    return end_of(agent)


def start(command: list[str]) -> int:
    """In a session of its own: what it sends to its group must not reach the sandbox's own processes."""
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        os.execvp(command[0], command)
    except OSError as error:
        os.write(2, f"{command[0]} cannot be started in the sandbox: {error.strerror}\n".encode())
    finally:
        os._exit(NOT_STARTED)


def tell(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def end_of(agent: int) -> int:
    while True:
        pid, status = os.wait()
        if pid == agent:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def serve(listener: socket.socket, gateway: str) -> None:
    while True:
        client, _ = listener.accept()
        threading.Thread(target=connect, args=(client, gateway), daemon=True).start()


def connect(client: socket.socket, gateway: str) -> None:
    with client, socket.socket(socket.AF_UNIX) as upstream:
        try:
            upstream.connect(gateway)
        except OSError:
            return  # The agent sees its connection closed, as it would where no gateway listens.
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        back = threading.Thread(target=carry, args=(upstream, client), daemon=True)
        back.start()
        carry(client, upstream)
        back.join()


def carry(source: socket.socket, target: socket.socket) -> None:
    """Until the source says that it has said all; each direction for itself."""
    with suppress(OSError):
        while data := source.recv(CHUNK_BYTES):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    os._exit(main(int(sys.argv[1]), sys.argv[2], sys.argv[3:]))
