"""One trial: a run, faults at its moments, a user who starts again what is dead, and the verdict."""

import json
import os
import shutil
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from tests.chaos import subject
from tests.chaos.checks import Found, judge
from tests.chaos.faults import strike
from tests.chaos.plan import Fault, Kind, Trial, definition
from tests.chaos.scene import Scene, kill, name_of, until
from tests.e2e.stack import Ended
from tests.repositories import git

END_WITHIN_S: Final = 100.0
"""From the last fault; the work of a trial is half a minute."""
UP_TRIES: Final = 3
ENDED: Final = (0, 1, 8)
"""Of a command that follows a run to its end: completed, failed, degraded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    problems: tuple[str, ...]
    recoveries_s: tuple[float, ...]
    """For each fault: from the user's move until the next command of a step began."""
    silence_s: float
    """The longest time after the first fault in which no command of a step began and the run did not end."""
    retried: bool
    """The run failed, and went on after `retry`."""
    duration_s: float

    def as_json(self) -> dict[str, Any]:
        return {
            "problems": list(self.problems),
            "recoveries_s": [round(seconds, 2) for seconds in self.recoveries_s],
            "silence_s": round(self.silence_s, 2),
            "retried": self.retried,
            "duration_s": round(self.duration_s, 1),
        }


class TrialError(Exception):
    """The run could not be brought to an end."""


def run_trial(trial: Trial, folder: Path) -> Verdict:
    """Leaves the folder as it is at the end, with everything stopped."""
    scene = Scene(trial=trial, folder=folder, run_id=f"chaos-{trial.seed}-{trial.index}-{os.getpid():x}")
    scene.home.mkdir(parents=True, exist_ok=True)
    subject.make_subject(scene.repository, scene.hook_marker, pre_commit_hook=trial.pre_commit_hook)
    git(folder, "init", "-q", "--bare", "--template=", str(scene.remote))
    before = subject.fingerprint(scene.repository), subject.refs(scene.repository)
    began, moves, problems = time.monotonic(), list[float](), list[str]()
    try:
        _start(scene)
        for fault in trial.faults:
            _wait_for(scene, fault)
            strike(scene, fault)
            moves.append(time.time())
            _set_right(scene)
        report = _retried(scene, _end(scene))
        problems = judge(Found(scene=scene, report=report, fingerprint=before[0], refs=before[1]))
    except (TrialError, AssertionError, OSError, ValueError, subprocess.TimeoutExpired) as error:
        problems = [f"{type(error).__name__}: {error}"]
    ended_at = time.time()
    problems += _stop(scene)
    duration_s = time.monotonic() - began
    _write_evidence(scene, problems)
    return Verdict(
        problems=tuple(problems),
        recoveries_s=_recoveries(scene, moves),
        silence_s=_silence(scene, moves, ended_at),
        retried=bool(scene.retried_at),
        duration_s=duration_s,
    )


def _start(scene: Scene) -> None:
    file = scene.folder / "definition.json"
    file.write_text(definition(scene.trial, scene.journal))
    scene.stack.start("chaos", scene.repository, "--definition", str(file), "--trust", "--id", scene.run_id)
    scene.say("started")


def _wait_for(scene: Scene, fault: Fault) -> None:
    """The journal's line, then the delay; no longer than a run that is stuck would need."""
    if not until(lambda: len(scene.lines()) >= fault.after_lines or _is_over(scene), END_WITHIN_S):
        raise TrialError(f"the run stood still at {len(scene.lines())} lines: {_why(scene)}")
    time.sleep(fault.delay_s)


def _set_right(scene: Scene) -> None:
    """What a user does: `up`, when something is dead."""
    dead = [part for part in ("server", "worker") if scene.pid_of(part) is None]
    if not dead:
        return
    scene.say(f"dead: {', '.join(dead)}; up")
    for _ in range(UP_TRIES):
        ended = scene.stack.call("up", timeout=90)
        scene.say(f"up ended with {ended.code}: {_brief(ended)}")
        if ended.code == 0:
            return
    raise TrialError(f"`up` failed {UP_TRIES} times: {_brief(ended)}")


def _end(scene: Scene) -> dict[str, Any]:
    """The report of the run, once it has ended. What dies meanwhile is started again."""
    limit = time.monotonic() + END_WITHIN_S
    asked = time.monotonic()
    while time.monotonic() < limit:
        if _is_over(scene) or time.monotonic() - asked > 5:
            asked = time.monotonic()
            status = scene.stack.call("status", scene.run_id, "--json")
            if status.code == 0 and status.data.get("outcome"):
                scene.say(f"ended: {status.data['outcome']}")
                return scene.stack.report(scene.run_id)
        _set_right(scene)
        time.sleep(0.1)
    raise TrialError(f"the run did not end within {END_WITHIN_S:.0f} s: {_why(scene)}")


def _retried(scene: Scene, report: dict[str, Any]) -> dict[str, Any]:
    """A run may fail where the disk was full; then a user who freed it says `retry`."""
    if report["outcome"] != "failed" or all(fault.kind is not Kind.DISK for fault in scene.trial.faults):
        return report
    scene.say(f"failed: {json.dumps(report.get('stop'))[:300]}; retry")
    asked_at = time.time()
    ended = scene.stack.call("retry", scene.run_id, timeout=END_WITHIN_S)
    scene.say(f"retry ended with {ended.code}: {_brief(ended)}")
    if ended.code not in ENDED:
        return report
    scene.retried_at = asked_at
    return _end(scene)


def _is_over(scene: Scene) -> bool:
    """The result of a closed run is on disk."""
    stored = scene.home / "results" / f"{scene.run_id}.json"
    return stored.exists() and stored.stat().st_mtime > scene.retried_at


def _stop(scene: Scene) -> list[str]:
    """`down`, after which nothing of this home may be alive."""
    with suppress(Exception):
        scene.say(f"down ended with {scene.stack.call('down', timeout=90).code}")
    until(lambda: not (scene.processes() or scene.step_processes()), 5, 0.1)
    left = {process.pid: f"process {process.pid}" for process in [*scene.processes(), *scene.step_processes()]}
    left |= {pid: f"the {part}" for part in ("worker", "server") if (pid := scene.pid_of(part)) is not None}
    problems = [f"after `down` {what} is left: {name_of(pid)}" for pid, what in left.items()]
    for pid in left:
        kill(pid)
    return problems


def _recoveries(scene: Scene, moves: list[float]) -> tuple[float, ...]:
    starts = [line.at for line in scene.lines()]
    firsts = [min((at - moved for at in starts if at > moved), default=None) for moved in moves]
    return tuple(seconds for seconds in firsts if seconds is not None)


def _silence(scene: Scene, moves: list[float], ended_at: float) -> float:
    if not moves:
        return 0.0
    marks = [moves[0], *(line.at for line in scene.lines() if line.at > moves[0]), ended_at]
    return max(later - earlier for earlier, later in pairwise(sorted(marks)))


def _write_evidence(scene: Scene, problems: list[str]) -> None:
    told = {"trial": scene.trial.as_json(), "problems": problems, "log": scene.log, "run_id": scene.run_id}
    (scene.folder / "trial.json").write_text(json.dumps(told, indent=1) + "\n")
    if not problems or not scene.home.is_mount():
        return
    kept = scene.folder / "home-as-it-was"  # its disk goes with the namespace
    shutil.copytree(scene.home, kept, symlinks=True, ignore_dangling_symlinks=True)


def _brief(ended: Ended) -> str:
    return " ".join((ended.err or ended.out).split())[-600:]


def _why(scene: Scene) -> str:
    with suppress(Exception):
        ended = scene.stack.call("status", scene.run_id, timeout=30)
        return f"{ended.out[-1500:]} {_brief(ended)}; worker: {scene.stack.worker_log()[-1500:]}"
    return "status did not answer"
