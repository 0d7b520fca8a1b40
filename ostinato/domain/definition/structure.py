"""How the steps of a definition lie in each other: branches, bodies, and who waits for whom."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ostinato.domain.conditions import ROOTS, step_names
from ostinato.domain.definition.model import Definition, StepSpec
from ostinato.domain.errors import Problem
from ostinato.domain.ids import StepId
from ostinato.domain.plan import find_cycle
from ostinato.domain.references import Reference, references

MAX_LEVELS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """The names that texts and conditions of a place may use."""

    inputs: frozenset[str] = frozenset()
    steps: frozenset[str] = frozenset()
    values: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    """Of the scope: item, index, parts."""
    level: int = 0

    @property
    def roots(self) -> tuple[str, ...]:
        return (*ROOTS, *sorted(self.names))

    def within(self, names: Iterable[str], steps: Iterable[str] = ()) -> "Sight":
        return replace(self, names=self.names | set(names), steps=self.steps | set(steps), level=self.level + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A step, where it is written, and the branches that it lies in."""

    spec: StepSpec
    at: str
    branches: tuple[tuple[StepId, bool], ...] = ()
    """(the `if` step, whether this is its `then`), outermost first."""


def placed(steps: Iterable[tuple[str, StepSpec]], branches: tuple[tuple[StepId, bool], ...] = ()) -> Iterator[Placed]:
    """Steps that share their ids: those given, each followed by those of its branches."""
    for at, spec in steps:
        yield Placed(spec=spec, at=at, branches=branches)
        yield from placed(numbered(spec.then, f"{at}.then"), (*branches, (spec.id, True)))
        yield from placed(numbered(spec.otherwise, f"{at}.else"), (*branches, (spec.id, False)))


def numbered(steps: Iterable[StepSpec], at: str) -> Iterator[tuple[str, StepSpec]]:
    return ((f"{at}[{index}]", spec) for index, spec in enumerate(steps))


def workflow_steps(steps: Iterable[tuple[str, StepSpec]]) -> Iterator[tuple[str, StepSpec]]:
    """(field, step) of those that are whole definitions, in branches and bodies too."""
    for here in placed(steps):
        if here.spec.workflow is not None:
            yield here.at, here.spec
        if here.spec.for_each is not None:
            yield from workflow_steps(numbered(here.spec.for_each.steps, f"{here.at}.for_each.steps"))
            if here.spec.for_each.reduce is not None:
                yield from workflow_steps([(f"{here.at}.for_each.reduce", here.spec.for_each.reduce)])


def numbered_steps(definition: Definition) -> tuple[tuple[str, StepSpec], ...]:
    return tuple(numbered(definition.steps, "steps"))


def body_of(spec: StepSpec, at: str) -> tuple[tuple[str, StepSpec], ...]:
    """What is done for each item: the steps given, or the step's own action."""
    assert spec.for_each is not None
    if spec.for_each.steps:
        return tuple(numbered(spec.for_each.steps, f"{at}.for_each.steps"))
    return ((at, spec.model_copy(update={"for_each": None, "when": None, "depends_on": (), "priority": 0})),)


def item_names(spec: StepSpec) -> tuple[str, ...]:
    return (spec.for_each.name, "index") if spec.for_each else ()


def spelled(name: str, ids: Collection[str]) -> str:
    """The id that is meant: in conditions and references '_' also stands for '-'."""
    if name in ids or "_" not in name:
        return name
    return next((known for known in ids if known.replace("-", "_") == name), name)


def expressions(spec: StepSpec) -> Iterator[tuple[str, str]]:
    """(field, CEL) of the step itself."""
    items = spec.for_each.items if spec.for_each else None
    named = (("when", spec.when), ("if", spec.condition), ("for_each.items", items))
    return ((field, text) for field, text in named if text is not None)


def step_texts(step: StepSpec) -> Iterator[tuple[str, str]]:
    """(field, text) of everything that may hold references."""
    if isinstance(step.run, tuple):
        yield from ((f"run[{index}]", word) for index, word in enumerate(step.run))
    named = (("name", step.name), ("active", step.active), ("ask", step.ask), ("prompt", step.prompt))
    run = step.run if isinstance(step.run, str) else ""
    yield from ((field, text) for field, text in (("run", run), *named) if text)
    yield from recovery_texts(step)
    yield from _nested("with", step.args)
    yield from _nested("inputs", step.inputs)
    for field in ("writes", "reads", "holds", "checks"):
        yield from ((f"{field}[{index}]", text) for index, text in enumerate(getattr(step, field) or ()))


def recovery_texts(step: StepSpec) -> Iterator[tuple[str, str]]:
    """(field, text) of the commands and the prompt that are for after it failed."""
    for field in ("fallback", "compensate", "deployment"):
        given = getattr(step, field)
        if isinstance(given, str):
            yield field, given
        elif given is not None:
            yield from _nested(field, given.model_dump(include={"run", "prompt", "roll_back", "diagnose"}))


def step_references(step: StepSpec) -> Iterator[Reference]:
    for _, text in step_texts(step):
        yield from references(text)


def awaited(spec: StepSpec) -> tuple[str, ...]:
    """The steps that it names, as they are written: depends_on, references, conditions, and what its body names."""
    names = [*spec.depends_on, *(found.name for found in step_references(spec) if found.is_step)]
    for _, expression in expressions(spec):
        names += step_names(expression)
    if spec.for_each is not None:
        inner = [found.spec for found in placed(numbered(spec.for_each.steps, ""))]
        own = {step.id for step in inner}
        for step in (*inner, *((spec.for_each.reduce,) if spec.for_each.reduce else ())):
            names += (name for name in awaited(step) if spelled(name, own) not in own)
    return tuple(dict.fromkeys(names))


def dependencies(steps: Sequence[Placed], outside: Iterable[str] = ()) -> dict[StepId, tuple[StepId, ...]]:
    """Who waits for whom among these, and for those outside that are given.

    Who waits for an `if` without being in it also waits for the ends of its branches.
    """
    known = dict.fromkeys((*(found.spec.id for found in steps), *outside))
    direct: dict[StepId, dict[StepId, None]] = {}
    for found in steps:
        names = (StepId(spelled(name, known)) for name in awaited(found.spec))
        chosen = (found.branches[-1][0],) if found.branches else ()
        direct[found.spec.id] = dict.fromkeys((*chosen, *(name for name in names if name in known)))
    ends = {found.spec.id: _ends(found.spec.id, steps, direct) for found in steps if found.spec.condition is not None}
    for found in steps:
        inside = {name for name, _ in found.branches}
        for name in tuple(direct[found.spec.id]):
            if name in ends and name not in inside:
                direct[found.spec.id] |= dict.fromkeys(ends[name])
    return {name: tuple(found) for name, found in direct.items()}


def _ends(owner: StepId, steps: Sequence[Placed], direct: Mapping[StepId, Collection[StepId]]) -> tuple[StepId, ...]:
    """The steps of an `if`'s branches that no other step of them waits for."""
    inside = [found.spec.id for found in steps if any(name == owner for name, _ in found.branches)]
    needed = {name for step in inside for name in direct[step]}
    return tuple(step for step in inside if step not in needed)


def graph_problems(steps: Sequence[Placed], ids: Collection[str], visible: Collection[str]) -> Iterator[Problem]:
    """Duplicate ids, unknown dependencies, cycles. `ids` also names the steps that are not well formed,
    `visible` those of the places around."""
    first: dict[StepId, Placed] = {}
    for found in steps:
        if first.setdefault(found.spec.id, found) is not found:
            message = f"step id {found.spec.id!r} is used twice"
            yield problem("step_duplicate", f"{found.at}.id", message, "Give each step an id of its own")
        for position, name in enumerate(found.spec.depends_on):
            if name not in ids and name not in visible:
                cure = f"Name one of: {', '.join(known for known in ids if known)}"
                field = f"{found.at}.depends_on[{position}]"
                yield problem("dependency_unknown", field, f"there is no step {name!r}", cure)
    if cycle := find_cycle(dependencies(tuple(first.values()))):
        message = f"the steps depend on each other in a circle: {' → '.join(cycle)}"
        field = f"{first[cycle[0]].at}.depends_on"
        yield problem("dependency_cycle", field, message, "Remove one of these dependencies")


def problem(code: str, field: str, message: str, cure: str) -> Problem:
    return Problem(code=code, field=field, message=message, cure=cure)


def _nested(field: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield field, value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _nested(f"{field}.{name}", inner)
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _nested(f"{field}[{index}]", inner)
