"""Ways to break a running stack. Each returns when its trouble is over; putting things right is the user's part."""

import os
import random
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import psutil

from tests.chaos.plan import Fault, Kind
from tests.chaos.scene import Scene, kill, name_of, until

CHUNK_BYTES: Final = 1024 * 1024


def strike(scene: Scene, fault: Fault) -> None:
    scene.say(f"fault: {fault.kind} for {fault.lasts_s} s" if fault.lasts_s else f"fault: {fault.kind}")
    _FAULTS[fault.kind](scene, fault)


def kill_worker(scene: Scene, fault: Fault) -> None:
    _kill_part(scene, "worker")


def kill_server(scene: Scene, fault: Fault) -> None:
    _kill_part(scene, "server")


def kill_child(scene: Scene, fault: Fault) -> None:
    """Any process of any step; between two steps it waits for one."""
    until(lambda: bool(scene.step_processes()), 3)
    found = sorted(scene.step_processes(), key=lambda process: process.pid)
    if not found:
        scene.say("no step was running")
        return
    victim = _chance(scene, fault).choice(found)
    scene.say(f"killing {victim.pid}: {name_of(victim.pid)}")
    kill(victim.pid)


def kill_all(scene: Scene, fault: Fault) -> None:
    """As when the machine's power goes, but for the disk's cache: processes first, with those who watch them."""
    children = scene.step_processes()
    watchers = {parent.pid for child in children for parent in _parents(child)}
    pids = [scene.pid_of("server"), scene.pid_of("worker"), *(child.pid for child in children)]
    for pid in [*watchers - {os.getpid(), *(up.pid for up in psutil.Process().parents())}, *pids]:
        if pid is not None and pid != 1:
            _signal(pid, signal.SIGKILL)
    for pid in pids:
        if pid is not None:
            kill(pid)


def stop_worker(scene: Scene, fault: Fault) -> None:
    """Nobody can tell it from a machine that was asleep. Its steps' processes go on meanwhile."""
    pid = scene.pid_of("worker")
    if pid is None:
        scene.say("no worker to stop")
        return
    _signal(pid, signal.SIGSTOP)
    time.sleep(fault.lasts_s)
    _signal(pid, signal.SIGCONT)


def fill_disk(scene: Scene, fault: Fault) -> None:
    ballast = scene.home / "ballast"
    end = time.monotonic() + fault.lasts_s
    with ballast.open("wb", buffering=0) as file:
        while time.monotonic() < end:  # again and again, for others free what they delete
            _write_until_full(file.fileno())
            time.sleep(0.05)
    scene.say(f"the ballast was {ballast.stat().st_size / 1e6:.0f} MB")
    ballast.unlink()


def leave_locks(scene: Scene, fault: Fault) -> None:
    """What a git that dies with the worker leaves behind."""
    _kill_part(scene, "worker")
    chance = _chance(scene, fault)
    places, next_ones = _lockable(scene), _in_the_way(scene)
    for place in {*chance.sample(places, min(len(places), 3)), *chance.sample(next_ones, min(len(next_ones), 3))}:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
        scene.say(f"left {place.relative_to(scene.home)}")


def drop_remote(scene: Scene, fault: Fault) -> None:
    aside = scene.remote.with_suffix(".gone")
    scene.remote.rename(aside)
    time.sleep(fault.lasts_s)
    if scene.remote.exists():
        scene.say("something made the remote anew")
    else:
        aside.rename(scene.remote)


_FAULTS: Mapping[Kind, Callable[[Scene, Fault], None]] = {
    Kind.WORKER: kill_worker,
    Kind.SERVER: kill_server,
    Kind.CHILD: kill_child,
    Kind.ALL: kill_all,
    Kind.STOP: stop_worker,
    Kind.DISK: fill_disk,
    Kind.LOCKS: leave_locks,
    Kind.REMOTE: drop_remote,
}


def _kill_part(scene: Scene, part: str) -> None:
    pid = scene.pid_of(part)
    if pid is None:
        scene.say(f"the {part} was not running")
    else:
        kill(pid)


def _lockable(scene: Scene) -> list[Path]:
    """Locks that git takes in the mirror while a run goes on."""
    mirror = scene.mirror
    if not mirror.is_dir():
        return []
    loose = [path for path in (mirror / "refs").rglob("*") if path.is_file() and not path.name.endswith(".lock")]
    branch = mirror / "refs" / "heads" / "ostinato" / scene.run_id
    worktrees = [path / name for path in (mirror / "worktrees").glob("*") for name in ("index.lock", "HEAD.lock")]
    everywhere = [mirror / "packed-refs.lock", mirror / "HEAD.lock", mirror / "index.lock", mirror / "config.lock"]
    refs = [path.with_name(f"{path.name}.lock") for path in {*loose, branch}]
    return sorted(path for path in {*everywhere, *refs, *worktrees} if not path.exists())


def _in_the_way(scene: Scene) -> list[Path]:
    """Those of refs that the run is about to write."""
    if not scene.mirror.is_dir():
        return []
    own = scene.mirror / "refs" / "ostinato" / scene.run_id
    kinds = ("steps", "results")
    coming = [own / kind / step.id / "1" for kind in kinds for step in scene.trial.steps]
    refs = [*coming, scene.mirror / "refs" / "heads" / "ostinato" / scene.run_id]
    locks = [ref.with_name(f"{ref.name}.lock") for ref in refs if ref not in coming or not ref.exists()]
    return [*locks, scene.mirror / "packed-refs.lock"]


def _write_until_full(descriptor: int) -> None:
    for size in (CHUNK_BYTES, 4096):
        try:
            while True:
                os.write(descriptor, b"\1" * size)
        except OSError:
            continue


def _parents(process: psutil.Process) -> list[psutil.Process]:
    """The supervisors: what stands between a step's process and the worker."""
    try:
        return [parent for parent in process.parents() if "supervisor" in " ".join(parent.cmdline())]
    except psutil.Error:
        return []


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def _chance(scene: Scene, fault: Fault) -> random.Random:
    return random.Random(f"{scene.trial.seed}:{scene.trial.index}:{fault.after_lines}")
