"""What a step receives of what is known: what it declared, or what is relevant to it; small, clean, and with what was left out. Pure."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ostinato.domain.base import Fact
from ostinato.domain.claims import overlap
from ostinato.domain.context import (
    decision_value,
    given_values,
    latest_results,
    redacted,
    step_value,
)
from ostinato.domain.decisions import Decision
from ostinato.domain.errors import Problem, UserError
from ostinato.domain.execution import StepResult
from ostinato.domain.ids import StepId
from ostinato.domain.plan import AgentAction, AskAction, CommandAction, Plan, Step
from ostinato.domain.redaction import Redactor
from ostinato.domain.run_context import ContextItem, RunContext

CAP_CHARS = 8_000
MOST_NAMED = 50
"""Of what was left out."""
FARTHEST = 200
"""Steps upstream that are looked at, nearest first: a step at the end of a long plan is no reason to read all of it."""
IMPORTED = "imported."

Reason = Literal["too large", "not relevant", "not declared", "no result"]

_WORD = re.compile(r"[A-Za-z][A-Za-z0-9]{2,}")
_COMMON = frozenset(("and", "are", "for", "from", "into", "run", "step", "that", "the", "this", "with"))


class LeftOut(Fact):
    name: str
    reason: Reason


class StepContext(Fact):
    """What one step receives, most relevant first."""

    items: tuple[ContextItem, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    """At most 50."""
    left_out_count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    item: ContextItem
    weight: float = 0.0
    """How near it is in the plan: 1 for what the step depends on, 0 for what only words can connect."""


def step_context(
    plan: Plan,
    results: Sequence[StepResult],
    step: Step,
    *,
    imported: RunContext | None = None,
    decisions: Iterable[Decision] = (),
    redactor: Redactor | None = None,
    cap_chars: int = CAP_CHARS,
) -> StepContext:
    """The names that it declared, else what is relevant. Raises UserError for a name that nobody will ever leave."""
    known = {each.item.name: each for each in _candidates(plan, results, step, imported, decisions)}
    if step.context is None:
        chosen, left_out = _relevant(plan, step, tuple(known.values()))
    else:
        chosen, left_out = _declared(plan, step, step.context, known, imported)
    clean = redactor or Redactor()
    items, too_large = _within([_redacted(item, clean) for item in chosen], cap_chars)
    left_out = [*too_large, *left_out]
    return StepContext(items=tuple(items), left_out=tuple(left_out[:MOST_NAMED]), left_out_count=len(left_out))


def compacted(context: StepContext, cap_chars: int) -> StepContext:
    """The most relevant of it within the cap; what goes is named among what was left out."""
    items, too_large = _within(context.items, cap_chars)
    left_out = (*too_large, *context.left_out)
    return StepContext(
        items=tuple(items),
        left_out=left_out[:MOST_NAMED],
        left_out_count=context.left_out_count + len(too_large),
    )


def context_problems(plan: Plan, imported: RunContext | None = None) -> Iterator[Problem]:
    """Declared names that neither the plan nor what was imported can leave; for checking a plan before it starts."""
    for index, step in enumerate(plan.steps):
        for name in step.context or ():
            if not _can_exist(plan, step, name, imported):
                yield _unknown(plan, name, imported, f"steps[{index}].context")


def as_markdown(context: StepContext) -> str:
    """For a prompt. A value cannot close the fence that it stands in."""
    parts = [f"## {item.name}\n\nFrom {item.source}.\n\n{_fenced(item.value)}\n" for item in context.items]
    if context.left_out:
        names = ", ".join(f"{left.name} ({left.reason})" for left in context.left_out)
        more = context.left_out_count - len(context.left_out)
        parts.append(f"Left out: {names}" + (f" and {more} more" if more else "") + ".\n")
    return "\n".join(parts)


def as_json(context: StepContext) -> dict[str, Any]:
    """Values by name, where they come from, and what is missing."""
    return {
        "items": {item.name: item.value for item in context.items},
        "sources": {item.name: item.source for item in context.items},
        "left_out": {left.name: left.reason for left in context.left_out},
        "left_out_count": context.left_out_count,
    }


def _candidates(
    plan: Plan,
    results: Sequence[StepResult],
    step: Step,
    imported: RunContext | None,
    decisions: Iterable[Decision],
) -> Iterator[_Candidate]:
    """Everything that is known now, nearest first."""
    distance = _distances(plan, step)
    latest = {result.step_id: result for result in latest_results(results) if result.step_id != step.id}
    wanted = distance if step.context is None else {**distance, **dict.fromkeys(latest, 0)}
    for name in (name for name in wanted if name in latest):
        item = ContextItem(name=f"steps.{name}", value=step_value(latest[name]), source=f"step {name}")
        yield _Candidate(item=item, weight=1 / distance[name] if name in distance else -1)
    for value_name, value in given_values(plan, results).items():
        given = any(distance.get(name) == 1 and value_name in latest[name].output for name in latest)
        item = ContextItem(name=f"values.{value_name}", value=value, source=f"value {value_name}")
        yield _Candidate(item=item, weight=0.9 if given else 0)
    for decision in decisions:
        if decision.answer is not None:
            item = ContextItem(
                name=f"decisions.{decision.id}", value=decision_value(decision), source=f"decision {decision.id}"
            )
            yield _Candidate(item=item, weight=0.9 if decision.step_id in {step.id, *step.needs} else 0)
    for item in imported.facts if imported else ():
        yield _Candidate(item=item.model_copy(update={"name": IMPORTED + item.name}))


def _distances(plan: Plan, step: Step) -> dict[StepId, int]:
    """How many dependencies lie between the step and each that it waits for, directly or not; the nearest few hundred."""
    steps = {each.id: each for each in plan.steps}
    distance: dict[StepId, int] = {}
    level = list(step.needs)
    depth = 1
    while level and len(distance) < FARTHEST:
        fresh = [name for name in dict.fromkeys(level) if name not in distance and name != step.id]
        distance.update(dict.fromkeys(fresh, depth))
        level = [further for name in fresh if name in steps for further in steps[name].needs]
        depth += 1
    return distance


def _relevant(plan: Plan, step: Step, candidates: Sequence[_Candidate]) -> tuple[list[ContextItem], list[LeftOut]]:
    """What it depends on directly, and of the rest what shares its words or paths. Steps beside it are not named."""
    words = _step_words(step)
    steps = {each.id: each for each in plan.steps}
    scored: list[tuple[float, ContextItem]] = []
    left_out: list[LeftOut] = []
    for each in candidates:
        source = steps.get(StepId(each.item.name.removeprefix("steps.")))
        common = _shared_words(words, each.item, source) + _shared_paths(step, source)
        if each.weight >= 0.9 or (common and each.weight >= 0):
            scored.append((each.weight + common, each.item))
        elif each.weight >= 0:
            left_out.append(LeftOut(name=each.item.name, reason="not relevant"))
    scored.sort(key=lambda pair: -pair[0])
    return [item for _, item in scored], left_out


def _declared(
    plan: Plan,
    step: Step,
    names: Sequence[str],
    known: Mapping[str, _Candidate],
    imported: RunContext | None,
) -> tuple[list[ContextItem], list[LeftOut]]:
    chosen: dict[str, ContextItem] = {}
    left_out: list[LeftOut] = []
    problems: list[Problem] = []
    for name in names:
        found = next((full for full in _spellings(step, name) if full in known), None)
        if found is not None:
            chosen[found] = known[found].item
        elif _can_exist(plan, step, name, imported):
            left_out.append(LeftOut(name=name, reason="no result"))
        else:
            problems.append(_unknown(plan, name, imported, f"{step.id}.context"))
    if problems:
        raise UserError(problems)
    others = (each.item.name for each in known.values() if each.weight >= 0 and each.item.name not in chosen)
    left_out.extend(LeftOut(name=name, reason="not declared") for name in others)
    return list(chosen.values()), left_out


def _spellings(step: Step, name: str) -> Iterator[str]:
    """In full, or short: a sibling, a step, a value, a decision, something imported."""
    yield name
    if step.scope is not None:
        yield f"steps.{step.scope.prefix}{name}"
    for kind in ("steps.", "values.", "decisions.", IMPORTED, f"{IMPORTED}steps.", f"{IMPORTED}values."):
        yield kind + name


def _can_exist(plan: Plan, step: Step, name: str, imported: RunContext | None) -> bool:
    """Decisions have no names before they are asked: any may come."""
    if name.startswith("decisions."):
        return True
    possible = {f"steps.{each.id}" for each in plan.steps} | {f"values.{value}" for value in plan.values}
    possible |= {IMPORTED + item.name for item in (imported.facts if imported else ())}
    return any(full in possible for full in _spellings(step, name))


def _unknown(plan: Plan, name: str, imported: RunContext | None, field: str) -> Problem:
    known = [
        *(each.id for each in plan.steps),
        *plan.values,
        *(item.name for item in (imported.facts if imported else ())),
    ]
    return Problem(
        code="context_name",
        field=field,
        message=f"nothing is called {name!r}",
        cure=f"Name a step, a shared value or something imported: {', '.join(known[:20])}",
    )


def _within(items: Sequence[ContextItem], cap_chars: int) -> tuple[list[ContextItem], list[LeftOut]]:
    """As many as fit, in order; of an output that does not fit, its largest fields are left out."""
    taken: list[ContextItem] = []
    too_large: list[LeftOut] = []
    room = cap_chars
    for item in items:
        value, dropped = _shrunk(item.value, room - len(item.name))
        if value is None and item.value is not None:
            too_large.append(LeftOut(name=item.name, reason="too large"))
            continue
        too_large.extend(LeftOut(name=f"{item.name}.{field}", reason="too large") for field in dropped)
        taken.append(item.model_copy(update={"value": value}))
        room -= len(item.name) + _size(value)
    return taken, too_large


def _shrunk(value: Any, room: int) -> tuple[Any, list[str]]:
    """None where nothing of it fits."""
    if _size(value) <= room:
        return value, []
    if not isinstance(value, dict):
        return None, []
    rest = dict(value)
    dropped = []
    while rest and _size(rest) > room:
        largest = max(rest, key=lambda field: _size(rest[field]))
        del rest[largest]
        dropped.append(largest)
    return (rest or None), dropped


def _size(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False, default=str))


def _redacted(item: ContextItem, redactor: Redactor) -> ContextItem:
    return item.model_copy(update={"value": redacted(item.value, redactor)})


def _step_words(step: Step) -> frozenset[str]:
    match step.action:
        case AgentAction(prompt=text) | AskAction(question=text):
            pass
        case CommandAction() as command:
            text = command.line
        case _:
            text = ""
    return _words(" ".join((step.id, step.name, text, *step.reads, *(step.writes or ()))))


def _shared_words(words: frozenset[str], item: ContextItem, source: Step | None) -> float:
    """Between 0 and 1: the share of the smaller vocabulary that both have."""
    text = f"{item.name.removeprefix(IMPORTED)} {source.name if source else ''} {json.dumps(item.value, default=str)[:4_000]}"
    others = _words(text)
    return len(words & others) / min(len(words), len(others)) if words and others else 0.0


def _shared_paths(step: Step, source: Step | None) -> float:
    return 0.5 if source is not None and overlap(step.reads, source.writes or ()) else 0.0


def _words(text: str) -> frozenset[str]:
    return frozenset(word.lower() for word in _WORD.findall(text)) - _COMMON


def _fenced(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1, default=str)
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{'' if isinstance(value, str) else 'json'}\n{text}\n{fence}"
