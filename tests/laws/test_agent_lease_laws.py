"""Laws of what agents are given: never more than is left, and pools that do not depend on how often they are made."""

from hypothesis import given
from hypothesis import strategies as st

from ostinato.domain.agents.leases import SMALLEST_SHARE, expected_of, lease_of, limits_of
from ostinato.domain.budget.amounts import Amount, Limit
from ostinato.domain.budget.ledger import Lease, Ledger
from ostinato.domain.budget.prices import Terms
from ostinato.domain.plan import AgentAction
from ostinato.domain.pool import pool_for, with_pool
from tests.builders import NOON, a_plan, a_step

TERMS = Terms(model="unknown")
STEP = a_step("think", action=AgentAction(prompt="Think"), writes=("a.py",))
AMOUNTS = st.integers(0, 3_000_000)
NAMES = st.lists(st.sampled_from(["claude", "codex", "codex:a", "codex:b", "gemini:x"]), unique=True, max_size=5)


@given(limit=AMOUNTS, used=AMOUNTS)
def test_a_lease_that_is_granted_never_exceeds_what_is_left(limit: int, used: int) -> None:
    ledger = Ledger(limit=Limit(tokens=limit)).settle("before", Amount(tokens=used), NOON)

    lease = lease_of(STEP, TERMS, ledger.balance())
    after, granted = ledger.grant("lease", lease, NOON)

    if isinstance(granted, Lease):
        assert after.balance().committed.tokens <= limit
        assert limits_of(STEP, lease, ledger.balance()).tokens == lease.tokens


@given(limit=AMOUNTS, used=AMOUNTS)
def test_whatever_is_worth_beginning_with_is_granted(limit: int, used: int) -> None:
    ledger = Ledger(limit=Limit(tokens=limit)).settle("before", Amount(tokens=used), NOON)
    wanted = expected_of(STEP, TERMS).tokens

    _, granted = ledger.grant("lease", lease_of(STEP, TERMS, ledger.balance()), NOON)

    assert isinstance(granted, Lease) == (limit - used >= wanted // SMALLEST_SHARE)


@given(
    names=st.lists(st.sampled_from(["any", "person", "claude", "codex", "codex:a", "nobody"]), max_size=6), agents=NAMES
)
def test_pools_made_twice_are_the_same(names: list[str], agents: list[str]) -> None:
    steps = [a_step(f"s{n}", action=AgentAction(prompt="x", agent=name)) for n, name in enumerate(names)]
    plan = with_pool(a_plan(*steps, a_step("lint"), agents=tuple(agents)))

    assert with_pool(plan) is plan


@given(name=st.sampled_from(["any", "claude", "codex", "codex:a"]), agents=NAMES)
def test_nobody_is_in_a_pool_who_is_not_of_the_run(name: str, agents: list[str]) -> None:
    assert set(pool_for(name, tuple(agents))) <= set(agents)
