"""What a run would do: facts of the repository, then the same decisions as a run makes. Changes nothing."""

import asyncio
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from ostinato.adapters.git.repository import RepositoryState
from ostinato.adapters.history import History
from ostinato.adapters.home import Home
from ostinato.adapters.needs import look_around
from ostinato.adapters.prices import price_table
from ostinato.adapters.resources import CommitTree, discover
from ostinato.adapters.understanding import understand_request
from ostinato.cli.asking import Asked, ask_for
from ostinato.cli.call import Call
from ostinato.cli.detecting import project_of
from ostinato.cli.prospects import Ask, Billing, Cost, Lack, asks_of, cost_of, lacks_of
from ostinato.cli.trust import is_trusted
from ostinato.domain.agents.leases import expected_of_plan
from ostinato.domain.approval import Approval, approval_for
from ostinato.domain.budget.amounts import NOTHING
from ostinato.domain.budget.judging import day_limit_of, limit_of
from ostinato.domain.budget.prices import PriceTable, Terms, expected_of_planning
from ostinato.domain.claims import with_implied
from ostinato.domain.classification import Classification
from ostinato.domain.classifying.escalation import Escalation, Next
from ostinato.domain.durations import Expectation, with_expectations
from ostinato.domain.gates import GateResult
from ostinato.domain.ids import StepId
from ostinato.domain.needs import MissingAgent, Surroundings
from ostinato.domain.plan import Plan
from ostinato.domain.pool import with_pool
from ostinato.domain.preflight import PreflightFacts, preflight_gates
from ostinato.domain.project import ProjectFacts
from ostinato.domain.refining import after_person, after_plan
from ostinato.domain.request import RunOptions, RunRequest
from ostinato.domain.resources import Activation, Found
from ostinato.domain.selection import select
from ostinato.domain.staff import Colleague
from ostinato.settings import user_config


@dataclass(frozen=True, slots=True, kw_only=True)
class Foresight:
    request: RunRequest
    base_commit: str
    base_branch: str
    trusted: bool
    classification: Classification
    activation: Activation
    project: ProjectFacts
    plan: Plan
    expectations: Mapping[StepId, Expectation]
    """Where each step's expected seconds come from."""
    escalation: Escalation | None
    """What would be done about a type that is not certain; None where a plan was given."""
    approval: Approval
    gates: tuple[GateResult, ...]
    """What the gates before a run say now."""
    asks: tuple[Ask, ...]
    lacks: tuple[Lack, ...]
    cost: Cost
    notes: tuple[str, ...]


Staff = tuple[tuple[Colleague, ...], tuple[MissingAgent, ...]]
"""Agents that work here, and those that are named and do not."""


async def foresee(call: Call) -> Foresight:
    """UserError with everything that is wrong with the arguments. No server is asked, or started."""
    asked = await ask_for(call)
    trusted = call.arguments.trust or is_trusted(call.home, asked.repository.root)
    model = call.settings.llm
    prices = price_table(user_config(os.environ).parent)
    terms = prices.terms(model) if model else None
    staff = await _staff_of(call, asked, prices, trusted=trusted)
    return await foresee_run(asked, call.home, trusted=trusted, model=model, terms=terms, staff=staff)


async def _staff_of(call: Call, asked: Asked, prices: PriceTable, *, trusted: bool) -> Staff:
    """As a worker in this environment would find them."""
    if not asked.request.options.agents:
        return (), ()
    from ostinato.adapters.agents.agency import previewed_agency
    from ostinato.adapters.agents.colleagues import colleagues_of

    agency = previewed_agency(call.home, prices, call.settings.agents, os.environ, sandboxed=call.settings.sandbox)
    return await colleagues_of(agency, prices, asked.request.options.agents, asked.described, trusted=trusted)


async def foresee_run(
    asked: Asked,
    home: Home,
    *,
    trusted: bool,
    model: str = "",
    terms: Terms | None = None,
    staff: Staff = ((), ()),
) -> Foresight:
    state, options = asked.repository, asked.request.options.model_copy(update={"trusted": trusted})
    project = await project_of(state)
    seen = await understand_request(
        asked.request, project, git=state.git(), commit=state.base_commit, home=home, has_model=bool(model)
    )
    colleagues, absent = staff
    drafted = with_implied(_staffed(seen.plan, colleagues))
    samples, doubts = await asyncio.to_thread(History(home).samples, state.repository_id, drafted)
    plan, expectations = with_expectations(drafted, samples)
    classification = after_plan(seen.classification, plan, expectations)
    classification, doubt = after_person(classification, options, asked.request.requested_by, datetime.now(UTC))
    approval = approval_for(options, classification)
    tree = CommitTree(state.common_dir, state.base_commit)
    found = await discover(tree, Path.home())
    activation = _activation(asked, classification, found, trusted=trusted)
    here = replace(await look_around(plan, tree, found, activation), missing_agents=absent)
    named = plan.model_copy(update={"agents": options.agents})
    gates = preflight_gates(options, classification, named, project, _facts(state, home, here))
    return Foresight(
        request=asked.request,
        base_commit=state.base_commit,
        base_branch=state.base_branch or "",
        trusted=trusted,
        classification=classification,
        activation=activation,
        project=project,
        plan=plan,
        expectations=expectations,
        escalation=seen.escalation,
        approval=approval,
        gates=gates,
        asks=asks_of(plan, classification, approval, seen.escalation),
        lacks=tuple(lacks_of(gates, project, activation, paths=classification.paths, trusted=trusted)),
        cost=cost_of(plan, activation, model, _billing(options, seen.escalation, terms, plan, colleagues)),
        notes=(
            *state.notes,
            *map(str, doubts),
            *filter(None, [doubt]),
            *_of_the_model(options.plan, seen.escalation, model),
        ),
    )


def _staffed(plan: Plan, staff: tuple[Colleague, ...]) -> Plan:
    """The plan with those of its agents that work here."""
    return with_pool(plan.model_copy(update={"agents": tuple(each.name for each in staff)}))


def _billing(
    options: RunOptions,
    escalation: Escalation | None,
    terms: Terms | None,
    plan: Plan,
    staff: tuple[Colleague, ...],
) -> Billing:
    """A plan that was given is not drafted, and a type that is sure is not asked for."""
    expected = NOTHING
    if terms is not None:
        asks = escalation is not None and escalation.next is Next.ASK_MODEL
        expected = expected_of_planning(terms, asks_type=asks, drafts=options.plan is None)
    return Billing(
        expected=expected,
        agents=expected_of_plan(plan, staff),
        staff=staff,
        limit=limit_of(options),
        day=day_limit_of(options),
        terms=terms,
    )


def _activation(asked: Asked, classification: Classification, found: Found, *, trusted: bool) -> Activation:
    request = asked.request
    return select(
        classification,
        found,
        request=request.text,
        paths=classification.paths,
        mode=request.options.mode,
        trusted=trusted,
    )


def _facts(state: RepositoryState, home: Home, here: Surroundings) -> PreflightFacts:
    place = next(folder for folder in (home.root, *home.root.parents) if folder.exists())
    free = shutil.disk_usage(place).free
    return PreflightFacts(dirty_paths=state.dirty_paths, dirty_count=state.dirty_count, free_bytes=free, here=here)


def _of_the_model(given: Plan | None, escalation: Escalation | None, model: str) -> Iterator[str]:
    """What a run would ask a language model, and `plan` does not."""
    if given is None and model:
        if escalation is not None and escalation.next is Next.ASK_MODEL:
            yield f"{escalation.reason}; this plan is for the type that is likeliest"
        yield f"a run lets {model} draft the plan; this is the template's, which stands where the draft is refused"
