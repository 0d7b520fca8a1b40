"""What makes a plan a good one: rules over its steps, each with a finding that says what to do. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from ostinato.domain.base import Fact
from ostinato.domain.claims import overlap
from ostinato.domain.critical_path import critical_path, expected_duration_s, in_order, waves
from ostinato.domain.ids import StepId
from ostinato.domain.plan import AgentAction, GroupAction, Plan, Shape, Step, Strategy, plan_problems
from ostinato.domain.references import unescaped

THINKING_TOKENS = 40_000
WRITING_TOKENS = 120_000
"""Priors of what a step for a mind bills; not measurements."""
MAX_STEPS = 200
"""Of a plan that nobody wrote by hand; more are no plan that a person reads."""


class Budget(Fact):
    """What a plan may take; None: no limit."""

    seconds: float | None = None
    tokens: int | None = None
    steps: int = MAX_STEPS


class PlanFinding(Fact):
    code: str
    step: str = ""
    """Empty: the plan as a whole."""
    message: str
    cure: str
    is_error: bool = True

    def __str__(self) -> str:
        return f"{self.step or 'plan'}: {self.message}. {self.cure}"


class PlanReview(Fact):
    """What a plan amounts to, and what is wrong with it."""

    findings: tuple[PlanFinding, ...]
    critical_path: tuple[StepId, ...] = ()
    waves: tuple[tuple[StepId, ...], ...] = ()
    expected_s: float = 0.0
    expected_tokens: int = 0

    @property
    def errors(self) -> tuple[PlanFinding, ...]:
        return tuple(found for found in self.findings if found.is_error)


@dataclass(frozen=True)
class _View:
    """A plan with what its rules look up. Without slots: the lookups are kept."""

    plan: Plan
    budget: Budget

    @cached_property
    def by_id(self) -> Mapping[StepId, Step]:
        return {step.id: step for step in self.plan.steps}

    @cached_property
    def before(self) -> Mapping[StepId, frozenset[StepId]]:
        """All that are done before a step starts."""
        found: dict[StepId, frozenset[StepId]] = {}
        for step in in_order(self.plan):
            found[step.id] = frozenset(step.needs).union(*(found[name] for name in step.needs))
        return found

    @cached_property
    def awaited(self) -> frozenset[StepId]:
        return frozenset(name for step in self.plan.steps for name in step.needs)

    def behind(self, step: Step) -> Iterator[Step]:
        return (other for other in self.plan.steps if step.id in self.before[other.id])


def review_plan(plan: Plan, budget: Budget | None = None) -> PlanReview:
    """Findings by every rule; a plan that is no graph is judged by that alone."""
    if broken := plan_problems(plan.steps):
        return PlanReview(
            findings=tuple(PlanFinding(code=one.code, message=one.message, cure=one.cure) for one in broken)
        )
    view = _View(plan, budget or Budget())
    return PlanReview(
        findings=tuple(found for rule in RULES.values() for found in rule(view)),
        critical_path=critical_path(plan),
        waves=waves(plan),
        expected_s=expected_duration_s(plan),
        expected_tokens=expected_tokens(plan),
    )


def expected_tokens(plan: Plan) -> int:
    """A prior: by what minds are to do; what tools and people do bills nothing."""
    minds = (step for step in every_step(plan.steps) if isinstance(step.action, AgentAction))
    return sum(WRITING_TOKENS if is_writing(step) else THINKING_TOKENS for step in minds)


def every_step(steps: Iterable[Step]) -> Iterator[Step]:
    """Those within groups too."""
    for step in steps:
        yield step
        if isinstance(step.action, GroupAction):
            yield from every_step(step.action.body)


def is_writing(step: Step) -> bool:
    """Whether it may leave a change behind; of commands that do not say, it is assumed."""
    if isinstance(step.action, GroupAction):
        return any(is_writing(inner) for inner in step.action.body)
    return step.writes != () and step.action.kind in ("tool", "command", "agent")


def claims_of(step: Step) -> tuple[str, ...] | None:
    """What it states to write; of a group, what all within it do."""
    if not isinstance(step.action, GroupAction):
        return step.writes
    found: list[str] = []
    for inner in step.action.body:
        claims = claims_of(inner)
        if claims is None:
            return None
        found += map(unescaped, claims)  # braces in a body are written twice until it is made
    return tuple(dict.fromkeys(found))


def _unchecked(view: _View) -> Iterator[PlanFinding]:
    """The gates of the end are enough for one go; more thorough plans look at each change themselves."""
    if view.plan.strategy is Strategy.DIRECT and view.plan.post_gates:
        return
    for step in view.plan.steps:
        if is_writing(step) and not any(not is_writing(other) for other in view.behind(step)):
            cure = "Add a step after it that looks at what it wrote: tests, a tool, a review"
            yield PlanFinding(code="plan_unchecked", step=step.id, message="nothing looks at what it writes", cure=cure)


def _ungated(view: _View) -> Iterator[PlanFinding]:
    if not view.plan.post_gates and any(map(is_writing, view.plan.steps)):
        cure = "Give at least one gate: tests, lint, types or security"
        yield PlanFinding(code="plan_ungated", message="it writes, and no gate judges its last commit", cure=cure)


def _orphans(view: _View) -> Iterator[PlanFinding]:
    """A look that nobody uses, beside work that could have used it."""
    if not any(map(is_writing, view.plan.steps)):
        return
    for step in view.plan.steps:
        is_used = step.id in view.awaited or step.adds_steps
        if not is_used and not is_writing(step) and not any(is_writing(view.by_id[n]) for n in view.before[step.id]):
            cure = "Let the step that needs its result depend on it, or leave it out"
            yield PlanFinding(code="plan_orphan", step=step.id, message="nothing uses what it finds", cure=cure)


def _serial(view: _View) -> Iterator[PlanFinding]:
    for step in view.plan.steps:
        for name in step.depends_on:
            if not reason_to_wait(step, view.by_id[name]):
                said = f"it waits for {name} and uses nothing of it"
                cure = "Leave out the dependency, or say in 'reads' what it reads"
                yield PlanFinding(code="plan_serial", step=step.id, message=said, cure=cure)


def reason_to_wait(step: Step, earlier: Step) -> str:
    """Why a step comes after another one; empty where nothing says so."""
    if earlier.action.kind in ("ask", "choose"):
        return "it is decided there whether to go on"
    if step.action.kind in ("ask", "agent", "group", "choose"):
        return "its result is told to who carries this out"
    if is_writing(earlier) and _may_meet(claims_of(earlier), step.reads, claims_of(step)):
        return f"it works on what {earlier.id} writes"
    if is_writing(step) and _may_meet(claims_of(step), earlier.reads, claims_of(earlier)):
        return f"{earlier.id} looks at the state before"
    if f"steps.{earlier.id}" in step.action.model_dump_json() or earlier.id in step.when:
        return "it refers to its result"
    return ""


def _may_meet(written: tuple[str, ...] | None, *others: tuple[str, ...] | None) -> bool:
    """What is not stated may be anything."""
    globs = tuple(glob for other in others for glob in other or ())
    return written is None or not globs or overlap(written, globs) is not None


def _budget(view: _View) -> Iterator[PlanFinding]:
    budget, plan = view.budget, view.plan
    if len(plan.steps) > budget.steps:
        said = f"it has {len(plan.steps)} steps, more than {budget.steps}"
        yield PlanFinding(code="plan_steps", message=said, cure="Put like steps into one for_each")
    if budget.seconds is not None and (expected := expected_duration_s(plan)) > budget.seconds:
        said = f"it is expected to take {expected:.0f} s, longer than {budget.seconds:.0f} s"
        yield PlanFinding(code="plan_time", message=said, cure="Ask for less, or give it more time")
    if budget.tokens is not None and (tokens := expected_tokens(plan)) > budget.tokens:
        said = f"it is expected to bill {tokens:,} tokens, more than {budget.tokens:,}"
        yield PlanFinding(code="plan_tokens", message=said, cure="Leave steps for minds out, or raise the budget")


def _timeless(view: _View) -> Iterator[PlanFinding]:
    for step in view.plan.steps:
        if step.expected_s <= 0:
            cure = "Say in 'expected' how long it takes"
            yield PlanFinding(
                code="plan_timeless", step=step.id, message="nobody says how long it takes", cure=cure, is_error=False
            )


def _unapproved(view: _View) -> Iterator[PlanFinding]:
    """Formal plans write nothing before a person said yes."""
    if view.plan.strategy is not Strategy.SYSTEMATIC:
        return
    for step in view.plan.steps:
        asked = any(view.by_id[name].action.kind == "ask" for name in view.before[step.id])
        if is_writing(step) and not asked:
            cure = "Put a step with 'ask' before it"
            yield PlanFinding(code="plan_unapproved", step=step.id, message="it writes, and nobody approved", cure=cure)


def _colliding(view: _View) -> Iterator[PlanFinding]:
    """Branches that are meant to go side by side and cannot."""
    if view.plan.shape not in (Shape.PARALLEL, Shape.ADAPTIVE):
        return
    writers = [step for step in view.plan.steps if step.writes and is_writing(step)]
    for index, step in enumerate(writers):
        for other in writers[:index]:
            if other.id in view.before[step.id] or step.id in view.before[other.id]:
                continue
            if met := overlap(step.writes or (), other.writes or ()):
                said = f"it and {other.id} both write {met[0]}, so one waits for the other"
                cure = "Give them different paths"
                yield PlanFinding(code="plan_collision", step=step.id, message=said, cure=cure, is_error=False)


RULES: Mapping[str, Callable[[_View], Iterator[PlanFinding]]] = {
    "plan_unchecked": _unchecked,
    "plan_ungated": _ungated,
    "plan_orphan": _orphans,
    "plan_serial": _serial,
    "plan_budget": _budget,
    "plan_timeless": _timeless,
    "plan_unapproved": _unapproved,
    "plan_collision": _colliding,
}
