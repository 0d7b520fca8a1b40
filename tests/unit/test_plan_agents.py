"""What `plan` shows of coding agents: who would do a step, and what it may cost."""

from dataclasses import replace

from ostinato.cli.mermaid import mermaid_text
from ostinato.cli.plantree import who_does
from ostinato.cli.planview import foresight_lines
from ostinato.cli.prospects import Asking, Billing, Cost, asks_of, cost_of
from ostinato.domain.agents.leases import expected_of_plan
from ostinato.domain.approval import Approval
from ostinato.domain.budget.amounts import Limit
from ostinato.domain.budget.prices import Terms
from ostinato.domain.classification import Classification, Intent, TaskType
from ostinato.domain.plan import Plan
from ostinato.domain.pool import with_pool
from ostinato.domain.resources import Activation
from ostinato.domain.staff import Colleague
from tests.builders import a_plan, a_step
from tests.unit.plan_views import a_foresight, shown

CLAUDE = Colleague(name="claude", terms=Terms(model="anthropic:unknown"))
NOT_NEEDED = Approval(needed=False)
FOUND = Classification(task_type=TaskType.BUG_FIX, confidence=0.9, intent=Intent.FIX)
ACTIVATION = Activation(mode="m", mode_tokens=0, tokens=0)


def a_plan_for(agent: str = "any", *agents: str) -> Plan:
    step = a_step("fix", name="Fix it", action={"kind": "agent", "agent": agent, "prompt": "Fix it."})
    return with_pool(a_plan(step).model_copy(update={"agents": agents}))


def a_cost(limit: Limit | None = None) -> Cost:
    plan = a_plan_for("any", "claude")
    billing = Billing(agents=expected_of_plan(plan, (CLAUDE,)), staff=(CLAUDE,), limit=limit or Limit())
    return cost_of(plan, ACTIVATION, "", billing)


def why_asked(plan: Plan) -> list[str]:
    return [ask.why for ask in asks_of(plan, FOUND, NOT_NEEDED, None) if ask.kind is Asking.HAND_OFF]


def test_a_step_is_shown_with_the_agents_that_may_do_it() -> None:
    assert who_does(a_plan_for("any", "claude", "codex").steps[0]) == "claude or codex"
    assert who_does(a_plan_for("codex", "claude", "codex:gpt-5.5").steps[0]) == "codex:gpt-5.5"
    assert who_does(a_plan_for("person", "claude").steps[0]) == "a person"
    assert who_does(a_plan_for("codex", "claude").steps[0]) == "a person for codex"


def test_mermaid_names_the_agent_too() -> None:
    assert "claude" in mermaid_text(a_plan_for("any", "claude"))


def test_nobody_is_asked_for_what_an_agent_does() -> None:
    assert why_asked(a_plan_for("any", "claude")) == []


def test_a_person_is_asked_with_the_reason() -> None:
    assert why_asked(a_plan_for("any")) == ["it needs a mind, and no agent is named: --agent NAME"]
    assert why_asked(a_plan_for("codex", "claude")) == ["it is for codex, which the run does not have: --agent codex"]
    assert why_asked(a_plan_for("person", "claude")) == ["the plan gives it to a person"]


def test_what_agents_are_expected_to_bill_is_told() -> None:
    seen = replace(a_foresight(plan=a_plan_for("any", "claude")), cost=a_cost())

    text = shown(foresight_lines(seen, 120))

    assert "claude about 120,000 tokens" in text
    assert "at the most that a model costs" in text
    assert "no limit is set" in text


def test_agents_that_cost_more_than_the_limit_are_told() -> None:
    assert a_cost().fits
    assert not a_cost(Limit(tokens=1_000)).fits
