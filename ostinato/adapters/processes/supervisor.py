"""Stands between the worker and one child: whatever happens to either, the child's whole process tree ends.

Run as a script by `launch`, with the standard library alone and few imports, for it starts once per command. Standard
input: a length, a newline and the NUL-separated order; then each byte is a signal for the command alone, and end-of-file,
which comes when the worker closes it or dies, means stop. Standard output: one line of JSON when no process is left.
"""

import ctypes
import os
import select
import signal
import sys
import time

PR_SET_CHILD_SUBREAPER = 36
KILLING_LIMIT_S = 10.0
"""A process that survives SIGKILL this long belongs to another user or hangs in the kernel."""

OOM_SCORE = 500
"""Of 1000: half of all memory is added to what it uses when the system chooses what to end."""

CONTROL, REPORT = 0, 1
STOPPING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


class Child:
    """The command, and how it ended once that is known."""

    def __init__(self, pid: int, failure: tuple[int, str], wrappers: int) -> None:
        self.pid = pid
        self.wrappers = wrappers
        self.errno, self.failed_at = failure
        self.status: int | None = None
        self.any_left = True

    def reap(self) -> None:
        """Collects the dead, adopted orphans included. With none left to collect, the tree is gone: no race."""
        while self.any_left:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                self.any_left = False
                return
            if pid == 0:
                return
            if pid == self.pid:
                self.status = status


def main() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    order = read_order()
    wake = listen_to_signals()
    child = start(order)
    wait_for_end_or_stop(child, wake)
    survivors = end_tree(child, float(order[0]), wake)
    report(child, survivors)


def read_order() -> list[bytes]:
    """grace_s, the memory limit, the count of wrappers, fds of stdin, stdout and stderr, cwd, the count of arguments, they,
    NAME=value …"""
    length, _, payload = read_some().partition(b"\n")
    while len(payload) < int(length):
        payload += read_some()
    return payload.split(b"\0")


def read_some() -> bytes:
    data = os.read(CONTROL, 1 << 16)
    if not data:
        sys.exit(0)  # The worker died before it said what to run.
    return data


def listen_to_signals() -> int:
    """A descriptor that becomes readable when a child ends or somebody asks us to stop."""
    read_end, write_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC) if sys.platform == "linux" else _pipe()
    signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, *STOPPING_SIGNALS):
        signal.signal(number, lambda *_: None)
    return read_end


def _pipe() -> tuple[int, int]:
    ends = os.pipe()
    for end in ends:
        os.set_blocking(end, False)
    return ends


def start(order: list[bytes]) -> Child:
    streams = [int(number) for number in order[3:6]]
    for stream in streams:
        os.set_inheritable(stream, False)
    count = int(order[7])
    argv, variables = order[8 : 8 + count], order[8 + count :]
    env = dict(variable.split(b"=", 1) for variable in variables)
    failure_out, failure_in = os.pipe()
    pid = os.fork()
    if pid == 0:
        limit_memory(int(order[1]))
        become(argv, env, order[6], streams, failure_in)
    os.close(failure_in)
    for stream in {*streams, 2}:  # Ours would keep the worker's pipes open after the child's end.
        os.close(stream)
    errno, _, stage = os.read(failure_out, 64).partition(b" ")
    return Child(pid, (int(errno or 0), stage.decode()), int(order[2]))


def limit_memory(most: int) -> None:
    """For the child and what it starts, each: and when memory runs out, the system ends these before the worker."""
    try:
        with open("/proc/self/oom_score_adj", "wb") as score:  # noqa: PTH123
            score.write(b"%d" % OOM_SCORE)
        if most:
            import resource

            _, hard = resource.getrlimit(resource.RLIMIT_DATA)
            least = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(resource.RLIMIT_DATA, (least, least))
    except (OSError, ImportError, ValueError):
        pass  # Not on this system: what it uses is looked at all the same.


def become(argv: list[bytes], env: dict[bytes, bytes], cwd: bytes, streams: list[int], failure_in: int) -> None:
    """The forked child's path to its command. Never returns."""
    stage = "start"
    try:
        os.setsid()
        for number in (*STOPPING_SIGNALS, signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        for target, stream in enumerate(streams):
            os.dup2(stream, target)
        stage = "cwd"
        os.chdir(cwd)
        stage = "exec"
        os.execvpe(argv[0], argv, env)
    except OSError as error:
        os.write(2, b"%s: %s\n" % (argv[0] if stage == "exec" else cwd, (error.strerror or "failed").encode()))
        os.write(failure_in, b"%d %s" % (error.errno or 1, stage.encode()))
    except BaseException as error:
        os.write(failure_in, b"1 " + type(error).__name__.encode())
    finally:
        os._exit(126)


def wait_for_end_or_stop(child: Child, wake: int) -> None:
    poll = select.poll()
    poll.register(CONTROL, select.POLLIN | select.POLLHUP)
    poll.register(wake, select.POLLIN)
    while child.status is None:
        child.reap()
        if child.status is None:
            for descriptor, _ in poll.poll():
                if asks_to_stop(descriptor, wake, child):
                    return


def asks_to_stop(descriptor: int, wake: int, child: Child) -> bool:
    data = os.read(descriptor, 4096)
    if descriptor == wake:
        return any(number in STOPPING_SIGNALS for number in data)
    for number in data:
        tell(wrapped(child)[-1], number)  # The child is not collected yet, so its pid is still its own.
    return not data


def end_tree(child: Child, grace_s: float, wake: int) -> list[int]:
    """Asks, waits, kills, until no process is left. Returns the ones that cannot be killed."""
    signal_until_gone(child, signal.SIGTERM, grace_s, wake)
    signal_until_gone(child, signal.SIGKILL, KILLING_LIMIT_S, wake)
    child.reap()
    return living(child) if child.any_left else []


def signal_until_gone(child: Child, number: int, limit_s: float, wake: int) -> None:
    """SIGTERM is sent once to each process (twice is rude to clean-up code), SIGKILL as often as it takes.

    A sandbox's own processes are not asked: they end with the command, and would take it along at once.
    """
    deadline = time.monotonic() + limit_s
    told = set(wrapped(child) if child.wrappers else ())
    while True:
        child.reap()
        processes = living(child) if child.any_left or sys.platform != "linux" else []
        if not processes and not child.any_left:
            return
        for pid in processes:
            if pid not in told or number == signal.SIGKILL:
                tell(pid, number)
        told.update(processes)
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            return
        select.select([wake], [], [], min(remaining, 0.05))
        drain(wake)


def tell(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
        if number != signal.SIGKILL:
            os.kill(pid, signal.SIGCONT)  # A stopped process would not hear it.
    except (ProcessLookupError, PermissionError):
        pass


def drain(wake: int) -> None:
    try:
        os.read(wake, 4096)
    except BlockingIOError:
        pass


def living(child: Child) -> list[int]:
    """Our descendants; without /proc, the child's process group (as a negative id)."""
    if sys.platform != "linux":
        try:
            os.killpg(child.pid, 0)
        except (ProcessLookupError, PermissionError):
            return []
        return [-child.pid]
    children = by_parent()
    found = list(children.get(os.getpid(), ()))
    for pid in found:
        found += children.get(pid, ())
    return found


def wrapped(child: Child) -> list[int]:
    """The child, and below it the processes of the sandbox it makes; the last is the one that passes signals on."""
    found = [child.pid]
    children = by_parent() if child.wrappers else {}
    for _ in range(child.wrappers):
        found += children.get(found[-1], ())[:1]
    return found


def by_parent() -> dict[int, list[int]]:
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208 -- pathlib would cost each start 10 ms
        if name.isdigit():
            children.setdefault(parent_of(name), []).append(int(name))
    return children


def parent_of(pid: str) -> int:
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:  # noqa: PTH123
            return int(stat.read().rpartition(b")")[2].split()[1])
    except OSError:
        return -1


def report(child: Child, survivors: list[int]) -> None:
    status = child.status
    code = signalled = "null"
    if status is not None and os.WIFSIGNALED(status):
        signalled = str(os.WTERMSIG(status))
    elif status is not None:
        code = str(os.WEXITSTATUS(status))
    line = (
        f'{{"exit_code": {code}, "signal": {signalled}, "errno": {child.errno}, "failed_at": "{child.failed_at}", '
        f'"survivors": {survivors}}}\n'
    )
    try:
        os.write(REPORT, line.encode())
    except BrokenPipeError:
        pass  # The worker is gone; the tree is, too.


if __name__ == "__main__":
    main()
