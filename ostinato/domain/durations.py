"""How long steps are expected to take, learned from how long they took. Pure.

From broad to narrow, each level that has samples moves the estimate: the step's own prior; successes of the same kind
(tool, or a command's program) anywhere; of the same kind in this repository; of this very step in this repository.

    estimate(level) = w · median(level) + (1 - w) · estimate(broader level)
    w = 1 from MIN_SAMPLES samples on, else n / (n + 2)

The median is weighted: of at most MAX_SAMPLES successes, newest first, number i counts 0.5 ** (i / HALF_LIFE). It is
not moved by a run on a cold cache and follows a lasting change within a few runs. An expectation that a person stated
is not moved by other steps of the same kind, only by the step's own past.
"""

import hashlib
import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple

from ostinato.domain.definition.compiling import COMMAND_EXPECTED_S
from ostinato.domain.ids import StepId
from ostinato.domain.plan import CommandAction, GroupAction, Plan, Step
from ostinato.domain.tools import TOOLS

MAX_SAMPLES = 20
MIN_SAMPLES = 3
HALF_LIFE = 5
SHORTEST_S = 0.01
"""A learned figure is never zero: zero means that nothing is waited for."""
PRIOR = "prior"

_UNSTATED_S = (COMMAND_EXPECTED_S, Step.model_fields["expected_s"].default)
_NUMBER_OF_PART = re.compile(r"-\d+-")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_PYTHON = re.compile(r"python[\d.]*")


class StepIdentity(NamedTuple):
    """What makes a step the same one in another run of its repository."""

    name: str
    signature: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """Seconds that successes took, newest first."""

    steps: Mapping[StepIdentity, Sequence[float]] = field(default_factory=dict)
    """Of this repository."""
    kinds_here: Mapping[str, Sequence[float]] = field(default_factory=dict)
    kinds: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """Of every repository."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    seconds: float
    because: str
    """Where the figure came from, for people: "history of this repository (12 runs)"."""


def with_expectations(plan: Plan, samples: Samples) -> tuple[Plan, dict[StepId, Expectation]]:
    """The plan with learned expectations, also inside its groups, and where each figure of its steps came from."""
    found = {step.id: expectation(step, samples) for step in plan.steps}
    steps = tuple(_expecting(step, found[step.id].seconds, samples) for step in plan.steps)
    return plan.model_copy(update={"steps": steps}), found


def expectation(step: Step, samples: Samples, *, within: str = "") -> Expectation:
    """`within` is the group in whose body the step stands. People's steps, and zero, stay as they are."""
    estimate = Expectation(seconds=step.expected_s, because=PRIOR)
    if step.needs_person or step.expected_s == 0:
        return estimate
    for because, durations in _levels(step, samples, within):
        if durations:
            estimate = _moved(estimate, durations, because)
    return estimate


def expected_s(step: Step, samples: Samples) -> float:
    return expectation(step, samples).seconds


def identity_of(step: Step, *, within: str = "") -> StepIdentity:
    """The parts of a group share one identity, whichever item they got."""
    if step.scope is not None:
        return StepIdentity(_parts_of(step.scope.prefix) + step.id.removeprefix(step.scope.prefix), signature_of(step))
    return StepIdentity(_parts_of(f"{within}-0-") + step.id if within else step.id, signature_of(step))


def signature_of(step: Step) -> str:
    """A stable key of what the step does. It holds no text of it: command lines may name what is private."""
    return f"{kind_of(step)}#{hashlib.sha256(_deed(step).encode()).hexdigest()[:16]}"


def kind_of(step: Step) -> str:
    """Steps of one kind tend to take alike: tool:lint.fix, run:pytest, agent:any, ask, choose, group."""
    action = step.action
    match action.kind:
        case "tool":
            return f"tool:{action.tool}"
        case "command":
            return f"run:{_program(action)}"[:80]
        case "agent":
            return f"agent:{action.agent}"
        case "ask" | "choose" | "group":
            return action.kind


def identified(plan: Plan) -> Iterator[tuple[Step, StepIdentity]]:
    """Every step whose past is of use to this plan, those in the bodies of groups included."""
    for step in plan.steps:
        yield step, identity_of(step)
        yield from _identified_body(step, step.id)


def weighted_median(newest_first: Sequence[float]) -> float:
    """The duration that half of the weight does not exceed; of two, the newer."""
    recent = newest_first[:MAX_SAMPLES]
    weighed = sorted((seconds, 0.5 ** (age / HALF_LIFE)) for age, seconds in enumerate(recent))
    reached = list(accumulate(weight for _, weight in weighed))
    return next(seconds for (seconds, _), sum_ in zip(weighed, reached, strict=True) if sum_ >= reached[-1] / 2)


def _identified_body(step: Step, within: str) -> Iterator[tuple[Step, StepIdentity]]:
    if isinstance(step.action, GroupAction):
        for part in (*step.action.body, *((step.action.reduce,) if step.action.reduce else ())):
            yield part, identity_of(part, within=within)
            yield from _identified_body(part, f"{within}-0-{part.id}")


def _expecting(step: Step, seconds: float, samples: Samples, within: str = "") -> Step:
    update: dict[str, object] = {"expected_s": seconds}
    if isinstance(step.action, GroupAction):
        update["action"] = _group_expecting(step.action, samples, f"{within}-0-{step.id}" if within else step.id)
    return step.model_copy(update=update)


def _group_expecting(group: GroupAction, samples: Samples, within: str) -> GroupAction:
    def learned(part: Step) -> Step:
        return _expecting(part, expectation(part, samples, within=within).seconds, samples, within)

    body = tuple(learned(part) for part in group.body)
    return group.model_copy(update={"body": body, "reduce": learned(group.reduce) if group.reduce else None})


def _levels(step: Step, samples: Samples, within: str) -> Iterator[tuple[str, Sequence[float]]]:
    kind = kind_of(step)
    alike = "same tool" if step.action.kind == "tool" else "same program"
    if step.action.kind in ("tool", "command") and not _is_stated(step):
        yield f"{alike} in any repository", samples.kinds.get(kind, ())
        yield f"{alike} in this repository", samples.kinds_here.get(kind, ())
    yield "history of this repository", samples.steps.get(identity_of(step, within=within), ())


def _moved(broader: Expectation, durations: Sequence[float], because: str) -> Expectation:
    count = min(len(durations), MAX_SAMPLES)
    weight = 1.0 if count >= MIN_SAMPLES else count / (count + 2)
    seconds = weight * weighted_median(durations) + (1 - weight) * broader.seconds
    said = f"{because} ({count} {'run' if count == 1 else 'runs'})"
    return Expectation(seconds=round(max(seconds, SHORTEST_S), 3), because=said)


def _is_stated(step: Step) -> bool:
    """Whether somebody gave this figure for this step: it is not what a step gets by itself."""
    if step.action.kind == "tool":
        tool = TOOLS.get(step.action.tool)
        return tool is not None and step.expected_s not in (tool.expected_s, *_UNSTATED_S)
    return step.expected_s not in _UNSTATED_S


def _parts_of(prefix: str) -> str:
    """The prefix of a group's parts without their numbers: a-3-b-1- and a-0-b-7- are both a-*-b-*-."""
    return _NUMBER_OF_PART.sub("-*-", prefix)


def _deed(step: Step) -> str:
    """All that decides what is done, except what an agent is told: that is worded anew each time."""
    action = step.action
    match action.kind:
        case "tool":
            return f"{action.tool} {json.dumps(action.args, sort_keys=True, default=str)}"
        case "command":
            return action.shell or json.dumps(action.argv)
        case "agent":
            return action.agent
        case "ask":
            return ""
        case "choose":
            return action.condition
        case "group":
            return f"{action.items} {action.definition} {[signature_of(part) for part in action.body]}"


def _program(action: CommandAction) -> str:
    """pytest for `CI=1 /usr/bin/pytest -q` and for `python -m pytest`."""
    words = [word for word in action.argv or _words(action.shell) if not _ASSIGNMENT.match(word)]
    if not words:
        return "sh"
    program = words[0].rsplit("/", 1)[-1]
    is_module = _PYTHON.fullmatch(program) and words[1:2] == ["-m"] and len(words) > 2
    return words[2] if is_module else program


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:  # a quote that spans what shlex does not see as one word
        return line.split()
