"""What is left when even a supervisor was killed: found by the marker in its environment."""

import time

import psutil

MARKER_VARIABLE = "OSTINATO_STEP"
_LIMIT_S = 5.0


def kill_strays(marker_prefix: str) -> int:
    """Kills every process of ours whose marker begins so, and counts them. Call it only for work nobody supervises now."""
    if not marker_prefix:
        return 0
    killed: set[int] = set()
    deadline = time.monotonic() + _LIMIT_S
    while (strays := _strays(marker_prefix)) and time.monotonic() < deadline:
        for process in strays:
            killed.add(process.pid)
            _kill(process)
        time.sleep(0.02)  # Not a wait: that would collect children that are not ours to collect.
    return len(killed)


def _strays(marker_prefix: str) -> list[psutil.Process]:
    own = psutil.Process()
    spared = {own.pid, *(parent.pid for parent in own.parents())}
    return [
        process
        for process in psutil.process_iter(["environ", "status"])
        if process.pid not in spared
        and process.info["status"] != psutil.STATUS_ZOMBIE
        and (process.info["environ"] or {}).get(MARKER_VARIABLE, "").startswith(marker_prefix)
    ]


def _kill(process: psutil.Process) -> None:
    """psutil makes sure that the pid still means the same process."""
    try:
        process.kill()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        pass
