"""What a plan would ask of people, what it lacks here, and what it takes in tokens and money. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ostinato.domain.approval import Approval
from ostinato.domain.budget.amounts import NOTHING, USD, Amount, Limit
from ostinato.domain.budget.prices import Terms
from ostinato.domain.classification import Classification, Risk
from ostinato.domain.classifying.escalation import Escalation, Next
from ostinato.domain.critical_path import expected_duration_s
from ostinato.domain.gates import GateResult, Status
from ostinato.domain.plan import AgentAction, AskAction, GroupAction, Plan, Step
from ostinato.domain.planning.quality import every_step, expected_tokens
from ostinato.domain.pool import ANYBODY, PERSON
from ostinato.domain.project import ProjectFacts
from ostinato.domain.resources import Activation
from ostinato.domain.staff import Colleague
from ostinato.domain.tokens import estimated_tokens

NOT_TRUSTED = "the repository is not trusted: its own tests, builds and configured tools will not run"
TRUST_CURE = "Allow and remember it with --trust"
_BRIEF = {
    "not_trusted": "trust",
    "git_dirty": "uncommitted files stay out",
    "language_unsupported": "tools for its languages",
    "disk_full": "disk space",
    "no_tests": "tests",
    "no_file": "files that it runs",
    "no_program": "programs that it runs",
    "python_missing": "a Python that fits",
    "lock_stale": "lock files that fit",
    "agent_missing": "agents that it names",
    "server_missing": "MCP servers",
    "resources_broken": "broken resources",
}
_BRANCH = re.compile(r'has\(steps\["([^"]+)"\]\.chosen\) && (!?)steps\["\1"\]\.chosen')


class Asking(StrEnum):
    TYPE = "type"
    APPROVAL = "approval"
    QUESTION = "question"
    HAND_OFF = "hand_off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Something that a person would be asked, and why."""

    kind: Asking
    what: str
    why: str
    step: str = ""
    options: tuple[str, ...] = ()
    only_if: str = ""
    times: int | None = 1
    """More where it stands in a group; None: what the group's list holds is known when it runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lack:
    """Something that is missing here, and how to get it."""

    what: str
    cure: str = ""
    blocks: bool = False
    """A run would stop before anything is executed."""
    code: str = ""

    @property
    def brief(self) -> str:
        return _BRIEF.get(self.code, self.what)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    kind: str
    name: str
    level: str
    tokens: int
    on_demand_tokens: int
    because: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Tokens are estimates, and money is the most that calls are expected to come to."""

    loaded: tuple[Loaded, ...]
    context_tokens: int
    """What is loaded at the start, project context included."""
    on_demand_tokens: int
    budget_tokens: int
    prompt_tokens: int
    """Of what the plan tells agents, before references are filled in."""
    prompts: int
    agents_would_bill_tokens: int
    """A rule of thumb, for the day an agent is connected; people bill nothing."""
    model: str
    """The language model that is configured; empty: none."""
    usd: float | None = None
    """None where nothing is paid for, or the model has no price."""
    usd_because: str
    billed_tokens: int = 0
    """The most that a run is expected to be billed before its plan stands."""
    usd_limit: float | None = None
    tokens_limit: int | None = None
    usd_limit_of_day: float | None = None
    agents: tuple[str, ...] = ()
    """That steps would be given to."""
    agents_tokens: int = 0
    """What they are expected to be billed at most: a rule of thumb by what each step is to do."""
    agents_usd: float = 0.0
    agents_price_known: bool = True
    """Else it is reckoned high."""
    fits: bool = True
    """Else the run goes on without what it cannot pay for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Billing:
    """What the calls of a run are expected to come to, and what they may."""

    expected: Amount = NOTHING
    agents: Amount = NOTHING
    """Of the steps that coding agents do."""
    staff: tuple[Colleague, ...] = ()
    limit: Limit = Limit()  # noqa: RUF009 - it is frozen
    day: Limit = Limit()  # noqa: RUF009
    terms: Terms | None = None


NOT_BILLED = Billing()
_NOBODY_BILLS = "only what agents and models bill costs money, and none is named"


def asks_of(
    plan: Plan, classification: Classification, approval: Approval, escalation: Escalation | None
) -> tuple[Ask, ...]:
    """In the order in which they would come."""
    asks: list[Ask] = []
    if escalation is not None and escalation.next is Next.ASK_PERSON:
        likely = (*(str(each.task_type) for each in classification.top), "any")
        why = f"{escalation.reason}; this plan is for {classification.task_type}"
        asks.append(Ask(kind=Asking.TYPE, what="say which type of task it is", why=why, options=likely))
    if approval.needed and not approval.in_advance:
        what = "approve the plan before anything is executed"
        asks.append(
            Ask(kind=Asking.APPROVAL, what=what, why=_consent(classification, approval), options=("approve", "reject"))
        )
    return (*asks, *_of_steps(plan.steps, plan.inputs))


def _consent(classification: Classification, approval: Approval) -> str:
    """The approval's own reason, with each risk said once."""
    risky = classification.risk in (Risk.HIGH, Risk.CRITICAL)
    risk = f"its risk is {classification.risk}: {'; '.join(risks_of(classification))}" if risky else ""
    _, option, interaction = approval.reason.rpartition("--interaction ")
    return "; and ".join(filter(None, (risk, option and option + interaction)))


def _of_steps(steps: Iterable[Step], inputs: Mapping[str, Any], times: int | None = 1) -> Iterator[Ask]:
    for step in steps:
        only_if = readable(step.when)
        match step.action:
            case AskAction() as action:
                question = action.question.strip().splitlines()[0]
                yield Ask(
                    kind=Asking.QUESTION, what=step.name, why=f"the plan asks: {question}", step=step.id,
                    options=action.options, only_if=only_if, times=times,
                )  # fmt: skip
            case AgentAction() as action:
                if action.pool:
                    continue
                yield Ask(
                    kind=Asking.HAND_OFF, what=step.name, why=_why_by_hand(action), step=step.id,
                    options=("done", "skip", "abort"), only_if=only_if, times=times,
                )  # fmt: skip
            case GroupAction() as action:
                yield from _of_steps(action.body, inputs, _together(times, len_of(action, inputs)))
                yield from _of_steps((action.reduce,) if action.reduce else (), inputs, times)
            case _:
                pass


def _why_by_hand(action: AgentAction) -> str:
    if action.agent == PERSON:
        return "the plan gives it to a person"
    if action.agent != ANYBODY:
        return f"it is for {action.agent}, which the run does not have: --agent {action.agent}"
    return "it needs a mind, and no agent is named: --agent NAME"


def len_of(group: GroupAction, inputs: Mapping[str, Any]) -> int | None:
    """How many parts it has, where the inputs tell."""
    found = known_items(group, inputs)
    return 1 if not group.items else len(found) if found is not None else None


def known_items(group: GroupAction, inputs: Mapping[str, Any]) -> Sequence[Any] | None:
    found = inputs.get(group.items.removeprefix("inputs.")) if group.items.startswith("inputs.") else None
    return found if isinstance(found, list | tuple) else None


def _together(outer: int | None, inner: int | None) -> int | None:
    return None if outer is None or inner is None else outer * inner


def lacks_of(
    gates: Iterable[GateResult],
    project: ProjectFacts,
    activation: Activation,
    *,
    paths: Iterable[str] = (),
    trusted: bool,
) -> list[Lack]:
    """By the gates that a run starts with, and what they do not ask. `paths` are what the run is about."""
    poor = [gate for gate in gates if gate.status in (Status.WARN, Status.FAIL) and gate.gate != "risk"]
    lacks = [lack for gate in poor for lack in _lacks(gate)]
    if not trusted and not any(lack.code == "not_trusted" for lack in lacks):
        lacks.append(Lack(what=NOT_TRUSTED, cure=TRUST_CURE, code="not_trusted"))
    lacks.sort(key=lambda lack: (not lack.blocks, lack.code != "not_trusted"))
    if project.is_python and not project.test_files:
        what = "no tests were found: the tests gate has nothing to judge by"
        lacks.append(Lack(what=what, cure='Have some written: ostinato run "write tests for …"', code="no_tests"))
    if project.is_python and (others := _unwatched(project, paths)):
        what = f"the built-in tools and gates know Python, and not what is in {', '.join(others)}"
        cure = "Use a definition that runs the project's own commands there"
        lacks.append(Lack(what=what, cure=cure, code="language_unsupported"))
    if activation.broken_count:
        what = f"{activation.broken_count} resources (skills, servers, agents …) are broken and left out"
        lacks.append(Lack(what=what, cure="See what is wrong with them: ostinato resources", code="resources_broken"))
    return [*lacks, *(Lack(what=note, code="project_note") for note in project.notes)]


def _unwatched(project: ProjectFacts, paths: Iterable[str]) -> list[str]:
    """Packages in other languages that the run is about: "packages/web (JavaScript)"."""
    touched = project.survey.touched(paths)
    return [f"{member.path} ({member.language})" for member in touched if member.language != "Python"]


def _lacks(gate: GateResult) -> Iterator[Lack]:
    """Each thing that is missing by itself, where the gate says which."""
    missing = [finding for finding in gate.introduced if finding.detail]
    if gate.gate != "dependencies" or not missing:
        yield _lack(gate)
    for finding in missing if gate.gate == "dependencies" else ():
        untrusted = finding.rule == "not_trusted"
        what, cure = (NOT_TRUSTED, TRUST_CURE) if untrusted else (finding.message, finding.detail)
        yield Lack(what=what, cure=cure, code=finding.rule)


def _lack(gate: GateResult) -> Lack:
    blocks = gate.status is Status.FAIL
    if gate.code == "not_trusted" and not blocks:
        return Lack(what=NOT_TRUSTED, cure=TRUST_CURE, code=gate.code)
    cure = TRUST_CURE if gate.code == "not_trusted" else gate.recommendation
    return Lack(what=gate.message, cure=cure, blocks=blocks, code=gate.code)


def cost_of(plan: Plan, activation: Activation, model: str, billing: Billing = NOT_BILLED) -> Cost:
    loaded = tuple(_loaded(activation))
    prompts = [step.action.prompt for step in every_step(plan.steps) if isinstance(step.action, AgentAction)]
    expected = billing.expected + billing.agents
    asked = f"calls to {model} are billed by its provider" if model else ""
    if billing.terms is not None and billing.terms.price is None:
        asked += "; their price is not known here (say it in prices.toml), and is reckoned high"
    return Cost(
        loaded=loaded,
        context_tokens=activation.tokens + activation.context_tokens,
        on_demand_tokens=activation.on_demand_tokens,
        budget_tokens=activation.budget_tokens,
        prompt_tokens=sum(map(estimated_tokens, prompts)),
        prompts=len(prompts),
        agents_would_bill_tokens=expected_tokens(plan),
        model=model,
        usd=billing.expected.micro_usd / USD if billing.terms and billing.terms.price else None,
        usd_because=asked or _NOBODY_BILLS,
        agents=tuple(each.name for each in billing.staff),
        agents_tokens=billing.agents.tokens,
        agents_usd=billing.agents.micro_usd / USD,
        agents_price_known=all(each.terms is not None and each.terms.price for each in billing.staff),
        billed_tokens=billing.expected.tokens,
        usd_limit=None if billing.limit.micro_usd is None else billing.limit.micro_usd / USD,
        tokens_limit=billing.limit.tokens,
        usd_limit_of_day=None if billing.day.micro_usd is None else billing.day.micro_usd / USD,
        fits=not (billing.limit.lacking(expected) or billing.day.lacking(expected)),
    )


def _loaded(activation: Activation) -> Iterator[Loaded]:
    yield Loaded(
        kind="mode", name=activation.mode, level="full", tokens=activation.mode_tokens, on_demand_tokens=0,
        because=activation.mode_because, path=activation.mode_path,
    )  # fmt: skip
    groups = (
        ("skill", activation.skills), ("server", activation.servers),
        ("command", (activation.command,) if activation.command else ()),
        ("agent", activation.agents), ("context", activation.context),
    )  # fmt: skip
    for kind, group in groups:
        for each in group:
            yield Loaded(
                kind=kind, name=each.name, level=each.level, tokens=each.tokens, path=each.path,
                on_demand_tokens=each.on_demand_tokens, because=each.because,
            )  # fmt: skip


def machine_s(plan: Plan) -> float:
    """Expected seconds of tools and commands alone, as if people answered at once."""
    steps = tuple(step.model_copy(update={"expected_s": 0.0}) if _is_people(step) else step for step in plan.steps)
    return expected_duration_s(plan.model_copy(update={"steps": steps}))


def _is_people(step: Step) -> bool:
    if isinstance(step.action, GroupAction):
        return all(_is_people(part) for part in step.action.body)
    return step.needs_person


def readable(condition: str) -> str:
    """A condition with what an `if` made of it in words: "enough" for its then, "not enough" for its else."""
    return _BRANCH.sub(lambda found: f"{'not ' if found[2] else ''}{found[1]}", condition)


def risks_of(classification: Classification) -> tuple[str, ...]:
    """Who took it back, then its reasons; those as grave as it is do not say so again."""
    taken = (lowering.said for lowering in classification.lowered)
    return (*taken, *(reason.removeprefix(f"{classification.risk}: ") for reason in classification.risk_reasons))
