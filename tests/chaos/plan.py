"""What one trial does, all of it from its seed: the steps of its run, and which faults come when."""

import json
import random
import shlex
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

SHARED_FILE: Final = "shared.txt"
DESCENDANT: Final = "sleep 293"
"""What a step leaves behind in sessions of its own; nothing else on a machine sleeps so long."""


class Kind(StrEnum):
    WORKER = "worker"
    SERVER = "server"
    CHILD = "child"
    ALL = "all"
    STOP = "stop"
    DISK = "disk"
    LOCKS = "locks"
    REMOTE = "remote"
    MIXED = "mixed"


MEANING: Final = {
    Kind.WORKER: "kill -9 the worker",
    Kind.SERVER: "kill -9 the Temporal server",
    Kind.CHILD: "kill -9 a process of a step",
    Kind.ALL: "kill -9 server, worker and every process of a step",
    Kind.STOP: "stop the worker for a while, then wake it",
    Kind.DISK: "fill the home's disk, then free it",
    Kind.LOCKS: "kill -9 the worker and leave git's locks",
    Kind.REMOTE: "the checkpoint remote goes away and comes back",
    Kind.MIXED: "two or three of these",
}
SINGLE: Final = tuple(kind for kind in Kind if kind is not Kind.MIXED)
ALWAYS_POSSIBLE: Final = (Kind.WORKER, Kind.SERVER, Kind.CHILD, Kind.ALL, Kind.STOP, Kind.LOCKS, Kind.REMOTE)
"""Together with others in one trial; a full disk needs a disk of its own."""


class Role(StrEnum):
    WRITES = "writes"
    READS = "reads"
    SHARES = "shares"
    """Adds a line to a file that others add to as well, without saying so: a conflict."""
    FAILS = "fails"
    WAITS_FOR_FAILURE = "waits for failure"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChaosStep:
    id: str
    role: Role
    seconds: float
    depends_on: tuple[str, ...] = ()
    descendants: int = 0
    """Processes that it leaves behind in sessions of their own."""

    @property
    def expected_state(self) -> str:
        return {Role.FAILS: "failed", Role.WAITS_FOR_FAILURE: "blocked"}.get(self.role, "succeeded")

    @property
    def commits(self) -> bool:
        return self.role in (Role.WRITES, Role.SHARES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    kind: Kind
    after_lines: int
    """Comes when the journal has so many lines, and"""
    delay_s: float
    """so much later."""
    lasts_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    seed: int
    index: int
    kind: Kind
    steps: tuple[ChaosStep, ...]
    max_parallel: int
    faults: tuple[Fault, ...]
    pre_commit_hook: bool

    @property
    def expected_outcome(self) -> str:
        return "degraded" if any(step.role is Role.FAILS for step in self.steps) else "completed"

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def make_trial(seed: int, index: int, kinds: tuple[Kind, ...] = tuple(Kind)) -> Trial:
    """The same for the same arguments; each kind comes once in as many trials as there are kinds."""
    chance = random.Random(f"{seed}:{index}")
    kind = kinds[index % len(kinds)]
    steps = _steps(chance)
    return Trial(
        seed=seed,
        index=index,
        kind=kind,
        steps=steps,
        max_parallel=chance.choice((2, 3, 4, 6)),
        faults=_faults(chance, kind, len(steps)),
        pre_commit_hook=chance.random() < 0.3,
    )


def _faults(chance: random.Random, kind: Kind, lines: int) -> tuple[Fault, ...]:
    match kind:
        case Kind.MIXED:
            chosen = chance.sample(ALWAYS_POSSIBLE, chance.choice((2, 3)))
        case Kind.WORKER | Kind.CHILD | Kind.SERVER:
            chosen = [kind] * chance.choice((1, 1, 2))
        case _:
            chosen = [kind]
    first = 1 if kind is Kind.DISK else 0  # a run that finds the disk full when it begins does not begin
    moments = sorted(chance.sample(range(first, lines - 1), len(chosen)))
    return tuple(_fault(chance, one, moment) for one, moment in zip(chosen, moments, strict=True))


def _fault(chance: random.Random, kind: Kind, after_lines: int) -> Fault:
    """Any moment: while the plan is drafted, in a command, between two, while results are brought together."""
    lasts_s = {
        Kind.STOP: chance.choice((chance.uniform(1, 6), chance.uniform(1, 6), chance.uniform(21, 26))),
        Kind.DISK: chance.uniform(1, 6),
        Kind.REMOTE: chance.uniform(1, 5),
    }
    return Fault(
        kind=kind,
        after_lines=after_lines,
        delay_s=round(chance.uniform(0, 1.2), 3),
        lasts_s=round(lasts_s.get(kind, 0.0), 3),
    )


def _steps(chance: random.Random) -> tuple[ChaosStep, ...]:
    count = chance.randint(8, 20)
    roles = [Role.SHARES] * chance.choice((2, 3)) + [Role.READS] * chance.choice((1, 2))
    roles += [Role.WRITES] * (count - len(roles))
    chance.shuffle(roles)
    steps: list[ChaosStep] = []
    for number, role in enumerate(roles):
        sturdy = [step.id for step in steps if step.role is not Role.SHARES]
        # Those who share wait for nobody, so that they run side by side.
        wanted = 0 if role is Role.SHARES else min(len(sturdy), chance.choice((0, 1, 1, 1, 2)))
        near = sturdy[-4:]
        steps.append(
            ChaosStep(
                id=f"s{number:02}",
                role=role,
                seconds=round(chance.uniform(0.1, 1.5), 2),
                depends_on=tuple(sorted(chance.sample(near, min(wanted, len(near))))),
                descendants=chance.choice((0, 0, 1, 2)),
            )
        )
    if chance.random() < 0.6:
        steps += [
            ChaosStep(id="bad", role=Role.FAILS, seconds=0.2),
            ChaosStep(id="never", role=Role.WAITS_FOR_FAILURE, seconds=0.1, depends_on=("bad",)),
        ]
    return tuple(steps)


def definition(trial: Trial, journal: Path) -> str:
    """As a file's text: JSON is YAML."""
    steps = [_spec(trial, step, journal) for step in trial.steps]
    return json.dumps(
        {"id": "chaos", "version": 1, "max_parallel": trial.max_parallel, "steps": steps, "gates": {"post": []}},
        indent=1,
    )


def _spec(trial: Trial, step: ChaosStep, journal: Path) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "id": step.id,
        "run": _command(trial, step, journal),
        "depends_on": list(step.depends_on),
        "expected": step.seconds,
        "critical": step.role is not Role.FAILS,
        "retry": {"max_attempts": 1 if step.role is Role.FAILS else 5},
    }
    if step.role is Role.READS:
        spec["writes"] = []
    if step.role is Role.WRITES:
        spec["writes"] = [_file(step.id), "half.txt"]
    return spec


def _command(trial: Trial, step: ChaosStep, journal: Path) -> str:
    """Says that it runs, leaves processes behind, works for a while half done, then does its work."""
    lines = ["set -e", f'echo "$(date +%s.%N) {step.id} $OSTINATO_STEP" >> {shlex.quote(str(journal))}']
    lines += [f"(setsid sh -c '{DESCENDANT} & wait' >/dev/null 2>&1 &)"] * step.descendants
    if step.role is Role.FAILS:
        return "; ".join([*lines, f"sleep {step.seconds}", "exit 3"])
    seen = [file for name in step.depends_on if (file := content_file(trial, name))]
    if not step.commits:
        return "; ".join([*lines, f"sleep {step.seconds}", *(f"cat {file} >/dev/null" for file in seen)])
    lines += ["echo half > half.txt", f"sleep {step.seconds}", "rm half.txt"]
    if step.role is Role.SHARES:
        return "; ".join([*lines, f"echo {step.id} >> {SHARED_FILE}"])
    work = " ".join(["cat", *seen]) + " | sort -u" if seen else "true"
    lines += ["mkdir -p out", f"({work}; echo {step.id}) > {_file(step.id)}"]
    return "; ".join(lines)


def content_file(trial: Trial, step_id: str) -> str:
    """The file that a step writes; empty for one that writes none of its own."""
    step = next(step for step in trial.steps if step.id == step_id)
    return _file(step_id) if step.role is Role.WRITES else ""


def _file(step_id: str) -> str:
    return f"out/{step_id}.txt"


def expected_files(trial: Trial) -> dict[str, list[str]]:
    """Path → its lines; the order of lines in the shared file does not matter."""
    files: dict[str, list[str]] = {}
    for step in trial.steps:
        if step.role is Role.WRITES:
            seen = {line for name in step.depends_on for line in files.get(_file(name), [])}
            files[_file(step.id)] = [*sorted(seen), step.id]
    return {**files, SHARED_FILE: ["shared", *(step.id for step in trial.steps if step.role is Role.SHARES)]}
