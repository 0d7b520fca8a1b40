"""The context ledger, and what really makes a session smaller."""

from ostinato.domain.budget.context import Part
from ostinato.domain.budget.zones import Zone
from ostinato.domain.classification import Classification, Intent, TaskType
from ostinato.domain.context_budget.measuring import context_balance, tokens_of_context
from ostinato.domain.context_budget.optimising import Optimisation, optimised
from ostinato.domain.relevance import StepContext
from ostinato.domain.resources import Activated, Activation, Detail, Found, Kind, Origin, Resource, cost_of
from ostinato.domain.run_context import ContextItem
from ostinato.domain.selection import select

EMPTY = StepContext()


def a_skill(name: str, tokens: int, described: int = 100) -> Activated:
    return Activated(name=name, tokens=tokens, fit=0.6, because="it fits", described_tokens=described, named_tokens=5)


def a_server(name: str, tokens: int) -> Activated:
    return Activated(name=name, tokens=tokens, fit=0.6, because="it fits")


def an_activation(
    *skills: Activated, servers: tuple[Activated, ...] = (), agents: tuple[Activated, ...] = ()
) -> Activation:
    tokens = 200 + sum(each.tokens for each in (*skills, *servers, *agents))
    return Activation(
        mode="implementation", mode_tokens=200, skills=skills, servers=servers, agents=agents, tokens=tokens
    )


def a_context(*words: int) -> StepContext:
    items = (ContextItem(name=f"steps.s{n}", value="word " * count, source="step") for n, count in enumerate(words))
    return StepContext(items=tuple(items))


def named(found: Optimisation) -> list[tuple[str, str]]:
    return [(step.what, step.name) for step in found.steps]


def test_a_session_is_divided_into_four_parts_that_make_the_whole() -> None:
    parts = {filled.part: filled.most for filled in context_balance(None, None).parts}

    assert parts == {Part.RESERVED: 10_000, Part.SYSTEM: 10_000, Part.DYNAMIC: 30_000, Part.WORKING: 150_000}
    assert sum(parts.values()) == 200_000


def test_the_part_that_is_fullest_says_the_zone() -> None:
    balance = context_balance(an_activation(a_skill("big", 25_000)), EMPTY, prompt_tokens=1_000)

    assert balance.fullest.part is Part.DYNAMIC
    assert (balance.zone, balance.used) == (Zone.YELLOW, 26_200)


def test_the_tokens_are_those_of_the_resources_that_were_really_selected() -> None:
    text = "Do this and then that. " * 4_000
    skill = Resource(
        kind=Kind.SKILL,
        name="house-rules",
        text=text,
        origin=Origin.USER,
        path="~/s",
        cost=cost_of("house-rules", "", text),
    )
    mode = Resource(kind=Kind.MODE, name="implementation", origin=Origin.BUILT_IN, path="i")
    request = Classification(task_type=TaskType.BUG_FIX, confidence=1, intent=Intent.FIX)
    activation = select(request, Found(resources=(skill, mode)), request="fix it by our house-rules")

    found = optimised(activation, EMPTY, context_balance(activation, EMPTY).zone)

    assert found.before.dynamic == skill.cost.full
    assert found.after.dynamic == found.activation.tokens == skill.cost.description
    assert found.activation.on_demand_tokens == skill.cost.full - skill.cost.description


def test_nothing_is_taken_away_in_green() -> None:
    activation = an_activation(a_skill("a", 500), servers=(a_server("s", 900),))

    found = optimised(activation, a_context(50), Zone.GREEN)

    assert (found.activation, found.steps) == (activation, ())


def test_in_yellow_the_unused_server_goes_first_and_no_more_than_needed() -> None:
    activation = an_activation(a_skill("a", 9_000), a_skill("b", 6_000), servers=(a_server("s", 9_000),))

    found = optimised(activation, EMPTY, Zone.YELLOW)

    assert named(found) == [("drop server", "s")]
    assert (found.steps[0].before, found.steps[0].after, found.after.zone) == (24_200, 15_200, Zone.GREEN)
    assert found.activation.left_out[0].reason == "dropped: the context was nearly full"


def test_large_savings_come_before_a_higher_priority_that_saves_little() -> None:
    activation = an_activation(a_skill("large", 20_000), servers=(a_server("small", 4_000),))

    found = optimised(activation, EMPTY, Zone.YELLOW)

    assert named(found) == [("unload skill", "large")]
    assert found.activation.skills[0].level is Detail.DESCRIPTION
    assert found.activation.on_demand_tokens == 19_900


def test_what_the_step_uses_stays_as_it_is() -> None:
    activation = an_activation(a_skill("idle", 12_000), a_skill("used", 12_000), servers=(a_server("db", 4_000),))

    found = optimised(activation, EMPTY, Zone.RED, in_use=("used", "db"))

    assert [each.name for each in found.activation.servers] == ["db"]
    assert {each.name: each.level for each in found.activation.skills} == {
        "idle": Detail.DESCRIPTION,
        "used": Detail.FULL,
    }


def test_the_context_of_the_step_is_compacted_by_relevance() -> None:
    context = a_context(300, 300, 300, 300, 300)
    found = optimised(an_activation(), context, Zone.YELLOW, window=2_500)

    assert named(found) == [("compact context", "of the step")]
    assert tokens_of_context(found.context) < tokens_of_context(context)
    assert [item.name for item in found.context.items] == ["steps.s0", "steps.s1"]
    assert found.context.left_out_count == 3


def test_only_red_takes_names_and_agents_and_then_a_decision_is_due() -> None:
    agent = Activated(name="reviewer", tokens=2_000, fit=0.5, because="it fits")
    activation = an_activation(a_skill("a", 60_000, described=29_000), agents=(agent,))

    yellow = optimised(activation, EMPTY, Zone.YELLOW)
    red = optimised(activation, EMPTY, Zone.RED)
    stuck = optimised(activation, EMPTY, Zone.RED, in_use=("a",))

    assert (named(yellow), yellow.is_decision_due) == ([("unload skill", "a")], True)
    assert named(red) == [("unload skill", "a"), ("unload skill to its name", "a")]
    assert (named(stuck), stuck.is_decision_due) == ([("drop agent", "reviewer")], True)


def test_every_step_proves_what_it_saved() -> None:
    activation = an_activation(*(a_skill(f"s{n}", 9_000) for n in range(6)), servers=(a_server("s", 9_000),))

    found = optimised(activation, a_context(400, 400), Zone.RED)

    assert [step.before for step in found.steps] == [found.before.used, *(step.after for step in found.steps[:-1])]
    assert found.before.used - found.after.used == sum(step.saved for step in found.steps)
    assert all(step.saved > 0 for step in found.steps)
