"""Claims: which steps may run at once by what they write and hold, and which wait for what others write."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import TypeVar

from ostinato.domain.globs import literal_folders, meet
from ostinato.domain.ids import StepId
from ostinato.domain.plan import Implied, Plan, Step

Name = TypeVar("Name", bound=str)


@dataclass(frozen=True, slots=True, kw_only=True)
class Obstacle:
    """Why a step may not start now: which running step is in the way."""

    by: StepId
    because: str


def overlap(left: Sequence[str], right: Sequence[str]) -> tuple[str, str] | None:
    """The first two globs, one of each, that a common path can match."""
    return next(((one, other) for one in left for other in right if meet(one, other)), None)


class GlobIndex:
    """Globs by the folders that their matches lie in: few have to be compared."""

    def __init__(self) -> None:
        self._here: dict[str, dict[str, None]] = {}
        self._below: dict[str, dict[str, None]] = {}

    def add(self, glob: str) -> None:
        folders = literal_folders(glob)
        self._here.setdefault(folders[-1], {})[glob] = None
        for folder in folders:
            self._below.setdefault(folder, {})[glob] = None

    def remove(self, glob: str) -> None:
        folders = literal_folders(glob)
        _drop(self._here, folders[-1], glob)
        for folder in folders:
            _drop(self._below, folder, glob)

    def meeting(self, glob: str) -> Iterator[str]:
        """Those that a common path can match, each once, in a fixed order."""
        *outer, innermost = literal_folders(glob)
        for folder in outer:
            yield from (other for other in self._here.get(folder, ()) if meet(glob, other))
        yield from (other for other in self._below.get(innermost, ()) if meet(glob, other))


class ClaimBook:
    """What the running steps write and hold. What a step only reads is in nobody's way: it has a worktree of its own."""

    def __init__(self) -> None:
        self._holders: dict[str, StepId] = {}
        self._writers: dict[str, dict[StepId, None]] = {}
        self._index = GlobIndex()
        self._taken: dict[StepId, Step] = {}
        self._seen: dict[StepId, dict[str, None]] = {}

    def obstacle(self, step: Step) -> Obstacle | None:
        """Why the step may not start beside those that run; None: it may."""
        for name in step.holds:
            if (by := self._holders.get(name, step.id)) != step.id:
                return Obstacle(by=by, because=f'both hold "{name}"')
        for glob in self._claims(step):
            for other in self._index.meeting(glob):
                for by in self._writers[other]:
                    if by != step.id:
                        return Obstacle(by=by, because=_both_write(glob, other))
        return None

    def take(self, step: Step) -> None:
        """The step starts. Taking it again is harmless."""
        self._taken[step.id] = step
        for name in step.holds:
            self._holders[name] = step.id
        for glob in self._claims(step):
            self._claim(step.id, glob)

    def release(self, step_id: StepId) -> None:
        """The step ended; one that is not held is ignored."""
        step = self._taken.pop(step_id, None)
        if step is None:
            return
        for name in step.holds:
            if self._holders.get(name) == step_id:
                del self._holders[name]
        for glob in self._claims(step):
            self._give_up(step_id, glob)

    @property
    def seen(self) -> dict[StepId, tuple[str, ...]]:
        """Paths beyond their claims that steps were seen writing."""
        return {step_id: tuple(paths) for step_id, paths in self._seen.items()}

    def is_held(self, step_id: StepId) -> bool:
        return step_id in self._taken

    def widen(self, step_id: StepId, paths: Iterable[str]) -> None:
        """Paths that the step was seen writing: claimed while it runs, and when it is taken again."""
        for path in paths:
            self._seen.setdefault(step_id, {})[path] = None
            if step_id in self._taken:
                self._claim(step_id, path)

    def _claims(self, step: Step) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*(step.writes or ()), *self._seen.get(step.id, ()))))

    def _claim(self, step_id: StepId, glob: str) -> None:
        if glob not in self._writers:
            self._writers[glob] = {}
            self._index.add(glob)
        self._writers[glob][step_id] = None

    def _give_up(self, step_id: StepId, glob: str) -> None:
        if _drop(self._writers, glob, step_id):
            self._index.remove(glob)


def with_implied(plan: Plan) -> Plan:
    """The plan in which a step also waits for those before it that write what it reads.

    Before means: in the order of the plan, as far as its dependencies allow. What is waited for already is not added.
    """
    steps = _written_order(plan.steps)
    place = {step.id: index for index, step in enumerate(steps)}
    writers = _Writers()
    reached: list[int] = []
    found: dict[StepId, tuple[Implied, ...]] = {}
    for index, step in enumerate(steps):
        before = 0
        for name in step.needs:
            before |= reached[place[name]] | 1 << place[name]
        implied: list[Implied] = []
        missing = writers.of(step.reads) & ~before
        while missing:
            nearest = missing.bit_length() - 1
            implied.append(Implied(step=steps[nearest].id, because=_reads_what_is_written(step, steps[nearest])))
            before |= reached[nearest] | 1 << nearest
            missing &= ~before
        if implied:
            found[step.id] = (*step.implied, *implied)
        reached.append(before)
        writers.add(index, step.writes or ())
    return plan.model_copy(update={"steps": _with(plan.steps, found)}) if found else plan


class _Writers:
    """Sets of steps, as bits, by the globs that they write."""

    def __init__(self) -> None:
        self._steps: dict[str, int] = {}
        self._index = GlobIndex()

    def add(self, step: int, globs: Iterable[str]) -> None:
        for glob in globs:
            if glob not in self._steps:
                self._steps[glob] = 0
                self._index.add(glob)
            self._steps[glob] |= 1 << step

    def of(self, globs: Iterable[str]) -> int:
        """Everyone who writes a path that one of the globs can match."""
        steps = 0
        for glob in globs:
            for written in self._index.meeting(glob):
                steps |= self._steps[written]
        return steps


def _written_order(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """As near to the given order as the dependencies allow: adding what agrees with it does not change it."""
    place = {step.id: index for index, step in enumerate(steps)}
    waiting = [len(step.needs) for step in steps]
    dependents: list[list[int]] = [[] for _ in steps]
    for index, step in enumerate(steps):
        for name in step.needs:
            dependents[place[name]].append(index)
    ready = [index for index, count in enumerate(waiting) if count == 0]
    heapify(ready)
    ordered: list[Step] = []
    while ready:
        index = heappop(ready)
        ordered.append(steps[index])
        for dependent in dependents[index]:
            waiting[dependent] -= 1
            if waiting[dependent] == 0:
                heappush(ready, dependent)
    return tuple(ordered)


def _with(steps: tuple[Step, ...], found: Mapping[StepId, tuple[Implied, ...]]) -> tuple[Step, ...]:
    return tuple(step.model_copy(update={"implied": found[step.id]}) if step.id in found else step for step in steps)


def _reads_what_is_written(reader: Step, writer: Step) -> str:
    read, written = overlap(reader.reads, writer.writes or ()) or ("", "")
    return f"reads {read} which {writer.id} writes" + ("" if read == written else f" ({written})")


def _both_write(wanted: str, taken: str) -> str:
    return f"both write {wanted}" if wanted == taken else f"writes {wanted}, and {taken} is being written"


def _drop(groups: dict[str, dict[Name, None]], key: str, value: Name) -> bool:
    """Takes a value out of its group; whether the group is gone with it."""
    group = groups.get(key, {})
    group.pop(value, None)
    if group or key not in groups:
        return False
    del groups[key]
    return True
