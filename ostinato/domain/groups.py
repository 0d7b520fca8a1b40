"""Groups of parallel parts: which steps make up a part, when the group is done, and what it leaves. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ostinato.domain.execution import StepOutcome, StepResult, StepState
from ostinato.domain.ids import StepId
from ostinato.domain.plan import GroupAction, Merge, Plan, Step

MAX_OUTPUT_BYTES = 16_000
_LONG_TEXT = 200
_DEAD = frozenset({StepState.FAILED, StepState.BLOCKED, StepState.CANCELLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupVerdict:
    done: bool
    succeeded: bool = False
    cancel: tuple[int, ...] = ()
    """Indexes of parts that still run and are not needed any more."""
    reason: str = ""


def reduce_id(group: Step) -> StepId:
    return StepId(f"{group.id}-reduce")


def parts_of(plan: Plan, group: Step) -> tuple[tuple[Step, ...], ...]:
    """The steps of each part, in order. What steps of a part added belongs to it; the reducing step to none."""
    reducing = reduce_id(group) if isinstance(group.action, GroupAction) and group.action.reduce else None
    parts: dict[str, list[Step]] = {}
    for step in plan.steps:
        if step.group == group.id and step.id != reducing:
            parts.setdefault(step.scope.prefix if step.scope else "", []).append(step)
    ordered = sorted(
        parts.values(), key=lambda part: int((part[0].scope.names if part[0].scope else {}).get("index", 0))
    )
    return tuple(tuple(part) for part in ordered)


def part_state(states: Sequence[StepState]) -> StepState:
    """Of a part as a whole: RUNNING while any of its steps is not over, then FAILED, SKIPPED or SUCCEEDED."""
    if not all(state.is_over for state in states):
        return StepState.RUNNING
    if any(state in _DEAD for state in states):
        return StepState.FAILED
    return StepState.SKIPPED if all(state is StepState.SKIPPED for state in states) else StepState.SUCCEEDED


def judge_group(merge: Merge, parts: Sequence[Sequence[StepState]]) -> GroupVerdict:
    """From the states of the steps of each part; a skipped part counts for neither side."""
    states = [part_state(part) for part in parts]
    running = tuple(index for index, state in enumerate(states) if not state.is_over)
    succeeded = sum(1 for state in states if state is StepState.SUCCEEDED)
    failed = sum(1 for state in states if state in _DEAD)
    counted = f"{succeeded} of {len(states)} parts succeeded" + (f", {failed} failed" if failed else "")
    if not states:
        return GroupVerdict(done=True, succeeded=True, reason="the list is empty")
    wanted = merge.count if merge.strategy == "quorum" else 1
    if merge.strategy in ("first", "quorum"):
        if succeeded >= wanted:
            return GroupVerdict(done=True, succeeded=True, cancel=running, reason=counted)
        if succeeded + len(running) < wanted:
            enough = merge.strategy == "first" and not failed
            said = counted if merge.strategy == "first" else f"{counted}, {wanted} are needed"
            return GroupVerdict(done=True, succeeded=enough, cancel=running, reason=said)
        return GroupVerdict(done=False)
    if running:
        return GroupVerdict(done=False)
    enough = not failed if merge.strategy == "all" else bool(succeeded) or not failed
    return GroupVerdict(done=True, succeeded=enough, reason=counted)


def group_output(
    plan: Plan, results: Mapping[StepId, StepResult], states: Mapping[StepId, StepState], group: Step
) -> dict[str, Any]:
    """What the group leaves: counts, and what each part's last steps left; cut to size, what is left out is named."""
    parts = parts_of(plan, group)
    ended = [part_state([states[step.id] for step in part]) for part in parts]
    return {
        "count": len(parts),
        "succeeded": ended.count(StepState.SUCCEEDED),
        "failed": ended.count(StepState.FAILED),
        **capped_parts([_part_output(part, results) for part in parts]),
    }


def capped_parts(outputs: Sequence[Any]) -> dict[str, Any]:
    """`parts` within the cap: long texts are cut first, then whole parts are null and listed in `left_out`."""
    parts = list(outputs)
    if sum(map(_size, parts)) > MAX_OUTPUT_BYTES:
        parts = [_shortened(part) for part in parts]
    room = MAX_OUTPUT_BYTES - 6 * len(parts)
    left_out = []
    for index, part in enumerate(parts):
        if _size(part) > room:
            parts[index] = None
            left_out.append(index)
        else:
            room -= _size(part)
    return {"parts": parts, "left_out": left_out} if left_out else {"parts": parts}


def _part_output(part: Sequence[Step], results: Mapping[StepId, StepResult]) -> Any:
    """The output of its last step, skipped ones aside; of several last ones, by their short names."""
    skipped = {step.id for step in part if step.id in results and results[step.id].outcome is StepOutcome.SKIPPED}
    done = [step for step in part if step.id not in skipped]
    awaited = {name for step in done for name in step.needs}
    last = [step for step in done if step.id not in awaited]
    outputs = {step.id: results[step.id].output for step in last if step.id in results}
    if len(last) == 1:
        return next(iter(outputs.values()), None)
    prefix = part[0].scope.prefix if part[0].scope else ""
    return {step_id.removeprefix(prefix): output for step_id, output in outputs.items()}


def _shortened(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= _LONG_TEXT else value[: _LONG_TEXT - 1] + "…"
    if isinstance(value, dict):
        return {name: _shortened(inner) for name, inner in value.items()}
    return [_shortened(inner) for inner in value] if isinstance(value, list) else value


def _size(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False, default=str).encode())
