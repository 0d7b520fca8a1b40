"""How much of a budget an agent is given, and what of it limits it."""

from ostinato.domain.agents.leases import expected_of, expected_of_plan, lease_of, limits_of
from ostinato.domain.agents.limits import AgentLimits
from ostinato.domain.budget.amounts import NOTHING, USD, Amount, Limit
from ostinato.domain.budget.ledger import Balance, Ledger
from ostinato.domain.budget.prices import Price, Terms
from ostinato.domain.plan import AgentAction, Step
from ostinato.domain.staff import Colleague
from tests.builders import NOON, a_plan, a_step

CHEAP = Terms(model="x:small", price=Price(input=USD, output=USD, cached_read=USD, cache_write=USD))
DEAR = Terms(model="x:large", price=Price(input=9 * USD, output=9 * USD, cached_read=USD, cache_write=USD))


def a_job(**fields: object) -> Step:
    return a_step("think", action=AgentAction(prompt="Think", pool=("claude",)), writes=("a.py",), **fields)


def balance(*, limit: Limit, used: int = 0) -> Balance:
    ledger = Ledger(limit=limit)
    return ledger.settle("before", Amount(tokens=used, micro_usd=used), NOON).balance()


def test_a_step_is_given_what_it_is_expected_to_take() -> None:
    lease = lease_of(a_job(), CHEAP, balance(limit=Limit()))

    assert lease == expected_of(a_job(), CHEAP)
    assert lease.tokens > 0


def test_the_rest_of_a_budget_is_given_where_it_is_enough_to_begin_with() -> None:
    wanted = expected_of(a_job(), CHEAP).tokens

    lease = lease_of(a_job(), CHEAP, balance(limit=Limit(tokens=wanted), used=wanted // 2))

    assert lease.tokens == wanted - wanted // 2


def test_a_rest_that_is_too_small_to_begin_with_is_not_given() -> None:
    wanted = expected_of(a_job(), CHEAP).tokens

    lease = lease_of(a_job(), CHEAP, balance(limit=Limit(tokens=wanted), used=wanted - 10))

    assert lease.tokens == wanted


def test_only_what_the_run_limits_limits_the_agent() -> None:
    limited = balance(limit=Limit(tokens=1_000_000))
    lease = lease_of(a_job(), CHEAP, limited)

    limits = limits_of(a_job(timeout_s=120.0), lease, limited)

    assert limits.tokens == lease.tokens
    assert (limits.micro_usd, limits.requests) == (None, AgentLimits().requests)
    assert limits.wall_s == 120.0


def test_an_agent_works_no_longer_than_an_hour_at_a_time() -> None:
    limits = limits_of(a_job(timeout_s=90_000.0), NOTHING, balance(limit=Limit()))

    assert limits.wall_s == 3_600.0


def test_a_plan_is_expected_to_cost_what_the_dearest_would() -> None:
    staff = [Colleague(name="a", terms=CHEAP), Colleague(name="b", terms=DEAR)]

    amount = expected_of_plan(a_plan(a_job(), a_step("lint")), staff)

    assert amount == expected_of(a_job(), DEAR)
    assert expected_of_plan(a_plan(a_job()), ()) == NOTHING
