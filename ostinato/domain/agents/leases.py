"""How much of the budget an agent is given for one invocation, and what of it is a limit that is enforced. Pure."""

from collections.abc import Sequence

from ostinato.domain.agents.limits import AgentLimits
from ostinato.domain.budget.amounts import NOTHING, Amount, total
from ostinato.domain.budget.ledger import Balance
from ostinato.domain.budget.prices import Terms, estimate_of
from ostinato.domain.plan import Plan, Step
from ostinato.domain.planning.quality import THINKING_TOKENS, WRITING_TOKENS, every_step, is_writing
from ostinato.domain.staff import Colleague

ANSWERED_SHARE = 10
"""One token in so many is one that the model says; the others are read to it."""
SMALLEST_SHARE = 4
"""Less than this part of what a step is expected to take is not worth beginning with."""
USUAL_REQUESTS = 60
MOST_WALL_S = 3_600.0


def expected_of(step: Step, terms: Terms) -> Amount:
    """A prior, by whether it is to write."""
    tokens = WRITING_TOKENS if is_writing(step) else THINKING_TOKENS
    said = tokens // ANSWERED_SHARE
    return estimate_of(terms, prompt_tokens=tokens - said, max_tokens=said).model_copy(
        update={"requests": USUAL_REQUESTS}
    )


def expected_of_plan(plan: Plan, staff: Sequence[Colleague]) -> Amount:
    """Of all its steps that agents do, by the dearest of them."""
    if not staff:
        return NOTHING
    terms = [each.terms or Terms(model="unknown") for each in staff]
    steps = [step for step in every_step(plan.steps) if step.action.kind == "agent" and not step.needs_person]
    each = (max((expected_of(step, one) for one in terms), key=lambda amount: amount.micro_usd) for step in steps)
    return total(list(each))


def least_of_plan(plan: Plan, staff: Sequence[Colleague]) -> Amount | None:
    """What the cheapest of its steps can begin with, by the cheapest of the agents; None where no agent does any."""
    steps = [step for step in every_step(plan.steps) if step.action.kind == "agent" and not step.needs_person]
    each = [expected_of(step, one.terms or Terms(model="unknown")) for step in steps for one in staff]
    if not each:
        return None
    least = min(each, key=lambda amount: (amount.tokens, amount.micro_usd))
    return Amount(tokens=least.tokens // SMALLEST_SHARE, micro_usd=least.micro_usd // SMALLEST_SHARE, requests=1)


def lease_of(step: Step, terms: Terms, balance: Balance) -> Amount:
    """What it is expected to take; the rest of the budget where that is less, and still enough to begin with."""
    expected = expected_of(step, terms)
    given = {
        name: _within(wanted, most - used) if most is not None else wanted
        for name, wanted, used, most in (
            ("tokens", expected.tokens, balance.committed.tokens, balance.limit.tokens),
            ("micro_usd", expected.micro_usd, balance.committed.micro_usd, balance.limit.micro_usd),
            ("requests", expected.requests, balance.committed.requests, balance.limit.requests),
        )
    }
    return Amount(**given)


def limits_of(step: Step, lease: Amount, balance: Balance) -> AgentLimits:
    """What the run limits, the agent is limited in; else only what a runaway would use up."""
    limit, usual = balance.limit, AgentLimits()
    return usual.model_copy(
        update={
            "tokens": lease.tokens if limit.tokens is not None else None,
            "micro_usd": lease.micro_usd if limit.micro_usd is not None else None,
            "requests": lease.requests if limit.requests is not None else usual.requests,
            "wall_s": min(step.timeout_s, MOST_WALL_S),
        }
    )


def _within(wanted: int, left: int) -> int:
    return left if wanted > left >= wanted // SMALLEST_SHARE else wanted
