import itertools

from hypothesis import given
from hypothesis import strategies as st

from ostinato.domain.critical_path import critical_path, in_order, remaining_path_s, waves
from ostinato.domain.figures import lower_bound_s
from ostinato.domain.ids import StepId
from ostinato.domain.plan import Plan, find_cycle, plan_problems
from tests.laws.plans import plans

NODES = st.integers(0, 7).map(lambda n: StepId(f"s{n}"))
GRAPHS = st.dictionaries(NODES, st.lists(NODES, max_size=3))


@given(GRAPHS)
def test_a_cycle_that_is_named_is_a_cycle(graph: dict[StepId, list[StepId]]) -> None:
    cycle = find_cycle(graph)

    assert not cycle or cycle[0] == cycle[-1]
    assert all(after in graph[before] for before, after in itertools.pairwise(cycle))


@given(GRAPHS)
def test_a_graph_without_a_named_cycle_can_be_taken_apart(graph: dict[StepId, list[StepId]]) -> None:
    left = {name: {other for other in others if other in graph} for name, others in graph.items()}
    while free := [name for name, others in left.items() if not others & set(left)]:
        for name in free:
            del left[name]

    assert bool(left) == bool(find_cycle(graph))


@given(plans())
def test_order_and_waves_put_each_step_after_what_it_depends_on(plan: Plan) -> None:
    order = [step.id for step in in_order(plan)]
    level = {name: depth for depth, wave in enumerate(waves(plan)) for name in wave}

    assert plan_problems(plan.steps) == ()
    assert sorted(order) == sorted(level) == sorted(step.id for step in plan.steps)
    for step in plan.steps:
        assert all(
            order.index(name) < order.index(step.id) and level[name] < level[step.id] for name in step.depends_on
        )


@given(plans())
def test_the_critical_path_is_a_chain_and_as_long_as_any(plan: Plan) -> None:
    path = critical_path(plan)
    length = sum(plan.step(name).expected_s for name in path)

    assert all(before in plan.step(after).depends_on for before, after in itertools.pairwise(path))
    assert abs(length - max(remaining_path_s(plan).values())) < 1e-6
    assert lower_bound_s(plan, {step.id: step.expected_s for step in plan.steps}) >= length - 1e-6
