"""What may start next. Pure and incremental: a step is looked at when something that it waits for changes."""

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ostinato.domain.claims import ClaimBook, Obstacle
from ostinato.domain.critical_path import remaining_path_s
from ostinato.domain.execution import StepState
from ostinato.domain.groups import reduce_id
from ostinato.domain.ids import StepId
from ostinato.domain.plan import Plan, Step
from ostinato.domain.pool import with_pool

_SATISFIES = frozenset((StepState.SUCCEEDED, StepState.SKIPPED))
_DEAD = frozenset((StepState.FAILED, StepState.BLOCKED, StepState.CANCELLED))
_WORKING = frozenset((StepState.PREPARING, StepState.RUNNING))

Rank = tuple[int, float, int]
"""By a person's wish, then by the longest remaining path, then by the plan's order; the smallest starts first."""


@dataclass(slots=True)
class Schedule:
    """The state of every step of a plan. Made from a plan and states; mutated by one event at a time."""

    plan: Plan
    states: dict[StepId, StepState]
    claims: ClaimBook = field(default_factory=ClaimBook)
    yielding: set[StepId] = field(init=False, default_factory=set)
    """Active steps that hold nothing while they wait for others' claims."""
    closed: set[str] = field(init=False, default_factory=set)
    """Accounts whose limit is used up: no step of theirs starts."""
    steps: dict[StepId, Step] = field(init=False, default_factory=dict)
    active: dict[StepId, None] = field(init=False, default_factory=dict)
    """In the order in which they started."""
    _counts: Counter[StepState] = field(init=False, default_factory=Counter)
    _dependents: dict[StepId, list[StepId]] = field(init=False, default_factory=dict)
    _missing: dict[StepId, int] = field(init=False, default_factory=dict)
    ranks: dict[StepId, Rank] = field(init=False, default_factory=dict)
    _ready: dict[bool, list[tuple[Rank, StepId]]] = field(init=False, default_factory=dict)
    _lanes: Counter[str] = field(init=False, default_factory=Counter)
    _slots_taken: int = field(init=False, default=0)
    work_s: float = field(init=False, default=0.0)
    """Expected seconds of all steps."""
    longest_s: float = field(init=False, default=0.0)
    """Expected seconds of the longest path."""

    @classmethod
    def of(cls, plan: Plan, states: Mapping[StepId, StepState] | None = None) -> "Schedule":
        """Steps without a state are pending."""
        known = states or {}
        return cls(plan, {step.id: known.get(step.id, StepState.PENDING) for step in plan.steps})

    def __post_init__(self) -> None:
        _set_aside_reducing(self.plan, self.states)
        self._index()

    def replan(self, plan: Plan) -> None:
        """Another plan over the same history: what is known stays; what is blocked follows from the new needs."""
        self.plan = plan
        self.states = {step.id: self.states.get(step.id, StepState.PENDING) for step in plan.steps}
        blocked = [name for name, state in self.states.items() if state is StepState.BLOCKED]
        self.states.update(dict.fromkeys(blocked, StepState.PENDING))
        self._index()
        self._block()

    def next_start(self, cap: int) -> Step | None:
        """The step to start now, marked as preparing and holding its claims; None when nothing may start."""
        for takes_slot in (False, True):
            if takes_slot and not self.has_room(cap):
                continue
            if (step := self._pop(self._ready[takes_slot])) is not None:
                self.move(step.id, StepState.PREPARING)
                self.claims.take(step)
                return step
        return None

    def has_room(self, cap: int) -> bool:
        """Whether one more step may work on the machine."""
        return self._slots_taken < cap

    def move(self, step_id: StepId, state: StepState) -> None:
        """Into a state that is not the end: pending, preparing, running, waiting."""
        self._set(step_id, state)

    def settle(self, step_id: StepId, state: StepState) -> tuple[StepId, ...]:
        """The step is over: its claims are free, its dependents come closer or are blocked; returns the blocked ones."""
        self._set(step_id, state)
        self.claims.release(step_id)
        self.yielding.discard(step_id)
        if state in _SATISFIES:
            for name in self._dependents[step_id]:
                self._missing[name] -= 1
                self._offer(name)
            return ()
        return self._block_after(step_id)

    def reopen(self, step_ids: Iterable[StepId]) -> tuple[StepId, ...]:
        """Back to pending, with what was blocked or cancelled behind them, and of failed groups the parts that failed;
        returns all that are pending again."""
        reopened: dict[StepId, None] = {}
        waiting = list(step_ids)
        while waiting:
            name = waiting.pop()
            if name in reopened:
                continue
            reopened[name] = None
            waiting.extend(
                other
                for other in self._dependents[name]
                if self.states[other] in (StepState.BLOCKED, StepState.CANCELLED)
            )
            if self.steps[name].action.kind == "group" and self.states[name] is StepState.FAILED:
                waiting.extend(
                    part.id for part in self.plan.steps if part.group == name and self.states[part.id] in _DEAD
                )
        self.states.update(dict.fromkeys(reopened, StepState.PENDING))
        _set_aside_reducing(self.plan, self.states)
        self._index()
        self._block()
        return tuple(name for name in reopened if self.states[name] is StepState.PENDING)

    def skip(self, step_id: StepId) -> tuple[StepId, ...]:
        """One that has not begun is left out; returns what was blocked behind it and is pending again."""
        behind = [name for name in self._dependents[step_id] if self.states[name] is StepState.BLOCKED]
        self._set(step_id, StepState.SKIPPED)
        if behind:
            return self.reopen(behind)
        for name in self._dependents[step_id]:
            self._missing[name] -= 1
            self._offer(name)
        return ()

    def stop(self) -> None:
        """Nothing more starts: what has not begun is cancelled."""
        for name, state in self.states.items():
            if state is StepState.PENDING:
                self._set(name, StepState.CANCELLED)

    def obstacle(self, step_id: StepId) -> Obstacle | None:
        """What a ready step waits for besides its dependencies."""
        return self.claims.obstacle(self.steps[step_id])

    def dependents(self, step_id: StepId) -> Sequence[StepId]:
        return self._dependents[step_id]

    @property
    def counts(self) -> dict[StepState, int]:
        """Steps by state, in the order of the states."""
        return {state: self._counts[state] for state in StepState if self._counts[state]}

    def count(self, *states: StepState) -> int:
        return sum(self._counts[state] for state in states)

    @property
    def is_over(self) -> bool:
        return not self.count(StepState.PENDING) and not self.active

    @property
    def only_people_are_awaited(self) -> bool:
        """Something waits for a person and nothing else moves."""
        working = (name for name in self.active if self.steps[name].action.kind != "group")
        states = [self.states[name] for name in working]
        return bool(states) and all(state is StepState.WAITING for state in states)

    def _index(self) -> None:
        """Everything that is derived from plan and states; linear in the plan."""
        self.plan = with_pool(self.plan)
        self.steps = {step.id: step for step in self.plan.steps}
        self._counts = Counter(self.states.values())
        known = [name for name in self.active if name in self.steps and self.states[name].is_active]
        self.active = dict.fromkeys((*known, *(name for name, state in self.states.items() if state.is_active)))
        self._dependents = {name: [] for name in self.steps}
        for step in self.plan.steps:
            for name in step.needs:
                self._dependents[name].append(step.id)
        self._missing = {
            step.id: sum(1 for name in step.needs if self.states[name] not in _SATISFIES) for step in self.plan.steps
        }
        remaining = remaining_path_s(self.plan)
        self.ranks = {
            step.id: (-step.priority, -remaining[step.id], position) for position, step in enumerate(self.plan.steps)
        }
        self.longest_s = max(remaining.values(), default=0.0)
        self.work_s = sum(step.expected_s for step in self.plan.steps)
        self._count_working()
        self._hold_claims()
        self._ready = {False: [], True: []}
        for name in self.steps:
            self._offer(name)

    def _count_working(self) -> None:
        working = [self.steps[name] for name in self.active if self.states[name] in _WORKING]
        self._slots_taken = sum(step.takes_slot for step in working)
        in_lane = (self.steps[name] for name in self.active if _in_lane(self.steps[name], self.states[name]))
        self._lanes = Counter(step.lane for step in in_lane)

    def _hold_claims(self) -> None:
        for name in self.active:
            if name not in self.yielding:
                self.claims.take(self.steps[name])

    def _offer(self, step_id: StepId) -> None:
        if self._missing[step_id] == 0 and self.states[step_id] is StepState.PENDING:
            heapq.heappush(self._ready[self.steps[step_id].takes_slot], (self.ranks[step_id], step_id))

    def _pop(self, heap: list[tuple[Rank, StepId]]) -> Step | None:
        """The first that nothing stands in the way of; the others stay."""
        passed_by = []
        found: Step | None = None
        while heap and found is None:
            entry = heapq.heappop(heap)
            step = self.steps[entry[1]]
            if self.states[step.id] is not StepState.PENDING:
                continue  # offered once more after it had been taken
            if self._is_lane_full(step) or step.quota in self.closed or self.claims.obstacle(step) is not None:
                passed_by.append(entry)
            else:
                found = step
        for entry in passed_by:
            heapq.heappush(heap, entry)
        return found

    def _is_lane_full(self, step: Step) -> bool:
        return bool(step.lane) and self._lanes[step.lane] >= self.plan.max_per_agent

    def _set(self, step_id: StepId, state: StepState) -> None:
        before, step = self.states[step_id], self.steps[step_id]
        self.states[step_id] = state
        self._counts[before] -= 1
        self._counts[state] += 1
        self._slots_taken += step.takes_slot * ((state in _WORKING) - (before in _WORKING))
        self._lanes[step.lane] += _in_lane(step, state) - _in_lane(step, before)
        if state.is_active != before.is_active:
            if state.is_active:
                self.active[step_id] = None
            else:
                self.active.pop(step_id, None)
        if state is StepState.PENDING:
            self.claims.release(step_id)
            self._offer(step_id)

    def _block(self) -> None:
        for name in [name for name, state in self.states.items() if state in _DEAD]:
            self._block_after(name)

    def _block_after(self, step_id: StepId) -> tuple[StepId, ...]:
        blocked = []
        waiting = [step_id]
        for dead in waiting:  # grows while it is read
            for name in self._dependents[dead]:
                if self.states[name] is StepState.PENDING:
                    self._set(name, StepState.BLOCKED)
                    blocked.append(name)
                    waiting.append(name)
        return tuple(blocked)


def _in_lane(step: Step, state: StepState) -> bool:
    """Who waits is no work for a coding agent, and may wait for its next step; a person has it on the desk."""
    return state in _WORKING if step.takes_slot else state.is_active


def _set_aside_reducing(plan: Plan, states: dict[StepId, StepState]) -> None:
    """What reduces a group that begins again is made anew from what the parts then leave: it does not start now."""
    for step in plan.steps:
        if step.action.kind == "group" and states[step.id] is StepState.PENDING:
            last = reduce_id(step)
            if states.get(last) is StepState.PENDING:
                states[last] = StepState.CANCELLED
