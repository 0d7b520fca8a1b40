"""`python -m tests.chaos`: seeded trials, each a process of its own; exit status 1 when one failed."""

import argparse
import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from tests.chaos import space
from tests.chaos.plan import Kind, Trial, make_trial
from tests.chaos.results import Outcome, as_json, table
from tests.chaos.scene import kill
from tests.chaos.trial import run_trial

TRIAL_LIMIT_S: Final = 420.0


def main(argv: Sequence[str] | None = None) -> int:
    given = _arguments().parse_args(argv)
    if given.one is not None:
        return _one(given.seed, given.one, _kinds(given.kinds), Path(given.folder))
    began = time.monotonic()
    kinds, notes = _possible(_kinds(given.kinds))
    chosen = given.only or range(given.trials)
    outcomes = asyncio.run(_all([make_trial(given.seed, index, kinds) for index in chosen], given, kinds))
    duration_s = time.monotonic() - began
    command = "python -m tests.chaos " + " ".join(sys.argv[1:] if argv is None else argv)
    told = as_json(outcomes, command=command, seed=given.seed, duration_s=duration_s, notes=notes)
    print(table(outcomes))
    print(
        f"\n{told['passed']} of {told['trials']} passed in {duration_s / 60:.1f} minutes; seed {given.seed}",
        *notes,
        sep="\n",
    )
    if given.json:
        Path(given.json).parent.mkdir(parents=True, exist_ok=True)
        Path(given.json).write_text(json.dumps(told, indent=1) + "\n")
    return 0 if told["passed"] == told["trials"] else 1


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same trials (default: 1)")
    parser.add_argument("--only", type=int, action="append", help="this trial of the seed alone; may be given again")
    parser.add_argument("--kinds", default=",".join(Kind), help="faults, in the order in which trials take turns")
    parser.add_argument("--at-once", type=int, default=2, help="trials at the same time (default: 2)")
    parser.add_argument("--json", help="write the figures to this file")
    parser.add_argument("--evidence", default=".chaos", help="folder for what failed trials leave (default: .chaos)")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    return parser


def _kinds(text: str) -> tuple[Kind, ...]:
    return tuple(Kind(name) for name in text.split(","))


def _possible(kinds: tuple[Kind, ...]) -> tuple[tuple[Kind, ...], list[str]]:
    if Kind.DISK not in kinds or space.is_possible():
        return kinds, []
    left = tuple(kind for kind in kinds if kind is not Kind.DISK)
    return left, ["No full disk was tried: this machine allows no user namespace with a tmpfs."]


async def _all(trials: Sequence[Trial], given: argparse.Namespace, kinds: tuple[Kind, ...]) -> list[Outcome]:
    turns = asyncio.Semaphore(given.at_once)
    whole = asyncio.current_task()
    assert whole is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, whole.cancel)
    with tempfile.TemporaryDirectory(prefix="ostinato-chaos-", ignore_cleanup_errors=True) as root:

        async def take_turn(trial: Trial) -> Outcome:
            async with turns:
                outcome = await _in_own_process(trial, Path(root) / str(trial.index), kinds, Path(given.evidence))
            _tell(outcome)
            return outcome

        return list(await asyncio.gather(*(take_turn(trial) for trial in trials)))


async def _in_own_process(trial: Trial, folder: Path, kinds: tuple[Kind, ...], evidence: Path) -> Outcome:
    folder.mkdir(parents=True)
    argv = [sys.executable, "-m", "tests.chaos", "--one", str(trial.index), "--seed", str(trial.seed)]
    argv += ["--folder", str(folder), "--kinds", ",".join(kinds)]
    if trial.kind is Kind.DISK:
        argv = [*space.INSIDE, *argv]
    began = time.monotonic()
    with (folder / "harness.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(*argv, stdout=log, stderr=log, start_new_session=True)
        try:
            await asyncio.wait_for(process.wait(), TRIAL_LIMIT_S)
        except TimeoutError:
            _end_everything(process.pid, folder)
            await process.wait()
        except asyncio.CancelledError:
            _end_everything(process.pid, folder)
            raise
    outcome = _outcome(trial, folder, time.monotonic() - began)
    return _keep_evidence(outcome, folder, evidence) if outcome.problems else outcome


def _outcome(trial: Trial, folder: Path, duration_s: float) -> Outcome:
    try:
        verdict = json.loads((folder / "verdict.json").read_text())
    except (OSError, ValueError):
        tail = (folder / "harness.log").read_text(errors="replace")[-2000:]
        verdict = {
            "problems": [f"the trial gave no verdict: {tail}"],
            "recoveries_s": [],
            "silence_s": 0.0,
            "retried": False,
        }
        verdict["duration_s"] = duration_s
    return Outcome(
        index=trial.index,
        kind=trial.kind,
        problems=tuple(verdict["problems"]),
        recoveries_s=tuple(verdict["recoveries_s"]),
        silence_s=verdict["silence_s"],
        retried=verdict["retried"],
        duration_s=verdict["duration_s"],
    )


def _end_everything(harness: int, folder: Path) -> None:
    """Of a trial that does not end: the harness, and what runs for its home."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(harness, signal.SIGKILL)
    for part in ("worker", "server"):
        with contextlib.suppress(OSError, ValueError, KeyError):
            kill(int(json.loads((folder / "home" / part / f"{part}.json").read_text())["pid"]))


def _keep_evidence(outcome: Outcome, folder: Path, evidence: Path) -> Outcome:
    name = f"{time.strftime('%Y%m%d-%H%M%S')}-trial-{outcome.index}-{outcome.kind}"
    kept = (evidence / name).absolute()
    kept.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(folder, kept, symlinks=True, ignore_dangling_symlinks=True)
    return replace(outcome, evidence=str(kept))


def _tell(outcome: Outcome) -> None:
    verdict = "passed" if outcome.passed else "FAILED"
    print(
        f"trial {outcome.index:3} {outcome.kind:7} {verdict} in {outcome.duration_s:.0f} s", file=sys.stderr, flush=True
    )
    for problem in outcome.problems:
        print(f"    {problem[:1500]}", file=sys.stderr)
    if outcome.evidence:
        print(f"    evidence: {outcome.evidence}", file=sys.stderr, flush=True)


def _one(seed: int, index: int, kinds: tuple[Kind, ...], folder: Path) -> int:
    trial = make_trial(seed, index, kinds)
    if trial.kind is Kind.DISK:
        space.mount_home(folder / "home")
    verdict = run_trial(trial, folder)
    (folder / "verdict.json").write_text(json.dumps(verdict.as_json()))
    return 0 if not verdict.problems else 1


if __name__ == "__main__":
    sys.exit(main())
